"""The canonical encoding of whole Arrow columns at once: the same bytes as `encoding`, at the speed of numpy.

A column becomes `Cells`: the encodings of its values one behind the other, and where each begins. Fixed widths are
laid out as a matrix; texts are joined to their lengths by Arrow; a list's encoding is cut out of its items' one,
which lies in order already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.dataset.arrow import arrow, arrow_type, is_media, is_view, stored
from provenance.artifacts.dataset.encoding import DECIMAL_BYTES, NANS
from provenance.artifacts.dataset.schema import COUNTED, FLOATS, INTEGERS, Type
from provenance.errors import ArtifactError


@dataclass(frozen=True)
class Cells:
    """Encodings one behind the other: `offsets` are n + 1 positions (int64) in `data` (uint8)."""

    offsets: Any
    data: Any

    def __len__(self) -> int:
        return len(self.offsets) - 1


def encode_array(array: Any, kind: Type) -> Cells:
    """The cells of an Arrow array that may be read as this type; ArtifactError `dataset-value-invalid`.

    The array must have been validated: offsets that point elsewhere would be read.
    """
    pa = arrow().pa
    try:
        return _encode(_values(array), kind)
    except pa.ArrowInvalid as err:
        raise ArtifactError("dataset-value-invalid", f"a value cannot be read as {kind}: {err}",
                            hint="give a schema whose types hold every value exactly") from err
    except pa.ArrowNotImplementedError as err:
        raise ArtifactError("dataset-type-unsupported", f"this pyarrow cannot read {array.type} as {kind}",
                            hint="install a newer pyarrow") from err


def join(columns: Sequence[Cells], prefix: bytes = b"") -> Cells:
    """The cells of the columns side by side, row by row, with the same bytes before each row."""
    lib = arrow()
    kind = lib.pa.large_binary()
    arrays = [_to_arrow(cells) for cells in columns]
    return _from_arrow(lib.pc.binary_join_element_wise(lib.pa.scalar(prefix, kind), *arrays, lib.pa.scalar(b"", kind)))


def _encode(array: Any, kind: Type) -> Cells:
    if arrow().pa.types.is_null(array.type):
        return _null(array, kind)
    if kind.kind in FLOATS:
        return _fixed(array, _floats(array, kind))
    if kind.kind in INTEGERS or kind.kind in COUNTED:
        return _fixed(array, _integers(array, kind))
    return _ENCODERS[kind.kind](array, kind)


def _values(array: Any) -> Any:
    """The array of the values beneath extension, dictionary and run-end encoded ones."""
    lib = arrow()
    while array.type != stored(array.type):
        if isinstance(array.type, lib.pa.BaseExtensionType):
            array = array.storage
        elif lib.pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        else:
            array = lib.pc.run_end_decode(array)
    return array


def _valid(array: Any) -> Any:
    """Which values are there, as numpy booleans."""
    return array.is_valid().to_numpy(zero_copy_only=False)


def _floats(array: Any, kind: Type) -> Any:
    """The bytes of the numbers, a row a value; whatever lies where a value is null."""
    np, width = arrow().np, FLOATS[kind.kind]
    with np.errstate(invalid="ignore"):  # widening a signalling NaN; it becomes the one NaN
        values = _raw(array).view(f"<f{array.type.bit_width // 8}").astype(f"<f{width}", copy=False)
    bits = np.where(np.isnan(values), np.array(NANS[kind.kind], f"<u{width}"), values.view(f"<u{width}"))
    return bits.view(np.uint8).reshape(len(array), width)


def _integers(array: Any, kind: Type) -> Any:
    """The bytes of the numbers, a row a value; whatever lies where a value is null."""
    np, wanted = arrow().np, arrow_type(kind)
    raw = _raw(array if array.type == wanted else array.cast(wanted))
    width = INTEGERS.get(kind.kind, 8)
    if wanted.bit_width < width * 8:  # date32 and time32
        raw = raw.view("<i4").astype("<i8")
    return raw.view(np.uint8).reshape(len(array), width)


def _raw(array: Any) -> Any:
    """The bytes of an array of one width, as they lie in its buffer."""
    np, size = arrow().np, array.type.bit_width // 8
    return np.frombuffer(_buffer(array, 1), np.uint8, len(array) * size, array.offset * size)


def _buffer(array: Any, at: int) -> Any:
    buffer = array.buffers()[at]
    return b"" if buffer is None else buffer


def _fixed(array: Any, values: Any) -> Cells:
    """Cells of values of one width; of a null there is only its tag."""
    np = arrow().np
    count, width = values.shape
    matrix = np.empty((count, 1 + width), np.uint8)
    matrix[:, 0] = 1
    matrix[:, 1:] = values
    if not array.null_count:
        return Cells(np.arange(count + 1, dtype=np.int64) * (1 + width), matrix.reshape(-1))
    valid = _valid(array)
    matrix[:, 0] = valid
    kept = np.repeat(valid[:, None], 1 + width, axis=1)
    kept[:, 0] = True
    return Cells(_offsets(1 + width * valid.astype(np.int64)), matrix[kept])


def _offsets(lengths: Any) -> Any:
    np = arrow().np
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _counts(array: Any, lengths: Any) -> Cells:
    """Tag and u64 length or count of each value."""
    return _fixed(array, lengths.astype("<u8").view("u1").reshape(len(array), 8))


def _null(array: Any, _: Type) -> Cells:
    np = arrow().np
    return Cells(np.arange(len(array) + 1, dtype=np.int64), np.zeros(len(array), np.uint8))


def _bool(array: Any, _: Type) -> Cells:
    lib = arrow()
    bits = lib.pc.fill_null(array, False).to_numpy(zero_copy_only=False)  # noqa: FBT003  a value, not a switch
    return _fixed(array, bits.astype("u1").reshape(-1, 1))


def _decimal(array: Any, kind: Type) -> Cells:
    array = array.cast(arrow_type(kind))
    return _fixed(array, _raw(array).reshape(len(array), DECIMAL_BYTES))


def _bytes(array: Any, _: Type) -> Cells:
    lib = arrow()
    if is_media(array.type):
        array = _media(array)
    kind = lib.pa.large_binary()
    if is_view(array.type) and array.null_count:
        array = _without_hidden(array)
    array = array if array.type == kind else array.cast(kind)
    lengths = lib.pc.fill_null(lib.pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    return join([_counts(array, lengths), _from_arrow(lib.pc.fill_null(array, b""))])


def _without_hidden(array: Any) -> Any:
    """The array with nothing beneath its nulls.

    Arrow validates no view beneath a null, and its cast follows them all: a damaged file would end the process.
    """
    lib, valid = arrow(), _valid(array)
    views = lib.np.frombuffer(_buffer(array, 1), lib.np.uint8, len(array) * 16, array.offset * 16)
    cleared = views.reshape(len(array), 16) * valid[:, None]
    buffers = [lib.pa.array(valid).buffers()[1], lib.pa.py_buffer(cleared), *array.buffers()[2:]]
    return lib.pa.Array.from_buffers(array.type, len(array), buffers)


def _media(array: Any) -> Any:
    """The encoded bytes of images or audio. A path beside them names where they came from, and is no content."""
    lib = arrow()
    fields = dict(zip((array.type.field(at).name for at in range(2)), array.flatten(), strict=True))
    data, path = _values(fields["bytes"]), _values(fields["path"])
    # Without this, all media that lie outside the file would be one and the same value.
    if lib.pc.any(lib.pc.and_(data.is_null(), path.is_valid())).as_py():
        raise ArtifactError("dataset-media-outside", "an image or sound is only named by its path, and lies elsewhere",
                            hint="embed the media, or give a schema with the column as a struct of bytes and path")
    return data


def _list(array: Any, kind: Type) -> Cells:
    lib = arrow()
    lengths = lib.pc.fill_null(lib.pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    items = _encode(_values(array.flatten()), kind.children[0])
    return _cut(array, lengths, items)


def _cut(array: Any, lengths: Any, items: Cells) -> Cells:
    """The cells of lists of these lengths, out of the cells of their items."""
    ends = _offsets(lengths)
    return join([_counts(array, lengths), Cells(items.offsets[ends], items.data)])


def _map(array: Any, kind: Type) -> Cells:
    np = arrow().np
    # Its entries are looked up, and not cast to a list of structs: pyarrow cuts views within them in the wrong place,
    # and ends the process where it notices.
    offsets = array.offsets.to_numpy()
    lengths = np.diff(offsets) * _valid(array)
    first, last = int(offsets[0]), int(offsets[-1])
    parts = [part.slice(first, last - first) for part in (array.keys, array.items)]
    if lengths.sum() != last - first:  # something lies beneath a null
        shown = np.repeat(_valid(array), np.diff(offsets))
        parts = [part.filter(arrow().pa.array(shown)) for part in parts]
    parts = [_encode(_values(part), child) for part, child in zip(parts, kind.children, strict=True)]
    return _cut(array, lengths, join(parts))


def _struct(array: Any, kind: Type) -> Cells:
    lib = arrow()
    fields = {array.type.field(at).name: field for at, field in enumerate(array.flatten())}
    cells = [_encode(_values(fields[name]), child) for name, child in zip(kind.names, kind.children, strict=True)]
    tags = _fixed(array, lib.np.empty((len(array), 0), lib.np.uint8))
    whole = join([tags, *cells])
    if not array.null_count:
        return whole
    nothing = lib.pa.scalar(b"\x00", lib.pa.large_binary())
    return _from_arrow(lib.pc.if_else(array.is_valid(), _to_arrow(whole), nothing))


_ENCODERS: dict[str, Callable[[Any, Type], Cells]] = {
    "null": _null, "bool": _bool, "decimal": _decimal, "utf8": _bytes, "binary": _bytes, "list": _list, "map": _map,
    "struct": _struct,
}


def _to_arrow(cells: Cells) -> Any:
    pa = arrow().pa
    buffers = [None, pa.py_buffer(cells.offsets), pa.py_buffer(cells.data)]
    return pa.Array.from_buffers(pa.large_binary(), len(cells), buffers)


def _from_arrow(array: Any) -> Cells:
    np = arrow().np
    if not len(array):  # an empty array may come without buffers
        return Cells(np.zeros(1, np.int64), np.zeros(0, np.uint8))
    offsets = np.frombuffer(_buffer(array, 1), np.int64, len(array) + 1, array.offset * 8)
    return Cells(offsets, np.frombuffer(_buffer(array, 2), np.uint8))
