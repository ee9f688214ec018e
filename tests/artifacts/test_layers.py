"""Layers: where names place tensors, and what became of each place."""

from __future__ import annotations

import pytest

from provenance.artifacts.layers import STATES, layer_of, layers, natural, ranges
from tests.artifacts.rows import between, model


class TestLayers:
    """Names place tensors in layers; hostile names cost no more than their length."""

    @pytest.mark.parametrize(("name", "layer"), [
        ("model.layers.3.mlp.up_proj.weight", "model.layers.3"), ("model.norm.weight", "model.norm"), ("w", "w"),
        ("0.weight", "0"), ("h.11", "h.11"), ("layers.3b.w", "layers.3b"), ("", ""), (".", "."),
        ("a.1234567890.b", "a.1234567890"), ("a..0.b", "a..0"),
    ])
    def test_the_first_number_ends_a_layer(self, name: str, layer: str) -> None:
        assert layer_of(name) == layer

    def test_people_count_ten_after_nine(self) -> None:
        names = ["h.10", "h.9", "h.2", "a", "h.02"]
        assert sorted(names, key=natural) == ["a", "h.2", "h.02", "h.9", "h.10"]
        assert natural("x" + "9" * 10_000) < natural("x1" + "0" * 10_000)

    @pytest.mark.parametrize(("names", "told"), [
        (["h.0", "h.1", "h.2", "h.4", "wte"], ["h.0 to 2", "h.4", "wte"]), (["0", "1"], ["0 to 1"]), ([], []),
        (["a.1", "b.2"], ["a.1", "b.2"]), (["a.99999999999", "a.100000000000"], ["a.99999999999", "a.100000000000"]),
        (["a", "a.1", "a.2"], ["a", "a.1 to 2"]),
    ])
    def test_runs_of_numbers_are_joined(self, names: list[str], told: list[str]) -> None:
        assert ranges(names) == told

    def test_each_layer_counts_each_state(self) -> None:
        second = model(**{"model.layers.1.norm.weight": ("F32", [8], "tuned"), "model.layers.1.extra": ("F32", [1], 1)})
        found = {layer.name: layer for layer in layers(between(model(), second))}
        assert {state: getattr(found["model.layers.1"], state) for state in STATES} == {
            "unchanged": 2, "renamed": 0, "changed": 1, "uncompared": 0, "removed": 0, "added": 1}
        assert not found["model.layers.1"].is_unchanged
        assert found["model.norm"].is_unchanged
