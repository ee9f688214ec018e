"""The tensor tree: weights known by their values, whatever file or shard holds them.

`attestations/weights.md` is the definition. In short, with H = SHA-256 and integers as little-endian u64:

    chunk       = H(0x00 || up to 2^20 bytes of the tensor)
    data head   = RFC 6962 tree over the chunks, nodes H(0x01 || left || right); no chunks: H("")
    tensor leaf = H(0x02 || len(name) || name || len(dtype) || dtype || rank || dims... || data head)
    root        = H(0x03 || count || head), head = the same tree over the leaves, sorted by name bytes

The safetensors header is read by this module, because offsets are needed and the `safetensors` package does
not give them; it is at least as strict as that package (a test compares the two).
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from provenance.artifacts.names import brief
from provenance.errors import ArtifactError

CHUNK = 1 << 20
MAX_HEADER = 100_000_000  # the safetensors package's own limit
MAX_SIZE = 1 << 62
MAX_RANK = 64  # products of more dimensions would cost time that the file's size does not bound
_WORD = 1 << 64  # what other readers compute sizes in
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}


@dataclass(frozen=True)
class TensorInfo:
    """Where one tensor lies in a file: name, dtype as safetensors spells it, shape, byte range in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Tensor:
    """One tensor by its bytes: `head` is the data head, in hex."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    head: str

    @property
    def leaf(self) -> bytes:
        """The tensor's leaf in the tree, 32 bytes."""
        name, dtype = self.name.encode("utf-8"), self.dtype.encode("ascii")
        return hashlib.sha256(
            b"\x02" + _u64(len(name)) + name + _u64(len(dtype)) + dtype
            + _u64(len(self.shape)) + b"".join(map(_u64, self.shape)) + bytes.fromhex(self.head)
        ).digest()

    @property
    def elements(self) -> int:
        """How many values it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Weights:
    """All tensors of a model, sorted by the bytes of their names."""

    tensors: tuple[Tensor, ...]

    @classmethod
    def of(cls, tensors: Iterable[Tensor]) -> Weights:
        """Sort the tensors; ArtifactError `tensor-duplicate` when a name occurs twice."""
        ordered = tuple(sorted(tensors, key=lambda tensor: tensor.name.encode("utf-8")))
        for left, right in pairwise(ordered):
            if left.name == right.name:
                raise ArtifactError(
                    "tensor-duplicate",
                    f"two files hold a tensor named {brief(left.name)}",
                    hint="give the folder of one model, with each of its tensors once",
                )
        return cls(ordered)

    @property
    def root(self) -> str:
        """The root of the tensor tree, in hex."""
        head = tree_head([tensor.leaf for tensor in self.tensors])
        return hashlib.sha256(b"\x03" + _u64(len(self.tensors)) + head).hexdigest()

    @property
    def parameters(self) -> int:
        """How many values all tensors hold together."""
        return sum(tensor.elements for tensor in self.tensors)


def _u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """The RFC 6962 (section 2.1) head over leaf hashes; of none, the hash of nothing.

    Works level by level: pairing neighbours and carrying an odd last one up unchanged gives RFC 6962's split.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


class TensorHasher:
    """Takes a file's bytes in order and gives the data head of each tensor in it.

    It keeps one open chunk and 32 bytes for each chunk that is done.
    """

    def __init__(self, infos: Sequence[TensorInfo]) -> None:
        self._pending = sorted((info for info in infos if info.end > info.start), key=lambda info: info.start)
        self._infos, self._heads = infos, {info.name: tree_head([]).hex() for info in infos}
        self._at, self._chunks, self._filled = 0, list[bytes](), 0
        self._open = hashlib.sha256(b"\x00")

    def update(self, position: int, data: memoryview) -> None:
        """Take the bytes that lie at `position` of the file; positions must not leave gaps inside tensors."""
        end = position + len(data)
        while self._at < len(self._pending):
            info = self._pending[self._at]
            if info.start >= end:
                return
            start = max(info.start, position)
            stop = min(info.end, end)
            self._feed(data[start - position : stop - position])
            if stop < info.end:
                return
            self._finish(info)

    def _feed(self, data: memoryview) -> None:
        while data:
            part = data[: CHUNK - self._filled]
            self._open.update(part)
            self._filled += len(part)
            data = data[len(part) :]
            if self._filled == CHUNK:
                self._close()

    def _close(self) -> None:
        self._chunks.append(self._open.digest())
        self._open, self._filled = hashlib.sha256(b"\x00"), 0

    def _finish(self, info: TensorInfo) -> None:
        if self._filled:
            self._close()
        self._heads[info.name] = tree_head(self._chunks).hex()
        self._chunks = []
        self._at += 1

    def tensors(self) -> list[Tensor]:
        """Every tensor of the file; to be asked for when all bytes were given."""
        return [Tensor(info.name, info.dtype, info.shape, self._heads[info.name]) for info in self._infos]


