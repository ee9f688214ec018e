"""How statements speak of artefacts, and where an artefact in hand differs from what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.manifest import Manifest, scan
from provenance.errors import Finding
from provenance.statements.artifact import TENSORS, describe, described, differences, is_same
from provenance.statements.statement import ResourceDescriptor, Statement
from tests.growth import calls, ending

A, B, C = "a" * 64, "b" * 64, "c" * 64


def d(name: str, algorithm: str = "sha256", value: str = A, **annotations: Any) -> ResourceDescriptor:
    return ResourceDescriptor(name, {algorithm: value}, annotations=annotations)


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, finding.location) for finding in findings]


def test_a_folder_is_described_by_itself_its_files_and_its_tensors(manifest: Manifest) -> None:
    whole, *rest = describe(manifest, role="model")
    assert (whole.name, whole.digest) == ("tiny", manifest.digest)
    assert whole.annotations == {"role": "model", "size": manifest.size}
    assert [item.name for item in rest] == ["tiny/model.safetensors", "tiny/sub/config.json", "tiny" + TENSORS]
    assert rest[1].digest == {"sha256": manifest.by_path["sub/config.json"].sha256}
    assert rest[1].annotations == {"size": 2}
    assert rest[2].digest == manifest.weights_digest
    assert [row["name"] for row in rest[2].annotations["tensors"]] == ["a", "b"]


def test_a_file_is_described_by_itself_and_its_tensors(model: Path, text: Manifest) -> None:
    assert [item.name for item in describe(text, "corpus")] == ["corpus"]
    assert [item.name for item in describe(scan(model / "model.safetensors"))] == [
        "model.safetensors", "model.safetensors#tensors"]


def test_what_is_described_is_recognised(manifest: Manifest, text: Manifest) -> None:
    folder, file = described([*describe(manifest), *describe(text)])
    assert (folder.name, file.name) == ("tiny", "tales.jsonl")
    assert set(folder.files) == {"model.safetensors", "sub/config.json"}
    assert set(folder.tensors) == {"a", "b"}
    assert folder.weights is not None
    assert is_same(folder, manifest)
    assert is_same(file, text)
    assert not is_same(folder, text)
    assert differences(folder, manifest) == []
    assert differences(file, text) == []
    assert folder.overlaps(manifest)
    assert not file.overlaps(manifest)


def test_what_is_described_survives_its_statement(manifest: Manifest) -> None:
    signed = Statement(describe(manifest), "https://example.org/x/v1", {}).to_bytes()
    (thing,) = described(Statement.from_bytes(signed, "input").subjects)
    assert is_same(thing, manifest)
    assert differences(thing, manifest) == []


def test_a_changed_byte_is_named_by_file_and_by_tensor(model: Path, manifest: Manifest) -> None:
    (thing,) = described(describe(manifest))
    data = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(data[:-1] + b"\x77")
    changed = scan(model)
    assert not is_same(thing, changed)
    assert told(differences(thing, changed)) == [("file-mismatch", "model.safetensors"), ("tensor-mismatch", "b")]


def test_missing_files_and_tensors_are_named(model: Path, manifest: Manifest) -> None:
    (thing,) = described([*describe(manifest)[:-1], d("tiny#tensors", "tensorTree", A, tensors=[
        {"name": "a", "head": B}, {"name": "gone", "head": A}])])
    (model / "sub" / "config.json").unlink()
    assert told(differences(thing, scan(model))) == [
        ("file-missing", "sub/config.json"), ("tensor-mismatch", "a"), ("tensor-missing", "gone")]


def test_a_file_that_was_added_is_no_difference_here(model: Path, manifest: Manifest) -> None:
    """What is not covered is coverage's to say; the folder is another one all the same."""
    (thing,) = described(describe(manifest))
    (model / "extra.py").write_text("x")
    assert differences(thing, scan(model)) == []
    assert not is_same(thing, scan(model))


def test_a_changed_file_is_named_by_the_name_in_hand(text: Manifest, tmp_path: Path) -> None:
    (thing,) = described(describe(text, "corpus"))
    (tmp_path / "tales.jsonl").write_text("other")
    changed = scan(tmp_path / "tales.jsonl")
    assert told(differences(thing, changed)) == [("file-mismatch", "tales.jsonl")]


