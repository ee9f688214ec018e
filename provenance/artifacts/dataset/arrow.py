"""Arrow's types and ours, and the libraries of the `data` extra, behind one door.

pyarrow and numpy are not imported before `arrow()` is called: a proof is checked, and JSON Lines and CSV are read,
without them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from provenance.artifacts.dataset.schema import FLOATS, INTEGERS, MAX_DEPTH, Schema, Type, decimal_type
from provenance.errors import ArtifactError


@dataclass(frozen=True)
class Arrow:
    """pyarrow, its compute functions and numpy."""

    pa: Any
    pc: Any
    np: Any


@cache
def arrow() -> Arrow:
    """The libraries; ArtifactError `extra-missing` where the extra is not installed."""
    try:
        import numpy
        import pyarrow
        import pyarrow.compute
    except ImportError as err:
        raise ArtifactError("extra-missing", "files of this kind are read by libraries that are not installed",
                            location=err.name or "", hint="pip install 'open-provenance[data]'") from err
    if sys.byteorder != "little":  # Arrow's buffers are in the machine's order, and are hashed as they lie
        raise ArtifactError("platform-unsupported", "Parquet and Arrow files are read on little-endian machines only",
                            hint="convert the data to JSON Lines")
    return Arrow(pyarrow, pyarrow.compute, numpy)


def schema_of(found: Any, columns: Collection[str] | None = None) -> Schema:
    """The schema of an Arrow schema, or of some of its columns.

    ArtifactError `dataset-type-unsupported`, `dataset-schema-invalid`, or `-mismatch` where there is no such column.
    """
    fields = [field for field in found if columns is None or field.name in columns]
    if unknown := sorted(set(columns or ()) - set(found.names)):
        raise _mismatch(f"it lacks {unknown[0]}", "")
    return Schema(tuple(field.name for field in fields), tuple(type_of(field.type) for field in fields))


def type_of(found: Any, depth: int = 1) -> Type:
    """Our type of an Arrow type. A struct of `bytes` and `path`, as media columns are stored, is its bytes."""
    types = arrow().pa.types
    found = stored(found)
    if depth > MAX_DEPTH:
        raise _unsupported(f"nested deeper than {MAX_DEPTH}")
    if is_media(found):
        return Type("binary")
    if types.is_struct(found):
        children = [found.field(at) for at in range(found.num_fields)]
        return Type("struct", names=tuple(child.name for child in children),
                    children=tuple(type_of(child.type, depth + 1) for child in children))
    if types.is_map(found):
        return Type("map", children=(type_of(found.key_type, depth + 1), type_of(found.item_type, depth + 1)))
    if is_list(found):
        return Type("list", children=(type_of(found.value_type, depth + 1),))
    if types.is_decimal(found):
        return decimal_type(found.precision, found.scale)
    if types.is_timestamp(found):
        return Type("timestamp", unit=found.unit, timezone=found.tz or "")
    if types.is_time(found) or types.is_duration(found):
        return Type("duration" if types.is_duration(found) else "time", unit=found.unit)
    for test, kind in _plain_types():
        if test(found):
            return Type(kind)
    raise _unsupported(str(found))


def stored(found: Any) -> Any:
    """What lies beneath extension, dictionary and run-end encoded types: the type of the values."""
    pa = arrow().pa
    while True:
        if isinstance(found, pa.BaseExtensionType):
            found = found.storage_type
        elif pa.types.is_dictionary(found) or _is(pa, "run_end_encoded", found):
            found = found.value_type
        else:
            return found


def _is(pa: Any, kind: str, found: Any) -> bool:
    # Younger types than the oldest pyarrow that we take.
    return bool(getattr(pa.types, f"is_{kind}", lambda _: False)(found))


def is_list(found: Any) -> bool:
    """Whether it is a list in any of Arrow's layouts; a map is none."""
    pa = arrow().pa
    return any(_is(pa, kind, found) for kind in ("list", "large_list", "fixed_size_list", "list_view",
                                                 "large_list_view"))


def is_view(found: Any) -> bool:
    """Whether it is text or bytes in Arrow's view layout."""
    pa = arrow().pa
    return _is(pa, "string_view", found) or _is(pa, "binary_view", found)


def is_media(found: Any) -> bool:
    """Whether it is how `datasets` stores images and audio: a struct of exactly `bytes` and `path`."""
    types = arrow().pa.types
    if not types.is_struct(found) or found.num_fields != 2:
        return False
    fields = {found.field(at).name: stored(found.field(at).type) for at in range(2)}
    return set(fields) == {"bytes", "path"} and _is_kind("binary", fields["bytes"]) and _is_kind("utf8", fields["path"])


