"""SPDX as JSON: 2.2 and 2.3, and the graph of 3.0 with its AI and dataset profiles.

What is declared and what is concluded of one package is read as in a signed bill (`statements/licence_words.py`). In
the graph of 3.0 a licence is an element of its own, joined by a relationship. The bill of a signed stack is read by
`statements/sbom.py`, which leaves nothing out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from provenance.artifacts.names import brief
from provenance.declared.document import (
    Component,
    Declared,
    Edge,
    Told,
    cut,
    facts_of,
    texts,
    unsupported,
)
from provenance.statements.dataset import Dataset
from provenance.statements.licence_words import NO_ASSERTION, NONE, UNREADABLE, spdx_licence

VERSIONS = ("SPDX-2.2", "SPDX-2.3")
_CONTEXT = "https://spdx.org/rdf/3."
_PACKAGES = {"software_Package": "package", "ai_AIPackage": "model", "dataset_DatasetPackage": "dataset",
             "software_File": "file"}
_LICENSING = ("hasDeclaredLicense", "hasConcludedLicense")
_TERMS = r"^(https://spdx\.org/rdf/3\.[0-9.]+/terms/[A-Za-z]+/|expandedlicensing_)"
_NO_LICENCES = {"NoAssertionLicense": NO_ASSERTION, "NoAssertion": NO_ASSERTION, "NoneLicense": NONE, "None": NONE}
_MADE_WITH = {"trainedOn": "training data", "testedOn": "evaluation data"}
_AVAILABILITY = {"directDownload": "public", "query": "public", "registration": "obtainable",
                 "clickthrough": "obtainable", "scrapingScript": "obtainable"}


def is_spdx(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is meant as SPDX."""
    return "spdxVersion" in document or any(each.startswith(_CONTEXT) for each in texts(document.get("@context")))


def read_spdx(document: Mapping[str, Any], file: str, sha256: str) -> Declared:
    """What a document declares; StatementError `declared-unsupported` or `document-too-large`."""
    told = Told(file)
    if "spdxVersion" not in document:
        return _Graph(document, told).read(file, sha256)
    version = document["spdxVersion"]
    if version not in VERSIONS:
        raise unsupported(f"{brief(str(version))} is not read", file, f"read are {', '.join(VERSIONS)} and 3.0 as JSON")
    rows = told.mappings(document.get("packages"), "a package")
    components = tuple(_package(row, told) for row in rows)
    return Declared(file, sha256, version.replace("-", " "), (), components, (), tuple(told.findings))


def _package(row: Mapping[str, Any], told: Told) -> Component:
    name = told.text(row, "name", "a package") or "unnamed"
    digest: dict[str, str] = {}
    for item in told.mappings(row.get("checksums"), f"a checksum of {brief(name)}"):
        digest |= told.digest(item.get("algorithm"), item.get("checksumValue"), name)
    purl = next((told.text(item, "referenceLocator", name) for item in
                 told.mappings(row.get("externalRefs"), f"a reference of {brief(name)}")
                 if item.get("referenceType") == "purl"), "")
    licence = spdx_licence(*(_said(row, key, name, told) for key in ("licenseDeclared", "licenseConcluded")))
    return Component(name, told.text(row, "versionInfo", name), told.text(row, "primaryPackagePurpose", name).lower(),
                     licence, purl, digest)


def _said(row: Mapping[str, Any], key: str, name: str, told: Told) -> object:
    """A licence that is said; what is no text is told, and is not the same as nothing."""
    text, value = told.text(row, key, name), row.get(key)
    return text if isinstance(value, str) else value


def _named(target: str) -> str:
    """The licence that an address means by itself: of the list, or one of the two that are none."""
    listed = re.fullmatch(r"https?://(?:www\.)?spdx\.org/licenses/([^/]+)", target)
    return listed[1] if listed else _NO_LICENCES.get(re.sub(_TERMS, "", target), UNREADABLE)


class _Graph:
    """The elements of an SPDX 3.0 document by their ids, and what relationships join to each."""

    def __init__(self, document: Mapping[str, Any], told: Told) -> None:
        self.told = told
        self.rows = list(told.mappings(document.get("@graph"), "an element"))
        self.by_id = {row["spdxId"]: row for row in self.rows if isinstance(row.get("spdxId"), str)}
        self.joined: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in self.rows:
            start, kind = row.get("from"), row.get("relationshipType")
            if isinstance(start, str) and isinstance(kind, str):
                self.joined[start, kind] += texts(row.get("to"))

    def read(self, file: str, sha256: str) -> Declared:
        """Packages, datasets and edges in the order of the document."""
        packages = [row for row in self.rows if str(row.get("type")) in _PACKAGES]
        return Declared(
            file, sha256, "SPDX 3.0",
            tuple(self._dataset(row) for row in packages if row["type"] == "dataset_DatasetPackage"),
            tuple(self._component(row) for row in packages if row["type"] != "dataset_DatasetPackage"),
            tuple(edge for row in packages for edge in self._edges(row)), tuple(self.told.findings),
        )

    def _name(self, row: Mapping[str, Any]) -> str:
        return self.told.text(row, "name", "an element") or "unnamed"

    def _licence(self, row: Mapping[str, Any]) -> str | None:
        found: list[object] = []
        for kind in _LICENSING:
            for target in self.joined.get((str(row.get("spdxId")), kind), ()):
                licence = self.by_id.get(target, {})
                text = licence.get("simplelicensing_licenseExpression") or licence.get("name")
                found.append(cut(text) if isinstance(text, str) else text or _named(target))
        return spdx_licence(*found)

    def _digest(self, row: Mapping[str, Any], name: str) -> dict[str, str]:
        digest: dict[str, str] = {}
        for item in self.told.mappings(row.get("verifiedUsing"), f"a hash of {brief(name)}"):
            digest |= self.told.digest(item.get("algorithm"), item.get("hashValue"), name)
        return digest

    def _component(self, row: Mapping[str, Any]) -> Component:
        name, kind = self._name(row), _PACKAGES[row["type"]]
        purpose = self.told.text(row, "software_primaryPurpose", name)
        return Component(name, self.told.text(row, "software_packageVersion", name),
                         purpose if kind == "package" and purpose else kind, self._licence(row),
                         self.told.text(row, "software_packageUrl", name), self._digest(row, name))

    def _dataset(self, row: Mapping[str, Any]) -> Dataset:
        name = self._name(row)
        locator = self.told.text(row, "software_downloadLocation", name)
        kind = _AVAILABILITY.get(self.told.text(row, "dataset_datasetAvailability", name), "")
        personal = self.told.text(row, "dataset_hasSensitivePersonalInformation", name)
        return Dataset((), facts_of(
            name=name, version=self.told.text(row, "software_packageVersion", name),
            description=self.told.text(row, "description", name), license=self._licence(row),
            source={"uri": locator, "obtained": self.told.text(row, "dataset_dataCollectionProcess", name)},
            processing=texts(row.get("dataset_dataPreprocessing")), personalData=personal,
            availability={"class": kind, "locator": locator} if kind else {},
            modalities=texts(row.get("dataset_datasetType")),
        ))

    def _edges(self, row: Mapping[str, Any]) -> Iterator[Edge]:
        for kind, role in _MADE_WITH.items():
            for target in self.joined.get((str(row.get("spdxId")), kind), ()):
                found = self.by_id.get(target, {})
                name = self._name(found) if found else target
                yield Edge(name, f"{_PACKAGES[row['type']]} {self._name(row)}", role, self._digest(found, name))
