"""Weights for tests, written down as rows: what stands for the values is hashed, and nothing is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from provenance.artifacts.comparison import Comparison, compare
from provenance.artifacts.relation import relation
from provenance.artifacts.tensors import Tensor, Weights

Row = tuple[str, Sequence[int], object]


def weights(rows: Mapping[str, Row]) -> Weights:
    """Weights of name -> dtype, shape, anything that stands for the values."""
    return Weights.of(
        Tensor(name, dtype, tuple(shape), hashlib.sha256(repr(value).encode()).hexdigest())
        for name, (dtype, shape, value) in rows.items()
    )


def model(count: int = 4, **changes: Row | None) -> dict[str, Row]:
    """A transformer of some layers, every tensor with values of its own; None takes one away."""
    rows: dict[str, Row] = {"model.embed_tokens.weight": ("F32", [100, 8], "embed")}
    for number in range(count):
        for part in ("q_proj", "v_proj"):
            rows[f"model.layers.{number}.self_attn.{part}.weight"] = ("F32", [8, 8], f"{part} {number}")
        rows[f"model.layers.{number}.norm.weight"] = ("F32", [8], f"norm {number}")
    rows["model.norm.weight"] = ("F32", [8], "norm")
    rows.update({name: row for name, row in changes.items() if row is not None})
    return {name: row for name, row in rows.items() if name not in changes or changes[name] is not None}


def between(first: Mapping[str, Row], second: Mapping[str, Row]) -> Comparison:
    return compare(weights(first), weights(second))


def kind(first: Mapping[str, Row], second: Mapping[str, Row]) -> tuple[str, str | None]:
    found = relation(between(first, second))
    assert found.sentence[0].isupper()
    assert found.sentence.endswith(".")
    return found.kind, found.base


def with_prefix(rows: Mapping[str, Row], prefix: str) -> dict[str, Row]:
    return {prefix + name: row for name, row in rows.items()}
