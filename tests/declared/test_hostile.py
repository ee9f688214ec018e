"""Declared documents by somebody who means harm: refused or bounded, and never an exception of another kind."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.declared import document as document_module
from provenance.declared.document import MAX_TEXT
from provenance.declared.reading import read_declared
from provenance.errors import ProvenanceError, StatementError
from provenance.workflows.declared import document, read_all
from tests.declared.documents import CARD, LOCK, croissant, cyclonedx, mlflow, read, spdx2, spdx3

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the repository")
GOOD = (croissant(), cyclonedx(), spdx2(), spdx3(), mlflow())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.sampled_from(["urn:m", "sha256", "a" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "type", "license", "licenses", "components", "data", "@id", "to", "from", "digest",
                         "dataset", "key", "value", "path", "md5"]), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [before]
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(child, (*before, key))
    return found


def replaced(value: Any, place: tuple[Any, ...], by: Any) -> Any:
    if not place:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = replaced(copy[place[0]], place[1:], by)
    return copy


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(GOOD), st.data(), JSON)
def test_any_value_at_any_place_is_read_told_or_refused(good: dict[str, Any], data: st.DataObject, value: Any) -> None:
    spoilt = replaced(good, data.draw(st.sampled_from(places(good))), value)
    try:
        found = read_declared(json.dumps(spoilt).encode(), "document.json")
    except ProvenanceError:
        return
    assert all(line.voice == "unsigned" for line in found.lines())
    for dataset in found.datasets:
        dataset.to_statement()


@pytest.mark.parametrize("text", [
    b'{"bomFormat": "CycloneDX", "bomFormat": "other"}', b'{"a": NaN}', b"{" * 2000, b"\xff\xfe{}", b"", b"<bom/>",
    b"[]", b"---\na: &x 1\nb: *x\n---\n", b"---\n!!python/object:os.system a\n---\n",
])
def test_a_document_that_readers_disagree_on_is_refused(text: bytes) -> None:
    with pytest.raises(ProvenanceError):
        read_declared(text, "document.json")


def test_more_things_than_are_read_of_one_document_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "MAX_THINGS", 10)
    deep: dict[str, Any] = {"name": "x"}
    for wide in (cyclonedx(components=[{"name": "x"}] * 11), spdx2(packages=[{"name": "x"}] * 11),
                 spdx3(**{"@graph": [{}] * 11}), cyclonedx(components=[{"components": [deep] * 11}])):
        with pytest.raises(ProvenanceError) as refused:
            read(wide)
        assert refused.value.code == "document-too-large"


def test_an_endless_text_is_cut_and_line_breaks_do_not_survive() -> None:
    (dataset,) = read(croissant(name="a\n\n::error::" + "x" * 10 * MAX_TEXT)).datasets
    assert "\n" not in dataset.name
    assert len(dataset.name) < MAX_TEXT + 20


def test_a_document_of_nothing_but_mistakes_is_told_of_a_hundred_times() -> None:
    assert len(read(cyclonedx(components=[7] * 5000)).findings) == 100


def test_one_unreadable_document_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(b"{")
    (tmp_path / "README.md").write_bytes(CARD)
    answer = document(read_all([tmp_path / "bad.json", tmp_path / "README.md"]))
    assert [told["file"] for told in answer["documents"]] == ["README.md"]
    assert [(told["file"], told["code"]) for told in answer["refused"]] == [("bad.json", "json-invalid")]
    assert answer["informational"] is True


def test_a_lock_file_of_anything_is_read_told_or_refused() -> None:
    lines = (LOCK % ("1a" * 16, "2b" * 16)).splitlines(keepends=True)
    for number in range(len(lines)):
        for by in ("", "  x: [1]\n", "- 7\n"):
            text = "".join([*lines[:number], by, *lines[number + 1:]])
            with suppress(StatementError):
                list(read_declared(text.encode(), "dvc.lock").lines())


@needs_corpus
@pytest.mark.parametrize(("folder", "formats"), [
    ("croissant", {"Croissant 0.8", "Croissant 1.0", "Croissant 1.1"}),
    ("dataset-cards", {"Hugging Face dataset card"}),
    ("model-cards", {"Hugging Face dataset card"}), ("mof-config", set()), ("records", set()),
])
def test_every_file_of_the_corpus_gets_an_answer(folder: str, formats: set[str]) -> None:
    reading = read_all(sorted((CORPUS / folder).iterdir()))
    assert {found.format for found in reading.read} == formats
    assert {err.code for _, err in reading.refused} <= {"declared-unsupported", "yaml-invalid"}
    document(reading)
    for found in reading.read:
        for dataset in found.datasets:
            dataset.to_statement()


@needs_corpus
def test_every_croissant_file_of_the_corpus_is_read() -> None:
    reading = read_all(sorted((CORPUS / "croissant").iterdir()))
    assert reading.refused == ()
