"""A bench for weight containers: bytes are put together by hand, flaw by flaw, and read like files.

`bench` has small writers for zip archives, pickles, PyTorch checkpoints and GGUF files, none of which needs the
library that usually writes them; `bench.read` gives a reader the bytes as an open file, and `bench.root` feeds what
the plan says to the tensor tree, slowly and in memory.
"""

from __future__ import annotations

import itertools
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.containers import gguf, npz, pytorch
from provenance.artifacts.containers.plan import Plan, Strided
from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.tensors import CHUNK, Tensor, TensorInfo, Weights, chunk_digest, tree_head
from provenance.errors import ArtifactError

READERS: dict[str, Callable[[int, int, str], Plan]] = {"pytorch": pytorch.plan, "npz": npz.plan, "gguf": gguf.plan}
FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    """An entry of an archive. `local` and `central` hold what one of the two headers says wrongly."""

    name: str
    data: bytes
    flags: int = 0x0800
    method: int = 0
    extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    descriptor: bytes | None = None
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)

    def _header(self, told: Mapping[str, Any]) -> dict[str, Any]:
        size = len(self.data)
        return {"mark": b"", "flags": self.flags, "method": self.method, "crc": zlib.crc32(self.data),
                "packed": size, "size": size, "name": self.name.encode(), **told}

    def local_bytes(self) -> bytes:
        h = self._header({"mark": b"PK\3\4", **self.local})
        fixed = struct.pack("<4s5H3L2H", h["mark"], 20, h["flags"], h["method"], 0, 0, h["crc"], h["packed"], h["size"],
                            len(h["name"]), len(self.extra))
        return fixed + h["name"] + self.extra + self.data + (self.descriptor or b"")

    def central_bytes(self, offset: int) -> bytes:
        h = self._header({"mark": b"PK\1\2", "offset": offset, "disk": 0, "needed": 20,
                          **self.central})
        fixed = struct.pack("<4s6H3L5H2L", h["mark"], 20, h["needed"], h["flags"], h["method"], 0, 0, h["crc"],
                            h["packed"], h["size"], len(h["name"]), len(self.central_extra), len(self.comment),
                            h["disk"], 0, 0, h["offset"])
        return fixed + h["name"] + self.central_extra + self.comment


def descriptor(data: bytes, *, wide: bool = False) -> bytes:
    """The data descriptor that stands behind an entry."""
    return struct.pack("<4sL2Q" if wide else "<4s3L", b"PK\7\x08", zlib.crc32(data), len(data), len(data))


def streamed(name: str, data: bytes) -> Member:
    """An entry as PyTorch writes it: its sizes behind it."""
    return Member(name, data, flags=0x0808, descriptor=descriptor(data), local={"crc": 0, "packed": 0, "size": 0})


