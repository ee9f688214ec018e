"""JSON Lines and CSV are read strictly: one text, one record, or an error that names the line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts.dataset import text_csv, text_json
from provenance.artifacts.dataset.encoding import decode_record, encode_record
from provenance.artifacts.dataset.schema import Schema
from provenance.artifacts.dataset.shards import lines_of, open_shard
from provenance.artifacts.dataset.splits import Place
from provenance.artifacts.dataset.values import from_json, to_json
from provenance.errors import ArtifactError
from tests.vectors import dataset_reference as reference


def schema(**columns: Any) -> Schema:
    return Schema.from_dict({"columns": [{"name": name, **({"type": kind} if isinstance(kind, str) else kind)}
                                         for name, kind in columns.items()]})


def read(text: bytes, under: Schema, tmp_path: Path, name: str = "a.csv") -> list[tuple[Any, ...]]:
    """The records of a text, as plain values."""
    (tmp_path / name).write_bytes(text)
    batches = text_csv.csv_batches if name.endswith(".csv") else text_json.json_batches
    with open_shard(Place(tmp_path, name)) as file:
        encoded = [batch.encoded() for batch in batches(file, under, partial=False)]
    return [decode_record(under, part.record(at)) for part in encoded for at in range(len(part.leaves))]


TEXTS = schema(a="utf8", b="utf8")


@pytest.mark.parametrize(("text", "records"), [
    (b"a,b\nx,y\n", [("x", "y")]),
    (b"a,b\r\nx,y\r\n", [("x", "y")]),
    (b"a,b\nx,y", [("x", "y")]),
    (b"b,a\ny,x\n", [("x", "y")]),
    (b"\xef\xbb\xbf\"a\",b\nx,y\n", [("x", "y")]),
    (b"a,b\n,\n", [(None, None)]),
    (b'a,b\n"",\n', [("", None)]),
    (b'a,b\n"x ""y"", z","1\n2\r\n3"\n', [('x "y", z', "1\n2\r\n3")]),
    (b'a,b\n\n"x",y\n\n\n', [("x", "y")]),
    (b'a,b\n"\n\n",y\nx,"\n"\n', [("\n\n", "y"), ("x", "\n")]),
    (b"a,b\n x , y \n", [(" x ", " y ")]),
    (b"a,b\nNULL,nan\n", [("NULL", "nan")]),
    (b"a,b\n\x00,\xc3\xa9\n", [("\x00", "é")]),
])
def test_a_csv_file_is_what_rfc_4180_says(text: bytes, records: list[Any], tmp_path: Path) -> None:
    assert read(text, TEXTS, tmp_path) == records


def test_an_empty_line_is_a_record_where_there_is_one_column(tmp_path: Path) -> None:
    assert read(b'a\nx\n\n""\n', schema(a="utf8"), tmp_path) == [("x",), (None,), ("",)]


KINDS: dict[str, Any] = {
    "l": "bool", "i": "int16", "f": "float32", "d": {"type": "decimal", "precision": 4, "scale": 2}, "b": "binary",
    "day": "date", "t": {"type": "time", "unit": "ms"}, "at": {"type": "timestamp", "unit": "s", "timezone": "UTC"},
    "took": {"type": "duration", "unit": "s"}, "none": {"type": "struct", "fields": []},
    "list": {"type": "list", "item": {"type": "int8"}},
}


@pytest.mark.parametrize(("name", "texts", "values"), [
    ("l", ["true", "True", "FALSE", ""], [True, True, False, None]),
    ("i", ["0", "-5", '"7"', ""], [0, -5, 7, None]),
    ("f", ["1", "-0", "-0.0", "1e-3", "inf", "-Infinity", ""], [1.0, -0.0, -0.0, 0.0010000000474974513,
                                                             float("inf"), float("-inf"), None]),
    ("d", ["1.5", "-0.25", "7", ""], [150, -25, 700, None]),
    ("b", ["YQ==", '""', ""], [b"a", b"", None]),
    ("day", ["1970-01-02", ""], [1, None]),
    ("t", ["00:00:01", "00:00:00.25", ""], [1000, 250, None]),
    ("at", ["1970-01-01T01:00:00+01:00", "1970-01-01 00:00:01Z", "1970-01-01T00:00:00-00:01", ""], [0, 1, 60, None]),
    ("took", ["-3", ""], [-3, None]),
    ("list", ['"[1,null]"', "[]", ""], [[1, None], [], None]), ("none", ["{}", ""], [(), None]),
])
def test_a_field_of_csv_is_read_under_its_type(name: str, texts: list[str], values: list[Any], tmp_path: Path) -> None:
    under = schema(**{name: KINDS[name]}, other="utf8")
    lines = "".join(f"{text},x\n" for text in texts)
    records = read(f"{name},other\n{lines}".encode(), under, tmp_path)
    kind = under.types[0].to_dict()
    assert [encode_record(under, record) for record in records] == [
        reference.cell(kind, value) + reference.cell({"type": "utf8"}, "x") for value in values]


def test_nan_in_csv_is_nan(tmp_path: Path) -> None:
    records = read(b"f\nNaN\nnan\n", schema(f="float64"), tmp_path)
    assert [str(value) for (value,) in records] == ["nan", "nan"]


@pytest.mark.parametrize(("name", "text"), [
    ("l", "yes"), ("l", "1"), ("i", "1.0"), ("i", "\u0661"), ("i", "32768"), ("i", "9" * 30), ("f", "1."), ("f", ".5"),
    ("f", "0x1p3"), ("f", "1e39"), ("f", "1e999"), ("f", "INF"), ("f", "1_0"), ("d", "1.555"), ("d", "100"),
    ("day", "5"), ("t", "24:00:00"), ("at", "1970-01-01T00:00:00"), ("at", "1970-01-01T00:00:00+24:00"),
    ("list", "[1"), ("list", '"[1,1,{""a"":1,""a"":2}]"'), ("list", "[NaN]"), ("took", "3s"), ("b", "a"),
])
def test_a_field_of_another_type_is_an_error_in_its_line(name: str, text: str, tmp_path: Path) -> None:
    quoted = text if text.startswith('"') else f'"{text}"'
    with pytest.raises(ArtifactError, match=name) as caught:
        read(f'{name},other\n,x\n,"\n"\n{quoted},x\n'.encode(), schema(**{name: KINDS[name]}, other="utf8"), tmp_path)
    assert (caught.value.code, caught.value.location) == ("dataset-value-invalid", "a.csv:5")


@pytest.mark.parametrize("header", [b'"a,b', b'a"b', b"a,\xff"])
def test_a_broken_header_is_an_error(header: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        read(header + b"\nx,y\n", TEXTS, tmp_path)
    assert caught.value.code == "csv-invalid"


def test_more_columns_than_one_pattern_takes_are_read(tmp_path: Path) -> None:
    names = [f"c{at}" for at in range(300)]
    row = [f'"{at}, quoted"' if at % 2 else str(at) for at in range(300)]
    text = "\n".join([",".join(names), ",".join(row), ",".join(row[:-1])]) + "\n"
    under = schema(**dict.fromkeys(names, "utf8"))
    with pytest.raises(ArtifactError, match="299 fields and the header 300"):
        read(text.encode(), under, tmp_path)
    ((*values,),) = read(text.rpartition("\n")[0].rpartition("\n")[0].encode() + b"\n", under, tmp_path)
    assert values[:3] == ["0", "1, quoted", "2"]


def test_a_line_of_json_has_its_number_in_an_error(tmp_path: Path) -> None:
    for bad, code in ((b'{"a":1}', "dataset-value-invalid"), (b"{", "json-invalid")):
        with pytest.raises(ArtifactError) as caught:
            read(b'{"a":"x"}\n\n' + bad + b"\n", TEXTS, tmp_path, "a.jsonl")
        assert (caught.value.code, caught.value.location) == (code, "a.jsonl:3")


def test_an_absent_member_is_null_and_order_of_members_is_no_content(tmp_path: Path) -> None:
    records = read(b'{"b":"y"}\r\n{"b":"y","a":"x"}', TEXTS, tmp_path, "a.jsonl")
    assert records == [(None, "y"), ("x", "y")]


@pytest.mark.parametrize(("kind", "value", "spelt"), [
    ({"type": "date"}, 10**7, 10**7),
    ({"type": "time", "unit": "s"}, -1, -1),
    ({"type": "time", "unit": "s"}, 86_400, 86_400),
    ({"type": "timestamp", "unit": "us"}, -(2**63), -(2**63)),
    ({"type": "timestamp", "unit": "us"}, -1, "1969-12-31T23:59:59.999999"),
    ({"type": "decimal", "precision": 3, "scale": -2}, -5, "-500"),
    ({"type": "float16"}, float("-inf"), "-Infinity"),
])
def test_what_no_calendar_shows_is_spelt_as_its_count(kind: dict[str, Any], value: Any, spelt: Any) -> None:
    (found,) = schema(a=kind).types
    assert to_json(found, value) == spelt
    assert from_json(found, [spelt]) == [value]


def test_a_number_beyond_every_float_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="beyond the range of float32"):
        read(b'{"f":1e999}', schema(f="float32"), tmp_path, "a.jsonl")


def test_of_a_hundred_thousand_columns_the_one_that_is_there_twice_is_named() -> None:
    """In time that grows with their number; whoever checks a proof reads a stranger's schema."""
    names = [*(f"c{at}" for at in range(100_000)), "c99999"]
    with pytest.raises(ArtifactError, match="two members named c99999"):
        Schema.from_dict({"columns": [{"name": name, "type": "int8"} for name in names]})


