"""The canonical encoding of values, in plain Python: what every other path of this package must agree with.

`attestations/dataset-tree.md` is the definition. In short, with integers little-endian:

    null                   0x00
    anything else          0x01 and then
      bool                 0x00 or 0x01
      int, uint, float     its own width; every NaN is the one quiet NaN, -0.0 is not 0.0
      decimal              the unscaled integer, 32 bytes, two's complement
      date, time, timestamp, duration    the count of units, signed, 8 bytes
      utf8, binary         u64 length || bytes
      list                 u64 count || items
      map                  u64 count || key || value || key || ...
      struct               the fields in the schema's order
    record                 the columns in the schema's order

No encoding is the beginning of another one of its type, so different records never share one: `decode` shows it.

Values are plain: None, bool, int, float, str, bytes; the unscaled integer of a decimal; the count of a date, time,
timestamp or duration; a list; a list of pairs for a map; a tuple for a struct.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from provenance.artifacts.dataset.schema import COUNTED, FLOATS, INTEGERS, SIGNED, UNSIGNED, Schema, Type

RECORD_DOMAIN = b"\x10"
DECIMAL_BYTES = 32
_FORMATS = {"int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I",
            "uint64": "Q", "float16": "e", "float32": "f", "float64": "d"}
# The quiet NaN without sign and payload: payloads do not survive text, and differ between processors.
NANS = {"float16": 0x7E00, "float32": 0x7FC00000, "float64": 0x7FF8000000000000}
_NULL, _VALUE = b"\x00", b"\x01"
_U64 = struct.Struct("<Q")
_COUNT = partial(struct.Struct("<BQ").pack, 1)  # the tag of a value that is there, and a length or count


def leaf_hash(record: bytes) -> bytes:
    """H(0x10 || record)."""
    return hashlib.sha256(RECORD_DOMAIN + record).digest()


def encode_column(kind: Type, values: Sequence[Any]) -> list[bytes]:
    """The encodings of plain values of one type."""
    present = _encoder(kind, values)
    if None not in values:
        return list(map(present, values))
    return [_NULL if value is None else present(value) for value in values]


def encode_record(schema: Schema, record: Sequence[Any]) -> bytes:
    """The encoding of one record, given as its plain values in the schema's order."""
    return b"".join(encode_column(kind, [value])[0] for kind, value in zip(schema.types, record, strict=True))


def _encoder(kind: Type, values: Sequence[Any]) -> Callable[[Any], bytes]:
    """The function that encodes a value that is there, tag and all; `values` are what it will be asked for."""
    name = kind.kind
    if name in INTEGERS or name in COUNTED:
        return partial(struct.Struct("<B" + _FORMATS.get(name, "q")).pack, 1)
    if name in FLOATS:
        pack = partial(struct.Struct("<B" + _FORMATS[name]).pack, 1)
        nan = _VALUE + NANS[name].to_bytes(FLOATS[name], "little")
        if all(value == value for value in values):  # true of everything but NaN; -0.0 stays what it is
            return pack
        return lambda value: nan if value != value else pack(value)
    return _OTHERS[name](kind)


def _list_encoder(kind: Type) -> Callable[[Any], bytes]:
    (item,) = kind.children
    return lambda values: _COUNT(len(values)) + b"".join(encode_column(item, values))


def _map_encoder(kind: Type) -> Callable[[Any], bytes]:
    key, value = kind.children

    def encode(pairs: Any) -> bytes:
        keys = encode_column(key, [pair[0] for pair in pairs])
        values = encode_column(value, [pair[1] for pair in pairs])
        return _COUNT(len(pairs)) + b"".join(part for pair in zip(keys, values, strict=True) for part in pair)

    return encode


def _struct_encoder(kind: Type) -> Callable[[Any], bytes]:
    children = kind.children
    return lambda fields: _VALUE + b"".join(encode_column(child, [value])[0]
                                            for child, value in zip(children, fields, strict=True))


def _text(value: str) -> bytes:
    data = value.encode("utf-8")
    return _COUNT(len(data)) + data


_OTHERS: dict[str, Callable[[Type], Callable[[Any], bytes]]] = {
    "null": lambda _: lambda _: _NULL,
    "bool": lambda _: lambda value: b"\x01\x01" if value else b"\x01\x00",
    "utf8": lambda _: _text,
    "binary": lambda _: lambda value: _COUNT(len(value)) + value,
    "decimal": lambda _: lambda value: _VALUE + value.to_bytes(DECIMAL_BYTES, "little", signed=True),
    "list": _list_encoder,
    "map": _map_encoder,
    "struct": _struct_encoder,
}


def decode_record(schema: Schema, data: bytes) -> tuple[Any, ...]:
    """The plain values of an encoded record; ValueError for bytes that encode none."""
    reader = _Reader(data)
    values = tuple(reader.value(kind) for kind in schema.types)
    if reader.at != len(data):
        raise ValueError("bytes follow the record")
    return values


class _Reader:
    """Takes values off the front of an encoding."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def value(self, kind: Type) -> Any:
        tag = self._take(1)
        if tag == _NULL:
            return None
        if tag != _VALUE:
            raise ValueError("a value begins with neither 0x00 nor 0x01")
        return self._present(kind)

    def _present(self, kind: Type) -> Any:
        name = kind.kind
        if name in SIGNED or name in UNSIGNED or name in FLOATS:
            code = _FORMATS[name]
            return struct.unpack("<" + code, self._take(struct.calcsize("<" + code)))[0]
        if name in COUNTED:
            return int.from_bytes(self._take(8), "little", signed=True)
        if name == "decimal":
            return int.from_bytes(self._take(DECIMAL_BYTES), "little", signed=True)
        if name == "bool":
            return self._take(1) == _VALUE
        if name == "struct":
            return tuple(self.value(child) for child in kind.children)
        return self._counted(kind)

    def _counted(self, kind: Type) -> Any:
        name, count = kind.kind, _U64.unpack(self._take(8))[0]
        if name == "utf8":
            return self._take(count).decode("utf-8")
        if name == "binary":
            return self._take(count)
        if name == "list":
            return [self.value(kind.children[0]) for _ in range(count)]
        if name == "map":
            return [(self.value(kind.children[0]), self.value(kind.children[1])) for _ in range(count)]
        raise ValueError("a null column holds a value")

    def _take(self, count: int) -> bytes:
        part = self._data[self.at : self.at + count]
        if len(part) != count:
            raise ValueError("the encoding ends early")
        self.at += count
        return part
