"""Model cards as declarations: what a Hugging Face card and the files beside it say, unsigned.

A card is a claim that anyone could have written. It is put into the form of a release statement with the voice
`unsigned`, so that the same requirements can be asked of it, and so that nothing that needs a signer passes on it.

What is read: `license` (with `license_name` and `license_link`), `datasets` and `base_model` of the YAML front matter;
a Python usage example in the card, or Python files, as inference code; `config.json` as architecture.
A licence that grants to everyone at no charge is read as the declaration that the model is free of charge, unless
the card asks for a gate (`extra_gated_*`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.bundles.verifier import VerifiedStatement, Verifier
from provenance.errors import Finding, ProvenanceError
from provenance.statements.artifact import describe
from provenance.statements.front_matter import front_matter
from provenance.statements.release import Component, Release
from provenance.statements.statement import ResourceDescriptor

CARD = "README.md"
# What only the header of a model's card says, what that of a data set's says, and what both may.
_OF_A_MODEL = frozenset(("base_model", "base_model_relation", "inference", "library_name", "model-index", "model_name",
                         "model_type", "pipeline_tag", "quantized_by"))
_OF_DATA = frozenset(("annotations_creators", "configs", "dataset_info", "language_creators", "multilinguality",
                      "pretty_name", "size_categories", "source_datasets", "task_categories", "task_ids"))
_OF_EITHER = frozenset(("datasets", "language", "license", "license_link", "license_name"))
_PYTHON_EXAMPLE = re.compile(rb"^```(python|py)\s*$", re.MULTILINE)


def is_card(path: str) -> bool:
    """Whether the file's content is worth keeping for this module."""
    return path == CARD


def declarations(
    model: Manifest, verifier: Verifier, licence: str | None, *, free: bool, beside: Sequence[VerifiedStatement] = ()
) -> tuple[list[VerifiedStatement], list[Finding]]:
    """What the card declares, as unsigned statements, and what could not be read of it.

    `licence` is what `declared_licence` means and `free` whether it grants to everyone at no charge: floor 5 knows.
    `beside` are other declarations that belong to the model: as a release, the card stands on them.
    """
    card = model.contents.get(CARD)
    if card is None or not model.digest:
        return [], []
    try:
        facts = front_matter(card, CARD)
    except ProvenanceError as err:
        told = f"the model card cannot be read: {err.message}"
        return [], [Finding(err.code, "warning", told, err.location, err.hint)]
    release = Release(
        describe(model), model.name, components=tuple(_components(model, card, licence)),
        evidence=tuple(ResourceDescriptor(said.file, {"sha256": said.sha256}) for said in beside),
        datasets=tuple(ResourceDescriptor(name) for name in _names(facts.get("datasets"))),
        base_models=tuple(ResourceDescriptor(name) for name in _names(facts.get("base_model"))),
        declarations={"freeOfCharge": True} if free and not _gated(facts) else {},
    )
    return [verifier.declare(release.to_statement(), CARD, hashlib.sha256(card).hexdigest())], []


def is_about(facts: Mapping[str, Any]) -> Literal["model", "data", ""]:
    """What a header makes of its file: the card of a model, of a data set, or none."""
    if _OF_A_MODEL & facts.keys():
        return "model"
    if _OF_DATA & facts.keys():
        return "data"
    return "model" if _OF_EITHER & facts.keys() else ""


def front_matter_of(model: Manifest) -> Mapping[str, Any]:
    """The header of the model's card; empty where there is no card, or none that can be read."""
    try:
        return front_matter(model.contents.get(CARD, b""), CARD)
    except ProvenanceError:
        return {}


def declared_licence(facts: Mapping[str, Any]) -> tuple[object, str | None, str | None]:
    """`license`, `license_name` and `license_link` as the card writes them."""
    name, link = facts.get("license_name"), facts.get("license_link")
    return facts.get("license"), name if isinstance(name, str) else None, link if isinstance(link, str) else None


def _components(model: Manifest, card: bytes, licence: str | None) -> Iterator[Component]:
    if model.is_file:  # the card by itself: its licence is that of weights that are not at hand
        yield Component("model-parameters-final", ResourceDescriptor(model.name), licence)
    for entry in model.weight_files:
        yield _component("model-parameters-final", entry, licence)
    by_path = model.by_path
    yield _component("model-card", by_path[CARD], licence)
    if "config.json" in by_path:
        yield _component("model-architecture", by_path["config.json"], licence)
    if _PYTHON_EXAMPLE.search(card):
        yield _component("inference-code", by_path[CARD], licence)
    for entry in model.files:
        if entry.path.endswith(".py"):
            yield _component("inference-code", entry, licence)


def _component(kind: str, entry: FileEntry, licence: str | None) -> Component:
    return Component(kind, ResourceDescriptor(entry.path, {"sha256": entry.sha256}), licence)


def _names(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str) and item]


def _gated(facts: Mapping[str, Any]) -> bool:
    return any(str(key).startswith("extra_gated") for key in facts)
