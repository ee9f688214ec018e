"""in-toto links, as attestations (link v0.3) and as they were before them, as steps of the lineage; and layouts.

    {"_type": "link", "name", "command", "materials": {path: digests}, "products": {path: digests}, "byproducts",
     "environment"}

A link lists what lay in the working folder before and after its command. What lies there unchanged was not made by it,
so a step's outputs are the products less those that went in as they came out. Links know no roles and no kinds of step:
what asks for training data or initial parameters stays undetermined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from provenance.artifacts.digest import DigestSet, identities, kind_of
from provenance.errors import StatementError
from provenance.statements.reader import parse_json, validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement, descriptors

if TYPE_CHECKING:
    from provenance.statements.step import Step

LINK_V03 = "https://in-toto.io/attestation/link/v0.3"
# Names for trust files of what has no predicate type.
LEGACY_LINK = URN + "in-toto-link:v0.1"
LAYOUT = URN + "in-toto-layout:v0.1"
_NO_FILES = frozenset({"environment", "source-repository"})
_LEGACY = {"link": LEGACY_LINK, "layout": LAYOUT}
_Artifacts = Mapping[str, DigestSet]
_SCHEMAS = {LEGACY_LINK: "in-toto-link", LAYOUT: "in-toto-layout"}


def read_payload(payload: bytes, location: str) -> Statement:
    """A statement, or a legacy link or layout in the form of one; StatementError `statement-invalid` and the like."""
    data = parse_json(payload, location)
    kind = _LEGACY.get(data.get("_type", "")) if isinstance(data, dict) and isinstance(data.get("_type"), str) else None
    if kind is None:
        return Statement.from_value(data, location)
    validate(data, _SCHEMAS[kind], location, StatementError, "statement-invalid")
    made = _artifacts(_made(data["materials"], data["products"]), location) if kind == LEGACY_LINK else ()
    if not all(item.identities for item in made):
        raise StatementError("statement-weak-digest", "a product has no digest of SHA-2 strength", location=location,
                             hint="record the step with sha256")
    return Statement(made, kind, data)


def link_step(statement: Statement, location: str) -> Step:
    """The step that a link describes; StatementError `schema-mismatch` or `statement-invalid`."""
    # Not at the top: whoever checks a model signature does not wait for what steps are made of.
    from provenance.statements.folders import with_folders
    from provenance.statements.step import OTHER, Step

    data = statement.predicate
    if statement.predicate_type == LEGACY_LINK:
        inputs, products, made = _artifacts(data["materials"], location), data["products"], statement.subjects
    else:
        validate(data, "link", location)
        inputs = _named(descriptors(data.get("materials"), location))
        products = {item.name: item.digest for item in statement.subjects}
        changed = _made({item.name: item.digest for item in inputs}, products)
        made = tuple(item for item in statement.subjects if item.name in changed)
    outputs = with_folders(products, made)
    return Step(data["name"], OTHER, tuple(data.get("command", ())), outputs, inputs, "", "", "", builder="")


def link_statement(step: Step) -> Statement:
    """A step as a link v0.3: its files, which are all that a link knows."""
    products = tuple(ResourceDescriptor(name, digest) for name, digest in files_of(step.outputs).items())
    materials = [{"name": name, "digest": digest} for name, digest in files_of(step.inputs).items()]
    return Statement(products, LINK_V03, {"name": step.name, "command": list(step.command), "materials": materials,
                                          "byproducts": _byproducts(step), "environment": {}})


def legacy_link(step: Step) -> dict[str, Any]:
    """A step as a link from before attestations."""
    return {
        "_type": "link", "name": step.name, "command": list(step.command), "byproducts": _byproducts(step),
        "environment": {}, "materials": files_of(step.inputs), "products": files_of(step.outputs),
    }


def files_of(items: Sequence[ResourceDescriptor]) -> dict[str, dict[str, str]]:
    """Paths and digests of the files among these things; a folder is its files, and packages and checkouts are none."""
    return {item.name: {"sha256": item.digest["sha256"]} for item in items
            if kind_of(item.digest) == "file" and "sha256" in item.digest and item.role not in _NO_FILES}


def _byproducts(step: Step) -> dict[str, Any]:
    """Our recorder states only what ended well; what others left out is not put in."""
    from provenance.statements.step import BUILDER

    return {"return-value": 0} if step.builder == BUILDER else {}


def _artifacts(found: _Artifacts, location: str) -> tuple[ResourceDescriptor, ...]:
    rows = [{"name": name, "digest": dict(digest)} for name, digest in found.items()]
    return descriptors(rows, location)


def _named(items: tuple[ResourceDescriptor, ...]) -> tuple[ResourceDescriptor, ...]:
    """Without annotations: a role is ours, and only where our build types give it a meaning."""
    return tuple(ResourceDescriptor(item.name or item.uri, item.digest, item.uri) for item in items)


def _made(materials: _Artifacts, products: _Artifacts) -> _Artifacts:
    """The products that were not there before as they are."""
    return {name: digest for name, digest in products.items()
            if name not in materials or not identities(digest) & identities(materials[name])}