def _is_kind(kind: str, found: Any) -> bool:
    return any(test(found) for test, name in _plain_types() if name == kind)


@cache
def _plain_types() -> list[tuple[Callable[[Any], bool], str]]:
    pa = arrow().pa
    types = pa.types
    names = [(f"{size}{kind}", ours) for kind, ours in (("string", "utf8"), ("binary", "binary"))
             for size in ("", "large_", "fixed_size_")]
    names += [("string_view", "utf8"), ("binary_view", "binary"), *((kind, kind) for kind in (*INTEGERS, *FLOATS))]
    tests = [(partial(_is, pa, name), ours) for name, ours in names]
    return [*tests, (types.is_null, "null"), (types.is_boolean, "bool"), (types.is_date, "date")]


def arrow_type(kind: Type) -> Any:
    """The Arrow type whose values are laid out as the encoding wants them."""
    pa = arrow().pa
    if kind.kind == "decimal":
        return pa.decimal256(kind.precision, kind.scale)
    if kind.kind == "timestamp":
        return pa.timestamp(kind.unit, kind.timezone or None)
    if kind.kind == "time":
        return pa.time32(kind.unit) if kind.unit in ("s", "ms") else pa.time64(kind.unit)
    if kind.kind == "duration":
        return pa.duration(kind.unit)
    return pa.date32() if kind.kind == "date" else getattr(pa, kind.kind)()


def check_readable(found: Any, wanted: Schema, location: str, *, partial: bool = False) -> None:
    """Hold a file's Arrow schema against the one to read it under; ArtifactError `dataset-schema-mismatch`.

    Columns are matched by name, in any order; with `partial`, those that the schema does not name are left alone.
    Where the types differ, the wanted one must hold the same values: other widths of integers and other units of time
    are read where every value fits exactly, floats are widened.
    """
    columns = {field.name: field.type for field in found}
    if len(columns) != len(found.names):
        raise _mismatch("two columns have one name", location)
    _same_names([name for name in columns if not partial or name in wanted.names], wanted.names, "", location)
    for name, kind in wanted:
        _check_type(columns[name], kind, name, location)


def _same_names(found: list[str], wanted: tuple[str, ...], place: str, location: str) -> None:
    where = f" in {place}" if place else ""
    if missing := sorted(set(wanted) - set(found)):
        raise _mismatch(f"it lacks {missing[0]}{where}", location)
    if unknown := sorted(set(found) - set(wanted)):
        raise _mismatch(f"the schema has no {unknown[0]}{where}", location)


def _check_type(found: Any, wanted: Type, place: str, location: str) -> None:
    types, found = arrow().pa.types, stored(found)
    if wanted.kind == "struct" and types.is_struct(found):
        children = [found.field(at) for at in range(found.num_fields)]
        _same_names([child.name for child in children], wanted.names, place, location)
        kinds = {child.name: child.type for child in children}
        pairs = [(kinds[name], kind, f"{place}.{name}")
                 for name, kind in zip(wanted.names, wanted.children, strict=True)]
    elif wanted.kind == "map" and types.is_map(found):
        pairs = [(found.key_type, wanted.children[0], place), (found.item_type, wanted.children[1], place)]
    elif wanted.kind == "list" and is_list(found):
        pairs = [(found.value_type, wanted.children[0], place)]
    elif not _holds(type_of(found), wanted):
        raise _mismatch(f"{place} is {type_of(found)}, and {wanted} in the schema", location)
    else:
        return
    for inner, kind, where in pairs:
        _check_type(inner, kind, where, location)


def _holds(found: Type, wanted: Type) -> bool:
    """Whether values of one type may be read as another one; each value is looked at when it is read."""
    if found == wanted or found.kind == "null":
        return True
    if found.kind in FLOATS and wanted.kind in FLOATS:
        return FLOATS[found.kind] <= FLOATS[wanted.kind]
    if found.kind == wanted.kind == "timestamp":
        return bool(found.timezone) == bool(wanted.timezone)
    whole = found.kind in INTEGERS and wanted.kind in INTEGERS
    return whole or (found.kind == wanted.kind and wanted.kind in ("time", "duration", "decimal"))


def _mismatch(why: str, location: str) -> ArtifactError:
    return ArtifactError("dataset-schema-mismatch", f"the file is not of the schema: {why}", location=location,
                         hint="give the schema that the file was written with, or choose columns")


def _unsupported(what: str) -> ArtifactError:
    return ArtifactError("dataset-type-unsupported", f"a column of type {what} has no canonical encoding",
                         hint="convert the column, or leave it out with the columns that you name")
