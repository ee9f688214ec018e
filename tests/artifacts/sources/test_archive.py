"""Archives: refused unless asked for, then unpacked where and as far as it can do no harm."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.archive import Limits, is_archive, refuse_archive, scan_archive, unpacked
from provenance.errors import ArtifactError
from tests.artifacts.conftest import Write


def zipped(place: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(place, "w", compression) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return place


def tarred(place: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(place, mode) as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return place


def refused(path: Path, **limits: int) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        scan_archive(path, limits=Limits(**limits))
    return caught.value


MAKERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "m.zip": zipped, "m.tar": tarred, "m.tar.gz": lambda place, files: tarred(place, files, "w:gz"),
    "m.tgz": lambda place, files: tarred(place, files, "w:gz"),
    "m.tar.bz2": lambda place, files: tarred(place, files, "w:bz2"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_packed_is_what_is_read(tmp_path: Path, folder: Write, files: dict[str, bytes], name: str) -> None:
    """The same files and weights as the folder, under the archive's name without its ending."""
    found = scan_archive(MAKERS[name](tmp_path / name, files))
    plain = scan(folder(files))
    assert (found.manifest.files, found.manifest.weights) == (plain.files, plain.weights)
    assert found.manifest.name == "m"
    assert found.read == plain.size


def test_folders_in_an_archive_are_allowed_and_count_for_nothing(tmp_path: Path, folder: Write) -> None:
    place = folder({"a": b"a", "sub/b": b"b"})
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        archive.add(place, ".")
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as packed:
        packed.mkdir("sub")
        packed.writestr("sub/b", "b")
        packed.writestr("a", "a")
    for name in ("m.tar", "m.zip"):
        assert scan_archive(tmp_path / name).manifest.digest == scan(place).digest


def test_an_archive_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        refuse_archive(zipped(tmp_path / "m.zip", {"a": b""}))
    assert (caught.value.code, "--extract" in caught.value.hint) == ("archive-not-asked", True)
    refuse_archive(tmp_path)


@pytest.mark.parametrize(("name", "answer"), [
    ("m.ZIP", True), ("m.tar.xz", True), ("m.7z", True), ("m.pt", False), ("m.npz", False), ("m.safetensors", False),
])
def test_an_archive_is_known_by_its_name(name: str, answer: bool) -> None:
    assert is_archive(Path(name)) is answer


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "C:a", "a\\b", "a//b", "con", "a\x01b"])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, make: Callable[..., Path], name: str) -> None:
    error = refused(make(tmp_path / ("m.zip" if make is zipped else "m.tar"), {"good": b"", name: b"x"}))
    assert error.code in ("archive-invalid", "zip-invalid")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.zip" if make is zipped else "m.tar"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE,
                                  tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_tar_of_anything_but_files_is_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        member = tarfile.TarInfo("odd")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert refused(tmp_path / "m.tar").code == "archive-invalid"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR])
def test_a_zip_of_anything_but_files_is_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        member = zipfile.ZipInfo("odd")
        member.create_system, member.external_attr = 3, (kind | 0o644) << 16
        archive.writestr(member, "/etc/passwd")
    assert refused(tmp_path / "m.zip").code == "archive-invalid"


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("a", "a/b"), ("a/b", "a"), ("é", "é")])
def test_names_that_meet_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    """Equal, equal on another system, or one in the way of the other."""
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert refused(tmp_path / "m.tar").code == "archive-invalid"


def test_a_zip_that_names_a_file_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    assert refused(tmp_path / "m.zip").code == "zip-invalid"


def test_a_zip_that_reads_differently_from_its_two_ends_is_refused(tmp_path: Path) -> None:
    data = zipped(tmp_path / "m.zip", {"good": b"x"}).read_bytes()
    (tmp_path / "m.zip").write_bytes(data.replace(b"good", b"evil", 1))
    assert refused(tmp_path / "m.zip").code == "zip-invalid"


@pytest.mark.parametrize("name", ["m.zip", "m.tar.gz", "m.tar.bz2"])
def test_a_bomb_stops_when_it_is_larger_than_its_size_makes_believable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("provenance.artifacts.sources.archive.FREE_BYTES", 1 << 20)
    assert refused(MAKERS[name](tmp_path / name, {"zeros": bytes(40 << 20)}), ratio=10).code == "archive-too-large"


