"""Values as JSON and as the text of CSV: one spelling to write, and a strict way to read.

    bool                 true, false
    int, uint            a JSON integer
    float                a JSON number, "NaN", "Infinity", "-Infinity"
    decimal              "12.50", or a JSON integer
    date, time           "2026-11-23", "20:15:00.250"
    timestamp            "2026-11-23T20:15:00Z" with a time zone, without one no Z; always in UTC when written
    duration             a JSON integer, of units
    utf8, binary         a string; a string in strict base64
    list, map, struct    an array; an array of [key, value]; an object

A date, time or timestamp may also be the integer that counts its units; what no calendar can show is written so.
A number is read as the nearest binary64, then as the nearest of the column's width; beyond its range is an error.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from provenance.artifacts.dataset.schema import COUNTED, FLOATS, INTEGERS, SIGNED, UNITS, Type

_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_NAMED_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_CLOCK = r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"
_TIME = re.compile(_CLOCK, re.ASCII)
_TIMESTAMP = re.compile(rf"(\d{{4}}-\d\d-\d\d)[T ]({_CLOCK})(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


class WrongTypeError(ValueError):
    """A value that is not of its column's type; the message says why."""


def from_json(kind: Type, values: Sequence[Any]) -> list[Any]:
    """The plain values (`encoding`) of JSON values of one type; WrongTypeError."""
    name = kind.kind
    present = [value for value in values if value is not None]
    if name in FLOATS:
        present = _floats(name, present)
    elif name in _WHOLE:
        _refuse_unless(_WHOLE[name] >= set(map(type, present)), kind, present)
        if name in INTEGERS:
            _refuse_unless(_in_range(name, present), kind, present)
    else:
        present = _NESTED[name](kind, present) if name in _NESTED else [_scalar(kind, value) for value in present]
    if len(present) == len(values):
        return present
    rest = iter(present)
    return [None if value is None else next(rest) for value in values]


# The kinds whose JSON is one Python type; compared exactly, because True is an int to isinstance.
_WHOLE: dict[str, set[type]] = {"null": set(), "bool": {bool}, "utf8": {str}, **{kind: {int} for kind in INTEGERS}}


def _refuse_unless(fine: bool, kind: Type, values: Sequence[Any]) -> None:
    if not fine:
        shown = _shown(values[0]) if len(values) == 1 else "a value"
        raise WrongTypeError(f"{shown} is not of type {kind}")


def _shown(value: Any) -> str:
    try:
        return shortened(json.dumps(value, ensure_ascii=False, default=str))
    except ValueError:  # Python refuses to print thousands of digits
        return "a very long number"


def shortened(text: str) -> str:
    """The beginning of a value, for a message."""
    return text if len(text) <= 60 else f"{text[:60]}..."


def _in_range(name: str, values: Sequence[int]) -> bool:
    bits = INTEGERS[name] * 8
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if name in SIGNED else (0, (1 << bits) - 1)
    return not values or (low <= min(values) and max(values) <= high)


def _floats(name: str, values: Sequence[Any]) -> list[float]:
    if set(map(type, values)) == {float} and all(map(math.isfinite, values)):
        return nearest(name, values)
    read = []
    for value in values:
        if type(value) is str and value in _NAMED_FLOATS:
            read.append(_NAMED_FLOATS[value])
        elif type(value) is float:
            if math.isinf(value):  # what jiter gives for 1e999
                raise WrongTypeError(f"a number is beyond the range of {name}")
            read.append(value)
        elif type(value) is int:
            read.append(_float(value))
        else:
            raise WrongTypeError(f"{_shown(value)} is not of type {name}")
    return nearest(name, read)


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError as err:
        raise WrongTypeError("an integer is beyond the range of floats") from err


def nearest(name: str, values: Sequence[float]) -> list[float]:
    """The values rounded to the width of the type; WrongTypeError beyond its range."""
    if name == "float64":
        return list(values)
    code = f"<{len(values)}{'e' if name == 'float16' else 'f'}"
    try:
        return list(struct.unpack(code, struct.pack(code, *values)))
    except OverflowError as err:
        raise WrongTypeError(f"a number is beyond the range of {name}") from err


def _list(kind: Type, values: list[Any]) -> list[Any]:
    _refuse_unless({list} >= set(map(type, values)), kind, values)
    items = iter(from_json(kind.children[0], [item for value in values for item in value]))
    return [[next(items) for _ in value] for value in values]


def _map(kind: Type, values: list[Any]) -> list[Any]:
    fine = all(type(value) is list and all(type(pair) is list and len(pair) == 2 for pair in value) for value in values)
    _refuse_unless(fine, kind, values)
    keys, items = (iter(from_json(child, [pair[side] for value in values for pair in value]))
                   for side, child in enumerate(kind.children))
    return [[(next(keys), next(items)) for _ in value] for value in values]


def _struct(kind: Type, values: list[Any]) -> list[Any]:
    _refuse_unless({dict} >= set(map(type, values)), kind, values)
    columns = fields(kind.names, kind.children, values)
    return list(zip(*columns, strict=True)) if columns else [() for _ in values]


_NESTED: dict[str, Callable[[Type, list[Any]], list[Any]]] = {"list": _list, "map": _map, "struct": _struct}


