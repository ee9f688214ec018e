"""Links are looked up for a signature that followed them, and lead to nothing but what the folder itself holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.artifacts import links
from provenance.artifacts.hashing import FILES
from provenance.artifacts.links import followed
from provenance.artifacts.manifest import Manifest, scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "m"
    for name in ("a.txt", "sub/b.txt", "sub/deep/c.txt"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("s")
    return place


def paths(folder: Path) -> tuple[list[str], list[str]]:
    """What is there once links are followed, and which links stay findings."""
    seen: Manifest = followed(scan(folder, wanted=FILES), folder)
    left = [found.location for found in seen.findings if found.severity == "error"]
    return [entry.path for entry in seen.files], left


PLAIN = ["a.txt", "sub/b.txt", "sub/deep/c.txt"]


@pytest.mark.parametrize(("link", "target", "expected"), [
    ("l.txt", "a.txt", ["l.txt"]),
    ("l.txt", "sub/../a.txt", ["l.txt"]),
    ("sub/l.txt", "../a.txt", ["sub/l.txt"]),
    ("l", "sub", ["l/b.txt", "l/deep/c.txt"]),
    ("sub/deep/l", "../b.txt", ["sub/deep/l"]),
])
def test_a_link_is_what_it_leads_to(folder: Path, link: str, target: str, expected: list[str]) -> None:
    (folder / link).symlink_to(target)
    assert paths(folder) == (sorted([*PLAIN, *expected]), [])
    seen = followed(scan(folder, wanted=FILES), folder)
    digests = {entry.sha256 for entry in seen.files if entry.path in PLAIN}
    assert {entry.sha256 for entry in seen.files} == digests


@pytest.mark.parametrize(("link", "target"), [
    ("l", "../outside/secret.txt"), ("l", "../outside"), ("l", "/etc/hostname"), ("l", "nothing"), ("l", "l"),
    ("l", "."), ("sub/l", ".."), ("sub/deep/l", "../../sub"), ("l", "../m-other"), ("l", ".."),
])
def test_a_link_elsewhere_stays_what_it_is(folder: Path, link: str, target: str) -> None:
    (folder.parent / "m-other").mkdir()
    (folder / link).symlink_to(target)
    assert paths(folder) == (PLAIN, [link])


def test_links_to_links_end(folder: Path) -> None:
    """Two links in each of thirty folders are a thousand million paths."""
    for number in range(30):
        here = folder / f"d{number}"
        here.mkdir()
        (here / "x").symlink_to(f"../d{number + 1}")
        (here / "y").symlink_to(f"../d{number + 1}")
    found, left = paths(folder)
    assert found == PLAIN
    assert len(left) == 60


def test_links_to_folders_do_not_multiply_without_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MAX_FILES", 5)
    for number in range(4):
        (folder / f"l{number}").symlink_to("sub")
    found, left = paths(folder)
    assert (len(found), left) == (7, ["l2", "l3"])


def test_a_link_through_another_is_what_both_lead_to(folder: Path) -> None:
    (folder / "one").symlink_to("a.txt")
    (folder / "two").symlink_to("one")
    assert paths(folder) == (sorted([*PLAIN, "one", "two"]), [])
