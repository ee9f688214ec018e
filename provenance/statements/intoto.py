"""in-toto links, as attestations (link v0.3) and as they were before them, as steps of the lineage; and layouts.

    {"_type": "link", "name", "command", "materials": {path: digests}, "products": {path: digests}, "byproducts",
     "environment"}

A link lists what lay in the working folder before and after its command. What lies there unchanged was not made by it,
so a step's outputs are the products less those that went in as they came out. Links know no roles and no kinds of step:
what asks for training data or initial parameters stays undetermined.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provenance.errors import StatementError
from provenance.statements.reader import parse_json, to_json, validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement, descriptors
from provenance.statements.step import OTHER, Step

LINK_V03 = "https://in-toto.io/attestation/link/v0.3"
# Names for trust files of what has no predicate type.
LEGACY_LINK = URN + "in-toto-link:v0.1"
LAYOUT = URN + "in-toto-layout:v0.1"
_LEGACY = {"link": LEGACY_LINK, "layout": LAYOUT}
_SCHEMAS = {LEGACY_LINK: "in-toto-link", LAYOUT: "in-toto-layout"}


def read_payload(payload: bytes, location: str) -> Statement:
    """A statement, or a legacy link or layout in the form of one; StatementError `statement-invalid` and the like."""
    data = parse_json(payload, location)
    kind = _LEGACY.get(data.get("_type", "")) if isinstance(data, dict) and isinstance(data.get("_type"), str) else None
    if kind is None:
        return Statement.from_value(data, location)
    validate(data, _SCHEMAS[kind], location, StatementError, "statement-invalid")
    made = _made(_artifacts(data["materials"], location), _artifacts(data["products"], location)) \
        if kind == LEGACY_LINK else ()
    if not all(item.identities for item in made):
        raise StatementError("statement-weak-digest", "a product has no digest of SHA-2 strength", location=location,
                             hint="record the step with sha256")
    return Statement(made, kind, data)


def link_step(statement: Statement, location: str) -> Step:
    """The step that a link describes; StatementError `schema-mismatch` or `statement-invalid`."""
    data = statement.predicate
    if statement.predicate_type == LEGACY_LINK:
        inputs, outputs = _artifacts(data["materials"], location), statement.subjects
    else:
        validate(data, "link", location)
        inputs = _named(descriptors(data.get("materials"), location))
        outputs = _made(inputs, statement.subjects)
    return Step(data["name"], OTHER, tuple(data.get("command", ())), outputs, inputs, "", "", "", builder="")


def link_statement(step: Step) -> Statement:
    """A step as a link v0.3."""
    return Statement(step.outputs, LINK_V03, {
        "name": step.name, "command": list(step.command), "byproducts": {}, "environment": {},
        "materials": [{"name": item.name, "digest": dict(item.digest)} for item in step.inputs],
    })


def legacy_link(step: Step) -> dict[str, Any]:
    """A step as a link from before attestations; files only, because a link knows nothing else."""
    return {
        "_type": "link", "name": step.name, "command": list(step.command), "byproducts": {"return-value": 0},
        "environment": {}, "materials": _files(step.inputs), "products": _files(step.outputs),
    }


def to_payload(value: Mapping[str, Any]) -> bytes:
    """A link or layout as JSON that is to be signed in an envelope."""
    return to_json(value)


def _artifacts(found: Mapping[str, Mapping[str, str]], location: str) -> tuple[ResourceDescriptor, ...]:
    rows = [{"name": name, "digest": dict(digest)} for name, digest in found.items()]
    return descriptors(rows, location)


def _named(items: tuple[ResourceDescriptor, ...]) -> tuple[ResourceDescriptor, ...]:
    """Without annotations: a role is ours, and only where our build types give it a meaning."""
    return tuple(ResourceDescriptor(item.name or item.uri, item.digest, item.uri) for item in items)


def _made(
    inputs: tuple[ResourceDescriptor, ...], products: tuple[ResourceDescriptor, ...]
) -> tuple[ResourceDescriptor, ...]:
    """The products that were not there before as they are."""
    known = {(item.name, identity) for item in inputs for identity in item.identities}
    return tuple(item for item in products if not any((item.name, identity) in known for identity in item.identities))


def _files(items: tuple[ResourceDescriptor, ...]) -> dict[str, dict[str, str]]:
    """Paths and digests of files: a folder is its files, whose names its descriptors give after a `#`."""
    return {item.name.replace("#", "/"): {"sha256": item.digest["sha256"]} for item in items
            if "sha256" in item.digest and "dirHash" not in item.digest}
