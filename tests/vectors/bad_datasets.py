"""What must be refused: proofs that do not hold, files that break their format or their schema, and bad schemas."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]


def kind(name: str, **more: Any) -> Json:
    return {"type": name, **more}


def column(name: str, type_name: str, **more: Any) -> Json:
    return {"name": name, "type": type_name, **more}


TEXT, INT = kind("utf8"), kind("int32")
STRICT: Json = {"columns": [
    column("i", "int8"), column("u", "uint8"), column("f", "float32"), column("h", "float16"), column("t", "utf8"),
    column("b", "binary"), column("l", "bool"), column("d", "decimal", precision=5, scale=2), column("day", "date"),
    column("at", "timestamp", unit="s", timezone="UTC"), column("on", "timestamp", unit="ms"),
    column("time", "time", unit="s"), column("list", "list", item=kind("int8")),
    column("map", "map", key=TEXT, value=INT), column("s", "struct", fields=[column("a", "int8")]),
]}
TWO: Json = {"columns": [column("i", "int8"), column("t", "utf8")]}
SCHEMAS = {"strict": STRICT, "two": TWO}


def bad_files() -> Iterator[tuple[str, bytes, str, str, str]]:
    """Name, bytes, schema, code and flaw of files that are refused."""
    for name, text, flaw in (
        ("member-twice", b'{"i":1,"i":1}', "one member twice"),
        ("member-twice-escaped", b'{"i":1,"\\u0069":2}', "one member twice, once with an escape"),
        ("nan", b'{"f":NaN}', "a NaN token"),
        ("infinity", b'{"f":-Infinity}', "a token for infinity"),
        ("lone-surrogate", b'{"t":"\\ud800"}', "half a surrogate pair"),
        ("not-utf8", b'{"t":"\xff"}', "a text that is not UTF-8"),
        ("byte-order-mark", b'\xef\xbb\xbf{"i":1}', "a byte order mark"),
        ("two-objects", b'{"i":1} {"i":2}', "two objects on a line"),
        ("cut", b'{"i":1', "an object without its end"),
        ("array", b'[1]', "an array instead of an object"),
        ("null", b"null", "null instead of an object"),
        ("deep", b'{"list":' + b"[" * 500 + b"]" * 500 + b"}", "nested 500 deep"),
        ("leading-zero", b'{"i":01}', "a number with a leading zero"),
    ):
        yield f"json-{name}", text + b"\n", "strict", "json-invalid", flaw
    for name, text, flaw in (
        ("member-unknown", '{"j":1}', "a member that the schema does not name"),
        ("integer-text", '{"i":"1"}', "a text for an integer"),
        ("integer-float", '{"i":1.0}', "a float for an integer"),
        ("integer-bool", '{"i":true}', "true for an integer"),
        ("integer-range", '{"i":128}', "an integer beyond its width"),
        ("unsigned-negative", '{"u":-1}', "a negative unsigned integer"),
        ("integer-long", '{"i":1%s}' % ("0" * 1000), "an integer of a thousand digits"),
        ("float-range", '{"f":1e39}', "a number beyond binary32"),
        ("float-range-64", '{"f":1e999}', "a number beyond binary64"),
        ("float-range-16", '{"h":65520.0}', "a number beyond binary16"),
        ("float-text", '{"f":"1.5"}', "a text for a number"),
        ("float-name", '{"f":"nan"}', "another spelling of NaN"),
        ("text-number", '{"t":1}', "a number for a text"),
        ("bool-number", '{"l":1}', "a number for a truth value"),
        ("base64-padding", '{"b":"YQ"}', "base64 without its padding"),
        ("base64-bits", '{"b":"YR=="}', "base64 with bits left over"),
        ("base64-url", '{"b":"_w=="}', "the base64 of URLs"),
        ("decimal-digits", '{"d":"1000.00"}', "a decimal with too many digits"),
        ("decimal-fraction", '{"d":"0.001"}', "a decimal with a longer fraction"),
        ("decimal-float", '{"d":1.5}', "a float for a decimal"),
        ("decimal-exponent", '{"d":"1e2"}', "a decimal with an exponent"),
        ("date-none", '{"day":"2026-02-30"}', "a day that no calendar has"),
        ("date-short", '{"day":"20261123"}', "a date without hyphens"),
        ("zone-missing", '{"at":"2026-11-23T20:15:00"}', "an instant without an offset"),
        ("zone-extra", '{"on":"2026-11-23T20:15:00Z"}', "an offset where there is no time zone"),
        ("fraction", '{"at":"2026-11-23T20:15:00.5Z"}', "a fraction that the unit cannot hold"),
        ("leap-second", '{"time":"23:59:60"}', "a sixtieth second"),
        ("list-object", '{"list":{}}', "an object for a list"),
        ("list-item", '{"list":[300]}', "an item beyond its width"),
        ("map-object", '{"map":{"a":1}}', "an object for a map"),
        ("map-triple", '{"map":[["a",1,2]]}', "an entry of three"),
        ("field-unknown", '{"s":{"b":1}}', "a field that the struct does not have"),
    ):
        yield f"value-{name}", text.encode() + b"\n", "strict", "dataset-value-invalid", flaw
    for name, text, code, flaw in (
        ("fields-few", b"i,t\n1,a\n2\n", "csv-invalid", "a record with too few fields"),
        ("fields-many", b"i,t\n1,a,b\n", "csv-invalid", "a record with too many fields"),
        ("quote-inside", b'i,t\n1,a"b\n', "csv-invalid", "a quote inside an unquoted field"),
        ("quote-text-after", b'i,t\n1,"a"b\n', "csv-invalid", "text after a closing quote"),
        ("quote-open", b'i,t\n1,"a\n', "csv-invalid", "a quote that is not closed"),
        ("carriage-return", b"i,t\n1,a\rb\n", "csv-invalid", "a carriage return inside an unquoted field"),
        ("not-utf8", b"i,t\n1,\xff\n", "csv-invalid", "not UTF-8"),
        ("empty", b"", "csv-invalid", "no header"),
        ("column-twice", b"i,t,t\n1,a,b\n", "dataset-schema-mismatch", "one column twice"),
        ("column-missing", b"i\n1\n", "dataset-schema-mismatch", "a column of the schema is not there"),
        ("column-unknown", b"i,t,x\n1,a,b\n", "dataset-schema-mismatch", "a column that the schema does not name"),
        ("integer-plus", b"i,t\n+1,a\n", "dataset-value-invalid", "an integer with a plus sign"),
        ("integer-space", b"i,t\n 1,a\n", "dataset-value-invalid", "an integer after a space"),
        ("integer-underscore", b"i,t\n1_0,a\n", "dataset-value-invalid", "an integer with an underscore"),
        ("integer-hex", b"i,t\n0x1,a\n", "dataset-value-invalid", "a hexadecimal integer"),
        ("integer-quoted-empty", b'i,t\n"",a\n', "dataset-value-invalid", "the empty text for an integer"),
        ("integer-quoted-comma", b'i,t\n"1,2",a\n', "dataset-value-invalid", "two integers in one field"),
    ):
        yield f"csv-{name}.csv", text, "two", code, flaw
    yield "parquet-none.parquet", b"PAR1 is how it begins, and this is all", "", "parquet-invalid", "no Parquet file"
    yield "parquet-empty.parquet", b"", "", "parquet-invalid", "no bytes"
    yield "arrow-none.arrow", b"ARROW1 is how it begins, and this is all", "", "arrow-invalid", "no Arrow file"
    yield "arrow-stream-none.arrow", b"\xff\xff\xff\xff\x10", "", "arrow-invalid", "no Arrow stream"
    yield "schema-none.jsonl", b'{"i":1}\n', "", "dataset-schema-missing", "JSON Lines without a schema"
    yield "records-none.jsonl", b"\n", "two", "dataset-empty", "no record"


def bad_schemas() -> Iterator[tuple[str, Any, str]]:
    """Name, document and flaw of schemas that are refused."""
    yield "columns-none", {"columns": []}, "no column"
    yield "columns-missing", {}, "no columns at all"
    yield "member-unknown", {"columns": [column("a", "int8")], "metadata": {}}, "a member that is not known"
    yield "name-missing", {"columns": [kind("int8")]}, "a column without a name"
    yield "name-twice", {"columns": [column("a", "int8"), column("a", "utf8")]}, "two columns of one name"
    twice = [column("b", "int8"), column("b", "int8")]
    yield "field-twice", {"columns": [column("a", "struct", fields=twice)]}, "two fields of one name"
    yield "type-unknown", {"columns": [column("a", "large_string")]}, "a type of Arrow's, and not of ours"
    yield "type-member", {"columns": [column("a", "int8", unit="s")]}, "a member that the type does not have"
    yield "unit-missing", {"columns": [column("a", "timestamp")]}, "a timestamp without a unit"
    yield "unit-unknown", {"columns": [column("a", "time", unit="h")]}, "a unit that is not known"
    yield "timezone-empty", {"columns": [column("a", "timestamp", unit="s", timezone="")]}, "an empty time zone"
    yield "precision-zero", {"columns": [column("a", "decimal", precision=0, scale=0)]}, "a decimal of no digits"
    yield "precision-float", {"columns": [column("a", "decimal", precision=5.0, scale=0)]}, "a precision of 5.0"
    yield "scale-wide", {"columns": [column("a", "decimal", precision=5, scale=77)]}, "a scale that is too wide"
    deep: Json = INT
    for _ in range(40):
        deep = kind("list", item=deep)
    yield "deep", {"columns": [{"name": "a", **deep}]}, "types nested 40 deep"


def bad_proofs(good: Json) -> Iterator[tuple[str, Json, str]]:
    """Name, proof and flaw of proofs that do not hold."""
    def changed(change: Callable[[Json], object]) -> Json:
        value = copy.deepcopy(good)
        change(value)
        return value

    yield "value-changed", changed(lambda p: p["record"]["values"].update(words=96)), "a value of the record"
    yield "zero-signed", changed(lambda p: p["record"]["values"].update(score=-0.0)), "a null made a number"
    yield "row-moved", changed(lambda p: p["record"].update(row=3)), "the number of the record"
    yield "row-beyond", changed(lambda p: p["record"].update(row=5)), "a number that the split does not have"
    yield "records-fewer", changed(lambda p: p["split"].update(records=4)), "the number of records of the split"
    yield "records-more", changed(lambda p: p["split"].update(records=6)), "more records than the split has"
    yield "path-short", changed(lambda p: p["record"]["path"].pop()), "a step of the path left out"
    yield "path-long", changed(lambda p: p["record"]["path"].append("00" * 32)), "a step too many"
    yield "path-exchanged", changed(lambda p: p["record"]["path"].reverse()), "steps in another order"
    yield "split-renamed", changed(lambda p: p["split"].update(name="valid")), "the name of the split"
    yield "split-path-empty", changed(lambda p: p["split"].update(path=[])), "no path of the split"
    yield "splits-fewer", changed(lambda p: p["dataset"].update(splits=1)), "the number of splits"
    yield "root-other", changed(lambda p: p["dataset"]["digest"].update(datasetTree="00" * 32)), "the root itself"
    yield "type-changed", changed(lambda p: p["schema"]["columns"][1].update(type="int64")), "the type of a column"
