"""NumPy files: `.npz`, a zip archive with one array an entry, and `.npy`, a single array.

An array's name is that of its entry without `.npy`. The one array of a `.npy` file is called `arr_0`, as it would be
in `np.savez(file, array)`: the name of a file is not part of its weights. The header of an array is a Python literal;
only the three keys that NumPy writes are read, by a pattern, and nothing is evaluated. Object arrays are pickles.
Format: numpy.lib.format, versions 1.0 to 3.0.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from provenance.artifacts.containers.plan import (
    ITEM_BYTES,
    Plan,
    Strided,
    WeightFile,
    are_sizes,
    byte_length,
    c_strides,
    make_plan,
    swap_width,
)
from provenance.artifacts.containers.zip_layout import hidden_bytes, read_layout
from provenance.artifacts.names import brief
from provenance.errors import ArtifactError

MAX_HEADER = 1 << 16
SINGLE = "arr_0"
_MAGIC = b"\x93NUMPY"
_HINT = "save the arrays again with np.savez, not np.savez_compressed"
_DTYPES = {
    "b1": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "i4": "I32", "u4": "U32", "i8": "I64", "u8": "U64",
    "f2": "F16", "f4": "F32", "f8": "F64", "c8": "C64",
}
_FIELD = re.compile(
    r"""\s*(?P<quote>['"])(?P<key>descr|fortran_order|shape)(?P=quote)\s*:\s*"""
    r"""(?:(?P<mark>['"])(?P<text>[^'"\\]*)(?P=mark)|(?P<truth>True|False)|\((?P<sizes>[0-9,\s]*)\))\s*"""
    r"""(?P<more>,|(?=\}))""",
    re.ASCII,
)
_STRUCTURED = re.compile(r"""['"]descr['"]\s*:\s*\[""", re.ASCII)
_SIZES = re.compile(r"\s*(?:(?:0|[1-9][0-9]{0,18})\s*,\s*)*(?:(?:0|[1-9][0-9]{0,18})\s*)?", re.ASCII)
_END = re.compile(r"\s*\}\s*", re.ASCII)


def plan(descriptor: int, size: int, location: str) -> Plan:
    """Where the arrays lie.

    ArtifactError `npz-invalid`, `zip-invalid`, `weights-too-many`, `pickle-unsafe` (an array of objects) or
    `weights-unsupported` (a compressed entry, a structured array, a dtype without a name in the tensor tree).
    """
    file = WeightFile(descriptor, size, location)
    start = file.read(0, min(size, len(_MAGIC)))
    if start == _MAGIC:
        return make_plan(file, [_array(file, SINGLE, 0, size)], {}, [])
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise _invalid(file, "it is neither an archive nor an array")
    layout = read_layout(file)
    layout.require_stored(file, _HINT)
    arrays = [entry for entry in layout.entries.values() if entry.name.endswith(".npy")]
    others = sum(entry.size for entry in layout.entries.values()) - sum(entry.size for entry in arrays)
    findings = [*layout.findings, *([hidden_bytes(file, others)] if others else [])]
    views = (_array(file, entry.name.removesuffix(".npy"), entry.start, entry.end) for entry in arrays)
    return make_plan(file, views, {}, findings)


def _invalid(file: WeightFile, why: str) -> ArtifactError:
    return ArtifactError("npz-invalid", f"not a sound NumPy file: {why}", location=file.location,
                         hint="fetch the file again, or save the arrays again with np.savez")


def _unsupported(file: WeightFile, why: str, hint: str) -> ArtifactError:
    return ArtifactError("weights-unsupported", why, location=file.location, hint=hint)


def _array(file: WeightFile, name: str, start: int, end: int) -> Strided:
    text, data = _header(file, name, start, end)
    fields = _fields(file, name, text)
    dtype, is_big = _dtype(file, name, fields["descr"])
    shape = _shape(file, name, fields["shape"])
    item = ITEM_BYTES[dtype]
    if byte_length(shape, item) != end - data:
        raise _invalid(file, f"its array {brief(name)} has another length than its shape and dtype say")
    strides = c_strides(shape)
    if fields["fortran_order"] == "True":
        strides = tuple(reversed(c_strides(shape[::-1])))
    return Strided(name, dtype, shape, data, end, 0, strides, item, swap_width(dtype, big_endian=is_big))


def _header(file: WeightFile, name: str, start: int, end: int) -> tuple[str, int]:
    """The header's text, and where the data start."""
    prefix = file.read(start, min(12, end - start))
    version = prefix[len(_MAGIC) : 8]
    if len(prefix) < 12 or not prefix.startswith(_MAGIC) or version not in (b"\1\0", b"\2\0", b"\3\0"):
        raise _invalid(file, f"its {brief(name)} has no array's header")
    form = "<H" if version == b"\1\0" else "<I"
    (length,) = struct.unpack_from(form, prefix, 8)
    at = start + 8 + struct.calcsize(form)
    if length > MAX_HEADER or at + length > end:
        raise _invalid(file, f"its {brief(name)} claims a header of {length} bytes")
    try:
        return file.read(at, length).decode("ascii"), at + length
    except UnicodeDecodeError as err:  # only the field names of structured arrays may be more
        raise _invalid(file, f"its {brief(name)} has a header that is not plain") from err


def _fields(file: WeightFile, name: str, text: str) -> dict[str, str]:
    if _STRUCTURED.search(text):
        raise _unsupported(file, f"its {brief(name)} is a structured array", "save each field as an array of its own")
    found = dict(_pairs(text)) if text.startswith("{") else {}
    if set(found) != {"descr", "fortran_order", "shape"}:
        raise _invalid(file, f"its {brief(name)} has a header that is not one array's")
    return found


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """The keys and values of a header; nothing at all where anything else is in it, or a key is doubled."""
    at, found = 1, list[tuple[str, str]]()
    while (match := _FIELD.match(text, at)) is not None:
        kinds = {"descr": "text", "fortran_order": "truth", "shape": "sizes"}
        value = match[kinds[match["key"]]]
        if value is None:
            return
        found.append((match["key"], value))
        at = match.end()
        if not match["more"]:
            break
    if len({key for key, _ in found}) == len(found) and _END.fullmatch(text, at):
        yield from found


def _dtype(file: WeightFile, name: str, descr: str) -> tuple[str, bool]:
    order, kind = descr[:1], descr[1:]
    if kind.startswith("O"):
        raise ArtifactError("pickle-unsafe", f"its {brief(name)} is an array of objects, which is a pickle",
                            location=file.location, hint="save arrays of numbers")
    if order not in ("<", ">", "|") or kind not in _DTYPES:
        raise _unsupported(file, f"its {brief(name)} has the dtype {brief(descr)}, which the tensor tree does not know",
                           "save it as another dtype, or as safetensors")
    dtype = _DTYPES[kind]
    if (order == "|") != (ITEM_BYTES[dtype] == 1):
        raise _invalid(file, f"its {brief(name)} has a dtype without a byte order")
    return dtype, order == ">"


def _shape(file: WeightFile, name: str, text: str) -> tuple[int, ...]:
    sizes = text.strip()
    # A tuple of one needs its comma; `(3)` is a number, and `(,)` is nothing.
    if not _SIZES.fullmatch(sizes) or (sizes and "," not in sizes):
        raise _invalid(file, f"its {brief(name)} has a shape that is not a tuple of sizes")
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    if not are_sizes(shape):
        raise _invalid(file, f"its {brief(name)} has a shape with too many or too large dimensions")
    return shape
