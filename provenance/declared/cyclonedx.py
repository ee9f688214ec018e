"""CycloneDX 1.4 to 1.7 as JSON: the parts of a serving stack, models and datasets, with versions and licences.

Components nest; each is one part, whatever it stands in. Of several licences of one part all apply, so that the worst
of them counts. What is odd is told and left out: the bill of a *signed* stack is read by `statements/sbom.py`, which
refuses it as a whole, because a part that is left out there would not be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provenance.artifacts.names import brief
from provenance.declared.document import (
    Component,
    Declared,
    Edge,
    Told,
    as_list,
    cut,
    facts_of,
    texts,
    unsupported,
)
from provenance.statements.dataset import Dataset
from provenance.statements.licence_words import joined_licence

VERSIONS = ("1.4", "1.5", "1.6", "1.7")


def is_cyclonedx(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is meant as CycloneDX."""
    return document.get("bomFormat") == "CycloneDX"


def read_cyclonedx(document: Mapping[str, Any], file: str, sha256: str) -> Declared:
    """What a bill of materials declares; StatementError `declared-unsupported` or `document-too-large`."""
    version = document.get("specVersion")
    if version not in VERSIONS:
        raise unsupported(f"CycloneDX {brief(str(version))} is not read", file, f"read are {', '.join(VERSIONS)}")
    told = Told(file)
    metadata = document.get("metadata")
    top = metadata.get("component") if isinstance(metadata, dict) else None
    rows = list(_rows([*as_list(top), *as_list(document.get("components"))], told))
    components = tuple(_component(row, told) for row in rows)
    datasets = tuple(dataset for row in rows for dataset in _datasets(row, told))
    edges = tuple(edge for row in rows for edge in _edges(row, told))
    return Declared(file, sha256, f"CycloneDX {version}", datasets, components, edges, tuple(told.findings))


def _rows(items: list[Any], told: Told) -> Iterator[Mapping[str, Any]]:
    waiting = list(reversed(items))
    while waiting:
        row = waiting.pop()
        told.count()
        if not isinstance(row, dict):
            told.tell("a component is not an object, and is not read", "see the format's specification")
            continue
        yield row
        waiting += reversed(as_list(row.get("components")))


def _component(row: Mapping[str, Any], told: Told) -> Component:
    name = told.text(row, "name", "a component") or "unnamed"
    group = told.text(row, "group", name)
    digest: dict[str, str] = {}
    for item in told.mappings(row.get("hashes"), f"a hash of {brief(name)}"):
        digest |= told.digest(item.get("alg"), item.get("content"), name)
    version, kind = told.text(row, "version", name), told.text(row, "type", name)
    return Component(f"{group}/{name}" if group else name, version, kind,
                     _licence(row.get("licenses"), name, told), told.text(row, "purl", name), digest)


def _licence(value: object, name: str, told: Told) -> str | None:
    found = []
    for item in told.mappings(value, f"a licence of {brief(name)}"):
        inner = item.get("license")
        part = item.get("expression") or (inner.get("id") or inner.get("name") if isinstance(inner, dict) else None)
        found.append(cut(part) if isinstance(part, str) and part.strip() else "unknown")
    return joined_licence(found)


def _datasets(row: Mapping[str, Any], told: Told) -> Iterator[Dataset]:
    if row.get("type") != "data":
        return
    licence = _licence(row.get("licenses"), str(row.get("name")), told)
    for item in told.mappings(row.get("data") or [{}], "data of a component"):
        if item.get("type", "dataset") == "dataset":
            name = told.text(item, "name", "a dataset") or told.text(row, "name", "a component") or "unnamed"
            yield Dataset((), facts_of(
                name=name, version=told.text(row, "version", name), license=licence,
                description=told.text(item, "description", name),
                personalData="; ".join(texts(item.get("sensitiveData"))), source={"uri": _address(item)},
            ))


def _address(item: Mapping[str, Any]) -> str:
    contents = item.get("contents")
    url = contents.get("url") if isinstance(contents, dict) else None
    return cut(url) if isinstance(url, str) else ""


def _edges(row: Mapping[str, Any], told: Told) -> Iterator[Edge]:
    card = row.get("modelCard")
    parameters = card.get("modelParameters") if isinstance(card, dict) else None
    if not isinstance(parameters, dict):
        return
    name = told.text(row, "name", "a component") or "unnamed"
    for item in told.mappings(parameters.get("datasets"), f"a dataset of {brief(name)}"):
        source = item.get("ref") or item.get("name")
        if isinstance(source, str) and source.strip():
            yield Edge(cut(source), f"model {name}", "dataset")
