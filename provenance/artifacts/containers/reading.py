"""Tensors of the containers that are not safetensors: planned by their readers, hashed from where they lie.

safetensors is hashed in the one pass over the file. A PyTorch or NumPy archive keeps its directory at its end, so it
is known only after the pass where the tensors were: their bytes are read a second time here, each range once,
however many names it has. The caller notices a file that changed in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from provenance.artifacts.containers.plan import Plan, Strided, WeightFile
from provenance.artifacts.tensors import CHUNK, Tensor, tree_head
from provenance.errors import ArtifactError, Finding

Family = str  # the kind of container: `pytorch`, `numpy` or `gguf`
_FAMILIES: dict[str, Family] = {
    ".bin": "pytorch", ".pt": "pytorch", ".pth": "pytorch", ".ckpt": "pytorch",
    ".npz": "numpy", ".npy": "numpy",
    ".gguf": "gguf",
}
MAX_GATHERED = 1 << 30  # bytes of one tensor that may be put together in memory


@dataclass(frozen=True)
class Contained:
    """The tensors of one file, and what its reader saw."""

    tensors: tuple[Tensor, ...]
    findings: tuple[Finding, ...] = ()


def family_of(path: str) -> Family | None:
    """Which reader knows a file of this name; None where none does."""
    return _FAMILIES.get(PurePosixPath(path.lower()).suffix)


def _planner(family: Family) -> Callable[[int, int, str], Plan]:
    """The reader of a family; imported when it is needed, because a verdict over safetensors needs none."""
    from provenance.artifacts.containers import gguf, npz, pytorch

    return {"pytorch": pytorch.plan, "numpy": npz.plan, "gguf": gguf.plan}[family]


def read_tensors(descriptor: int, size: int, location: str) -> Contained:
    """The tensors of an open file whose name a reader knows; ArtifactError where it is not what its name says."""
    plan = _planner(_FAMILIES[PurePosixPath(location.lower()).suffix])(descriptor, size, location)
    file = WeightFile(descriptor, size, location)
    heads: dict[tuple[int, int], str] = {}
    tensors = []
    for info in plan.infos:
        place = (info.start, info.end)
        if place not in heads:
            heads[place] = _head(_pieces(file, *place))
        tensors.append(Tensor(info.name, info.dtype, info.shape, heads[place]))
    tensors += [Tensor(view.name, view.dtype, view.shape, _head(_gathered(file, view))) for view in plan.gathered]
    return Contained(tuple(tensors), plan.findings)


def _pieces(file: WeightFile, start: int, end: int) -> Iterator[bytes]:
    for position in range(start, end, CHUNK):
        yield file.read(position, min(CHUNK, end - position))


def _head(pieces: Iterable[bytes]) -> str:
    return tree_head([hashlib.sha256(b"\x00" + piece).digest() for piece in pieces]).hex()


def _gathered(file: WeightFile, view: Strided) -> Iterator[bytes]:
    """The bytes of a view in C order and little-endian, in chunks."""
    if max(view.size, view.end - view.start) > MAX_GATHERED:
        raise ArtifactError("weights-unsupported", f"a tensor of more than {MAX_GATHERED} bytes that lies scattered",
                            location=file.location, hint="save the weights as safetensors")
    try:
        import numpy as np
    except ImportError as err:
        raise ArtifactError("weights-unsupported", "tensors that lie scattered need NumPy to be put together",
                            location=file.location, hint="pip install 'open-provenance[data]'") from err
    storage: Any = np.frombuffer(file.read(view.start, view.end - view.start), dtype=np.dtype((np.void, view.item)))
    strides = tuple(stride * view.item for stride in view.strides)
    scattered: Any = np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides, writeable=False)
    whole: Any = np.ascontiguousarray(scattered)
    raw: Any = whole.reshape(-1).view(np.uint8)
    if view.swap > 1:
        raw = raw.reshape(-1, view.swap)[:, ::-1]
    data = raw.tobytes()
    for position in range(0, len(data), CHUNK):
        yield data[position : position + CHUNK]
