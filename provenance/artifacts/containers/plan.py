"""A plan: where in a file the bytes of each tensor lie, as every reader of a container tells it.

A reader reads headers only. The one-pass engine feeds the bytes to the tensor tree, which wants them little-endian
and in C order: most tensors lie so in the file (`infos`), the others must be gathered (`gathered`).
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from provenance.artifacts.names import brief
from provenance.artifacts.tensors import MAX_RANK, MAX_SIZE, TensorInfo
from provenance.errors import ArtifactError, Finding

# Views and expanded tensors let a small file speak of endless bytes. Tied tensors cost nothing, and a fused tensor
# beside its parts doubles the work; sixteen times the file is more than any checkpoint needs.
MAX_AMPLIFICATION = 16
FREE_BYTES = 64 << 20
# What is known of a tensor takes about a kilobyte, whatever its size: a million tensors of no bytes would take a
# gigabyte. Mixtures of hundreds of experts have so many in all, in dozens of files.
MAX_TENSORS = 100_000
MAX_SIZES = 10 * MAX_TENSORS  # dimensions of all tensors together
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1,
    "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8,
}
_HALVES = {"C64"}  # a complex number is two numbers, each with its own byte order


@dataclass(frozen=True, slots=True)
class Strided:
    """A tensor as a view: element (i, j, ...) is number `offset` + i * strides[0] + j * strides[1] + ... of a storage.

    The storage is the byte range `start` to `end` of the file, in elements of `item` bytes. Where `swap` is more than
    1, each group of that many bytes is reversed to make it little-endian. Strides count elements and are not negative.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int
    offset: int
    strides: tuple[int, ...]
    item: int
    swap: int = 1

    @property
    def size(self) -> int:
        """How many bytes the tensor has in C order."""
        return math.prod(self.shape) * self.item


@dataclass(frozen=True)
class Plan:
    """The tensors of one file. Their names are unique and are valid UTF-8.

    `infos` may overlap, and may be equal but for the name (tied tensors, views): an engine hashes equal ranges once.
    The distinct ones, and the gathered ones, together stay within MAX_AMPLIFICATION times the size of the file. `seen`
    has the bytes that the plan was made of, with their positions, as far as an engine should find them there again.
    """

    infos: tuple[TensorInfo, ...]
    gathered: tuple[Strided, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    seen: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True)
class WeightFile:
    """An open regular file: its descriptor, its size in bytes, and how messages name it."""

    descriptor: int
    size: int
    location: str

    def read(self, position: int, length: int) -> bytes:
        """The bytes at a position that lies in the file; ArtifactError `file-changed-while-read` if they are gone.

        The position of the descriptor stays where it was.
        """
        parts, at, left = [], position, length
        while left and (part := _read_at(self.descriptor, left, at)):
            parts.append(part)
            at, left = at + len(part), left - len(part)
        if left:
            raise self.shortened()
        return b"".join(parts)

    def read_into(self, view: memoryview, position: int) -> None:
        """Fill the memory from a position that lies in the file; may be called from several threads."""
        if not hasattr(os, "preadv"):  # Windows
            with _TURN:
                view[:] = self.read(position, len(view))
            return
        while view:
            count = os.preadv(self.descriptor, [view], position)
            if not count:
                raise self.shortened()
            view, position = view[count:], position + count

    def shortened(self) -> ArtifactError:
        """The error for bytes that were there when the file was opened."""
        return ArtifactError("file-changed-while-read", "the file became shorter while it was read",
                             location=self.location, hint="stop what writes to it and run the command again")


_TURN = threading.Lock()


def _read_at(descriptor: int, length: int, position: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, position)
    before = os.lseek(descriptor, 0, os.SEEK_CUR)  # Windows
    try:
        os.lseek(descriptor, position, os.SEEK_SET)
        return os.read(descriptor, length)
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)