def test_a_bomb_in_a_header_of_a_tar_is_not_read(tmp_path: Path) -> None:
    """A gigabyte of extended header in a megabyte of gzip: `tarfile` would read it in one piece."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    with gzip.open(tmp_path / "m.tar.gz", "wb", compresslevel=1) as file:
        file.write(header.tobuf())
        for _ in range(64):
            file.write(bytes(1 << 20))
    error = refused(tmp_path / "m.tar.gz")
    assert "header" in error.message


def raw(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, size: int | None = None) -> bytes:
    """A member of a tar, with whatever size it claims."""
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, len(data) if size is None else size
    return member.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def pax(key: str, value: str, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header with one record."""
    length = len(f" {key}={value}\n")
    length += len(str(length + len(str(length))))
    return raw("pax", f"{length} {key}={value}\n".encode(), kind)


END = bytes(1024)


@pytest.mark.parametrize("header", [pax("a", "b"), raw("././@LongLink", b"a\0", tarfile.GNUTYPE_LONGNAME)],
                         ids=["pax", "gnu"])
def test_a_chain_of_headers_about_headers_is_refused(tmp_path: Path, header: bytes) -> None:
    """`tarfile` calls itself for each."""
    for count in (600, 20_000):
        (tmp_path / "m.tar").write_bytes(header * count + raw("a", b"x") + END)
        assert refused(tmp_path / "m.tar").code == "archive-invalid"


def test_headers_that_are_meant_for_all_members_are_refused_but_for_a_comment(tmp_path: Path) -> None:
    """`git archive` writes its commit so. Others would rename what follows, for some readers, and fill the memory."""
    (tmp_path / "m.tar").write_bytes(pax("comment", "c0ffee", tarfile.XGLTYPE) + raw("a", b"x") + END)
    assert scan_archive(tmp_path / "m.tar").read == 1
    for key in ("path", "size", "k"):
        (tmp_path / "m.tar").write_bytes(raw("a", b"x") + pax(key, "1", tarfile.XGLTYPE) + raw("b", b"x") + END)
        assert "all members" in refused(tmp_path / "m.tar").message


def test_many_large_headers_before_one_member_are_not_read(tmp_path: Path) -> None:
    large = b"".join(pax(f"k{number}", "c" * 900_000, tarfile.XGLTYPE) for number in range(9))
    (tmp_path / "m.tar").write_bytes(large + raw("a", b"x") + END)
    assert "longer than a megabyte" in refused(tmp_path / "m.tar").message


@pytest.mark.parametrize("name", ["d", "."])
def test_a_folder_that_is_named_again_and_again_counts_each_time(tmp_path: Path, name: str) -> None:
    """Two million of them are five megabytes of gzip and a minute of work."""
    (tmp_path / "m.tar").write_bytes(raw(name, kind=tarfile.DIRTYPE) * 200 + raw("a", b"x") + END)
    assert scan_archive(tmp_path / "m.tar", limits=Limits(members=201)).read == 1
    assert refused(tmp_path / "m.tar", members=200).code == "archive-too-large"


def test_sizes_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """Less than nothing, and folders of some bytes: what follows is another archive to another reader."""
    for content in (raw("a", size=-256), pax("size", "-512") + raw("a", b"x"), raw("d", b"x", tarfile.DIRTYPE)):
        (tmp_path / "m.tar").write_bytes(raw("good", b"x") + content + END)
        assert refused(tmp_path / "m.tar").code == "archive-invalid"
    assert "size" in refused(zipped(tmp_path / "m.zip", {"good": b"x", "d/": b"payload"})).message


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path: Path) -> None:
    for names in (("a", "a/"), ("a/", "a")):
        with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
            for name in names:
                archive.writestr(name, b"" if name.endswith("/") else b"x")
        assert "twice" in refused(tmp_path / "m.zip").message
    (tmp_path / "m.tar").write_bytes(raw("a", b"x") + raw("a", kind=tarfile.DIRTYPE) + END)
    assert "twice" in refused(tmp_path / "m.tar").message


