"""Two libraries read our schemas: the quick one decides, the slow one explains, and neither lets through alone.

What the quick one accepts and the slow one would not must be harmless, and there must be next to none of it; where the
quick one refuses and the slow one has nothing to say, the document is refused all the same.
"""

from __future__ import annotations

import copy
import decimal
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import resources
from provenance.errors import StatementError
from provenance.statements import reader
from provenance.statements.reader import parse_json, parse_yaml, validate

NAMES = [name.removesuffix(".schema.json") for name in resources.names("schemas") if name.endswith(".schema.json")]
ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "attestations" / "vectors"


def decided(document: Any, schema: str) -> bool:
    return reader._is_valid(document, schema)


def explained(document: Any, schema: str) -> bool:
    return bool(reader._explainer(schema).is_valid(document))


def examples(schema: str) -> list[Any]:
    found: list[Any] = json.loads(resources.read_text("schemas", f"{schema}.schema.json"))["examples"]
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys."""
    for key, child in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(child, dict | list):
            yield from places(child)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64) + 1, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["", "0.1", "a" * 64, "0" * 64, "2026-11-23T12:00:00Z", "train", 0, 1, 1.0, -0.0, 2**53]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "digest", "x"]), inner),
    max_leaves=4,
)


@pytest.mark.parametrize("schema", NAMES)
def test_both_accept_every_example(schema: str) -> None:
    for example in examples(schema):
        assert decided(example, schema)
        assert explained(example, schema)


@pytest.mark.parametrize("schema", NAMES)
def test_both_say_the_same_of_an_example_without_one_of_its_members(schema: str) -> None:
    for example in examples(schema):
        for number in range(len(list(places(example)))):
            changed = copy.deepcopy(example)
            holder, key = list(places(changed))[number]
            del holder[key]
            assert decided(changed, schema) == explained(changed, schema), (holder, key)


@pytest.mark.parametrize("schema", NAMES)
@settings(max_examples=60)
@given(data=st.data())
def test_both_say_the_same_of_an_example_in_which_one_value_is_another(schema: str, data: st.DataObject) -> None:
    changed = copy.deepcopy(data.draw(st.sampled_from(examples(schema))))
    holder, key = data.draw(st.sampled_from(list(places(changed))))
    holder[key] = data.draw(JSON)
    assert decided(changed, schema) == explained(changed, schema)


def test_both_say_the_same_of_every_predicate_policy_and_trust_file_of_this_project() -> None:
    seen = 0
    for path in sorted(VECTORS.rglob("*.json")):
        try:
            document = parse_json(path.read_bytes(), path.name)
        except StatementError:
            continue  # a negative of the reader's own
        for schema in NAMES:
            for value in inner(document):
                assert decided(value, schema) == explained(value, schema), (path, schema)
                seen += 1
    for path in [*sorted((ROOT / "policies").glob("*.yaml")), *VECTORS.rglob("*.yaml")]:
        try:
            document = parse_yaml(path.read_bytes(), path.name)
        except StatementError:
            continue  # a negative of the reader's own
        for schema in ("policy", "trust", "dataset"):
            assert decided(document, schema) == explained(document, schema), (path, schema)
            seen += 1
    assert seen > 1000


def inner(document: Any) -> Iterator[Any]:
    """A document, and the statement and predicate in it where it is a bundle."""
    import base64

    yield document
    envelope = document.get("dsseEnvelope") if isinstance(document, dict) else None
    if isinstance(envelope, dict):
        try:
            statement = parse_json(base64.b64decode(envelope.get("payload", "")), "input")
        except (StatementError, ValueError, TypeError):
            return
        yield statement
        if isinstance(statement, dict):
            yield statement.get("predicate")


def patterns() -> list[str]:
    found = set[str]()
    for schema in NAMES:
        waiting = [json.loads(resources.read_text("schemas", f"{schema}.schema.json"))]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                found |= {value["pattern"]} if isinstance(value.get("pattern"), str) else set()
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
    return sorted(found)


@pytest.mark.parametrize("pattern", patterns())
@settings(max_examples=60)
@given(data=st.data())
def test_no_pattern_means_more_to_the_one_that_decides(pattern: str, data: st.DataObject) -> None:
    """Python lets `$` match before a last newline and `\\d` match the digits of every script; ECMA does neither."""
    import jsonschema_rs
    from jsonschema import Draft202012Validator

    quick = jsonschema_rs.Draft202012Validator({"pattern": pattern}, validate_formats=False)
    slow = Draft202012Validator({"pattern": pattern})
    text = data.draw(st.from_regex(pattern).filter(lambda text: text.isprintable() or "\n" in text))
    text += data.draw(st.sampled_from(["", "\n", "\0", " ", "\u2028", "\u0660", "é"]))
    if quick.is_valid(text):
        assert slow.is_valid(text)
    elif slow.is_valid(text):
        assert not text.isascii() or not text.isprintable()


@pytest.mark.parametrize("document", [
    {"name": "x", "\ud800": 1}, {"name": "x", 1: 2}, {"name": "x", None: 2}, {"name": b"x"},
    {"name": object()}, {"name": {"x"}}, {"name": "x", "languages": [b"en"]},
], ids=lambda document: re.sub(r" at 0x[0-9a-f]+", "", ascii(document))[:40])
def test_what_json_cannot_say_is_refused(document: Any) -> None:
    with pytest.raises(StatementError) as caught:
        validate(document, "dataset", "input")
    assert caught.value.code == "schema-mismatch"
    assert caught.value.hint


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40, decimal.Decimal(10) ** 40])
def test_a_number_of_many_digits_is_compared_as_what_it_is(number: Any) -> None:
    proof = next(example for example in examples("tensor-proof"))
    holder, key = next((holder, key) for holder, key in places(proof) if key == "index")
    assert decided(proof, "tensor-proof")
    holder[key] = number
    assert not decided(proof, "tensor-proof")
    assert not explained(proof, "tensor-proof")


def test_where_the_one_that_explains_finds_nothing_the_document_is_still_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Blind:
        def iter_errors(self, document: Any) -> Iterator[Any]:
            return iter(())

    monkeypatch.setattr(reader, "_explainer", lambda schema: Blind())
    validate({"name": "x"}, "dataset", "input")
    with pytest.raises(StatementError, match="cannot say, or a text that breaks a pattern") as caught:
        validate({}, "dataset", "input")
    assert (caught.value.code, caught.value.location) == ("schema-mismatch", "input")


def test_what_is_valid_never_meets_the_one_that_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 entries take it seconds."""
    monkeypatch.setattr(reader, "_explainer", lambda schema: pytest.fail("asked"))
    validate(examples("model-signature")[0], "model-signature", "input")


def test_a_last_newline_is_no_part_of_a_digest() -> None:
    signature = copy.deepcopy(examples("model-signature")[0])
    signature["resources"][0]["digest"] += "\n"
    with pytest.raises(StatementError) as caught:
        validate(signature, "model-signature", "input")
    assert caught.value.code == "schema-mismatch"
