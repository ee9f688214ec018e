"""Safetensors files into PyTorch tensors on the CPU, of the very bytes whose digests were checked, in one pass.

    from provenance.integrations.torch import load_verified
    model.load_state_dict(load_verified("model", "model.provenance", "trust.yaml"))

The arguments, and what they refuse, are those of `provenance.integrations.safetensors`. A dtype that this version of
PyTorch does not have is an error; F4 and F6, which are packed across bytes, come as their bytes (uint8) in one
dimension.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from provenance.artifacts.tensors import TensorInfo
from provenance.errors import ArtifactError
from provenance.integrations.lazy import VerifiedWeights
from provenance.integrations.safetensors import AnyPath, lazily, session

if TYPE_CHECKING:
    import torch

__all__ = ["load_verified", "open_verified"]

_TYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}
_PACKED = ("F4", "F6_E2M3", "F6_E3M2")


def load_verified(
    path: AnyPath, bundle: AnyPath, trust: AnyPath, *, as_of: datetime | None = None, part: bool = False
) -> dict[str, torch.Tensor]:
    """Every tensor by name; ProvenanceError, and nothing, where one of them is not as a trusted producer signed it."""
    _torch()
    with closing(session(path, bundle, trust, as_of, part=part)) as opened:
        return opened.load(_allocate)


def open_verified(
    path: AnyPath, bundle: AnyPath, trust: AnyPath, *, as_of: datetime | None = None, part: bool = False
) -> VerifiedWeights[torch.Tensor]:
    """The same, tensor by tensor, as they are asked for: `with open_verified(...) as weights: weights.get(name)`."""
    _torch()
    return lazily(session(path, bundle, trust, as_of, part=part), _allocate)


def _torch() -> None:
    try:
        import torch  # noqa: F401  before any file is opened
    except ImportError as err:
        raise ArtifactError("extra-missing", "PyTorch is not installed", location="torch",
                            hint="pip install 'open-provenance[torch]'") from err
    if sys.byteorder != "little":
        raise ArtifactError("platform-unsupported", "PyTorch has no little-endian tensors on this machine",
                            location="torch", hint="load them into NumPy arrays")


def _allocate(info: TensorInfo) -> tuple[Any, memoryview]:
    import torch

    size = info.end - info.start
    memory = torch.empty(size, dtype=torch.uint8)
    # Held by the tensor, which outlives the view: PyTorch gives its memory to nobody without NumPy.
    view = memoryview((ctypes.c_ubyte * size).from_address(memory.data_ptr())).cast("B") if size else memoryview(b"")
    if info.dtype in _PACKED:
        return memory, view
    dtype = getattr(torch, _TYPES.get(info.dtype, ""), None)
    if dtype is None:
        raise ArtifactError("weights-unsupported", f"this version of PyTorch has no type for {info.dtype}",
                            location=info.name, hint="install a newer one, or load them into NumPy arrays")
    return memory.view(dtype).view(info.shape), view
