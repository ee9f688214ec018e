"""Enough DER to write an RFC 3161 response and to read a request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

INTEGER, OCTETS, OID, UTC_TIME, GENERALIZED_TIME = 0x02, 0x04, 0x06, 0x17, 0x18
BOOLEAN, SEQUENCE, SET, CONTEXT_0 = 0x01, 0x30, 0x31, 0xA0


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    return tlv(SEQUENCE, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """DER wants the members of a SET OF in the order of their encodings."""
    return tlv(SET, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def octets(value: bytes) -> bytes:
    return tlv(OCTETS, value)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return tlv(OID, b"".join(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def generalized_time(moment: datetime) -> bytes:
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def utc_time(moment: datetime) -> bytes:
    return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())


def read(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, content) pairs of a run of values; ValueError for what is cut short."""
    while data:
        if len(data) < 2:
            raise ValueError("a value is cut short")
        size, start = data[1], 2
        if size & 0x80:
            start = 2 + (size & 0x7F)
            size = int.from_bytes(data[2:start])
        if len(data) < start + size:
            raise ValueError("a value is cut short")
        yield data[0], data[start:start + size]
        data = data[start + size:]