def parse_header(header: bytes, file_size: int, location: str) -> list[TensorInfo]:
    """The tensors that a safetensors header (8 length bytes and JSON) describes, with file offsets.

    ArtifactError `safetensors-invalid` or `safetensors-truncated`. Rules: safetensors format description; no
    duplicate names, no holes and no overlaps (both hide payloads), exact lengths, string-only metadata.
    """
    entries = _header_object(header, location)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _invalid("its __metadata__ is not a map of strings", location)
    data_start = len(header)
    infos = [_tensor_info(name, entry, data_start, location) for name, entry in entries.items()]
    at = data_start
    for info in sorted(infos, key=lambda info: (info.start, info.end)):
        if info.start != at:
            raise _invalid(f"tensor {brief(info.name)} overlaps another or leaves a hole before it", location)
        at = info.end
    if at > file_size:
        raise ArtifactError(
            "safetensors-truncated",
            f"the file has {file_size} bytes and its header speaks of {at}",
            location=location,
            hint="fetch the file again",
        )
    if at < file_size:
        raise _invalid(f"{file_size - at} bytes follow the last tensor", location)
    return infos


def header_length(prefix: bytes, file_size: int, location: str) -> int:
    """How many bytes of JSON follow the first eight; refuses what the file cannot hold."""
    if len(prefix) < 8:
        raise ArtifactError("safetensors-truncated", "the file is shorter than a header", location=location,
                            hint="fetch the file again")
    (length,) = struct.unpack("<Q", prefix[:8])
    if length > MAX_HEADER:
        raise _invalid(f"its header claims {length} bytes; the limit is {MAX_HEADER}", location)
    if 8 + length > file_size:
        raise ArtifactError("safetensors-truncated", f"its header claims {length} bytes in a file of {file_size}",
                            location=location, hint="fetch the file again")
    return int(length)


def _header_object(header: bytes, location: str) -> dict[str, Any]:
    import jiter

    body = header[8:]
    if not body.startswith(b"{"):
        raise _invalid("its header does not begin with '{'", location)
    try:
        entries = jiter.from_json(body.rstrip(b" "), catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as err:
        raise _invalid(f"its header is not strict JSON ({brief(str(err))})", location) from err
    # -0 is an integer to this parser and a float to the safetensors package; no size has a sign.
    if b"-0" in body and b"-0" in _STRING.sub(b"", body):
        raise _invalid("its header holds a negative zero", location)
    return dict(entries)  # what begins with { is an object


def _tensor_info(name: str, entry: Any, data_start: int, location: str) -> TensorInfo:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _invalid(f"tensor {brief(name)} is not described by dtype, shape and data_offsets", location)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise _invalid(f"tensor {brief(name)} has an unknown dtype", location)
    if not _are_sizes(shape) or len(shape) > MAX_RANK:
        raise _invalid(f"tensor {brief(name)} has a shape that is not a list of sizes", location)
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _invalid(f"tensor {brief(name)} has offsets that are not a range", location)
    bits = _size_in_bits(shape, _BITS[dtype])
    if bits is None or bits % 8 or bits // 8 != offsets[1] - offsets[0]:
        raise _invalid(f"tensor {brief(name)} has offsets that do not fit its shape and dtype", location)
    return TensorInfo(name, dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _size_in_bits(shape: Sequence[int], each: int) -> int | None:
    """The size of a tensor; None where a product on the way overflows, as it would in readers with 64-bit sizes."""
    size = 1
    for factor in (*shape, each):
        size *= factor
        if size >= _WORD:
            return None
    return size


def _are_sizes(values: Any) -> bool:
    # bool is an int in Python: `true` as a dimension must not pass as 1.
    return isinstance(values, list) and all(type(value) is int and 0 <= value < MAX_SIZE for value in values)


def _invalid(why: str, location: str) -> ArtifactError:
    return ArtifactError("safetensors-invalid", f"not a safetensors file: {why}", location=location,
                         hint="convert the weights again with the safetensors package")
