"""safetensors: the header that says where its tensors lie, read as strictly as any other reader does.

The header is read here because offsets are needed and the `safetensors` package does not give them; it is at least as
strict as that package (a test compares the two). `attestations/weights.md` lists what is refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

from provenance.artifacts.containers.plan import MAX_TENSORS, Plan, WeightFile, too_many
from provenance.artifacts.names import brief
from provenance.artifacts.tensors import MAX_RANK, MAX_SIZE, TensorInfo
from provenance.errors import ArtifactError

MAX_HEADER = 100_000_000  # the safetensors package's own limit
# What is read of it. A byte of JSON may become thirty in memory: a hundred megabytes would take three gigabytes. A
# tensor of a large model takes some 130 bytes of header, and parts as many as are counted here.
MAX_READ = 16 << 20
_MOST = {b"{": MAX_TENSORS + 2, b"[": 2 * MAX_TENSORS, b",": 12 * MAX_TENSORS, b'"': 11 * MAX_TENSORS}
MAX_NAME = 2 << 20  # characters; one may take four bytes, and a name is copied often
_WORD = 1 << 64  # what other readers compute sizes in
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}


def plan(descriptor: int, size: int, location: str) -> Plan:
    """Where the tensors lie; ArtifactError `safetensors-invalid`, `safetensors-truncated` or `weights-too-many`."""
    file = WeightFile(descriptor, size, location)
    prefix = file.read(0, min(8, size))
    header = prefix + file.read(8, header_length(prefix, size, location))
    return plan_from(header, size, location)


def plan_from(header: bytes, size: int, location: str) -> Plan:
    """The same, of a header that was read already: eight bytes of length, and what they announce."""
    infos, metadata = _read(header, size, location)
    return Plan(tuple(infos), metadata=metadata, seen=((0, header),))


def parse_header(header: bytes, file_size: int, location: str) -> list[TensorInfo]:
    """The tensors that a safetensors header (8 length bytes and JSON) describes, with file offsets.

    ArtifactError `safetensors-invalid`, `safetensors-truncated` or `weights-too-many`. Rules: safetensors format
    description; no duplicate names, no holes and no overlaps (both hide payloads), exact lengths, string-only metadata.
    """
    return _read(header, file_size, location)[0]


def _read(header: bytes, file_size: int, location: str) -> tuple[list[TensorInfo], dict[str, str]]:
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
    return infos, metadata


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
    if length > MAX_READ:
        raise _too_many(f"a header of {MAX_READ} bytes", location)
    return int(length)


def _header_object(header: bytes, location: str) -> dict[str, Any]:
    import jiter

    body = header[8:]
    if not body.startswith(b"{"):
        raise _invalid("its header does not begin with '{'", location)
    # Names may hold these characters too; not so many of them.
    if any(body.count(mark) > most for mark, most in _MOST.items()):
        raise _too_many(f"{MAX_TENSORS} tensors", location)
    try:
        entries = jiter.from_json(body.rstrip(b" "), catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as err:
        raise _invalid(f"its header is not strict JSON ({brief(str(err))})", location) from err
    # -0 is an integer to this parser and a float to the safetensors package; no size has a sign.
    if b"-0" in body and b"-0" in _STRING.sub(b"", body):
        raise _invalid("its header holds a negative zero", location)
    return dict(entries)  # what begins with { is an object


def _tensor_info(name: str, entry: Any, data_start: int, location: str) -> TensorInfo:
    if len(name) > MAX_NAME:
        raise _too_many(f"a name of {MAX_NAME} characters", location)
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


def _too_many(what: str, location: str) -> ArtifactError:
    return too_many(WeightFile(-1, 0, location), what)