def are_sizes(values: object) -> bool:
    """Whether this is a shape, or the strides of one: a short tuple of integers that are not negative."""
    # bool is an int in Python: True as a dimension must not pass as 1.
    return (isinstance(values, tuple) and len(values) <= MAX_RANK
            and all(type(value) is int and 0 <= value < MAX_SIZE for value in values))


def byte_length(shape: Sequence[int], item: int) -> int | None:
    """The bytes of a tensor; None where a product on the way would overflow, whatever the order of the dimensions."""
    if math.prod(max(size, 1) for size in shape) * item >= MAX_SIZE:
        return None
    return math.prod(shape) * item


def c_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides, in elements, of a tensor that lies in C order."""
    strides, step = list[int](), 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def swap_width(dtype: str, *, big_endian: bool) -> int:
    """How many bytes to reverse at a time, to make values of this dtype little-endian."""
    if not big_endian:
        return 1
    return ITEM_BYTES[dtype] // (2 if dtype in _HALVES else 1)


def too_many(file: WeightFile, what: str) -> ArtifactError:
    """The error that a file speaks of more things than there is memory for."""
    return ArtifactError("weights-too-many", f"more than are read of one file: {what}", location=file.location,
                         hint="save the weights in several files, each with fewer tensors and less text")


def make_plan(
    file: WeightFile,
    tensors: Iterable[TensorInfo | Strided],
    metadata: Mapping[str, str],
    findings: Iterable[Finding],
) -> Plan:
    """The plan of these tensors; a Strided that needs no gathering becomes a range of the file.

    ArtifactError `tensor-duplicate`, `tensor-name-odd` (not text), `weights-too-many` or `weights-amplified`.
    """
    infos, gathered, names, sizes = list[TensorInfo](), list[Strided](), set[str](), 0
    for tensor in tensors:
        _take_name(file, tensor.name, names)
        sizes += len(tensor.shape)
        if sizes > MAX_SIZES:
            raise too_many(file, f"{MAX_SIZES} dimensions of tensors")
        if isinstance(tensor, TensorInfo):
            infos.append(tensor)
        elif tensor.swap == 1 and _is_in_c_order(tensor):
            start = tensor.start + (tensor.offset * tensor.item if tensor.size else 0)
            infos.append(TensorInfo(tensor.name, tensor.dtype, tensor.shape, start, start + tensor.size))
        else:
            gathered.append(tensor)
    _check_work(file, infos, gathered)
    return Plan(tuple(infos), tuple(gathered), dict(metadata), tuple(sorted(findings)))


def _is_in_c_order(tensor: Strided) -> bool:
    expected = c_strides(tensor.shape)
    # The stride of a dimension of size 1 is never used, and of an empty tensor none is.
    return tensor.size == 0 or all(
        size == 1 or stride == wanted
        for size, stride, wanted in zip(tensor.shape, tensor.strides, expected, strict=True)
    )


def _take_name(file: WeightFile, name: str, names: set[str]) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as err:
        raise ArtifactError("tensor-name-odd", "a tensor's name is not valid UTF-8", location=file.location,
                            hint="save the weights again under names that are text") from err
    if name in names:
        raise ArtifactError("tensor-duplicate", f"two tensors of the file are named {brief(name)}",
                            location=file.location, hint="save each tensor under a name of its own")
    if len(names) == MAX_TENSORS:
        raise too_many(file, f"{MAX_TENSORS} tensors")
    names.add(name)


def _check_work(file: WeightFile, infos: Iterable[TensorInfo], gathered: Iterable[Strided]) -> None:
    work = sum(end - start for start, end in {(info.start, info.end) for info in infos})
    views = {(view.start, view.offset, view.shape, view.strides, view.item): view.size for view in gathered}
    if work + sum(views.values()) > FREE_BYTES + MAX_AMPLIFICATION * file.size:
        raise ArtifactError("weights-amplified", f"its tensors are more than {MAX_AMPLIFICATION} times its size",
                            location=file.location, hint="save the weights as safetensors, each tensor by itself")
