"""Dataset cards of Hugging Face: what the YAML header of a README.md says of a dataset.

Only the header is read. The prose below it is for people: a heading shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from provenance.declared.document import Declared, Edge, Told, as_list, facts_of, texts, unsupported
from provenance.statements.dataset import Dataset
from provenance.statements.front_matter import front_matter
from provenance.statements.licence_words import joined_licence

_OF_MODELS = frozenset({"base_model", "pipeline_tag", "library_name", "model-index", "datasets", "inference", "widget"})
_GATED = "the card asks whoever wants it to agree first"


def is_card(data: bytes) -> bool:
    """Whether a file begins as a card does."""
    return data.startswith((b"---\n", b"---\r\n"))


def read_dataset_card(data: bytes, file: str, sha256: str) -> Declared:
    """What a card declares; StatementError `yaml-invalid`, `document-too-large` or `declared-unsupported`."""
    card = front_matter(data, file)
    if not card:
        raise unsupported("there is no header of a card in it", file, "a card begins with YAML between lines of ---")
    if _OF_MODELS.intersection(card):
        raise unsupported("the card of a model", file, "it is read beside its model: `provenance verify`, `inventory`")
    told = Told(file)
    name = told.text(card, "pretty_name", "the card") or _name_of(file)
    licences = [each if isinstance(each, str) else "unknown" for each in as_list(card.get("license"))]
    named = [told.text(card, key, name) for key in ("license_name", "license_link", "license_details")]
    gated = any(str(key).startswith("extra_gated") for key in card)
    facts = facts_of(
        name=name, license=joined_licence([each for each in licences if each]),
        licenseNotes=", ".join(filter(None, named)),
        source={"obtained": _words("text: ", card.get("language_creators"))},
        labelling=_words("annotations: ", card.get("annotations_creators")),
        languages=[*texts(card.get("language")), *texts(card.get("languages"))],
        modalities=texts(card.get("modalities")),
        availability={"class": "obtainable", "reason": _GATED} if gated else {},
    )
    return Declared(file, sha256, "Hugging Face dataset card", (Dataset((), facts),), (), tuple(_edges(card, name)),
                    tuple(told.findings))


def _name_of(file: str) -> str:
    path = PurePath(file)
    return (path.parent.name if path.name == "README.md" else path.stem) or "unnamed"


def _words(before: str, value: object) -> str:
    found = texts(value)
    return before + ", ".join(found) if found else ""


def _edges(card: Mapping[str, Any], name: str) -> Iterator[Edge]:
    for source in texts(card.get("source_datasets"))[:1000]:
        if source not in ("original", "extended"):
            yield Edge(source.removeprefix("extended|"), f"dataset {name}", "data that it was derived from")