def fields(names: Sequence[str], kinds: Sequence[Type], rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """The plain values of objects, column by column; an absent member is null, an unknown one WrongTypeError."""
    known = frozenset(names)
    for row in rows:
        if not row.keys() <= known:
            raise WrongTypeError(f"there is no column or field {_shown(min(row.keys() - known))}")
    columns = []
    for name, kind in zip(names, kinds, strict=True):
        try:
            columns.append(from_json(kind, [row.get(name) for row in rows]))
        except WrongTypeError as err:
            raise WrongTypeError(f"{name}: {err}") from err
    return columns


def _scalar(kind: Type, value: Any) -> Any:
    """One value of a kind that has several spellings."""
    name, read = kind.kind, None
    if type(value) is int and (name in COUNTED or name == "decimal"):
        read = value * 10**kind.scale if kind.scale >= 0 else _exact(value, 10**-kind.scale)
    elif type(value) is str and name in _TEXTS:
        read = _TEXTS[name](kind, value)
    if read is None or (name in COUNTED and not -(1 << 63) <= read < 1 << 63) \
            or (name == "decimal" and abs(read) >= 10**kind.precision):
        raise WrongTypeError(f"{_shown(value)} is not of type {kind}")
    return read


def _exact(value: int, unit: int) -> int | None:
    return None if value % unit else value // unit


def _binary(_: Type, text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    # Bits that padding leaves over would give one value two spellings.
    return data if base64.b64encode(data).decode("ascii") == text else None


def _decimal(kind: Type, text: str) -> int | None:
    found = _DECIMAL.fullmatch(text)
    # Without a limit, a million digits would cost time that grows with their square.
    if found is None or len(text) > 200:
        return None
    fraction = found[3] or ""
    value = int(found[2] + fraction) * (-1 if found[1] else 1)
    power = kind.scale - len(fraction)
    return value * 10**power if power >= 0 else _exact(value, 10**-power)


def _date(_: Type, text: str) -> int | None:
    found = _DATE.fullmatch(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH if found else None
    except ValueError:
        return None


def _time(kind: Type, text: str) -> int | None:
    found = _TIME.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3]) > 59:
        return None
    units = UNITS[kind.unit]
    seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    fraction = _exact(int((found[4] or "0").ljust(9, "0")) * units, 10**9)
    return None if fraction is None else seconds * units + fraction


def _timestamp(kind: Type, text: str) -> int | None:
    found = _TIMESTAMP.fullmatch(text)
    # With a time zone a value is an instant and needs an offset; without one it is no instant and must have none.
    if found is None or bool(found[7]) != bool(kind.timezone):
        return None
    days, clock, offset = _date(kind, found[1]), _time(kind, found[2]), found[7] or "Z"
    if days is None or clock is None or (offset != "Z" and (int(offset[1:3]) > 23 or int(offset[4:]) > 59)):
        return None
    away = 0 if offset == "Z" else (int(offset[1:3]) * 3600 + int(offset[4:]) * 60) * (-1 if offset[0] == "-" else 1)
    return (days * _DAY - away) * UNITS[kind.unit] + clock


_TEXTS: dict[str, Callable[[Type, str], Any]] = {
    "binary": _binary, "decimal": _decimal, "date": _date, "time": _time, "timestamp": _timestamp,
}


def to_json(kind: Type, value: Any) -> Any:
    """One plain value as JSON; `from_json` gives it back exactly."""
    name = kind.kind
    if value is None or name in _WHOLE or name == "duration":
        return value
    if name in FLOATS:
        if math.isfinite(value):
            return value
        return next(text for text, named in _NAMED_FLOATS.items() if repr(named) == repr(value))
    if name == "list":
        return [to_json(kind.children[0], item) for item in value]
    if name == "map":
        return [[to_json(child, part) for child, part in zip(kind.children, pair, strict=True)] for pair in value]
    if name == "struct":
        return {field: to_json(child, part)
                for field, child, part in zip(kind.names, kind.children, value, strict=True)}
    return _WRITERS[name](kind, value)


def _write_decimal(kind: Type, value: int) -> str:
    if kind.scale <= 0:
        return str(value * 10**-kind.scale)
    whole, fraction = divmod(abs(value), 10**kind.scale)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{kind.scale}d}"


def _write_date(_: Type, value: int) -> Any:
    number = value + _EPOCH
    return date.fromordinal(number).isoformat() if 0 < number <= date.max.toordinal() else value


def _write_time(kind: Type, value: int) -> Any:
    units = UNITS[kind.unit]
    seconds, fraction = divmod(value, units)
    if not 0 <= seconds < _DAY:
        return value
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return text + (f".{fraction:0{len(str(units)) - 1}d}" if units > 1 else "")


def _write_timestamp(kind: Type, value: int) -> Any:
    days, rest = divmod(value, _DAY * UNITS[kind.unit])
    day = _write_date(kind, days)
    return f"{day}T{_write_time(kind, rest)}{'Z' if kind.timezone else ''}" if type(day) is str else value


_WRITERS: dict[str, Callable[[Type, Any], Any]] = {
    "binary": lambda _, value: base64.b64encode(value).decode("ascii"),
    "decimal": _write_decimal, "date": _write_date, "time": _write_time, "timestamp": _write_timestamp,
}
