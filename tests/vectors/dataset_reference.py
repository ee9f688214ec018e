"""The dataset tree once more, written from `attestations/dataset-tree.md` alone: slow, recursive, on Python values.

It shares no code with the project. A value is what pyarrow's `to_pylist()` gives; a date, time, timestamp or duration
may also be the bare integer that is encoded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

PER_SECOND = {"s": 1, "ms": 1000, "us": 1000_000, "ns": 1000_000_000}
NAN = {"float16": "007e", "float32": "0000c07f", "float64": "000000000000f87f"}
FLOAT = {"float16": "<e", "float32": "<f", "float64": "<d"}


def u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def cell(kind: dict[str, Any], value: Any) -> bytes:
    """The encoding of one value."""
    return b"\x00" if value is None else b"\x01" + present(kind, value)


def present(kind: dict[str, Any], value: Any) -> bytes:
    name = kind["type"]
    if name == "bool":
        return bytes([value])
    if "int" in name:
        bits = int(name.removeprefix("u").removeprefix("int"))
        return int(value).to_bytes(bits // 8, "little", signed=name[0] != "u")
    if name in FLOAT:
        return bytes.fromhex(NAN[name]) if value != value else struct.pack(FLOAT[name], value)
    if name == "utf8":
        value = value.encode()
    if name in ("utf8", "binary"):
        return u64(len(value)) + value
    if name == "list":
        return u64(len(value)) + b"".join(cell(kind["item"], item) for item in value)
    if name == "map":
        return u64(len(value)) + b"".join(cell(kind["key"], key) + cell(kind["value"], item) for key, item in value)
    if name == "struct":
        values = value if isinstance(value, tuple) else tuple(value[field["name"]] for field in kind["fields"])
        return b"".join(cell(field, item) for field, item in zip(kind["fields"], values, strict=True))
    return number(kind, value).to_bytes(32 if name == "decimal" else 8, "little", signed=True)


def number(kind: dict[str, Any], value: Any) -> int:
    """The integer that stands for a decimal, date, time, timestamp or duration."""
    if isinstance(value, Decimal):
        return int(value.scaleb(kind["scale"], Context(prec=200)))
    if isinstance(value, int):
        return value
    per_second = PER_SECOND.get(kind.get("unit", ""), 0)
    if hasattr(value, "value"):  # pandas counts nanoseconds
        return value.value // (PER_SECOND["ns"] // per_second)
    if isinstance(value, datetime):
        value -= datetime(1970, 1, 1, tzinfo=UTC if value.tzinfo else None)
    elif isinstance(value, date):
        return (value - date(1970, 1, 1)).days
    elif isinstance(value, time):
        value = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return value // timedelta(microseconds=1) * per_second // 1000_000


def of_json(kind: dict[str, Any], value: Any) -> Any:
    """The value that a JSON value stands for."""
    name = kind["type"]
    if value is None:
        return None
    if name in FLOAT:
        return struct.unpack(FLOAT[name], struct.pack(FLOAT[name], float(value)))[0]
    if name == "list":
        return [of_json(kind["item"], item) for item in value]
    if name == "map":
        return [(of_json(kind["key"], key), of_json(kind["value"], item)) for key, item in value]
    if name == "struct":
        return {field["name"]: of_json(field, value[field["name"]]) for field in kind["fields"]}
    readers = {"binary": base64.b64decode, "decimal": Decimal, "date": date.fromisoformat, "time": time.fromisoformat,
               "timestamp": datetime.fromisoformat}
    return readers[name](value) if name in readers and isinstance(value, str) else value


def mth(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return h()
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return h(b"\x01", mth(leaves[:left]), mth(leaves[left:]))


def audit_path(at: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The audit path of RFC 6962, section 2.1.1, as it is written there."""
    if len(leaves) < 2:
        return []
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    if at < left:
        return [*audit_path(at, leaves[:left]), mth(leaves[left:])]
    return [*audit_path(at - left, leaves[left:]), mth(leaves[:left])]


def spelt(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf(schema: dict[str, Any], row: Sequence[Any]) -> bytes:
    return h(b"\x10", *(cell(column, value) for column, value in zip(schema["columns"], row, strict=True)))


def split(schema: dict[str, Any], rows: Sequence[Sequence[Any]]) -> bytes:
    return h(b"\x11", u64(len(rows)), h(b"\x12", spelt(schema)), mth([leaf(schema, row) for row in rows]))


def root(schema: dict[str, Any], splits: dict[str, Sequence[Sequence[Any]]]) -> str:
    """The root of a dataset: its splits by name, each a list of rows."""
    names = sorted(splits, key=str.encode)
    leaves = [h(b"\x13", u64(len(name.encode())), name.encode(), split(schema, splits[name])) for name in names]
    return h(b"\x14", u64(len(names)), mth(leaves)).hex()


def column(schema: dict[str, Any], at: int, rows: Sequence[Sequence[Any]]) -> str:
    kind = {key: value for key, value in schema["columns"][at].items() if key != "name"}
    return h(b"\x15", u64(len(spelt(kind))), spelt(kind), *(cell(kind, row[at]) for row in rows)).hex()
