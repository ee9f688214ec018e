"""The page of a diff: the answer first, the picture in it, lists with their length, and no text that does anything."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from provenance import resources
from provenance.reports.diff_page import percent, render_diff
from provenance.reports.html import MOST_ROWS

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    """The example of the schema: a fine-tune of two tensors."""
    found: Document = json.loads(resources.read_text("schemas", "diff.schema.json"))["examples"][0]
    return found


def test_the_answer_stands_first_and_the_picture_is_in_the_page(document: Document) -> None:
    page = render_diff(document, "layers.0")
    assert page.index("<h1>Different</h1>") < page.index("Consistent with a fine-tune") < page.index("<svg")
    assert "<title>layers.1: 1 changed</title>" in page
    assert "Unchanged layers: layers.0." in page
    assert "1 of 2 (50.0 %)" in page
    assert "8 of 12 (66.7 %)" in page
    assert "Metadata that differ: 1" in page


def test_nothing_is_loaded_and_nothing_runs(document: Document) -> None:
    page = render_diff(document)
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|https?://(?!www\.w3\.org)", page)


def test_it_is_the_same_each_time(document: Document) -> None:
    assert render_diff(document) == render_diff(deepcopy(document))


@pytest.mark.parametrize("payload", [
    "<script>alert(1)</script>", "\x1b[2J", "\u202eabc", "\n::error ::x", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}",
])
def test_no_text_of_a_model_does_anything(document: Document, payload: str) -> None:
    tensor = {"name": payload, "dtype": "F32", "shape": [1], "head": None, "bytes": 4}
    document["weights"]["changed"][0]["before"]["name"] = payload
    document["weights"]["changed"][0]["movedFrom"] = payload
    document["weights"]["renamed"] = [{**tensor, "newName": payload, "ambiguous": True}]
    document["weights"] |= {"added": [tensor], "removed": [tensor], "uncompared": [tensor]}
    document["weights"]["layers"][0]["name"] = payload
    document["metadata"] = [{"key": payload, "first": [payload], "second": []}]
    document["files"]["different"] = [{"path": payload, "fate": "differs", "first": None, "second": None}]
    document["first"] |= {"name": payload, "findings": [
        {"code": "x", "severity": "warning", "message": payload, "location": payload, "hint": ""}]}
    page = render_diff(document, payload)
    assert "<script" not in page
    assert "<img" not in page
    assert not {"\x1b", "\u202e"} & set(page)
    assert "\n::error" not in page
    assert "49" not in page.replace("#", "") or payload != "{{ 7*7 }}"


def test_long_lists_are_cut_and_say_so(document: Document) -> None:
    row = document["weights"]["changed"][0]
    document["weights"]["changed"] = [row] * (MOST_ROWS + 50)
    page = render_diff(document)
    assert f"Changed: {MOST_ROWS + 50}" in page
    assert "and 50 more: the JSON report lists them all" in page
    assert page.count("<li><bdi>layers.1.w</bdi>: data</li>") == MOST_ROWS


def test_headers_alone_are_said_loudly(document: Document) -> None:
    document |= {"valuesCompared": False, "relation": {"kind": "same-headers", "base": None}, "files": None}
    page = render_diff(document)
    assert "<h1>Not shown to be the same</h1>" in page
    assert "Only headers were compared:" in page
    assert "Other files: not compared." in page
    assert ">unchanged</th>" not in page
    assert ">uncompared</th>" in page


def test_what_was_fetched_is_told(document: Document) -> None:
    document["second"] |= {"bytesFetched": 100, "digest": None}
    assert "fetched from its address: 100 bytes, 61.3 %" in render_diff(document)


def test_without_weights_there_is_a_sentence_for_the_picture(document: Document) -> None:
    document |= {"weights": None, "relation": None, "metadata": None}
    page = render_diff(document)
    assert "there are no tensors to compare" in page
    assert "<svg" not in page


@pytest.mark.parametrize(("part", "whole", "told"), [
    (0, 5, "0 %"), (0, 0, "0 %"), (5, 5, "100 %"), (1, 100_000, "under 0.1 %"), (99_999, 100_000, "over 99.9 %"),
    (1, 3, "33.3 %"), (999, 1000, "99.9 %"),
])
def test_a_share_is_only_nothing_or_all_when_it_is(part: int, whole: int, told: str) -> None:
    assert percent(part, whole) == told
