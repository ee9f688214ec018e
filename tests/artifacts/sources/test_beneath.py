"""Opening many files beneath a folder: the same files as one by one, never through a link, nothing left open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.artifacts.crew import in_threads
from provenance.artifacts.sources.beneath import Beneath
from provenance.artifacts.sources.folder import open_folder
from provenance.errors import ArtifactError

PATHS = ["top", "a/one", "a/b/two", "a/b/three", "a/c/four", "a/five", "ab/six", "z/b/two", "last"]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A descriptor of a folder in which every file holds its own path."""
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    opened = open_folder(tmp_path)
    yield opened
    os.close(opened)


def content(beneath: Beneath, path: str) -> str:
    with beneath.opened(path) as descriptor:
        return os.read(descriptor, 100).decode()


@pytest.mark.parametrize("order", [PATHS, PATHS[::-1], sorted(PATHS), PATHS * 2], ids=["", "back", "sorted", "twice"])
def test_each_path_leads_to_its_file_whatever_was_opened_before(root: int, order: list[str]) -> None:
    with Beneath(root) as beneath:
        assert [content(beneath, path) for path in order] == order


def test_threads_do_not_share_where_they_are(root: int) -> None:
    with Beneath(root) as beneath:
        assert in_threads(lambda path, _: content(beneath, path), PATHS * 20, None) == PATHS * 20


def test_nothing_stays_open(root: int) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Beneath(root) as beneath:
        for path in PATHS:
            content(beneath, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("what", ["file", "folder", "folder above"])
def test_a_link_is_never_followed(root: int, tmp_path: Path, what: str) -> None:
    place = {"file": "a/b/two", "folder": "a/b", "folder above": "a"}[what]
    (tmp_path / place).rename(tmp_path / "moved")
    (tmp_path / place).symlink_to(tmp_path / "moved")
    with Beneath(root) as beneath, pytest.raises(ArtifactError) as caught:
        content(beneath, "a/b/two")
    assert (caught.value.code, caught.value.location) == ("input-unreadable", "a/b/two")


def test_after_a_folder_that_cannot_be_entered_the_next_is_found(root: int, tmp_path: Path) -> None:
    (tmp_path / "a" / "gone").symlink_to(tmp_path)
    with Beneath(root) as beneath:
        assert content(beneath, "a/b/two") == "a/b/two"
        for _ in range(2):
            with pytest.raises(ArtifactError):
                content(beneath, "a/gone/top")
        assert content(beneath, "a/b/two") == "a/b/two"
