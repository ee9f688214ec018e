"""Zip archives: what passes reads the same from both ends, and every flaw has its refusal."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + (
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n") + b"12345678"
W = "w.npy"


def zip64(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def test_an_archive_as_python_writes_it_is_read(bench: Any) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(W, ONE)
        archive.writestr("ü.npy", ONE)
    plan = bench.read("npz", file.getvalue())
    assert [info.name for info in plan.infos] == ["w", "ü"]
    assert plan.findings == ()


def test_an_archive_written_to_a_pipe_has_descriptors_and_is_read(bench: Any) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        seek = tell  # type: ignore[assignment]

    for force in (False, True):
        file = Pipe()
        with zipfile.ZipFile(file, "w") as archive, archive.open(W, "w", force_zip64=force) as entry:
            entry.write(ONE)
        assert bench.read("npz", file.getvalue()).infos[0].shape == (2,)


def test_both_forms_of_end_record_and_of_sizes_are_read(bench: Any, member: Any, make_descriptor: Any) -> None:
    full = 0xFFFFFFFF
    size = len(ONE)
    wide = member(W, ONE, extra=zip64(size, size), local={"size": full, "packed": full},
                  central={"size": full, "packed": full, "offset": full}, central_extra=zip64(size, size, 0))
    late = member(W, ONE, flags=0x0808, extra=zip64(0, 0), local={"size": 0, "packed": 0, "crc": 0},
                  descriptor=make_descriptor(ONE, wide=True))
    padded = member(W, ONE, extra=b"FB\x03\0ZZZ")
    plain = bench.read("npz", bench.archive([(W, ONE)]))
    for archive in (
        bench.archive([wide]), bench.archive([late]), bench.archive([padded]), bench.archive([(W, ONE)], zip64={}),
        bench.archive([(W, ONE)], zip64={}, end={"count": 0xFFFF, "here": 0xFFFF, "size": full, "offset": full}),
    ):
        plan = bench.read("npz", archive)
        assert plan.findings == ()
        assert plan.infos[0].end - plan.infos[0].start == 8
    assert plain.infos[0].end - plain.infos[0].start == 8


@pytest.mark.parametrize("flaw", [{"prefix": b"MZ-or-GGUF"}, {"gap": b"secret"}, {"comment": b"secret"}],
                         ids=["in front", "between", "comment"])
def test_bytes_that_belong_to_no_entry_are_a_finding(bench: Any, flaw: dict[str, bytes]) -> None:
    data = bench.archive([(W, ONE)], **flaw)
    if "prefix" in flaw:  # NumPy looks for the mark at the start; so an entry that nobody lists stands there
        data = bench.archive([(W, ONE)], prefix=bench.archive([("x", b"MZ")])[:33])
    finding = bench.read("npz", data).findings[0]
    assert (finding.code, finding.severity) == ("weights-hidden-bytes", "warning")


ENDS: dict[str, dict[str, Any]] = {
    "bytes behind the end record": {"tail": b"x"},
    "an end record in the comment": {"comment": b"PK\5\6" + bytes(18)},
    "a wrong count": {"end": {"count": 2, "here": 2}},
    "counts that differ": {"end": {"here": 2}},
    "a count of nothing": {"end": {"count": 0, "here": 0}},
    "a divided archive": {"end": {"disk": 1}},
    "a directory on another disk": {"end": {"first": 1}},
    "a directory before the file": {"end": {"offset": 0}},
    "a directory of no size": {"end": {"size": 0}},
    "a directory behind the end": {"end": {"offset": 0xFFFFFFF0}},
    "a zip64 mark without its record": {"end": {"offset": 0xFFFFFFFF}},
    "a zip64 record elsewhere": {"zip64": {"record": 0}},
    "a zip64 record of another length": {"zip64": {"length": 45}},
    "two zip64 disks": {"zip64": {"disks": 2}},
    "end records that disagree": {"zip64": {"count": 2, "here": 2}},
    "a zip64 offset of 2^64 - 1": {"zip64": {"offset": 2**64 - 1}, "end": {"offset": 0xFFFFFFFF}},
}


@pytest.mark.parametrize("flaw", ENDS.values(), ids=ENDS)
def test_a_flaw_of_the_end_records_is_refused(bench: Any, flaw: dict[str, Any]) -> None:
    assert bench.refusal("npz", bench.archive([(W, ONE)], **flaw)).code == "zip-invalid"


CRC = {"crc": 1}
ENTRIES: dict[str, dict[str, Any]] = {
    "encrypted": {"flags": 0x0801},
    "strongly encrypted": {"flags": 0x0841},
    "headers masked": {"flags": 0x2800},
    "a flag of deflate": {"flags": 0x0802},
    "patch data": {"flags": 0x0820},
    "a comment": {"comment": b"x"},
    "another disk": {"central": {"disk": 1}},
    "a version of the format that does not exist": {"central": {"needed": 0x0040}},
    "no directory mark": {"central": {"mark": b"PK\1\3"}},
    "no local mark": {"local": {"mark": b"PK\3\5"}},
    "another name in the local header": {"local": {"name": b"x.npy"}},
    "other flags in the local header": {"local": {"flags": 0}},
    "a method in the local header": {"local": {"method": 8}},
    "another checksum in the local header": {"local": CRC},
    "another size in the local header": {"local": {"size": 1}},
    "another packed size in the local header": {"local": {"packed": 1}},
    "a packed size in the directory": {"central": {"packed": 1}},
    "more than there is": {"central": {"packed": 1 << 20, "size": 1 << 20}},
    "an offset behind the entries": {"central": {"offset": 1 << 20}},
    "an offset into the entry": {"central": {"offset": 1}},
    "no zip64 field": {"central": {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}},
    "a zip64 field too many": {"central_extra": zip64(1)},
    "a zip64 field too short": {"central": {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}, "central_extra": zip64(1)},
    "two zip64 fields": {"extra": zip64() + zip64()},
    "sizes of 2^64 - 1": {"central": {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF},
                          "central_extra": zip64(2**64 - 1, 2**64 - 1)},
    "a second name": {"central_extra": struct.pack("<2H", 0x7075, 1) + b"x"},
    "a second method": {"extra": struct.pack("<2H", 0x9901, 1) + b"x"},
    "a cut extra field": {"extra": b"FB\x09\0"},
    "a stub of an extra field": {"extra": b"FB"},
    "sizes promised for later, and no descriptor": {"flags": 0x0808, "local": {"crc": 0, "size": 0, "packed": 0}},
    "a descriptor of something else": {"flags": 0x0808, "descriptor": struct.pack("<4s3L", b"PK\7\x08", 1, 8, 8)},
    "a name with NUL": {"name": "w\0.npy"},
    "a name with a line end": {"name": "w\n.npy"},
    "no name": {"name": ""},
    "a name in a code page": {"name": "ü.npy", "flags": 0},
    "a name that is not UTF-8": {"local": {"name": b"\xff.npy"}, "central": {"name": b"\xff.npy"}},
}


@pytest.mark.parametrize("flaw", ENTRIES.values(), ids=ENTRIES)
def test_a_flaw_of_an_entry_is_refused(bench: Any, member: Any, flaw: dict[str, Any]) -> None:
    data = bench.archive([("first.npy", ONE), member(**{"name": W, "data": ONE, **flaw})])
    assert bench.refusal("npz", data).code == "zip-invalid"


def test_a_compressed_entry_is_unsupported_and_the_hint_says_what_to_do(bench: Any, member: Any) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(W, ONE)
    for data in (file.getvalue(), bench.archive([member(W, ONE, method=8, flags=0x0802)])):
        error = bench.refusal("npz", data)
        assert error.code == "weights-unsupported"
        assert "savez" in error.hint


def test_a_name_twice_is_refused(bench: Any) -> None:
    assert bench.refusal("npz", bench.archive([(W, ONE), (W, ONE)])).code == "zip-invalid"


def test_entries_that_share_bytes_are_refused(bench: Any, member: Any) -> None:
    """A bomb of overlapping entries (Fifield) speaks of far more bytes than there are."""
    data = bench.archive([(W, ONE), member("v.npy", b"", central={"offset": 0})])
    assert bench.refusal("npz", data).code == "zip-invalid"


def test_an_archive_cut_anywhere_is_refused(bench: Any, make_streamed: Callable[..., Any]) -> None:
    data = bench.archive([make_streamed(W, ONE)], zip64={})
    for end in range(len(data)):
        assert bench.refusal("npz", data[:end]).code in ("zip-invalid", "npz-invalid")


def test_a_directory_too_large_for_memory_is_refused(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.artifacts.containers.zip_layout.MAX_DIRECTORY", 40)
    assert bench.refusal("npz", bench.archive([(W, ONE)])).code == "zip-invalid"


def test_more_entries_than_there_is_memory_for_are_refused(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provenance.artifacts.containers.zip_layout.MAX_ENTRIES", 2)
    entries = [(f"{number}.npy", ONE) for number in range(3)]
    assert len(bench.read("npz", bench.archive(entries[:2])).infos) == 2
    assert bench.refusal("npz", bench.archive(entries)).code == "weights-too-many"
    # A directory that holds more than it counts is not read to its end.
    lying = bench.archive(entries, end={"count": 2, "here": 2})
    assert bench.refusal("npz", lying).code == "zip-invalid"
