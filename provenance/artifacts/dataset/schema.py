"""The schema of a dataset: its columns in order, and one spelling and digest for it.

`attestations/dataset-tree.md` is the definition. A schema speaks of values, not of how a container stores them:
large, view, dictionary and run-end encoded types are the type of their values, a fixed width of a list or of bytes is
a constraint, and so is "not null". The spelling is JSON as RFC 8785 writes it; digest = H(0x12 || spelling).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from provenance.errors import ArtifactError

SCHEMA_DOMAIN = b"\x12"
MAX_DEPTH = 32  # of nested types; encoder, decoder and JSON recurse over the type, never over the data
MAX_PRECISION = 76  # Arrow's widest decimal
SIGNED = {"int8": 1, "int16": 2, "int32": 4, "int64": 8}  # kind -> bytes
UNSIGNED = {"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8}
INTEGERS = SIGNED | UNSIGNED
FLOATS = {"float16": 2, "float32": 4, "float64": 8}
COUNTED = ("date", "time", "timestamp", "duration")  # a signed 64-bit number of units
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # how many make a second
_PLAIN = frozenset({"null", "bool", "utf8", "binary", "date", *INTEGERS, *FLOATS})


@dataclass(frozen=True)
class Type:
    """The type of a value. `children` are the item of a list, the key and value of a map, a struct's fields."""

    kind: str
    unit: str = ""
    timezone: str = ""
    precision: int = 0
    scale: int = 0
    names: tuple[str, ...] = ()
    children: tuple[Type, ...] = ()

    def __post_init__(self) -> None:
        _refuse_names(self.names, "a struct")

    def to_dict(self) -> dict[str, Any]:
        """The type as the schema spells it."""
        spelt: dict[str, Any] = {"type": self.kind}
        if self.kind == "decimal":
            spelt |= {"precision": self.precision, "scale": self.scale}
        elif self.kind in ("time", "timestamp", "duration"):
            spelt |= {"unit": self.unit} | ({"timezone": self.timezone} if self.timezone else {})
        elif self.kind == "list":
            spelt["item"] = self.children[0].to_dict()
        elif self.kind == "map":
            spelt |= {"key": self.children[0].to_dict(), "value": self.children[1].to_dict()}
        elif self.kind == "struct":
            spelt["fields"] = [{"name": name} | child.to_dict()
                               for name, child in zip(self.names, self.children, strict=True)]
        return spelt

    @property
    def spelling(self) -> bytes:
        """The one spelling of the type."""
        return _spell(self.to_dict())

    def __str__(self) -> str:
        inside = [f"{self.precision},{self.scale}"] if self.precision else []
        inside += [part for part in (self.unit, self.timezone) if part]
        names = self.names or ("",) * len(self.children)
        inside += [f"{name}: {child}" if name else str(child) for name, child in zip(names, self.children, strict=True)]
        return f"{self.kind}<{', '.join(inside)}>" if inside else self.kind


