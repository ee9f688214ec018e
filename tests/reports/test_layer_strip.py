"""The layers of a diff as a picture: one cell a layer, legible, and the same each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from provenance.reports.layer_strip import MOST_LAYERS, NO_WEIGHTS, STATES, Strip, layers_svg, strip

SVG = "{http://www.w3.org/2000/svg}"


def document(*layers: dict[str, Any]) -> dict[str, Any]:
    """What a strip needs of a diff."""
    return {"weights": {"layers": [{"name": f"layers.{number}", **dict.fromkeys(STATES, 0), **layer}
                                   for number, layer in enumerate(layers)]}}


def drawn(found: dict[str, Any]) -> Strip:
    picture = strip(found)
    assert isinstance(picture, Strip)
    return picture


def test_a_cell_is_cut_by_what_became_of_its_tensors() -> None:
    (cell,) = drawn(document({"unchanged": 3, "changed": 1})).cells
    bands = [(band.state, band.y, band.height) for band in cell.bands]
    assert bands == [("unchanged", 0, 16.5), ("changed", 16.5, 5.5)]
    assert cell.told == "layers.0: 3 unchanged, 1 changed"


@pytest.mark.parametrize(("counts", "sign"), [
    ({"unchanged": 5}, "="), ({"unchanged": 5, "changed": 1}, "≠"), ({"renamed": 2}, "≈"), ({"added": 1}, "+"),
    ({"removed": 2, "added": 1}, "-"),
])
def test_a_sign_tells_a_difference_before_sameness(counts: dict[str, int], sign: str) -> None:
    assert drawn(document(counts)).cells[0].sign == sign


def test_rows_are_filled_and_everything_lies_inside() -> None:
    picture = drawn(document(*[{"unchanged": 1}] * 65))
    assert len({(cell.x, cell.y) for cell in picture.cells}) == 65
    assert max(cell.x for cell in picture.cells) + picture.cell < picture.width
    assert max(cell.y for cell in picture.cells) + picture.cell < picture.height
    assert picture.told == "65 layers; tensors: 65 unchanged, 0 renamed, 0 changed, 0 removed, 0 added."


def test_the_legend_names_what_can_be_said() -> None:
    """Of values that were compared none is uncompared; of others it is not said that none is unchanged."""
    assert [state for state, _, _ in drawn(document({"changed": 1})).legend] == [
        "unchanged", "renamed", "changed", "removed", "added"]
    assert [state for state, _, _ in drawn(document({"uncompared": 1})).legend] == [
        "changed", "uncompared", "removed", "added"]


def test_names_are_text_and_nothing_else() -> None:
    svg = layers_svg(document({"name": "\x1b]0;x\x07</title><script>alert(1)</script>\u202e" + "a" * 9999, "added": 1}))
    assert not {"\x1b", "\u202e"} & set(svg)
    assert len(svg) < 4000
    told = ET.fromstring(svg).findall(f".//{SVG}g/{SVG}title")
    assert len(told) == 1
    assert "alert(1)" in (told[0].text or "")


def test_it_is_the_same_each_time_and_told_in_words() -> None:
    found = document({"unchanged": 1}, {"changed": 2})
    assert layers_svg(found) == layers_svg(found)
    assert "2 layers" in (ET.fromstring(layers_svg(found)).findtext(f"{SVG}desc") or "")


def test_what_cannot_be_drawn_is_a_sentence() -> None:
    assert strip({"weights": None}) == NO_WEIGHTS
    assert str(strip(document(*[{"added": 1}] * (MOST_LAYERS + 1)))).startswith("601 layers are too many")
    assert ET.fromstring(layers_svg({"weights": None})).findtext(f"{SVG}title") == NO_WEIGHTS
