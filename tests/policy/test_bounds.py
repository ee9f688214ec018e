"""Whoever writes evidence does not write the report: what a verdict lists of it is bounded, and the rest is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.artifacts.names import brief, brief_tree
from provenance.policy.verdict import MAX_ITEMS, MAX_REASONS, Decision, Item
from provenance.workflows.verify import LONGEST_TEXT
from tests.world import TOP_RUNG, World


def decision(*items: Item) -> Decision:
    return Decision("W-2", "The licence", "A source", "A remedy", "stated", "trusted", ("producer",), items)


def test_of_very_many_items_those_that_led_to_the_outcome_are_listed_and_the_others_counted() -> None:
    passing = [Item(f"a{n}", "pass", "open") for n in range(MAX_ITEMS)]
    told = decision(*passing, Item("b", "fail", "not open")).to_dict()
    assert told["outcome"] == "fail"
    assert len(told["items"]) == MAX_ITEMS + 1
    assert told["items"][0]["subject"] == "b"
    assert told["items"][-1]["reason"] == "and 1 more"


def test_of_few_items_all_are_listed_in_their_order() -> None:
    items = [Item(f"a{n}", "pass" if n % 2 else "fail", "told") for n in range(MAX_ITEMS)]
    assert [row["subject"] for row in decision(*items).to_dict()["items"]] == [item.subject for item in items]


def test_of_very_many_reasons_the_first_are_told_and_the_others_counted() -> None:
    reasons = decision(*(Item(f"a{n}", "fail", f"reason {n}") for n in range(MAX_REASONS + 7))).reason.split("; ")
    assert len(reasons) == MAX_REASONS + 1
    assert reasons[-1] == "and 7 more reasons"


@pytest.mark.parametrize("what", ["release", "train", "component"])
def test_a_name_of_a_megabyte_is_not_repeated_in_the_verdict(tmp_path: Path, what: str) -> None:
    world = World.new(tmp_path)
    name = "A" * 1_000_000
    if what == "component":
        rows = tuple(replace(row, thing=replace(row.thing, name=name), license=name)
                     for row in world.release.components)
        world.say("release", replace(world.release, components=rows))
    else:
        world.say(what, replace(world.drafts[what].claim, name=name))  # type: ignore[call-arg]
    text = json.dumps(world.verdict(TOP_RUNG), ensure_ascii=False)
    assert "AAAA… (" in text
    assert len(text) < len(name)


def test_a_text_is_cut_in_a_document_of_any_depth_and_nothing_else_is() -> None:
    document = {"a": ["x" * 50, {"b": "y" * 51}], "c": None, "d": 1.5}
    assert brief_tree(document, 50) == {"a": ["x" * 50, {"b": brief("y" * 51, 50)}], "c": None, "d": 1.5}
    assert LONGEST_TEXT > 1024  # a tensor's name that is not odd stays whole
