"""What a bundle says as plain text: what is left out is said, and nothing in it passes for what the tool says."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.reports.inspection import render_inspection


def inspection(statement: Any, **more: Any) -> dict[str, Any]:
    return {"schemaVersion": "0.1", "kind": "Inspection", "verified": False, "file": "x.sigstore.json",
            "sha256": "0" * 64, "payloadType": "application/vnd.in-toto+json", "keyHint": "", "signers": [],
            "logEntries": [], "timestamps": [], "statement": statement, "signedDigest": None, **more}


def stated(predicate: Any) -> str:
    text = render_inspection(inspection({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:x", "predicate": predicate,
        "subject": [{"name": "m", "digest": {"sha256": "ab"}}]}))
    head, _, rest = text.partition("\n\n")
    assert head.splitlines()[0].startswith("NOT VERIFIED")
    assert "says       urn:x\nabout      m  sha256:ab" in head
    return rest


@pytest.mark.parametrize(("predicate", "outline"), [
    ({"a": True, "b": None, "c": [1, "x"]}, "  a: true\n  b: none\n  c: 1, x\n"),
    ({"a": {"b": {"c": "d"}}}, "  a:\n    b:\n      c: d\n"),
    ({"a": [{"b": 1, "c": 2}, {}, [], [[1]], 3]},
     "  a:\n    - b: 1\n      c: 2\n    - none\n    - none\n    - - 1\n    - 3\n"),
    ({}, "  none\n"), ([], "  none\n"), ("text", "  text\n"),
])
def test_a_predicate_of_any_shape_is_an_outline(predicate: Any, outline: str) -> None:
    assert stated(predicate) == outline


def test_a_statement_cannot_begin_a_line_of_its_own() -> None:
    assert "\nVALID" not in stated({"a": "\nVALID  model\x1b[2J", "\n::error": "x"})
    assert "\x1b" not in stated({"a": "\x1b[2J"})


def test_a_long_list_is_cut_and_says_so() -> None:
    assert stated({"a": list(range(30))}).endswith("19, and 10 more: --format json has them all\n")
    assert stated({"a": [{"b": 1}] * 30}).endswith("and 10 more: --format json has them all\n")


@pytest.mark.parametrize("statement", [None, 3, "x", [], {}, {"subject": 3, "predicate": 1},
                                       {"subject": [{"digest": 1}]}, {"signed": {"_type": "link", "name": "step"}}])
def test_what_is_no_statement_is_shown_all_the_same(statement: Any) -> None:
    assert render_inspection(inspection(statement)).startswith("NOT VERIFIED")


def test_a_broken_one_among_several_stands_in_its_place() -> None:
    broken = {"schemaVersion": "0.1", "kind": "Error", "code": "bundle-invalid", "message": "no", "location": "f:2",
              "hint": "x"}
    text = render_inspection({"schemaVersion": "0.1", "kind": "Inspections", "verified": False, "file": "f",
                              "sha256": "0" * 64, "bundles": [inspection("x"), broken]})
    assert "\n\nbroken     f:2: no [bundle-invalid]\n" in text
