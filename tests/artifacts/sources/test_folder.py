"""Walking a folder: every regular file in it, nothing outside it, and a finding for all the rest."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provenance.artifacts.sources import folder as source
from provenance.artifacts.sources.folder import Listing, listing, open_folder, opened
from provenance.errors import ArtifactError


@contextmanager
def walked(path: Path) -> Iterator[tuple[int, Listing]]:
    root = open_folder(path)
    try:
        yield root, listing(root)
    finally:
        os.close(root)


def seen(path: Path) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The files, and code, severity and location of each finding."""
    with walked(path) as (_, found):
        return [file.path for file in found.files], [(f.code, f.severity, f.location) for f in found.findings]


def test_every_regular_file_is_listed_in_the_order_of_its_bytes_hidden_ones_too(tmp_path: Path) -> None:
    for name in ("b", "a/z", "a.txt", ".hidden/deep/.x", "Z", "é"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12")
    (tmp_path / "empty").mkdir()
    with walked(tmp_path) as (_, found):
        assert [(file.path, file.size) for file in found.files] == [
            (".hidden/deep/.x", 2), ("Z", 2), ("a.txt", 2), ("a/z", 2), ("b", 2), ("é", 2)
        ]
        assert found.findings == []


@pytest.mark.parametrize("target", ["inside.txt", "/etc/hostname", "nowhere", ".", "folder"])
def test_a_symbolic_link_is_a_finding_and_is_never_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "inside.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "y").write_text("y")
    (tmp_path / "link").symlink_to(target)
    files, findings = seen(tmp_path)
    assert files == ["folder/y", "inside.txt"]
    assert findings == [("file-is-symlink", "error", "link")]


def test_pipes_and_sockets_are_findings_and_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    server = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    try:
        os.chdir(tmp_path)  # a socket's path is short
        server.bind("socket")
    finally:
        os.chdir(here)
        server.close()
    assert seen(tmp_path) == ([], [("file-special", "error", "pipe"), ("file-special", "error", "socket")])


def test_a_device_is_a_finding(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")
    assert seen(tmp_path) == ([], [("file-special", "error", "device")])


def nest(root: Path, depth: int) -> None:
    """Folders in folders, further down than a path can name."""
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)


def unnest(root: Path) -> None:
    """Remove what `nest` made, one folder at a time."""
    descriptors = [os.open(root, os.O_RDONLY)]
    while "file" not in os.listdir(descriptors[-1]):  # noqa: PTH208  a descriptor has no path
        descriptors.append(os.open("d", os.O_RDONLY, dir_fd=descriptors[-1]))
    os.unlink("file", dir_fd=descriptors[-1])
    for above, below in zip(descriptors[-2::-1], descriptors[:0:-1], strict=True):
        os.close(below)
        os.rmdir("d", dir_fd=above)
    os.close(descriptors[0])


@pytest.mark.parametrize("depth", [64, 700])
def test_folders_nested_too_deep_are_one_finding(tmp_path: Path, depth: int) -> None:
    nest(tmp_path, depth)
    try:
        files, findings = seen(tmp_path)
    finally:
        unnest(tmp_path)
    assert files == []
    assert findings == [("path-too-deep", "error", "/".join("d" * 64) + ("/file" if depth == 64 else "/d"))]


def test_a_file_at_the_greatest_depth_is_read(tmp_path: Path) -> None:
    nest(tmp_path, 63)
    assert seen(tmp_path) == (["/".join("d" * 63) + "/file"], [])


def test_a_name_that_is_not_utf8_is_a_finding_that_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    files, findings = seen(tmp_path)
    assert files == []
    assert findings == [("file-name-invalid", "error", "caf\\xe9")]
    assert findings[0][2].encode("utf-8")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\\b", "NUL", "C:x"])
def test_a_name_that_is_not_portable_is_a_finding(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert seen(tmp_path) == ([], [("file-name-invalid", "error", name)])


def test_what_lies_in_a_folder_of_a_bad_name_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "a\nb").mkdir()
    (tmp_path / "a\nb" / "x").write_text("x")
    assert seen(tmp_path) == ([], [("file-name-invalid", "error", "a\nb")])


def test_invisible_characters_are_a_warning_and_the_file_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a\u202eb").write_text("x")
    assert seen(tmp_path) == (["a\u202eb"], [("file-name-invalid", "warning", "a\u202eb")])


@pytest.mark.parametrize(("one", "other"), [("Model.bin", "model.bin"), ("caf\u00e9", "cafe\u0301"), ("x", "x.")])
def test_names_that_collide_elsewhere_are_a_finding(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / one).write_text("1")
    (tmp_path / other).write_text("2")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system makes them one")
    files, findings = seen(tmp_path)
    assert sorted(files) == sorted([one, other])
    assert [finding[0] for finding in findings] == ["file-name-collides"]


def test_hard_links_are_one_warning_for_all(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    (tmp_path / "in").mkdir()
    for name in ("b", "a"):
        os.link(outside, tmp_path / "in" / name)
    assert seen(tmp_path / "in") == (["a", "b"], [("file-hard-linked", "warning", "a")])


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that root is not needed for, seen by a user who may not read everything."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def unprivileged(action: Callable[[], object]) -> object:
    """Call as the user nobody where this is root."""
    if os.geteuid() != 0:
        return action()
    os.seteuid(65534)
    try:
        return action()
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_a_finding_and_never_skipped() -> None:
    with as_nobody() as place:
        (place / "closed").mkdir(mode=0o700 if os.geteuid() == 0 else 0)
        (place / "open.txt").write_text("x")
        found = unprivileged(lambda: seen(place))
        (place / "closed").chmod(0o700)
    assert found == (["open.txt"], [("input-unreadable", "error", "closed")])


def test_a_file_that_may_not_be_read_is_an_error() -> None:
    with as_nobody() as place:
        (place / "closed").write_text("x")
        (place / "closed").chmod(0)
        with walked(place) as (root, _), pytest.raises(ArtifactError, match="Permission denied") as caught:
            unprivileged(lambda: opened(root, "closed").__enter__())
    assert (caught.value.code, caught.value.location) == ("input-unreadable", "closed")


def test_a_file_that_goes_away_during_the_walk_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").write_text("x")

    def take(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(source, "_take", take)
    assert seen(tmp_path) == ([], [("input-unreadable", "error", "gone")])


def test_a_folder_that_becomes_a_link_after_the_listing_leads_nowhere(tmp_path: Path) -> None:
    """CWE-363: what is opened is opened beneath the folder, part by part."""
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "sub" / "x").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("outside")
    with walked(tmp_path / "model") as (root, found):
        assert [file.path for file in found.files] == ["sub/x"]
        (tmp_path / "model" / "sub" / "x").unlink()
        (tmp_path / "model" / "sub").rmdir()
        (tmp_path / "model" / "sub").symlink_to(tmp_path / "outside")
        with pytest.raises(ArtifactError) as caught, opened(root, "sub/x"):
            pytest.fail("a link was followed")
    assert caught.value.code == "input-unreadable"


@pytest.mark.parametrize("become", ["pipe", "link", "folder"])
def test_a_file_that_becomes_something_else_after_the_listing_is_refused_at_once(tmp_path: Path, become: str) -> None:
    (tmp_path / "x").write_text("x")
    with walked(tmp_path) as (root, _):
        (tmp_path / "x").unlink()
        if become == "pipe":
            os.mkfifo(tmp_path / "x")
        elif become == "link":
            (tmp_path / "x").symlink_to("/etc/hostname")
        else:
            (tmp_path / "x").mkdir()
        with pytest.raises(ArtifactError) as caught, opened(root, "x"):
            pytest.fail("it was opened")
    assert caught.value.code == ("input-unreadable" if become == "link" else "file-special")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's list of descriptors")
def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_text("x")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with walked(tmp_path) as (root, _):
        with opened(root, "a/b/x"):
            pass
        for path in ("a/b/none", "none/x", "a/b"):
            with pytest.raises(ArtifactError), opened(root, path):
                pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_path_with_nothing_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such folder") as caught:
        open_folder(tmp_path / "none")
    assert caught.value.code == "path-not-found"


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(ArtifactError, match="cannot open the folder") as caught:
        open_folder(tmp_path / "x")
    assert caught.value.code == "input-unreadable"
