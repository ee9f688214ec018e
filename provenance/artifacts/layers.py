"""Layers: tensors by the part of the network that their names place them in, and what became of each part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

from provenance.artifacts.comparison import Comparison

_NUMBER = re.compile(r"(?:^|\.)[0-9]{1,9}(?=\.|$)", re.ASCII)
_DIGITS = re.compile(r"([0-9]+)", re.ASCII)


@dataclass
class Layer:
    """How many tensors of one layer stayed, were renamed, changed, were not compared, went and came.

    A renamed one counts under its old name.
    """

    name: str
    unchanged: int = 0
    renamed: int = 0
    changed: int = 0
    uncompared: int = 0
    removed: int = 0
    added: int = 0

    @property
    def total(self) -> int:
        """All tensors that stand in this layer on either side."""
        return self.unchanged + self.renamed + self.changed + self.uncompared + self.removed + self.added

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing in it but names is different."""
        return self.unchanged + self.renamed == self.total


STATES = tuple(field.name for field in fields(Layer) if field.name != "name")


def layer_of(name: str) -> str:
    """The layer of a tensor: its name up to the first number, or without its last part where there is none.

    `model.layers.3.mlp.up_proj.weight` is in `model.layers.3`, `model.norm.weight` in `model.norm`.
    """
    number = _NUMBER.search(name)
    return name[: number.end()] if number else name.rpartition(".")[0] or name


def layers(comparison: Comparison) -> list[Layer]:
    """Every layer of either side, in the order in which people count."""
    found: dict[str, Layer] = {}

    def count(names: Iterable[str], state: str) -> None:
        for name in names:
            layer = found.setdefault(layer_of(name), Layer(layer_of(name)))
            setattr(layer, state, getattr(layer, state) + 1)

    count((tensor.name for tensor in comparison.unchanged), "unchanged")
    count((change.before.name for change in comparison.renamed), "renamed")
    count((change.before.name for change in comparison.changed), "changed")
    count((tensor.name for tensor in comparison.uncompared), "uncompared")
    count((tensor.name for tensor in comparison.removed), "removed")
    count((tensor.name for tensor in comparison.added), "added")
    return sorted(found.values(), key=lambda layer: natural(layer.name))


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts `layers.10` after `layers.9`; a number of a million digits costs no more than its length."""
    parts = _DIGITS.split(name)
    return [(len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (0, part) for place, part in enumerate(parts)]


def ranges(names: Sequence[str]) -> list[str]:
    """Layer names in their order, with runs of numbers joined: `model.layers.0 to 11`."""
    return [stem + (first if first == last else f"{first} to {last}") for stem, first, last in _runs(names)]


def _runs(names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    run: tuple[str, str, str] | None = None
    for name in names:
        stem, _, number = name.rpartition(".")
        numbered = number.isascii() and number.isdecimal() and len(number) <= 9
        stem, number = (f"{stem}." if stem else "", number) if numbered else (name, "")
        if run and numbered and run[0] == stem and run[2] and int(run[2]) + 1 == int(number):
            run = (stem, run[1], number)
            continue
        if run:
            yield run
        run = (stem, number, number)
    if run:
        yield run