def test_a_file_is_not_written_through_a_link(tmp_path: Path) -> None:
    """A link to a place outside, or a hard link to a file, and then a member beneath or over it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    for kind, target, name in ((tarfile.SYMTYPE, outside, "d/kept"), (tarfile.LNKTYPE, outside / "kept", "d"),
                               (tarfile.SYMTYPE, outside / "kept", "d")):
        link = tarfile.TarInfo("d")
        link.type, link.linkname = kind, str(target)
        (tmp_path / "m.tar").write_bytes(link.tobuf() + raw(name, b"evil") + END)
        assert refused(tmp_path / "m.tar").code == "archive-invalid"
        assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("kept", "kept")]


def test_entries_of_a_zip_that_overlap_are_refused(tmp_path: Path) -> None:
    """The bomb of one kernel of data under many names."""
    data = bytearray(zipped(tmp_path / "m.zip", {"a": b"x" * 100, "b": b"y" * 100}, zipfile.ZIP_STORED).read_bytes())
    data[data.rindex(b"PK\1\2") + 42] = 0  # the place of the second local header: that of the first
    (tmp_path / "m.zip").write_bytes(data)
    assert "overlaps" in refused(tmp_path / "m.zip").message


def test_limits_are_kept(tmp_path: Path) -> None:
    place = tarred(tmp_path / "m.tar", {"a": b"x" * 600, "b": b"x" * 600})
    assert refused(place, total=1000).code == "archive-too-large"
    assert refused(place, members=1).code == "archive-too-large"
    assert scan_archive(place, limits=Limits(total=1200, members=2)).read == 1200


def test_what_there_is_no_room_for_is_refused_before_it_is_written(tmp_path: Path) -> None:
    """A sparse tar costs its author nothing."""
    member = tarfile.TarInfo("huge")
    member.size = 1 << 50
    (tmp_path / "m.tar").write_bytes(member.tobuf() + bytes(1024))
    assert refused(tmp_path / "m.tar").code == "archive-too-large"


def test_a_damaged_archive_is_one_kind_of_error(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Cut off anywhere, or a bit changed in its data: never fewer files than were packed."""
    for name in ("m.zip", "m.tar.gz", "m.tar.bz2", "m.tar"):
        data = MAKERS[name](tmp_path / name, files).read_bytes()
        for end in (0, 10, len(data) // 3, len(data) // 2, len(data) * 2 // 3):
            (tmp_path / name).write_bytes(data[:end])
            assert refused(tmp_path / name).code in ("archive-invalid", "zip-invalid")
    packed = MAKERS["m.zip"](tmp_path / "m.zip", {"a": os.urandom(1000)}).read_bytes()
    (tmp_path / "m.zip").write_bytes(packed[:500] + bytes([packed[500] ^ 1]) + packed[501:])
    assert refused(tmp_path / "m.zip").code == "archive-invalid"


def test_a_tar_that_goes_on_behind_a_damaged_header_is_refused(tmp_path: Path) -> None:
    """`tarfile` takes it for the end, and would leave the rest out."""
    data = bytearray(tarred(tmp_path / "m.tar", {"a": b"1", "b": b"2"}).read_bytes())
    data[1024] ^= 1
    (tmp_path / "m.tar").write_bytes(data)
    assert "damaged" in refused(tmp_path / "m.tar").message


@pytest.mark.parametrize("name", ["m.tar.xz", "m.7z", "m.tar.zst"])
def test_archives_of_other_kinds_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert refused(tmp_path / name).code == "archive-invalid"


def test_an_archive_that_is_not_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tar")
    assert refused(tmp_path / "pipe.tar").code == "file-special"
    assert refused(tmp_path / "none.tar").code == "path-not-found"


def test_the_folder_is_private_and_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with unpacked(tarred(tmp_path / "m.tar", {"sub/a": b"x"})) as place:
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert stat.S_IMODE((place / "sub" / "a").stat().st_mode) == 0o600
    assert not place.exists()


def test_a_bzip2_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tar.bz2").write_bytes(bz2.compress(b"not a tar" * 100))
    assert refused(tmp_path / "m.tar.bz2").code == "archive-invalid"
