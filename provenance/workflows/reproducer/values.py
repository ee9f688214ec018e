"""How far tensors of one name lie apart in two models: the largest absolute difference of their values.

Bytes are read in blocks, so memory does not grow with the model. NumPy is an extra; without it, and for types that
have no arithmetic here (booleans, 8 bits and fewer in floating point), nothing is computed and nothing is claimed.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError

if TYPE_CHECKING:
    import numpy as np

_FORMATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
            "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1"}
_BLOCK = 1 << 22


@dataclass(frozen=True)
class _Located:
    file: Path
    info: TensorInfo


def largest_differences(first: Path, second: Path, names: Iterable[str]) -> dict[str, float]:
    """By tensor name, for those that both models hold in one type and shape and whose differences are finite."""
    if importlib.util.find_spec("numpy") is None:
        return {}
    left, right = _tensors(first), _tensors(second)
    both = [name for name in names if name in left and name in right]
    found = {name: _largest(left[name], right[name]) for name in both}
    return {name: largest for name, largest in found.items() if largest is not None}


def _tensors(model: Path) -> dict[str, _Located]:
    files = [model] if model.is_file() else sorted(model.rglob("*.safetensors"))
    located: dict[str, _Located] = {}
    for path in files:
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                prefix = file.read(8)
                header = prefix + file.read(header_length(prefix, size, path.name))
                located |= {info.name: _Located(path, info) for info in parse_header(header, size, path.name)}
        except (OSError, ArtifactError):
            continue
    return located


def _largest(left: _Located, right: _Located) -> float | None:
    if (left.info.dtype, left.info.shape) != (right.info.dtype, right.info.shape) or left.info.dtype not in _FORMATS:
        return None
    largest = 0.0
    with left.file.open("rb") as first, right.file.open("rb") as second:
        for start in range(0, left.info.end - left.info.start, _BLOCK):
            largest = max(largest, _apart(_values(first, left.info, start), _values(second, right.info, start)))
            if not math.isfinite(largest):
                return None
    return largest


def _values(file: BinaryIO, info: TensorInfo, start: int) -> np.ndarray[Any, Any]:
    import numpy as np

    file.seek(info.start + start)
    raw = np.frombuffer(file.read(min(_BLOCK, info.end - info.start - start)), dtype=_FORMATS[info.dtype])
    if info.dtype == "BF16":  # the upper half of an F32
        raw = (raw.astype("<u4") << 16).view("<f4")
    values: np.ndarray[Any, Any] = raw.astype("<f8")
    return values


def _apart(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> float:
    import numpy as np

    with np.errstate(all="ignore"):
        apart = float(np.abs(left - right).max())
    return math.inf if math.isnan(apart) else apart