def test_an_integer_beyond_every_float_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        read(b'{"f":1' + b"0" * 400 + b"}", schema(f="float64"), tmp_path, "a.jsonl")
    assert caught.value.code == "dataset-value-invalid"


def lines(text: bytes, tmp_path: Path, **how: Any) -> list[Sequence[Any]]:
    (tmp_path / "a.csv").write_bytes(text)
    with open_shard(Place(tmp_path, "a.csv")) as file:
        return list(lines_of(file, **how))


def test_lines_are_cut_at_line_feeds_wherever_the_blocks_end(tmp_path: Path) -> None:
    text = b'one\n"two\ntwo"\n\nthree'
    for together in range(1, 20):
        found = lines(text, tmp_path, longest=100, together=together, quote=b'"')
        assert [line for _, part in found for line in part] == [b"one", b'"two\ntwo"', b"", b"three"]
        firsts = {1: b"one", 2: b'"two\ntwo"', 4: b"", 5: b"three"}
        assert all(firsts[number] == part[0] for number, part in found)


@given(text=st.lists(st.sampled_from([b"a", b'"', b"\n"])).map(b"".join), together=st.integers(1, 9))
def test_a_line_feed_ends_a_line_where_an_even_number_of_quotes_stands_before_it(
    text: bytes, together: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = [b""]
    for at, byte in enumerate(text):
        if byte == 10 and text[:at].count(b'"') % 2 == 0:
            expected.append(b"")
        else:
            expected[-1] += bytes([byte])
    folder = tmp_path_factory.mktemp("lines")
    for quote, wanted in ((b'"', expected), (b"", text.split(b"\n"))):
        found = [line for _, part in lines(text, folder, longest=100, together=together, quote=quote) for line in part]
        assert found == (wanted if wanted[-1] else wanted[:-1])


@pytest.mark.parametrize("text", [b"x" * 300, b"short\n" + b"x" * 101 + b"\n", b'"' + b"x\n" * 100])
def test_a_line_that_is_too_long_is_refused_before_it_is_held(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        lines(text, tmp_path, longest=100, together=10, quote=b'"')
    assert caught.value.code == "document-too-large"