def test_weights_alone_are_a_thing_by_themselves(manifest: Manifest) -> None:
    (thing,) = described([d("w#tensors", "tensorTree", tensors=[{"name": "a", "head": B}])])
    assert thing.name == "w#tensors"
    assert thing.weights is thing.whole
    assert thing.tensors == {"a": B}
    assert not is_same(thing, manifest)
    assert told(differences(thing, manifest)) == [("tensor-mismatch", "a")]


@pytest.mark.parametrize("name", ["m", "m#tensors"])
@pytest.mark.parametrize("whole", [d("m", "dirHash"), d("m")])
def test_weights_belong_to_the_thing_of_their_name(whole: ResourceDescriptor, name: str) -> None:
    (thing,) = described([d(name, "tensorTree", B), whole])
    assert thing.whole is whole
    assert thing.weights is not None
    assert thing.weights.digest == {"tensorTree": B}


def test_nothing_that_is_said_is_dropped() -> None:
    """A file of a folder's name, a second folder of one name, a second tree: each is a thing, or a part of one."""
    subjects = [d("m", "dirHash", A), d("m"), d("m", "dirHash", B), d("m/x"), d("n/x"), d("m#tensors", "tensorTree", A),
                d("o#tensors", "tensorTree", B)]
    things = described(subjects)
    said = [part for thing in things for part in (thing.whole, *thing.files.values(), thing.weights) if part]
    assert {id(part) for part in said} == {id(subject) for subject in subjects}


def test_a_part_belongs_to_the_first_folder_that_is_listed() -> None:
    outer, inner = described([d("a", "dirHash"), d("a/b", "dirHash"), d("a/b/c"), d("a/d")])
    assert set(outer.files) == {"b/c", "d"}
    assert inner.files == {}
    inner, outer = described([d("a/b", "dirHash"), d("a", "dirHash"), d("a/b/c"), d("a/d")])
    assert set(inner.files) == {"c"}
    assert set(outer.files) == {"d"}


def test_a_name_that_only_begins_like_a_folder_is_no_part_of_it() -> None:
    folder, other = described([d("m", "dirHash"), d("model/x")])
    assert folder.files == {}
    assert other.name == "model/x"


@pytest.mark.parametrize("rows", [
    None, 7, "rows", {"name": "a"}, [None, 7, "x", []], [{"name": ["a"], "head": A}], [{"name": "a"}], [{"head": A}],
    [{"name": "a", "head": 7}], [{"name": None, "head": None}],
])
def test_annotations_that_make_no_sense_are_passed_over(rows: Any, manifest: Manifest) -> None:
    (thing,) = described([d("w#tensors", "tensorTree", tensors=rows)])
    assert thing.tensors == {}
    assert differences(thing, manifest) == []


@pytest.mark.parametrize("listed", [
    lambda count: [d(f"f{number}", "dirHash") for number in range(count)],
    lambda count: [d(f"f{number}{end}") for number in range(count) for end in ("", "/x")],
    lambda count: [d("/".join("a" * depth), "dirHash") for depth in range(1, count)] + [d("/".join("a" * count))],
    lambda count: [d("a" + "/" * count), d("a", "dirHash")],
    lambda count: [d(f"f{number}#tensors", "tensorTree") for number in range(count)],
])
def test_the_work_grows_with_the_list_however_it_was_made_up(
    listed: Callable[[int], list[ResourceDescriptor]]
) -> None:
    short, long = listed(100), listed(400)
    assert calls(lambda: described(long)) < 5 * calls(lambda: described(short))


def test_a_name_of_a_million_separators_is_read() -> None:
    with ending():
        assert len(described([d("a" + "/" * 1_000_000), d("a", "dirHash")])) == 2


def test_hostile_names_are_cut_in_findings(manifest: Manifest) -> None:
    long = "x" * 100_000
    (thing,) = described([d("m", "dirHash"), d(f"m/{long}"), d("m#tensors", "tensorTree", tensors=[
        {"name": long, "head": A}])])
    assert all(len(finding.location) < 200 for finding in differences(thing, manifest))