@dataclass(frozen=True)
class Schema:
    """The columns of a dataset, in order: names, each once, and types."""

    names: tuple[str, ...]
    types: tuple[Type, ...]

    def __post_init__(self) -> None:
        _refuse_names(self.names, "the schema")
        if not self.names:
            raise _invalid("it has no column")

    @cached_property
    def spelling(self) -> bytes:
        """The one spelling of the schema, as RFC 8785 writes its JSON."""
        return _spell(self.to_dict())

    @cached_property
    def digest(self) -> bytes:
        """H(0x12 || spelling)."""
        return hashlib.sha256(SCHEMA_DOMAIN + self.spelling).digest()

    def __iter__(self) -> Iterator[tuple[str, Type]]:
        return iter(zip(self.names, self.types, strict=True))

    def select(self, columns: Collection[str]) -> Schema:
        """The schema of only these columns, in the order of this one."""
        if unknown := sorted(set(columns) - set(self.names)):
            raise ArtifactError("dataset-schema-mismatch", f"there is no column {unknown[0]}",
                                hint=f"the columns are {', '.join(self.names)}")
        kept = [(name, kind) for name, kind in self if name in columns]
        return Schema(tuple(name for name, _ in kept), tuple(kind for _, kind in kept))

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON: `{"columns": [{"name": ..., "type": ...}, ...]}`."""
        return {"columns": [{"name": name} | kind.to_dict() for name, kind in self]}

    @classmethod
    def from_dict(cls, document: Any, location: str = "") -> Schema:
        """Parse; ArtifactError `dataset-schema-invalid`. Only the spelling of `to_dict` is read."""
        try:
            if not isinstance(document, Mapping) or set(document) != {"columns"}:
                raise _invalid("it is not an object with `columns` alone")
            names, types = _named(document["columns"], 1)
            return cls(names, types)
        except ArtifactError as err:
            raise ArtifactError(err.code, err.message, location=location, hint=err.hint) from err


def parse_schema(data: bytes, location: str) -> Schema:
    """A schema from a strict JSON document: the schema itself, or an answer of ours that holds it as `schema`."""
    import jiter

    try:
        document = jiter.from_json(data, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as err:
        raise ArtifactError("dataset-schema-invalid", f"not strict JSON: {err}", location=location,
                            hint="write the schema again") from err
    if isinstance(document, dict) and isinstance(document.get("schema"), dict):
        document = document["schema"]
    return Schema.from_dict(document, location)


def _named(fields: Any, depth: int) -> tuple[tuple[str, ...], tuple[Type, ...]]:
    if not isinstance(fields, list):
        raise _invalid("its columns and fields are not lists")
    found = []
    for field in fields:
        if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
            raise _invalid("a column or field has no name")
        rest = {key: value for key, value in field.items() if key != "name"}
        found.append((field["name"], _type(rest, depth)))
    return tuple(name for name, _ in found), tuple(kind for _, kind in found)


def _type(spelt: Any, depth: int) -> Type:
    if depth > MAX_DEPTH:
        raise _invalid(f"types are nested deeper than {MAX_DEPTH}")
    kind = spelt.get("type") if isinstance(spelt, Mapping) else None
    if not isinstance(kind, str) or (kind not in _PLAIN and kind not in _PARSERS):
        raise _invalid(f"there is no type {kind}")
    rest = {key: value for key, value in spelt.items() if key != "type"}
    try:
        return _PARSERS[kind](rest, depth) if kind in _PARSERS else _plain(kind, rest)
    except KeyError as err:
        raise _invalid(f"type {kind} lacks {err.args[0]}") from err


def _plain(kind: str, rest: dict[str, Any]) -> Type:
    _done(rest)
    return Type(kind)


def _decimal(rest: dict[str, Any], _: int) -> Type:
    precision, scale = rest.pop("precision"), rest.pop("scale")
    _done(rest)
    return decimal_type(precision, scale)


def decimal_type(precision: Any, scale: Any) -> Type:
    """The type of decimals of this precision and scale, both within Arrow's widest."""
    if type(precision) is not int or type(scale) is not int or not 1 <= precision <= MAX_PRECISION \
            or abs(scale) > MAX_PRECISION:
        raise _invalid(f"a decimal has a precision of 1 to {MAX_PRECISION} and a scale of at most that")
    return Type("decimal", precision=precision, scale=scale)


def _with_unit(kind: str, rest: dict[str, Any]) -> Type:
    unit = rest.pop("unit")
    zone = rest.pop("timezone", None) if kind == "timestamp" else None
    _done(rest)
    if unit not in UNITS or (zone is not None and (not isinstance(zone, str) or not zone)):
        raise _invalid(f"type {kind} has an unknown unit or an empty time zone")
    return Type(kind, unit=unit, timezone=zone or "")


def _list(rest: dict[str, Any], depth: int) -> Type:
    item = _type(rest.pop("item"), depth + 1)
    _done(rest)
    return Type("list", children=(item,))


def _map(rest: dict[str, Any], depth: int) -> Type:
    key, value = _type(rest.pop("key"), depth + 1), _type(rest.pop("value"), depth + 1)
    _done(rest)
    return Type("map", children=(key, value))


def _struct(rest: dict[str, Any], depth: int) -> Type:
    names, children = _named(rest.pop("fields"), depth + 1)
    _done(rest)
    return Type("struct", names=names, children=children)


_PARSERS: dict[str, Callable[[dict[str, Any], int], Type]] = {
    "decimal": _decimal, "list": _list, "map": _map, "struct": _struct,
    "time": lambda rest, _: _with_unit("time", rest),
    "timestamp": lambda rest, _: _with_unit("timestamp", rest),
    "duration": lambda rest, _: _with_unit("duration", rest),
}


def _done(rest: Collection[str]) -> None:
    if rest:
        raise _invalid(f"a type has an unknown member {min(rest)}")


def _refuse_names(names: tuple[str, ...], what: str) -> None:
    # A record is looked at by name: of two columns with one name, two programs would read two different ones.
    seen = set[str]()
    for name in names:
        if name in seen:
            raise _invalid(f"{what} has two members named {name}")
        seen.add(name)
    for name in names:
        try:
            name.encode("utf-8")
        except UnicodeEncodeError as err:
            raise _invalid(f"{what} has a name that is not valid Unicode") from err


def _spell(value: Any) -> bytes:
    # Keys are ASCII and numbers small integers: for such documents this is RFC 8785, byte for byte.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _invalid(why: str) -> ArtifactError:
    return ArtifactError("dataset-schema-invalid", f"not a schema of a dataset: {why}",
                         hint="see schemas/dataset-columns.schema.json")