class Bench:
    """Writers, readers and the slow feeder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    # Zip archives.

    def archive(self, members: Iterable[Member | tuple[str, bytes]], *, prefix: bytes = b"", gap: bytes = b"",
                comment: bytes = b"", tail: bytes = b"", end: Mapping[str, int] | None = None,
                zip64: Mapping[str, int] | None = None) -> bytes:
        """An archive; `gap` lies behind each entry, `end` and `zip64` are what the end records say wrongly."""
        body, directory, count = bytearray(prefix), bytearray(), 0
        for entry in members:
            member = entry if isinstance(entry, Member) else Member(*entry)
            directory += member.central_bytes(len(body))
            body += member.local_bytes() + gap
            count += 1
        said = {"disk": 0, "first": 0, "here": count, "count": count, "size": len(directory), "offset": len(body)}
        wide = b""
        if zip64 is not None:
            large = {**said, "record": len(body) + len(directory), "length": 44, "disks": 1, **zip64}
            wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", large["length"], 45, 45, large["disk"], large["first"],
                               large["here"], large["count"], large["size"], large["offset"])
            wide += struct.pack("<4sLQL", b"PK\6\7", 0, large["record"], large["disks"])
        short = {"here": min(count, 0xFFFF), "count": min(count, 0xFFFF)}
        small = {**said, **short, "comment": len(comment), **(end or {})}
        last = struct.pack("<4s4H2LH", b"PK\5\6", small["disk"], small["first"], small["here"], small["count"],
                           small["size"], small["offset"], small["comment"])
        return bytes(body + directory) + wide + last + comment + tail

    # Pickles, from their opcodes.

    def text(self, value: str) -> bytes:
        data = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(data)) + data

    def number(self, value: int) -> bytes:
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(data)]) + data

    def name(self, module: str, name: str) -> bytes:
        return f"c{module}\n{name}\n".encode()

    def tuple(self, *items: bytes) -> bytes:
        return b"(" + b"".join(items) + b"t"

    def sizes(self, values: Sequence[int]) -> bytes:
        return self.tuple(*map(self.number, values))

    def dict(self, items: Mapping[str | int, bytes], *, ordered: bool = False) -> bytes:
        start = self.call(self.name("collections", "OrderedDict"), b")") if ordered else b"}"
        keys = (self.number(key) if isinstance(key, int) else self.text(key) for key in items)
        return start + b"(" + b"".join(itertools.chain(*zip(keys, items.values(), strict=True))) + b"u"

    def call(self, function: bytes, arguments: bytes) -> bytes:
        return function + arguments + b"R"

    def storage(self, key: str, count: int, kind: str = "FloatStorage", module: str = "torch") -> bytes:
        what = (self.text("storage"), self.name(module, kind), self.text(key), self.text("cpu"), self.number(count))
        return self.tuple(*what) + b"Q"

    def hooks(self) -> bytes:
        return self.call(self.name("collections", "OrderedDict"), b")")

    def tensor(self, storage: bytes, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0,
               *more: bytes) -> bytes:
        """A call of `_rebuild_tensor_v2`; with a global in `more`, of the typed `_rebuild_tensor_v3`."""
        strides = [1] * len(shape) if strides is None else strides
        typed = bool(more) and more[0].startswith(b"c")
        return self.call(self.name("torch._utils", f"_rebuild_tensor_v{3 if typed else 2}"), self.tuple(
            storage, self.number(offset), self.sizes(shape), self.sizes(strides), b"\x89", self.hooks(), *more))

    def pickle(self, body: bytes) -> bytes:
        return b"\x80\x02" + body + b"."

    # Containers.

    def checkpoint(self, body: bytes, storages: Mapping[str, bytes], *, order: str = "little",
                   others: Mapping[str, bytes] | None = None, **flaws: Any) -> bytes:
        """A PyTorch checkpoint whose pickle has this body."""
        files = {"data.pkl": self.pickle(body), "byteorder": order.encode(),
                 **{f"data/{key}": data for key, data in storages.items()}, "version": b"3\n", **(others or {})}
        return self.archive([streamed(f"model/{name}", data) for name, data in files.items()], **flaws)

    def safetensors(self, tensors: Mapping[str, tuple[str, Sequence[int], bytes]]) -> bytes:
        at, entries, body = 0, {}, b""
        for name, (dtype, shape, data) in tensors.items():
            entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
            at, body = at + len(data), body + data
        header = json.dumps(entries).encode()
        return struct.pack("<Q", len(header)) + header + body

    def gguf_text(self, value: str | bytes) -> bytes:
        data = value if isinstance(value, bytes) else value.encode()
        return struct.pack("<Q", len(data)) + data

    def gguf_pair(self, key: str | bytes, kind: int, value: bytes) -> bytes:
        return self.gguf_text(key) + struct.pack("<I", kind) + value

    def gguf_row(self, name: str | bytes, dims: Sequence[int], kind: int, offset: int) -> bytes:
        """A description of a tensor, its dimensions in GGML's order."""
        return (self.gguf_text(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
                + struct.pack("<IQ", kind, offset))

    def gguf(self, pairs: Sequence[bytes], rows: Sequence[bytes], data: bytes, *, version: int = 3,
             counts: tuple[int, int] | None = None, alignment: int = 32) -> bytes:
        tensors, keys = counts or (len(rows), len(pairs))
        header = b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + b"".join([*pairs, *rows])
        return header + bytes(-len(header) % alignment) + data

    # The tensor [[0, 1, 2], [3, 4, 5]], which lies in storage 0.

    six = struct.pack("<6f", *range(6))

    def grid(self, *more: bytes, **changes: Any) -> bytes:
        """The tensor in a pickle, or with other parts: `storage`, `shape`, `strides`, `offset`."""
        parts = {"storage": self.storage("0", 6), "shape": (2, 3), "strides": (3, 1), "offset": 0, **changes}
        return self.tensor(parts["storage"], parts["shape"], parts["strides"], parts["offset"], *more)

    def one(self, tensor: bytes, **changes: Any) -> bytes:
        """A checkpoint of one tensor named w."""
        return self.checkpoint(self.dict({"w": tensor}), {"0": self.six}, **changes)

    # Reading.

    def read(self, kind: str, data: bytes) -> Plan:
        """The plan for these bytes; the descriptor stays where it was."""
        path = self._folder / f"input.{kind}"
        path.write_bytes(data)
        with path.open("rb", buffering=0) as file:
            file.seek(min(3, len(data)))
            plan = READERS[kind](file.fileno(), len(data), path.name)
            assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == min(3, len(data))
        return plan

    def refusal(self, kind: str, data: bytes) -> ArtifactError:
        """The error with which the bytes are refused; it says where and what to do."""
        with pytest.raises(ArtifactError) as caught:
            self.read(kind, data)
        assert caught.value.location
        assert caught.value.hint
        str(caught.value).encode()
        return caught.value

    def weights(self, kind: str, data: bytes) -> Weights:
        """The tensors of the file, by the bytes that the plan leads to."""
        if kind == "safetensors":
            header = data[: 8 + header_length(data[:8], len(data), kind)]
            return Weights.of(_hashed(info, data) for info in parse_header(header, len(data), kind))
        plan = self.read(kind, data)
        return Weights.of([*(_hashed(info, data) for info in plan.infos),
                           *(_hashed_bytes(view, gather(view, data)) for view in plan.gathered)])

    def root(self, kind: str, data: bytes) -> str:
        return self.weights(kind, data).root


def gather(view: Strided, data: bytes) -> bytes:
    """The bytes of a strided tensor, little-endian and in C order, element by element."""
    parts = []
    for index in itertools.product(*map(range, view.shape)):
        place = view.offset + sum(i * step for i, step in zip(index, view.strides, strict=True))
        start = view.start + place * view.item
        assert start + view.item <= view.end
        element = data[start : start + view.item]
        parts += [element[at : at + view.swap][:: -1 if view.swap > 1 else 1] for at in range(0, view.item, view.swap)]
    return b"".join(parts)


def _hashed(info: TensorInfo, data: bytes) -> Tensor:
    assert 0 <= info.start <= info.end <= len(data)
    return _hashed_bytes(info, data[info.start : info.end])


def _hashed_bytes(tensor: TensorInfo | Strided, data: bytes) -> Tensor:
    head = tree_head([chunk_digest(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)])
    return Tensor(tensor.name, tensor.dtype, tensor.shape, head.hex())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The bench, with a folder of its own."""
    return Bench(tmp_path)


@pytest.fixture
def member() -> type[Member]:
    """The class of an archive's entry, for flaws of one."""
    return Member


@pytest.fixture
def make_streamed() -> Callable[[str, bytes], Member]:
    """An entry whose sizes stand behind it."""
    return streamed


@pytest.fixture
def make_descriptor() -> Callable[..., bytes]:
    """A data descriptor."""
    return descriptor
