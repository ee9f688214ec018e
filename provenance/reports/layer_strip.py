"""Two models side by side as a drawing: one cell for each layer, cut by what became of its tensors.

A pure function of the diff document (`schemas/diff.schema.json`). Each cell tells its state by a sign as well as by
its colour; its full name and counts are its title. Jinja2 escapes every text (`templates/layers.svg.j2`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.reports.escape import printable

# What is larger is read as a list: cells would be too small to see.
MOST_LAYERS = 600
NO_WEIGHTS = "No picture: there are no tensors to compare."
TOO_MANY = "{count:,} layers are too many for a picture; the list has them."

STATES = ("unchanged", "renamed", "changed", "uncompared", "removed", "added")
SIGNS = {"unchanged": "=", "renamed": "≈", "changed": "≠", "uncompared": "?", "removed": "-", "added": "+"}
_CELL, _GAP, _COLUMNS, _MARGIN, _LEGEND, _ENTRY = 22.0, 4.0, 30, 12.0, 28.0, 136.0


@dataclass(frozen=True)
class Band:
    """A part of a cell: its state, and its upper edge and height within the cell."""

    state: str
    y: float
    height: float


@dataclass(frozen=True)
class Cell:
    """One layer in its place: the bands from top to bottom, a sign, and what a pointer or a reader is told."""

    x: float
    y: float
    bands: tuple[Band, ...]
    sign: str
    told: str


@dataclass(frozen=True)
class Strip:
    """Everything that the template draws; `step` is the width of an entry of the legend."""

    width: float
    height: float
    cell: float
    step: float
    cells: tuple[Cell, ...]
    legend: tuple[tuple[str, str, int], ...]
    told: str


def layers_svg(document: Mapping[str, Any]) -> str:
    """The layers of a diff as one SVG element, or, where there is nothing to draw, an SVG with the sentence alone."""
    from provenance.reports.html import environment

    return environment().get_template("layers.svg.j2").render(strip=strip(document))


def strip(document: Mapping[str, Any]) -> Strip | str:
    """Cells in their places, or a sentence on why there is no picture."""
    layers: Sequence[Mapping[str, Any]] = document["weights"]["layers"] if document["weights"] else ()
    if not layers:
        return NO_WEIGHTS
    if len(layers) > MOST_LAYERS:
        return TOO_MANY.format(count=len(layers))
    columns = min(len(layers), _COLUMNS)
    rows = -(-len(layers) // columns)
    step = _CELL + _GAP
    cells = tuple(_cell(layer, _MARGIN + place % columns * step, _LEGEND + _MARGIN + place // columns * step)
                  for place, layer in enumerate(layers))
    totals = {state: sum(int(layer[state]) for layer in layers) for state in STATES}
    # Where values were compared nothing is uncompared; where they were not, that nothing is unchanged would mislead.
    unsaid = ("unchanged", "renamed") if totals["uncompared"] else ("uncompared",)
    legend = tuple((state, SIGNS[state], totals[state]) for state in STATES if totals[state] or state not in unsaid)
    width = max(columns * step - _GAP, len(legend) * _ENTRY) + 2 * _MARGIN
    told = ", ".join(f"{count:,} {state}" for state, _, count in legend)
    height = _LEGEND + rows * step - _GAP + 2 * _MARGIN
    return Strip(width, height, _CELL, _ENTRY, cells, legend, f"{len(layers):,} layers; tensors: {told}.")


def _cell(layer: Mapping[str, Any], x: float, y: float) -> Cell:
    counts = {state: int(layer[state]) for state in STATES if layer[state]}
    total, at, bands = sum(counts.values()), 0.0, []
    for state, count in counts.items():
        height = round(_CELL * count / total, 2)
        bands.append(Band(state, round(at, 2), height))
        at += height
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    sign = SIGNS[max(counts, key=lambda state: (state not in ("unchanged", "renamed"), counts[state]))]
    return Cell(x, y, tuple(bands), sign, f"{printable(str(layer['name']), longest=120)}: {told}")
