"""Files that are something else than their names say, by their first bytes."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["vectorizer.pickle", "scaler.joblib", "state.dill"])
def test_what_is_a_pickle_by_its_name_needs_no_first_bytes(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, name, b"cos\nsystem\n.") == {"weights-unsupported"}


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
