"""Small sound files of each container, for seeds: made here, and by the standard library."""

from __future__ import annotations

import io
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

HEADER = "{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n"


@contextmanager
def as_file(data: bytes) -> Iterator[tuple[int, int]]:
    """The bytes as an open file: its descriptor and its size."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.fileno(), len(data)


def check_plan(plan: Callable[[int, int, str], Any], data: bytes) -> Any:
    """What a reader says of the bytes, None where it refuses: nothing outside the file, no more work than promised."""
    from provenance.artifacts.containers.plan import FREE_BYTES, MAX_AMPLIFICATION
    from provenance.errors import ArtifactError

    with as_file(data) as (descriptor, size):
        try:
            found = plan(descriptor, size, "input")
        except ArtifactError:
            return None
    names = [tensor.name.encode() for tensor in (*found.infos, *found.gathered)]
    assert len(set(names)) == len(names)
    for info in found.infos:
        assert 0 <= info.start <= info.end <= size
    for view in found.gathered:
        last = view.offset + sum((length - 1) * step for length, step in zip(view.shape, view.strides, strict=True))
        assert 0 <= view.start <= view.end <= size
        assert not view.size or view.start + (last + 1) * view.item <= view.end
    work = sum(end - start for start, end in {(info.start, info.end) for info in found.infos})
    assert work + sum(view.size for view in found.gathered) <= FREE_BYTES + MAX_AMPLIFICATION * size
    return found


def zipped(entries: Mapping[str, bytes], *, packed: bool = False) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def tarred(entries: Mapping[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def array(descr: str = "<f4", shape: str = "(2, 3)", content: bytes = bytes(24), *, fortran: bool = False) -> bytes:
    """A .npy file."""
    header = HEADER.format(descr, fortran, shape).encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + content


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def pickled() -> bytes:
    """The pickle of a state dict with two tensors over one storage, as `torch.save` writes it."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\6tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    first = b"ctorch._utils\n_rebuild_tensor_v2\nq\0(" + storage + b"q\1K\0K\2K\3\x86K\3K\1\x86\x89" + hooks + b"tR"
    second = b"h\0(h\1K\0K\3K\2\x86K\1K\3\x86\x89" + hooks + b"tR"
    return b"\x80\2}q\2(" + text("a") + first + text("b") + b"}(" + text("t") + second + b"K\1](K\1e\x88)uu."


def checkpoint(pickle: bytes) -> bytes:
    return zipped({"m/data.pkl": pickle, "m/byteorder": b"little", "m/data/0": bytes(24), "m/version": b"3\n"})


def gguf() -> bytes:
    """A GGUF file with a pair of each kind and two tensors."""
    def string(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    pairs = [string(b"general.alignment") + struct.pack("<II", 4, 32),
             string(b"tokenizer.chat_template") + struct.pack("<I", 8) + string(b"{{ x }}"),
             string(b"tokens") + struct.pack("<IIQ", 9, 8, 2) + string(b"a") + string(b"b"),
             string(b"scores") + struct.pack("<IIQ", 9, 6, 2) + bytes(8), string(b"use") + struct.pack("<IB", 7, 1)]
    rows = [string(b"w") + struct.pack("<I2QIQ", 2, 3, 2, 0, 0), string(b"q") + struct.pack("<IQIQ", 1, 32, 8, 32)]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(rows), len(pairs)) + b"".join([*pairs, *rows])
    return header + bytes(-len(header) % 32) + bytes(32) + bytes(34)
