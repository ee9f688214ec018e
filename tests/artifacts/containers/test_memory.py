"""What a hostile file costs: less memory than its reader may take, whatever it claims.

Each file is the worst of its kind that its bound lets through, or is refused by; the readers run in a process of
their own, because memory that an interpreter has taken it keeps.
"""

from __future__ import annotations

import itertools
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.containers.pickle_walk import MAX_MEMORY
from provenance.artifacts.containers.plan import MAX_TENSORS

LIMIT = 200  # MiB above an interpreter that has read nothing
# The peak as the system tells it of this memory alone: what a parent held is counted into `ru_maxrss`.
READ = """
import os, sys
from provenance.artifacts.hashing import FILES_AND_TENSORS, read_file
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before = peak()
found = read_file(os.open(sys.argv[1], os.O_RDONLY), sys.argv[1], FILES_AND_TENSORS)
print(found.problem.code if found.problem else len(found.tensors), (peak() - before) // 1024)
"""
HEADER = b"{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }\n"
EMPTY = b"\x93NUMPY\x01\0" + struct.pack("<H", len(HEADER)) + HEADER


def short_text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def in_a_list(opcode: bytes, count: int) -> bytes:
    return b"}" + short_text("a") + b"](" + opcode * count + b"es"


def tensors_in_one_storage(bench: Any, count: int) -> bytes:
    """As many tensors of no bytes as are asked for, in a handful of opcodes each."""
    first = (bench.name("torch._utils", "_rebuild_tensor_v2") + b"q\0(" + bench.storage("0", 0) + b"q\1"
             + b"K\0K\0\x85K\1\x85\x89" + bench.hooks() + b"q\2tR")
    rest = (short_text(f"{number:x}") + b"h\0(h\1K\0K\0\x85K\1\x85\x89h\2tR" for number in range(count - 1))
    return b"}(" + short_text("first") + first + b"".join(rest) + b"u"


PICKLES: dict[str, Callable[[Any], bytes]] = {
    "empty dicts": lambda b: in_a_list(b"}", 4_000_000),
    "empty lists": lambda b: in_a_list(b"]", 4_000_000),
    "short texts": lambda b: in_a_list(b"\x8c\x02ab", 4_000_000),
    "floats": lambda b: in_a_list(b"G" + bytes(8), 3_000_000),
    "ordered dicts": lambda b: in_a_list(
        b.name("collections", "OrderedDict") + b"q\0)R", 1)[:-2] + b"h\0)R" * 1_300_000 + b"es",
    "marks": lambda b: b"}" + b"(" * 4_000_000,
    "a memo": lambda b: b"}" + b"".join(b"r" + struct.pack("<I", number) for number in range(4_000_000)),
    "keys": lambda b: b"}(" + b"".join(b"J" + struct.pack("<i", key) + b"N" for key in range(2_000_000)) + b"u",
    "tensors": lambda b: tensors_in_one_storage(b, MAX_TENSORS + 1),
}


def measured(path: Path) -> tuple[str, int]:
    """What the reader says of a file, and how many MiB it took."""
    run = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    told, memory = run.stdout.split()
    return told, int(memory)


@pytest.mark.slow
@pytest.mark.parametrize("body", PICKLES.values(), ids=PICKLES)
def test_a_pickle_of_the_smallest_values_is_bounded(bench: Any, tmp_path: Path, body: Callable[[Any], bytes]) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(bench.checkpoint(body(bench), {"0": b""}))
    told, memory = measured(path)
    assert told in ("weights-too-many", "0")
    assert memory < LIMIT


@pytest.mark.slow
def test_a_pickle_and_an_archive_that_are_both_as_large_as_may_be_are_bounded(bench: Any, tmp_path: Path) -> None:
    keys = (b"J" + struct.pack("<i", key) + b"N" for key in range(MAX_MEMORY // 140))
    texts = (short_text(f"{number:0254x}") + b"N" for number in range(100_000))
    path = tmp_path / "model.pt"
    path.write_bytes(bench.checkpoint(b"}(" + b"".join(itertools.chain(keys, texts)) + b"u",
                                      {f"{number:x}": b"" for number in range(MAX_TENSORS - 100)}, zip64={}))
    told, memory = measured(path)
    assert told == "weights-too-many"
    assert memory < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize(("count", "expected"), [(MAX_TENSORS, str(MAX_TENSORS)), (200_000, "weights-too-many")])
def test_arrays_of_no_bytes_are_bounded(bench: Any, tmp_path: Path, count: int, expected: str) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(bench.archive(((f"{number:x}.npy", EMPTY) for number in range(count)), zip64={}))
    told, memory = measured(path)
    assert told == expected
    assert memory < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize(("count", "expected"), [(MAX_TENSORS, str(MAX_TENSORS)), (200_000, "weights-too-many")])
def test_gguf_tensors_of_no_bytes_are_bounded(bench: Any, tmp_path: Path, count: int, expected: str) -> None:
    path = tmp_path / "model.gguf"
    rows = [bench.gguf_row(f"{number:x}", (0,), 24, 0) for number in range(count)]
    path.write_bytes(bench.gguf([], rows, b""))
    told, memory = measured(path)
    assert told == expected
    assert memory < LIMIT


@pytest.mark.slow
def test_gguf_pairs_and_texts_are_bounded(bench: Any, tmp_path: Path) -> None:
    """Bytes of ASCII beside one character beyond take four bytes each in memory."""
    path = tmp_path / "model.gguf"
    long = [bench.gguf_pair(f"k{number}", 8, bench.gguf_text("\U0001f600" + "a" * 1_000_000)) for number in range(20)]
    small = [bench.gguf_pair(f"{number:x}", 0, b"\0") for number in range(200_000)]
    for pairs in (long, small):
        path.write_bytes(bench.gguf(pairs, [], b""))
        told, memory = measured(path)
        assert told == "weights-too-many"
        assert memory < LIMIT


def entries(count: int, name: str = "{:x}") -> Iterator[bytes]:
    return (b'"%b":{"dtype":"U8","shape":[0,7168],"data_offsets":[0,0]}' % name.format(number).encode()
            for number in range(count))


HEADERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "as many tensors as are read": (lambda: b",".join(entries(99_000)), "99000"),
    "names of four bytes a character": (
        lambda: b",".join(entries(99_000, "\U0001f600" + "x" * 90 + "{:x}")), "99000"),
    "a million tensors": (lambda: b",".join(entries(1_000_000)), "weights-too-many"),
    "more tensors, in few bytes": (lambda: b",".join(entries(150_000)), "weights-too-many"),
    "lists": (lambda: b'"a":[' + b"[]," * 5_000_000 + b"[]]", "weights-too-many"),
    "numbers": (lambda: b'"a":[' + b"1000," * 1_100_000 + b"0]", "safetensors-invalid"),
    "metadata": (lambda: b'"__metadata__":{%b}' % b",".join(b'"%x":""' % key for key in range(1_000_000)),
                 "weights-too-many"),
    "a name of fifteen megabytes": (
        lambda: b'"%b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % ("\U0001f600" + "x" * (15 << 20)).encode(),
        "weights-too-many"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("body", "expected"), HEADERS.values(), ids=HEADERS)
def test_a_header_of_safetensors_is_bounded(tmp_path: Path, body: Callable[[], bytes], expected: str) -> None:
    header = b"{" + body() + b"}"
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    told, memory = measured(path)
    assert told == expected
    assert memory < LIMIT
