"""The lineage picture: everything in it, legible, and the same each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from typing import Any

import pytest

from provenance.reports.picture import MOST_NODES, NO_LINEAGE, Drawing, drawing, lineage_svg

Lineage = dict[str, Any]
SVG = "{http://www.w3.org/2000/svg}"


def chain(length: int, fan: int = 1) -> Lineage:
    """A lineage of `length` things in a row, each made from `fan` before it."""
    nodes = [{"id": f"n{number}", "kind": "step", "label": f"step {number}", "digest": None, "signers": [],
              "state": "declared"} for number in range(length)]
    edges = [{"from": f"n{number - back}", "to": f"n{number}", "role": "training-data", "strength": "file"}
             for number in range(length) for back in range(1, fan + 1) if number >= back]
    return {"nodes": nodes, "edges": edges, "gaps": []}


def drawn(lineage: Lineage) -> Drawing:
    found = drawing(lineage)
    assert isinstance(found, Drawing)
    return found


def test_every_thing_and_every_link_is_drawn(verdict: dict[str, Any]) -> None:
    lineage = verdict["lineage"]
    picture = ET.fromstring(lineage_svg(lineage))
    assert len(picture.findall(f"{SVG}g")) == len(lineage["nodes"])
    assert len(picture.findall(f"{SVG}polygon")) == len(lineage["edges"])
    states = [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "state"]
    assert [(text or "").split()[-1] for text in states] == [node["state"] for node in lineage["nodes"]]


def test_a_link_tells_its_role_and_a_tie_that_is_not_the_strongest(kjv: dict[str, Any]) -> None:
    labels = [link.label for link in drawn(kjv["lineage"]).links]
    assert {"training-data", "output (tensor root)", "source (file)"} <= set(labels)


def test_the_picture_is_the_same_each_time(kjv: dict[str, Any]) -> None:
    assert lineage_svg(kjv["lineage"]) == lineage_svg(kjv["lineage"])


def test_it_has_a_title_and_is_told_in_words(kjv: dict[str, Any]) -> None:
    picture = ET.fromstring(lineage_svg(kjv["lineage"]))
    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}title") == "The lineage of the model"
    assert "9 things: 9 shown, 0 declared, 0 missing" in (picture.findtext(f"{SVG}desc") or "")


def test_without_a_lineage_there_is_a_sentence() -> None:
    assert lineage_svg({"nodes": [], "edges": [], "gaps": []}) == f"<p>{NO_LINEAGE}</p>"


def test_what_is_too_large_for_a_picture_is_said_in_a_sentence() -> None:
    told = lineage_svg(chain(MOST_NODES + 1))
    assert told.startswith("<p>")
    assert f"{MOST_NODES + 1} things" in told


@pytest.mark.parametrize("lineage", [chain(1), chain(12, fan=3), chain(MOST_NODES)], ids=["one", "dense", "largest"])
def test_cards_lie_apart_and_everything_lies_inside(lineage: Lineage) -> None:
    found = drawn(lineage)
    assert all(abs(a.x - b.x) >= 184 or abs(a.y - b.y) >= 68 for a, b in combinations(found.cards, 2))
    assert all(0 <= card.x <= found.width - 184 and 0 <= card.y <= found.height - 68 for card in found.cards)
    assert all(link.x - link.width / 2 >= 0 and link.x + link.width / 2 <= found.width for link in found.links)
    pairs = [pair for link in found.links for pair in re.findall(r"[\d.-]+,[\d.-]+", link.path)]
    numbers = [tuple(map(float, pair.split(","))) for pair in pairs]
    assert all(0 <= x <= found.width and 0 <= y <= found.height for x, y in numbers)


@pytest.mark.parametrize("edges", [
    [("n0", "n0")], [("n0", "n1"), ("n1", "n0")], [("n0", "n1"), ("n0", "n1")], [("n0", "nowhere")],
], ids=["loop", "cycle", "twice", "dangling"])
def test_an_odd_graph_is_drawn_all_the_same(edges: list[tuple[str, str]]) -> None:
    """A hostile statement may say that a step made its own input; the report must still be written."""
    lineage = chain(2) | {"edges": [{"from": a, "to": b, "role": "", "strength": "weak"} for a, b in edges]}
    assert lineage_svg(lineage).startswith("<svg")


def test_a_thing_of_an_unknown_kind_is_drawn_as_a_file() -> None:
    lineage = chain(1)
    lineage["nodes"][0] |= {"kind": "spell", "state": "cursed"}
    assert "? cursed" in lineage_svg(lineage)


def test_long_and_wide_names_are_cut_to_the_card() -> None:
    lineage = chain(2)
    lineage["nodes"][0]["label"] = "a-very-long-name-of-a-dataset"
    lineage["nodes"][1]["label"] = "日本語の大きなデータセット"
    assert [card.title for card in drawn(lineage).cards] == ["a-very-long-name…", "日本語の大きなデ…"]
