"""Each format of declared documents: what is read of it, and what one flaw does to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.declared import validating
from provenance.declared.document import Declared
from provenance.declared.reading import read_declared
from provenance.errors import ProvenanceError
from provenance.policy import licences
from provenance.statements.sbom import SPDX, Sbom
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.workflows.declared import read_all
from tests.declared.documents import CARD, CONTEXT, LOCK, H, croissant, cyclonedx, mlflow, read, spdx2, spdx3

SHA = hashlib.sha256


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


# Croissant


def test_a_croissant_file_is_read_as_a_dataset_that_nobody_signed() -> None:
    found = read(croissant())
    (dataset,) = found.datasets
    assert found.format == "Croissant 1.1"
    assert found.findings == ()
    assert dataset.facts == {
        "name": "tales", "version": "1.0.0", "license": "https://creativecommons.org/licenses/by/4.0/",
        "source": {"uri": "https://example.org/tales", "publisher": "A. Writer", "obtained": "written by hand"},
        "labelling": "none", "processing": ["cut", "sorted"], "languages": ["en", "de"], "personalData": "none",
        "availability": {"class": "public", "locator": "https://example.org/tales"},
    }
    assert [dict(part.digest) for part in dataset.subjects] == [{"sha256": H}]
    assert [(edge.source, edge.strength) for edge in found.edges] == [("https://example.org/older", "weak")]


@pytest.mark.parametrize(("changes", "why"), [
    ({"conformsTo": "http://mlcommons.org/croissant/2.0"}, "Croissant 2.0 is not read"),
    ({"conformsTo": "http://evil.example/mlcommons.org/croissant/1.0"}, "is not read"),
    ({"conformsTo": None}, "which version"),
    ({"@context": "https://schema.org/"}, "not written out"),
    ({"@context": {**CONTEXT, "@vocab": "https://evil.example/"}}, "not written out"),
    ({"@context": {**CONTEXT, "license": "rai:dataBiases"}}, "gives license another meaning"),
    ({"@context": {**CONTEXT, "name": {"@id": "sc:license"}}}, "gives name another meaning"),
    ({"@context": {**CONTEXT, "rai": "https://evil.example/"}}, "gives the prefix rai another meaning"),
])
def test_a_croissant_file_that_others_would_read_as_another_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ProvenanceError) as refused:
        read(croissant(**changes))
    assert refused.value.code == "declared-unsupported"
    assert why in refused.value.message


@pytest.mark.parametrize("value", [
    "https://github.com/mlcommons/croissant/issues/80", "0b033707ea49365a5ffdd14615825511", "", "g" * 64])
def test_a_placeholder_or_a_shorter_digest_is_none_and_is_told(value: str) -> None:
    found = read(croissant(distribution=[{"@id": "repo", "sha256": value}]))
    assert found.datasets[0].subjects == ()
    assert "is no digest" in found.findings[0].message


@pytest.mark.parametrize(("licence", "expression"), [
    ("cc-by-4.0", "CC-BY-4.0"), (["mit", "cc-by-4.0"], "MIT AND CC-BY-4.0"),
    ({"url": "https://opensource.org/licenses/MIT"}, "MIT"), (["mit", {"name": ["?"]}], None),
    ("https://choosealicense.com/licenses/undefined/", None), ("None", None), (7, None), (None, None), ([], None),
])
def test_a_licence_is_known_or_unknown_and_several_all_apply(licence: Any, expression: str | None) -> None:
    (dataset,) = read(croissant(license=licence)).datasets
    assert licences.normalise(dataset.license).expression == expression


def test_without_free_access_nothing_is_said_of_availability() -> None:
    assert read(croissant(isAccessibleForFree="yes")).datasets[0].availability == {}


# Cards


def test_a_dataset_card_is_its_header_and_nothing_below_it() -> None:
    found = read_declared(CARD, "README.md")
    (dataset,) = found.datasets
    assert dataset.facts == {"name": "Tales", "license": "cc-by-4.0 AND mit", "languages": ["en"],
                             "source": {"obtained": "text: found"}, "labelling": "annotations: expert-generated"}
    assert [edge.source for edge in found.edges] == ["older"]


def test_a_gated_card_says_that_its_data_has_to_be_asked_for() -> None:
    (dataset,) = read_declared(b"---\nextra_gated_prompt: agree\n---\n", "tales/README.md").datasets
    assert (dataset.name, dataset.availability["class"]) == ("tales", "obtainable")


@pytest.mark.parametrize("card", [b"---\nbase_model: x\n---\n", b"---\n---\n", b"# prose\n", b"---\nlicense: mit\n"])
def test_what_is_no_dataset_card_is_said_to_be_none(card: bytes) -> None:
    with pytest.raises(ProvenanceError) as refused:
        read_declared(card, "README.md")
    assert refused.value.code == "declared-unsupported"


# Bills of materials


def test_a_cyclonedx_document_is_its_components_however_nested() -> None:
    found = read(cyclonedx())
    assert [(part.name, part.version, part.kind, part.license) for part in found.components] == [
        ("stack", "1", "application", None), ("vllm", "0.6.3", "library", "Apache-2.0"),
        ("org/inner", "2", "library", "(MIT OR Apache-2.0) AND BSD"), ("tiny", "", "machine-learning-model", None),
        ("tales", "1", "data", "CC0-1.0"),
    ]
    assert found.components[1].digest == {"sha256": H}
    assert [(edge.source, edge.target) for edge in found.edges] == [("tales", "model tiny"), ("poems", "model tiny")]
    assert found.datasets[0].facts == {
        "name": "tales", "version": "1", "license": "CC0-1.0", "personalData": "none",
        "source": {"uri": "https://example.org/tales"}}


def test_an_spdx_document_is_its_packages_and_both_licences_apply() -> None:
    found = read(spdx2())
    assert [(part.name, part.version, part.kind, part.license) for part in found.components] == [
        ("vllm", "0.6.3", "library", "Apache-2.0"), ("mixed", "", "", "MIT AND GPL-3.0-only"), ("silent", "", "", None),
        ("unlicensed", "", "", "NONE AND MIT")]
    assert found.components[0].purl == "pkg:pypi/vllm@0.6.3"


SAID = [  # declared, concluded, and what both come to
    ("MIT", "MIT", "MIT"), ("MIT", "NOASSERTION", "MIT"), ("NOASSERTION", "MIT", "MIT"), ("MIT", "", "MIT"),
    ("NOASSERTION", "NOASSERTION", None), ("", "", None), ("NONE", "NONE", "NONE"),
    ("MIT", "CC-BY-NC-4.0", "MIT AND CC-BY-NC-4.0"), ("CC-BY-NC-4.0", "MIT", "CC-BY-NC-4.0 AND MIT"),
    ("MIT", "NONE", "MIT AND NONE"), ("NONE", "MIT", "NONE AND MIT"), ("MIT OR ISC", "ISC", "(MIT OR ISC) AND ISC"),
]


@pytest.mark.parametrize(("declared", "concluded", "licence"), SAID)
def test_what_is_declared_and_what_is_concluded_is_read_in_one_way_signed_or_not(
    declared: str, concluded: str, licence: str | None
) -> None:
    row = {"name": "a", "licenseDeclared": declared, "licenseConcluded": concluded}
    (alone,) = read(spdx2(packages=[row])).components
    statement = Statement((ResourceDescriptor("image", {"sha256": H}),), SPDX,
                          {"spdxVersion": "SPDX-2.3", "packages": [row]})
    (signed,) = Sbom.from_statement(statement, "here").packages
    graph = [{"type": "software_Package", "spdxId": "urn:p", "name": "a"}]
    for kind, text in (("hasDeclaredLicense", declared), ("hasConcludedLicense", concluded)):
        if text:
            none = text in ("NONE", "NOASSERTION")
            word = {"NONE": "NoneLicense", "NOASSERTION": "NoAssertionLicense"}.get(text, text)
            graph += [
                {"type": "simplelicensing_LicenseExpression", "spdxId": f"urn:{kind}",
                 "simplelicensing_licenseExpression": text},
                {"type": "Relationship", "from": "urn:p", "relationshipType": kind,
                 "to": [f"https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/{word}" if none else f"urn:{kind}"]}]
    (joined,) = read(spdx3(**{"@graph": graph})).components
    assert (alone.license, signed.license or None, joined.license) == (licence, licence, licence)
    if concluded and declared != concluded and {"NONE", "CC-BY-NC-4.0"} & {declared, concluded}:
        assert licences.category(licences.normalise(licence).expression, "code").status != "open"


@pytest.mark.parametrize("odd", [["MIT"], 1, {"id": "MIT"}])
def test_a_licence_that_is_no_text_is_not_the_same_as_none(odd: Any) -> None:
    found = read(spdx2(packages=[{"name": "a", "licenseDeclared": odd, "licenseConcluded": "MIT"}]))
    assert found.components[0].license == "unknown AND MIT"
    assert [finding.code for finding in found.findings]


@pytest.mark.parametrize("target", ["https://evil.example/spdx.org/licenses/MIT", "urn:NoAssertionLicense", "urn:gone"])
def test_a_licence_of_spdx_3_that_leads_nowhere_is_unknown(target: str) -> None:
    graph = [{"type": "software_Package", "spdxId": "urn:p", "name": "a"},
             {"type": "Relationship", "from": "urn:p", "relationshipType": "hasDeclaredLicense", "to": [target]}]
    assert read(spdx3(**{"@graph": graph})).components[0].license == "unknown"


def test_a_graph_of_spdx_3_is_packages_models_datasets_and_what_was_trained_on_what() -> None:
    found = read(spdx3())
    assert [(part.name, part.kind, part.license) for part in found.components] == [
        ("tiny", "model", None), ("vllm", "library", "Apache-2.0")]
    assert found.datasets[0].facts == {
        "name": "tales", "license": "CC0-1.0", "processing": ["cut"], "personalData": "no", "modalities": ["text"],
        "source": {"uri": "https://example.org/tales", "obtained": "written"},
        "availability": {"class": "public", "locator": "https://example.org/tales"}}
    (edge,) = found.edges
    assert (edge.source, edge.target, edge.role, edge.strength) == ("tales", "model tiny", "training data", "weak")


@pytest.mark.parametrize("document", [
    cyclonedx(specVersion="2.0"), cyclonedx(specVersion=1.6), spdx2(spdxVersion="SPDX-1.2"),
    spdx2(spdxVersion=["SPDX-2.3"]),
    {**spdx2(), **cyclonedx()}, {**croissant(), **cyclonedx()}, {"run": {"info": "x"}}, {},
])
def test_a_version_or_kind_that_is_not_read_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ProvenanceError) as refused:
        read(document)
    assert refused.value.code == "declared-unsupported"


def test_a_licence_that_cannot_be_read_makes_the_whole_unknown() -> None:
    part = {"type": "library", "name": "x", "licenses": [{"license": {"id": "MIT"}}, {"license": {"id": 7}}]}
    licence = read(cyclonedx(components=[part])).components[1].license
    assert licence == "MIT AND unknown"
    assert licences.normalise(licence).expression is None


def test_a_bill_of_materials_is_held_against_its_schema_where_that_is_asked(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx.validation.json")
    plain = {"type": "library", "name": "x", "licenses": [{"license": {"id": "MIT"}}]}
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(cyclonedx(components=[plain])))
    bad.write_text(json.dumps(cyclonedx(components=[{**plain, "type": "thing"}])))
    first, second = read_all([good, bad], validate=True).read
    assert first.findings == ()
    assert "breaks the schema of CycloneDX 1.6: components/0/type" in second.findings[0].message
    assert [len(found.findings) for found in read_all([good, bad]).read] == [0, 0]


def test_a_document_too_large_or_too_deep_to_be_validated_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = pytest.importorskip("cyclonedx.validation.json")
    file = tmp_path / "deep.json"
    file.write_text(json.dumps(cyclonedx(components=[])))

    def exhausted(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(library.JsonStrictValidator, "validate_str", exhausted)
    (found,) = read_all([file], validate=True).read
    assert [told.message for told in found.findings] == [
        "breaks the schema of CycloneDX 1.6: it is nested deeper than the library can follow"]
    monkeypatch.setattr(validating, "MAX_VALIDATED", 10)
    assert "not validated" in read_all([file], validate=True).read[0].findings[0].message


# Pipelines


def test_a_lock_file_gives_weak_edges_by_md5(tmp_path: Path) -> None:
    found = read_declared((LOCK % ("1a" * 16, "2b" * 16)).encode(), "dvc.lock")
    assert [(e.source, e.target, dict(e.digest), e.strength, e.basis) for e in found.edges] == [
        ("tales.txt", "stage train", {"md5": "1a" * 16}, "weak", "stated"),
        ("corpus", "stage train", {}, "weak", "stated"),
        ("stage train", "model.bin", {"md5": "2b" * 16}, "weak", "stated"),
    ]


def test_files_at_hand_give_an_edge_the_sha256_of_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "tales.txt").write_bytes(b"tales")
    (tmp_path / "model.bin").write_bytes(b"other than was locked")
    found = read_declared((LOCK % (md5(b"tales"), "2b" * 16)).encode(), "dvc.lock", tmp_path)
    first, folder, last = found.edges
    assert (first.strength, first.basis, first.digest["sha256"]) == ("file", "recomputed", SHA(b"tales").hexdigest())
    assert (folder.strength, last.strength) == ("weak", "weak")
    assert [(told.code, told.message) for told in found.findings] == [
        ("file-mismatch", "model.bin is not the file that was locked")]


@pytest.mark.parametrize("spoil", [
    lambda root: (root / "tales.txt").symlink_to(root.parent / "secret"),
    lambda root: (root / "tales.txt").mkdir(),
    lambda root: None,
])
def test_what_is_not_at_hand_as_a_plain_file_stays_weak(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    (tmp_path / "secret").write_bytes(b"tales")
    root = tmp_path / "root"
    root.mkdir()
    spoil(root)
    found = read_declared((LOCK % (md5(b"tales"), "2b" * 16)).encode(), "dvc.lock", root)
    assert {edge.strength for edge in found.edges} == {"weak"}


@pytest.mark.parametrize("path", ["../secret", "/etc/hostname", "a/../../secret"])
def test_a_path_that_leads_out_of_the_folder_is_not_read(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"tales")
    (tmp_path / "root").mkdir()
    lock = (LOCK % (md5(b"tales"), "2b" * 16)).replace("tales.txt", path)
    assert read_declared(lock.encode(), "dvc.lock", tmp_path / "root").edges[0].strength == "weak"


@pytest.mark.parametrize("lock", [b"stages: {}", b"schema: '1.0'\nstages: {}", b"- 1", b"schema: 2.0\n"])
def test_another_schema_of_lock_files_is_refused(lock: bytes) -> None:
    with pytest.raises(ProvenanceError) as refused:
        read_declared(lock, "dvc.lock")
    assert refused.value.code == "declared-unsupported"


EXPORTED = {"mlflow": {"info": {"run_id": "r1"}, "tags": {"mlflow.source.git.commit": "c" * 40}, "inputs": [
    {"dataset": {"name": "tales", "digest": "1a2b3c4d"}, "tags": [{"key": "mlflow.data.context", "value": "eval"}]}]}}


@pytest.mark.parametrize(("document", "edges"), [
    (mlflow(), [("tales", "run swift-owl", "data (training)", {"mlflowDatasetDigest": "1a2b3c4d"}),
                ("train.py", "run swift-owl", "source", {"gitCommit": "c" * 40}),
                ("run swift-owl", "model m-1", "run", {})]),
    (EXPORTED, [("tales", "run r1", "data (eval)", {"mlflowDatasetDigest": "1a2b3c4d"}),
                ("code", "run r1", "source", {"gitCommit": "c" * 40})]),
])
def test_a_run_of_mlflow_gives_weak_edges(document: dict[str, Any], edges: list[Any]) -> None:
    found = read(document)
    assert [(e.source, e.target, e.role, dict(e.digest)) for e in found.edges] == edges
    assert {e.strength for e in found.edges} == {"weak"}


# Every line


ALL: dict[str, Callable[[], Declared]] = {
    "croissant": lambda: read(croissant()), "card": lambda: read_declared(CARD, "README.md"),
    "cyclonedx": lambda: read(cyclonedx()), "spdx 2": lambda: read(spdx2()), "spdx 3": lambda: read(spdx3()),
    "mlflow": lambda: read(mlflow()),
    "dvc": lambda: read_declared((LOCK % ("1a" * 16, "2b" * 16)).encode(), "dvc.lock"),
}


@pytest.mark.parametrize("name", ALL)
def test_every_line_of_every_format_says_that_it_is_stated_and_unsigned(name: str) -> None:
    lines = [line.to_dict() for line in ALL[name]().lines()]
    assert lines
    assert {(line["basis"], line["voice"]) for line in lines} == {("stated", "unsigned")}


@pytest.mark.parametrize("name", ALL)
def test_every_dataset_that_is_declared_follows_the_schema_of_datasets(name: str) -> None:
    for dataset in ALL[name]().datasets:
        dataset.to_statement()
