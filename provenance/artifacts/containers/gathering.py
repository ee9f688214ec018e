"""Tensors that lie scattered in their file, put together in C order and little-endian, a bounded part at a time.

A view of a storage in another order (a transposed matrix, a Fortran array, a big-endian value) has no place in the one
pass over its file: its bytes are read once more here, and, where it is turned round and large, once for each part.
"""

from __future__ import annotations

import itertools
import math
import operator
import threading
from collections.abc import Iterator
from typing import Any

from provenance.artifacts.containers.plan import Strided, WeightFile
from provenance.artifacts.tensors import CHUNK, Tree, chunk_digest, tree_head
from provenance.errors import ArtifactError

MAX_GATHERED = 1 << 30  # bytes; what is turned round costs a reading of all of it for each part
PART = 32 << 20  # how much of a tensor, and of its storage, is in memory at once
_TURN = threading.Lock()  # one at a time, whatever the number of threads, or memory would grow with it


def gathered_heads(file: WeightFile, view: Strided, trees: tuple[Tree, ...]) -> dict[Tree, str]:
    """The data heads of a scattered tensor, in hex."""
    digests: dict[Tree, list[bytes]] = {tree: [] for tree in trees}
    with _TURN:
        for chunk in _chunks(_pieces(file, view)):
            for tree in trees:
                digests[tree].append(chunk_digest(chunk, tree))
    return {tree: tree_head(found, tree).hex() for tree, found in digests.items()}


def _chunks(pieces: Iterator[memoryview]) -> Iterator[bytes]:
    """Pieces of any size as chunks, of which only the last is shorter."""
    held = bytearray()
    for piece in pieces:
        while piece:
            part = piece[: CHUNK - len(held)]
            held += part
            piece = piece[len(part) :]
            if len(held) == CHUNK:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def _pieces(file: WeightFile, view: Strided) -> Iterator[memoryview]:
    if max(view.size, view.end - view.start) > MAX_GATHERED:
        raise ArtifactError("weights-unsupported", f"a tensor of more than {MAX_GATHERED} bytes that lies scattered",
                            location=file.location, hint="save the weights as safetensors")
    try:
        import numpy as np
    except ImportError as err:
        raise ArtifactError("weights-unsupported", "tensors that lie scattered need NumPy to be put together",
                            location=file.location, hint="pip install 'open-provenance[data]'") from err
    if not view.size:
        return
    for shape, offset, strides in _parts(view):
        whole: Any = np.empty(shape, dtype=np.dtype((np.void, view.item)))
        _fill(file, view, whole, offset, strides)
        raw: Any = whole.reshape(-1).view(np.uint8)
        if view.swap > 1:
            raw = np.ascontiguousarray(raw.reshape(-1, view.swap)[:, ::-1])
        yield memoryview(raw.reshape(-1))


def _parts(view: Strided) -> Iterator[tuple[tuple[int, ...], int, tuple[int, ...]]]:
    """The tensor in parts that follow each other in C order: their shapes, offsets and strides."""
    # A tensor without dimensions is one value, and so is one of one dimension.
    shape, strides = view.shape or (1,), view.strides or (1,)
    axis = next(axis for axis in range(len(shape)) if math.prod(shape[axis + 1 :]) * view.item <= PART)
    step = max(1, PART // (math.prod(shape[axis + 1 :]) * view.item))
    for above in itertools.product(*map(range, shape[:axis])):
        offset = view.offset + sum(map(operator.mul, above, strides))
        for first in range(0, shape[axis], step):
            rows = min(step, shape[axis] - first)
            yield (rows, *shape[axis + 1 :]), offset + first * strides[axis], strides[axis:]


def _fill(file: WeightFile, view: Strided, target: Any, offset: int, strides: tuple[int, ...]) -> None:
    """Copy the elements of `target.shape` from number `offset` of the storage, a part of the storage at a time."""
    import numpy as np

    shape: tuple[int, ...] = target.shape
    span = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + 1
    slowest = max(range(len(shape)), key=lambda axis: strides[axis] if shape[axis] > 1 else 0)
    if span * view.item > PART and shape[slowest] > 1:
        half = shape[slowest] // 2
        for part, start in ((slice(0, half), 0), (slice(half, None), half)):
            at = tuple(part if axis == slowest else slice(None) for axis in range(len(shape)))
            _fill(file, view, target[at], offset + start * strides[slowest], strides)
        return
    storage: Any = np.frombuffer(file.read(view.start + offset * view.item, span * view.item), dtype=target.dtype)
    steps = tuple(stride * view.item for stride in strides)
    target[...] = np.lib.stride_tricks.as_strided(storage, shape, steps, writeable=False)
