"""Bills of materials are written by other tools: what is missing is not known, and what is broken is refused."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.errors import StatementError
from provenance.statements.sbom import CYCLONEDX, SPDX, Package, Sbom, is_sbom
from provenance.statements.statement import ResourceDescriptor, Statement

SHA256 = "ab" * 32


def read(kind: str, predicate: Any) -> Sbom:
    return Sbom.from_statement(Statement((ResourceDescriptor("image", {"sha256": SHA256}),), kind, predicate), "here")


def cyclonedx(*components: Any) -> tuple[Package, ...]:
    return read(CYCLONEDX, {"bomFormat": "CycloneDX", "components": list(components)}).packages


def spdx(*packages: Any) -> tuple[Package, ...]:
    return read(SPDX, {"spdxVersion": "SPDX-2.3", "packages": list(packages)}).packages


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (CYCLONEDX, True), (f"{CYCLONEDX}/v1.6", True), (SPDX, True), (f"{SPDX}/v2.3", True),
        (f"{CYCLONEDX}-other", False), ("https://spdx.dev/DocumentOther", False), ("", False),
    ],
)
def test_a_bill_of_materials_is_known_by_its_type(kind: str, *, expected: bool) -> None:
    assert is_sbom(kind) is expected


@pytest.mark.parametrize(
    ("licenses", "licence"),
    [
        ([{"license": {"id": "MIT"}}], "MIT"),
        ([{"license": {"name": "Apache 2"}}], "Apache 2"),
        ([{"expression": "MIT OR Apache-2.0"}], "MIT OR Apache-2.0"),
        ([{"license": {"id": "MIT"}}, {"license": {"id": "ISC"}}], "MIT AND ISC"),
        ([{"expression": "MIT OR ISC"}, {"license": {"id": "ISC"}}], "(MIT OR ISC) AND ISC"),
        ([{"license": {"id": "MIT"}}, {}], "MIT AND unknown"),
        ([{"license": "MIT"}], "unknown"), ([{"license": {"id": 1}}], "unknown"), ([{}], "unknown"), ([], ""),
    ],
)
def test_all_licences_of_a_component_hold_together(licenses: Any, licence: str) -> None:
    assert [package.license for package in cyclonedx({"name": "a", "licenses": licenses})] == [licence]


@pytest.mark.parametrize(
    ("row", "licence"),
    [
        ({"licenseConcluded": "MIT", "licenseDeclared": "ISC"}, "ISC AND MIT"),
        ({"licenseConcluded": "NOASSERTION", "licenseDeclared": "ISC"}, "ISC"),
        ({"licenseConcluded": "NONE", "licenseDeclared": "NOASSERTION"}, "NONE"),
        ({"licenseDeclared": "ISC"}, "ISC"), ({"licenseDeclared": ["ISC"]}, "unknown"), ({}, ""),
    ],
)
def test_a_licence_that_was_declared_and_one_that_was_concluded_both_apply(row: Any, licence: str) -> None:
    assert [package.license for package in spdx({"name": "a", **row})] == [licence]


def test_components_inside_components_count() -> None:
    names = [package.name for package in cyclonedx({"name": "a", "components": [{"name": "b"}, {"name": "c"}]})]
    assert names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("algorithm", "value", "strong"),
    [
        ("SHA-256", SHA256, True), ("SHA256", SHA256.upper(), True), ("SHA-512", "ab" * 64, True),
        ("SHA-256", SHA256[:-1], False), ("SHA-256", "zz" * 32, False), ("SHA-1", "ab" * 20, False),
        ("MD5", "ab" * 16, False), ("SHA-256", 1, False), (None, SHA256, False),
    ],
)
def test_only_a_whole_strong_digest_identifies_a_component(algorithm: Any, value: Any, *, strong: bool) -> None:
    [first] = cyclonedx({"name": "a", "hashes": [{"alg": algorithm, "content": value}]})
    [second] = spdx({"name": "a", "checksums": [{"algorithm": algorithm, "checksumValue": value}]})
    assert (bool(first.identities), bool(second.identities)) == (strong, strong)


@pytest.mark.parametrize("row", [{}, {"name": 1, "version": None}, {"name": "", "version": []}])
def test_what_is_missing_or_no_text_is_not_known(row: Any) -> None:
    assert cyclonedx(row) == spdx({"name": row.get("name")}) == (Package("", "", "", frozenset()),)


@pytest.mark.parametrize(
    "components", [{}, "x", None, [1], ["a"], [{"components": {}}], [{"licenses": {}}], [{"hashes": ["x"]}], [[]]]
)
def test_a_list_that_is_none_is_refused(components: Any) -> None:
    with pytest.raises(StatementError) as raised:
        read(CYCLONEDX, {"bomFormat": "CycloneDX", "components": components})
    assert raised.value.code == "schema-mismatch"


@pytest.mark.parametrize("packages", [{}, "x", None, [1], ["a"], [{"checksums": {}}], [{"checksums": ["x"]}], [[]]])
def test_a_list_of_packages_that_is_none_is_refused(packages: Any) -> None:
    with pytest.raises(StatementError) as raised:
        read(SPDX, {"spdxVersion": "SPDX-2.3", "packages": packages})
    assert raised.value.code == "schema-mismatch"


def test_components_that_are_nested_without_end_are_refused() -> None:
    row: dict[str, Any] = {"name": "leaf"}
    for _ in range(40):
        row = {"name": "inner", "components": [row]}
    with pytest.raises(StatementError, match="nested too deeply"):
        cyclonedx(row)


@pytest.mark.parametrize(
    ("kind", "predicate"),
    [
        (CYCLONEDX, {}), (CYCLONEDX, {"bomFormat": "SPDX"}), (CYCLONEDX, {"spdxVersion": "SPDX-2.3"}), (SPDX, {}),
        (SPDX, {"spdxVersion": "SPDX-3.0"}), (SPDX, {"spdxVersion": 2}), (SPDX, {"@graph": []}),
    ],
)
def test_a_document_of_another_kind_proves_nothing(kind: str, predicate: Any) -> None:
    with pytest.raises(StatementError) as raised:
        read(kind, predicate)
    assert raised.value.code == "predicate-unknown"
