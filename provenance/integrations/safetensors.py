"""Safetensors files into NumPy arrays, of the very bytes whose digests were checked, in one pass.

    from provenance.integrations.safetensors import load_verified
    weights = load_verified("model", "model.provenance", "trust.yaml")

`path` is a safetensors file or a folder with some, `bundle` a bundle or a folder of them, `trust` the trust file. Only
statements count that are VALID and by a producer of the trust file: a model-making step, a release, a model signature.

What NumPy has no type for comes as unsigned integers of the same bits, whatever other packages are installed: BF16 as
uint16, the 8-bit floats as uint8 (`array.view(ml_dtypes.bfloat16)` makes them floats without a copy). F4 and F6, which
are packed across bytes, come as their bytes in one dimension.
"""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError
from provenance.integrations.attested import attested_in
from provenance.integrations.lazy import VerifiedWeights
from provenance.integrations.reading import Session

if TYPE_CHECKING:
    import numpy

__all__ = ["load_verified", "open_verified"]

AnyPath = str | os.PathLike[str]
_TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8", "BF16": "<u2",
    "F8_E5M2": "u1", "F8_E4M3": "u1", "F8_E8M0": "u1", "F8_E4M3FNUZ": "u1", "F8_E5M2FNUZ": "u1",
}


def load_verified(
    path: AnyPath, bundle: AnyPath, trust: AnyPath, *, as_of: datetime | None = None, part: bool = False
) -> dict[str, numpy.ndarray]:
    """Every tensor by name; ProvenanceError, and nothing, where one of them is not as a trusted producer signed it.

    `tensor-mismatch` names the first bad tensor, `tensor-not-covered` one that nobody signed, `tensor-missing` one that
    is signed and not there, unless `part` says that less is wanted: one shard of many. `as_of` is now by default.
    """
    _numpy()
    with closing(session(path, bundle, trust, as_of, part=part)) as opened:
        return opened.load(_allocate)


def open_verified(
    path: AnyPath, bundle: AnyPath, trust: AnyPath, *, as_of: datetime | None = None, part: bool = False
) -> VerifiedWeights[numpy.ndarray]:
    """The same, tensor by tensor, as they are asked for: `with open_verified(...) as weights: weights.get(name)`.

    Where the evidence is about whole files (a model signature), they are read once when they are opened.
    """
    _numpy()
    return lazily(session(path, bundle, trust, as_of, part=part), _allocate)


def session(path: AnyPath, bundle: AnyPath, trust: AnyPath, as_of: datetime | None, *, part: bool) -> Session:
    """Open weights whose headers fit what a trusted producer attests."""
    things = attested_in(Path(bundle), Path(trust), as_of or datetime.now(UTC))
    return Session(Path(path), things, part=part)


def lazily(opened: Session, allocate: Any) -> VerifiedWeights[Any]:
    """A session as a map that is read tensor by tensor."""
    try:
        opened.learn_tensors()
    except BaseException:
        opened.close()
        raise
    return VerifiedWeights(opened, allocate)


def _numpy() -> None:
    try:
        import numpy  # noqa: F401  before any file is opened
    except ImportError as err:
        raise ArtifactError("extra-missing", "NumPy is not installed", location="numpy",
                            hint="pip install 'open-provenance[data]'") from err


def _allocate(info: TensorInfo) -> tuple[Any, memoryview]:
    import numpy

    size = info.end - info.start
    shape, dtype = (info.shape, _TYPES[info.dtype]) if info.dtype in _TYPES else ((size,), "u1")
    array: Any = numpy.empty(shape, dtype=dtype)
    return array, memoryview(array.reshape(-1).view("u1")) if size else memoryview(b"")
