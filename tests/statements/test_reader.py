"""The one strict reader: what two readers could read differently is read by nobody."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import resources
from provenance.errors import PolicyError, StatementError
from provenance.statements import reader
from provenance.statements.front_matter import front_matter
from provenance.statements.reader import parse_json, parse_yaml, refuse_case_variants, to_json, validate
from tests.growth import calls


def refused(read: Any, data: bytes, code: str) -> StatementError:
    with pytest.raises(StatementError) as caught:
        read(data, "input")
    assert caught.value.code == code
    assert caught.value.location.startswith("input")
    assert caught.value.hint
    return caught.value


# JSON

HOSTILE_JSON = {
    b"": "json-invalid", b" ": "json-invalid", b"{": "json-invalid", b"{'a': 1}": "json-invalid",
    b'{"a":1,"a":1}': "json-invalid", b'{"a":1,"\\u0061":1}': "json-invalid", b'[{"b":{"a":1,"a":2}}]': "json-invalid",
    b"NaN": "json-invalid", b"[Infinity]": "json-invalid", b"-Infinity": "json-invalid",
    b"1e999": "json-invalid", b"[-1E+400]": "json-invalid", b"1" * 400 + b".5": "json-invalid",
    b"9" * 21: "json-invalid", b"-" + b"9" * 30: "json-invalid", b"1" * 10_000: "json-invalid",
    b"18446744073709551616": "json-invalid", b" \t\r\n 1e999": "json-invalid", b'{"a":1e999}': "json-invalid",
    b'{"a"\n:\n -1.5e+999}': "json-invalid", b"[1, 1e999]": "json-invalid", b'["a", [\n1E999]]': "json-invalid",
    b'{"a":1,"b":99999999999999999999}': "json-invalid", b"[0.1e1000]": "json-invalid",
    b'["1,2",-99999999999999999999]': "json-invalid", b"[10" + b"0" * 400 + b".0]": "json-invalid",
    b"\xef\xbb\xbf{}": "json-invalid", '{"a":1}'.encode("utf-16"): "json-invalid",
    '{"a":1}'.encode("utf-16-le"): "json-invalid", '{"a":1}'.encode("utf-32"): "json-invalid",
    b'"\\ud800"': "json-invalid", b'"\\udc00\\ud800"': "json-invalid", b'"\xed\xa0\x80"': "json-invalid",
    b'"\xff"': "json-invalid", b'"\xc0\x80"': "json-invalid",
    b"{}{}": "json-invalid", b"{} x": "json-invalid", b"{}\0": "json-invalid", b"1 2": "json-invalid",
    b"[1,]": "json-invalid", b'{"a":1,}': "json-invalid", b"/* */{}": "json-invalid", b"{} // end": "json-invalid",
    b"01": "json-invalid", b"+1": "json-invalid", b".5": "json-invalid", b"1.": "json-invalid", b"0x10": "json-invalid",
    b'"a\nb"': "json-invalid", b'"a\tb"': "json-invalid", b'"\\x41"': "json-invalid", b"True": "json-invalid",
    b"[" * 1000 + b"]" * 1000: "document-too-deep", b'{"a":' * 1000 + b"1" + b"}" * 1000: "document-too-deep",
    b"[" * 1_000_000: "document-too-deep",
}


@pytest.mark.parametrize("data", HOSTILE_JSON, ids=lambda data: repr(data[:24]))
def test_json_that_readers_disagree_on_is_refused(data: bytes) -> None:
    refused(parse_json, data, HOSTILE_JSON[data])


@pytest.mark.parametrize(("data", "value"), [
    (b'{"b":1,"a":[true,null,-2.5e3]}', {"b": 1, "a": [True, None, -2500.0]}),
    (b' \r\n\t{"a" : "\\u00e9\\ud83d\\ude00"}\n', {"a": "é😀"}),
    (b"18446744073709551615", (1 << 64) - 1), (b"0", 0), (b"1e300", 1e300),
    (b'"1e999 and 99999999999999999999999"', "1e999 and 99999999999999999999999"),  # in a text, not a number
    (b'["a:1e999","b, 99999999999999999999999",[-0.1e-999]]', ["a:1e999", "b, 99999999999999999999999", [-0.0]]),
    (b'{"a":1,"A":2}', {"a": 1, "A": 2}),
])
def test_strict_json_is_read_as_it_is(data: bytes, value: Any) -> None:
    assert parse_json(data, "input") == value


def test_a_large_document_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(StatementError) as caught:
        parse_json(b" " * 101, "input", limit=100)
    assert caught.value.code == "document-too-large"
    assert parse_json(b"1" + b" " * 99, "input", limit=100) == 1


def test_an_error_never_repeats_a_megabyte_of_input() -> None:
    key = b'"' + b"x" * 1_000_000 + b'"'
    error = refused(parse_json, b"{" + key + b":1," + key + b":1}", "json-invalid")
    assert len(error.message) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=12)


@given(JSON)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse_json(to_json(value), "input") == value


@given(JSON)
def test_what_is_written_is_sorted_and_has_one_spelling(value: Any) -> None:
    data = to_json(value)
    assert to_json(parse_json(data, "input")) == data


def test_what_is_written_has_no_spaces_and_no_escapes_that_it_does_not_need() -> None:
    assert to_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_every_reader_reads_them_or_refused(data: bytes) -> None:
    try:
        value = parse_json(data, "input")
    except StatementError:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", {"a": ["\udcff"]}])
def test_what_no_strict_reader_takes_is_not_written(value: Any) -> None:
    with pytest.raises(StatementError, match="cannot be written as strict JSON") as caught:
        to_json(value)
    assert caught.value.code == "json-invalid"


# YAML

HOSTILE_YAML = [
    b"a: 1\na: 2", b"{a: 1, a: 1}", b"a: {b: 1, b: 2}",  # duplicate keys
    b"a: &x [1]\nb: *x", b"a: &x 1", b"- *x", b"&a [*a]",  # anchors and aliases
    b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]",  # a small billion laughs
    b"<<: {a: 1}\nb: 2", b"a:\n  <<: [{b: 1}]",  # merges
    b"!!python/object:os.system x", b"a: !!str 1", b"a: !local b", b"! a", b"!!binary aGk=", b"!!set {a, b}",
    b"!!timestamp 2026-11-23", b"%TAG ! tag:example.org,2026:\n---\n!x a",  # tags
    b"%YAML 1.1\n---\na: no", b"%YAML 2.0\n---\na: 1", b"%YAML 1.3\n--- a",  # other versions
    b"--- 1\n--- 2", b"a: 1\n...\nb: 2",  # several documents
    b"a: .nan", b"a: .inf", b"a: -.INF", b"a: 1e999", b"a: " + b"9" * 30, b"a: " + b"9" * 5000,  # numbers
    b"a: \xff", b"a: \xed\xa0\x80", b'a: "\\ud800"', b'a: ["\\uDFFF"]', b'"\\ud800": 1',  # texts
    "a: b".encode("utf-16"), "a: b".encode("utf-32-le"), b"a: \x00", b"a: \x1b[31m", b"a: \x07",
    b"[" * 100 + b"]" * 100, b"- " * 100 + b"x", b"{a: " * 100, b"[" * 100_000,  # depth
    b"a: [", b"a: 'b", b"\tb: 1", b"a: b: c", b"? {a: 1}\n: 2", b"? - : ", b"a: =", b"@a", b"`a`", b"a\n b: 1", b"...",
]


@pytest.mark.parametrize("data", HOSTILE_YAML, ids=lambda data: repr(data[:24]))
def test_yaml_beyond_the_plain_is_refused(data: bytes) -> None:
    refused(parse_yaml, data, "yaml-invalid")


@pytest.mark.parametrize(("data", "line"), [
    (b"a:\n" * 100_000, 2), (b"b: {c: 1}\na:\n  a: {}\n? c\n: [a, a]\na: 1", 6),
])
def test_a_second_key_is_refused_where_it_stands(data: bytes, line: int) -> None:
    """Before anything is built of what follows: of half a megabyte of them, that would take long."""
    with pytest.raises(StatementError, match="found duplicate key a") as caught:
        parse_yaml(data, "x")
    assert caught.value.location == f"x:{line}"


@pytest.mark.parametrize("header", [b"- a\n" * 15_000, b"[" + b"a," * 20_001 + b"a]"])
def test_the_header_of_a_card_has_a_bounded_number_of_parts(header: bytes) -> None:
    with pytest.raises(StatementError, match="parts") as caught:
        front_matter(b"---\n" + header + b"\n---\n", "README.md")
    assert caught.value.code == "document-too-large"


@pytest.mark.parametrize(("data", "value"), [
    (b"license: no", {"license": "no"}),
    (b"a: yes\nb: on\nc: off\nd: y", {"a": "yes", "b": "on", "c": "off", "d": "y"}),
    (b"a: true\nb: False", {"a": True, "b": False}), (b"a: null\nb: ~\nc:", {"a": None, "b": None, "c": None}),
    (b"a: 2026-11-23\nb: 2026-11-23T12:00:00Z", {"a": "2026-11-23", "b": "2026-11-23T12:00:00Z"}),
    (b"a: 12:30:45", {"a": "12:30:45"}), (b"a: 010", {"a": 10}), (b"a: 0o10\nb: 0x10", {"a": 8, "b": 16}),
    (b"a: 1e3", {"a": 1000.0}), (b"a: |\n  x\n  y\n", {"a": "x\ny\n"}), (b"a: '<<'", {"a": "<<"}),
    (b"[MIT, Apache-2.0]", ["MIT", "Apache-2.0"]), (b"", None), (b"# nothing", None), (b"text", "text"),
    (b"a: 1\nA: 2", {"a": 1, "A": 2}), ("a: é".encode(), {"a": "é"}), (b"%YAML 1.2\n---\na: no", {"a": "no"}),
    (b'a: "\\e\\u00e9\\U0001F600"', {"a": "\x1bé😀"}), (b"a: b # comment", {"a": "b"}),
])
def test_yaml_is_read_as_yaml_1_2(data: bytes, value: Any) -> None:
    assert parse_yaml(data, "input") == value


def test_an_error_names_the_line() -> None:
    assert refused(parse_yaml, b"a: 1\nb: 2\na: 3\n", "yaml-invalid").location == "input:3"
    assert "line 2" in refused(parse_yaml, b"a: 1\nb: !x y\n", "yaml-invalid").message


def test_a_large_yaml_document_is_refused_at_once() -> None:
    def read() -> None:
        with pytest.raises(StatementError) as caught:
            parse_yaml(b"a: b\n" * 200_000, "input")
        assert caught.value.code == "document-too-large"

    assert calls(read) < 1_000  # nothing of it was looked at


@given(st.binary(max_size=60) | st.text(alphabet="ab:- []{}&*!%<>|'\"\\\n#?,~\t0", max_size=40).map(str.encode))
def test_any_bytes_give_plain_values_or_are_refused(data: bytes) -> None:
    try:
        waiting = [parse_yaml(data, "input")]
    except StatementError:
        return
    while waiting:
        value = waiting.pop()
        assert type(value) in (dict, list, tuple, str, int, float, bool, type(None))
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value


# Schemas


def told(document: Any, schema: str) -> str:
    with pytest.raises(StatementError) as caught:
        validate(document, schema, "input")
    assert (caught.value.code, caught.value.location) == ("schema-mismatch", "input")
    assert caught.value.hint == f"see schemas/{schema}.schema.json"
    return caught.value.message


def test_a_document_that_follows_its_schema_passes() -> None:
    validate({"name": "tales", "license": "CC0-1.0"}, "dataset", "input")


@pytest.mark.parametrize(("document", "sentence"), [
    ({}, "the document lacks name"),
    ({"name": "x", "licence": "MIT"}, "the document has no field licence; did you mean license?"),
    ({"name": "x", "source": {"url": "x"}}, "source has no field url; did you mean uri?"),
    ({"name": "x", "qqq": 1}, "the document has no field qqq"),
    ({"name": 7}, "name must be of type string"),
    ({"name": ""}, "name breaks the rule minLength 1"),
    ({"name": "x", "availability": {"class": "free"}},
     "availability/class must be one of open, public, obtainable, unshareable"),
    ({"name": "x", "languages": ["en", 7]}, "languages/1 must be of type string"),
    ([], "the document must be of type object"),
])
def test_a_deviation_is_told_with_its_place_and_the_nearest_name(document: Any, sentence: str) -> None:
    assert told(document, "dataset") == sentence


def test_what_is_missing_is_told_once() -> None:
    assert told({}, "components") == "the document lacks name, version, producer, components"


def test_a_constant_and_a_choice_are_told_in_words() -> None:
    trust = {"apiVersion": "v1", "kind": "Trust", "version": 1, "expires": "2026-11-23T00:00:00Z", "principals": []}
    assert told(trust, "trust") == "apiVersion must be open-provenance/v0.1"
    step = json.loads(resources.read_text("schemas", "step.schema.json"))["examples"][0]
    step["buildDefinition"]["externalParameters"]["initialParameters"] = {"kind": "random"}
    sentence = "buildDefinition/externalParameters/initialParameters has none of the forms that it may have"
    assert told(step, "step") == sentence


def test_only_some_of_many_deviations_are_told_and_the_rest_counted() -> None:
    few = told({"name": "x", "languages": [1] * 8}, "dataset")
    assert few.count("must be of type string") == 5
    assert few.endswith("(and 3 more)")
    some, many = ({"name": "x", "languages": [1] * count} for count in (500, 500_000))
    assert calls(lambda: told(many, "dataset")) == calls(lambda: told(some, "dataset"))  # the rest is not looked at
    assert told(many, "dataset").endswith("(and at least 95 more)")


def test_hostile_names_are_cut_in_messages() -> None:
    message = told({"name": "x", **{f"{number}{'y' * 100_000}": 1 for number in range(9)}}, "dataset")
    assert len(message) < 2000


def test_the_callers_error_and_code_are_used() -> None:
    with pytest.raises(PolicyError) as caught:
        validate({}, "dataset", "input", PolicyError, "policy-invalid")
    assert caught.value.code == "policy-invalid"


KNOWN = frozenset({"_type", "subject", "predicateType", "sk"})


@pytest.mark.parametrize("name", ["Subject", "SUBJECT", "predicatetype", "_Type", "\u017fubject", "s\u212a", "\u017fK"])
def test_a_member_that_differs_only_in_case_is_refused(name: str) -> None:
    with pytest.raises(StatementError, match="differs from") as caught:
        refuse_case_variants({"subject": 1, name: 2}, KNOWN, "input")
    assert caught.value.code == "member-case-variant"


def test_known_and_unknown_members_pass() -> None:
    refuse_case_variants({"subject": 1, "predicateType": 2, "other": 3, "Extra": 4}, KNOWN, "input")


def test_the_limits_are_what_the_documentation_says() -> None:
    assert (reader.MAX_JSON, reader.MAX_YAML, reader.MAX_DEPTH) == (64 << 20, 512 << 10, 64)
