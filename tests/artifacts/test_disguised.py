"""Files that are something else than their names say, by their first bytes."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from provenance.artifacts.documents import MAX_CONFIGURATION
from provenance.artifacts.manifest import scan


def codes(folder: Path, name: str, content: bytes) -> set[str]:
    """What is found in a folder that holds one file."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return {finding.code for finding in scan(folder).findings} - {"folder-has-no-weights"}


@pytest.mark.parametrize("head", [b"\x80\x02", b"\x80\x04\x95", b"\x80\x05"])
def test_a_pickle_is_one_under_any_name(tmp_path: Path, head: bytes) -> None:
    assert codes(tmp_path, "vocab.txt", head + b"cos\nsystem\n.") == {"pickle-unsafe"}


class Calls:
    """Unpickling it calls something."""

    def __reduce__(self) -> tuple[object, ...]:
        return print, ("called",)


OLD = {
    "protocol 0": pickle.dumps(Calls(), 0),
    "protocol 1": pickle.dumps(Calls(), 1),
    "nested": pickle.dumps([{"a": (1, "x", [Calls()])}], 0),
    "no mark": pickle.dumps(Calls(), 2)[2:],
    "a mark of protocol 0": b"\x80\x00" + pickle.dumps(Calls(), 0),
    "later protocol without its mark": pickle.dumps(Calls(), 4)[11:],
    "inst": b"(S'ls'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'ls'\no.",
    "build": b"cos\nsystem\n}b.",
    "no end": b"cos\nsystem\n(S'ls'\ntR",
    "words behind it": b"cos\nsystem\n(S'ls'\ntR.and then\n",
    "a name that is not ASCII": "cm\u00e9\nf\n(tR.".encode(),
    "a string that is not ASCII": b"cos\nsystem\n(S'\xe9'\ntR.",
    "behind other data": b"I1\n0" * 5000 + b"cos\nsystem\n(S'ls'\ntR.",
    "behind a long string": b"S'" + b"a" * 200_000 + b"'\n0cos\nsystem\n(tR.",
    "behind a counted string": b"T" + (100_000).to_bytes(4, "little") + b"\n" * 100_000 + b"0cos\nsystem\n(tR.",
    "by the memo": b"cos\nsystem\np0\n0g0\n(tR.",
    "by an odd place in the memo": b"cos\nsystem\np+1\n0g1\n(tR.",
    "an import alone": b"cos\nsystem\n.",
    "behind more than is looked at": b"N0" * 60_000 + b"cos\nsystem\n(tR.",
}
TEXTS = [
    b"cat\ndog\nbird\n", b"cache\nbuild\n.venv\n", b"Verse\nVerse\nRefrain\n", b"(if\nnot so\n", b"I am.\n", b".",
    b"NNNNACGT\n", b"(((((", b"Version 1\n", b"]]]", b"T" + b"his is a text", b"Note\n", b"(", b"g1\ng2\n", b"0", b"2",
    b"1", b"p0\n", b"gr\n", b"t", b"a", b"NN", b"\x94", b"R", b"(R", b"NNR", b"b", b"o", b"(o", b"c", b"cat", b"cat\n",
    b"c a\nb\n.", b"(dp0\nS'a'\np1\nI1\ns.", b"I1\n.", b"}.", b"\x80", b"\x80\x07", b"q", b"\x8c\xffa", b"(NNtN0NR.",
]


@pytest.mark.parametrize("content", OLD.values(), ids=OLD.keys())
def test_a_pickle_without_a_mark_is_one_under_any_name(tmp_path: Path, content: bytes) -> None:
    assert codes(tmp_path, "vocab.txt", content) == {"pickle-unsafe"}


@pytest.mark.parametrize("content", TEXTS)
def test_a_text_that_begins_like_a_pickle_is_none(tmp_path: Path, content: bytes) -> None:
    assert codes(tmp_path, "vocab.txt", content) == set()


@pytest.mark.parametrize("name", ["vectorizer.pickle", "scaler.joblib", "state.dill"])
def test_what_is_a_pickle_by_its_name_needs_no_first_bytes(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, name, b"I1\n.") == {"weights-unsupported"}


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x1f\x8b\x08", b"7z\xbc\xaf", b"\x7fELF", b"MZ\x90", b"#!/bin/sh\n"])
def test_a_program_or_an_archive_is_one_under_any_name(tmp_path: Path, head: bytes) -> None:
    assert codes(tmp_path, "notes", head) == {"file-holds-code"}


@pytest.mark.parametrize("content", [b"", b"M", b"# a\n", b"\x89PNG\r\n", b'{"a": 1}'])
def test_what_holds_no_code_is_not_told(tmp_path: Path, content: bytes) -> None:
    assert codes(tmp_path, "notes", content) == set()


def test_what_a_hosting_site_adds_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert codes(tmp_path, ".gitattributes", b"#!") == set()


def test_a_configuration_is_not_hidden_by_its_size(tmp_path: Path) -> None:
    doubled = b'{"a": 1, "a": 2}'
    assert codes(tmp_path, "config.json", doubled) == {"json-invalid"}
    assert codes(tmp_path, "config.json", doubled + b" " * MAX_CONFIGURATION) == {"document-too-large"}
