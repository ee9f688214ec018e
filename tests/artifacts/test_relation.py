"""What two sets of weights are to each other: one word and one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.artifacts.adapters import adapter_over
from provenance.artifacts.comparison import compare
from provenance.artifacts.layers import layers, ranges
from provenance.artifacts.relation import relation
from tests.artifacts.rows import Row, between, kind, model, weights, with_prefix


class TestWhatTheTwoAre:
    """One word and one sentence, and never more than digests, names and shapes tell."""

    def test_the_same_weights(self) -> None:
        assert kind(model(), dict(reversed(model().items()))) == ("same-weights", None)

    def test_the_same_weights_under_other_names(self) -> None:
        assert kind(model(), with_prefix(model(), "language_model.")) == ("renamed", None)

    def test_a_fine_tune_with_frozen_layers(self) -> None:
        tuned = model(**{"model.layers.3.self_attn.q_proj.weight": ("F32", [8, 8], "tuned")})
        found = relation(between(model(), tuned))
        assert found.kind == "fine-tune"
        assert "13 of 14 tensors of the first are unchanged" in found.sentence
        assert "Which came first, digests do not tell" in found.sentence
        unchanged = [layer.name for layer in layers(between(model(), tuned)) if layer.is_unchanged]
        assert ranges(unchanged) == ["model.embed_tokens", "model.layers.0 to 2", "model.norm"]

    def test_a_fine_tune_with_another_head(self) -> None:
        first = model(**{"lm_head.weight": ("F32", [100, 8], "head")})
        second = model(**{"classifier.weight": ("F32", [2, 8], "head")})
        found = relation(between(first, second))
        assert found.kind == "fine-tune"
        assert "only in the first: 1; only in the second: 1" in found.sentence

    def test_other_values_throughout_are_a_full_fine_tune_or_another_model(self) -> None:
        other = {name: (dtype, shape, f"other {value}") for name, (dtype, shape, value) in model().items()}
        assert kind(model(), other) == ("same-architecture", None)

    def test_constant_tensors_make_no_fine_tune(self) -> None:
        """Position tables are equal in all models of an architecture, whoever trained them."""
        table: dict[str, Row] = {"position_ids": ("I64", [1], "table")}
        other = {name: (dtype, shape, f"other {value}") for name, (dtype, shape, value) in model().items()}
        assert kind(model() | table, other | table) == ("same-architecture", None)

    def test_the_first_layers_are_a_prefix(self) -> None:
        found = relation(between(model(4), model(2)))
        assert (found.kind, found.base) == ("prefix", "first")
        assert "the first 2 of 4 numbered layers" in found.sentence
        assert kind(model(2), model(4)) == ("prefix", "second")

    def test_ten_layers_come_after_nine(self) -> None:
        assert "the first 9 of 12 numbered layers" in relation(between(model(12), model(9))).sentence

    def test_some_of_the_tensors_are_a_part(self) -> None:
        found = relation(between(model(), model(**{"model.layers.1.norm.weight": None})))
        assert (found.kind, found.base) == ("prefix", "first")
        assert "a part of the first: it has 13 of its 14 tensors" in found.sentence
        whole: dict[str, Row] = {"a": ("F32", [1], 1), "b": ("F32", [1], 2)}
        assert "a part of" in relation(between(whole, {"a": ("F32", [1], 1)})).sentence

    def test_a_part_under_other_names(self) -> None:
        assert "under other names" in relation(between(model(4), with_prefix(model(2), "x."))).sentence

    def test_other_dtypes_are_not_comparable(self) -> None:
        cast = {name: ("BF16", shape, f"cast {value}") for name, (_, shape, value) in model().items()}
        found = relation(between(model(), cast))
        assert (found.kind, found.base) == ("quantised", "first")
        assert "F32 to BF16" in found.sentence
        assert "not comparable" in found.sentence
        assert kind(cast, model()) == ("quantised", "second")

    def test_packed_weights_are_not_comparable(self) -> None:
        packed: dict[str, Row] = {}
        for name, (dtype, shape, value) in model().items():
            if name.endswith("proj.weight") or "embed" in name:
                packed[name.removesuffix("weight") + "qweight"] = ("I32", [1, 8], f"packed {value}")
                packed[name.removesuffix("weight") + "scales"] = ("F16", [1, 8], f"scales {value}")
            else:
                packed[name] = (dtype, shape, value)
        assert kind(model(), packed) == ("quantised", "first")
        assert kind(packed, model()) == ("quantised", "second")

    def test_blocks_of_ggml_are_not_comparable(self) -> None:
        plain: dict[str, Row] = {f"model.layers.{n}.w.weight": ("F16", [64, 32 + n], n) for n in range(9)}
        blocks: dict[str, Row] = {f"blk.{n}.w.weight": ("Q4_0", [64, 32 + n], f"q{n}") for n in range(9)}
        assert kind(plain, blocks) == ("quantised", "first")
        assert kind(blocks, plain) == ("quantised", "second")
        assert kind(blocks, {f"other.{n}": ("F16", [n + 1], n) for n in range(9)}) == ("unrelated", None)

    def test_models_that_share_little(self) -> None:
        first: dict[str, Row] = {f"a{n}": ("F32", [4], n) for n in range(9)}
        second: dict[str, Row] = {f"b{n}": ("F32", [4], n + 8) for n in range(9)}
        found = relation(between(first, second))
        assert found.kind == "overlap"
        assert "share 1 of the first's 9 tensors" in found.sentence

    def test_unrelated_models(self) -> None:
        assert kind(model(), {"x": ("F32", [7], "x")}) == ("unrelated", None)


def lora(path: str, out: int, into: int, rank: int = 2, form: str = "peft") -> dict[str, Row]:
    """The pair of factors for the tensor at a path, as one of the tools names it."""
    down, up = ("F32", [rank, into], f"down {path}"), ("F32", [out, rank], f"up {path}")
    if form == "peft":
        return {f"base_model.model.{path}.lora_A.weight": down, f"base_model.model.{path}.lora_B.weight": up}
    if form == "named":
        wrapped = f"base_model.model.{path}"
        return {f"{wrapped}.lora_A.default.weight": down, f"{wrapped}.lora_B.default.weight": up}
    if form == "diffusers":
        return {f"{path}.lora.down.weight": down, f"{path}.lora.up.weight": up}
    if form == "embedding":
        return {f"base_model.model.{path}.lora_embedding_A": down, f"base_model.model.{path}.lora_embedding_B": up}
    flat = path.replace(".", "_")
    return {f"lora_unet_{flat}.lora_down.weight": down, f"lora_unet_{flat}.lora_up.weight": up,
            f"lora_unet_{flat}.alpha": ("F32", [], 8)}


class TestAdapters:
    """Pairs of factors over a base, in the spellings of the tools that write them."""

    @pytest.mark.parametrize("form", ["peft", "named", "diffusers", "kohya"])
    def test_every_spelling_fits_its_base(self, form: str) -> None:
        adapter = lora("model.layers.0.self_attn.q_proj", 8, 8, form=form)
        adapter |= lora("model.layers.3.self_attn.v_proj", 8, 8, form=form)
        found = relation(between(model(), adapter))
        assert (found.kind, found.base) == ("adapter", "first")
        assert "all 2 pairs of low-rank factors (rank 2)" in found.sentence
        assert kind(adapter, model()) == ("adapter", "second")

    def test_embeddings_are_stored_the_other_way_round(self) -> None:
        assert adapter_over(weights(model()), weights(lora("model.embed_tokens", 8, 100, form="embedding"))).fits

    def test_a_base_without_its_wrapper_fits_too(self) -> None:
        bare = {name.removeprefix("model."): row for name, row in model().items()}
        assert kind(bare, lora("model.layers.0.self_attn.q_proj", 8, 8)) == ("adapter", "first")
        assert kind(model(), lora("layers.0.self_attn.q_proj", 8, 8)) == ("adapter", "first")

    def test_convolutions_fit_by_their_channels(self) -> None:
        base: dict[str, Row] = {"down.conv.weight": ("F32", [6, 3, 3, 3], "conv")}
        pair: dict[str, Row] = {"down.conv.lora.down.weight": ("F32", [2, 3, 3, 3], 1),
                                "down.conv.lora.up.weight": ("F32", [6, 2, 1, 1], 2)}
        assert kind(base, pair) == ("adapter", "first")

    def test_trained_heads_and_scales_may_lie_beside_the_pairs(self) -> None:
        more: dict[str, Row] = {"base_model.model.classifier.weight": ("F32", [2, 8], "new")}
        assert kind(model(), lora("model.layers.0.self_attn.q_proj", 8, 8) | more) == ("adapter", "first")

    @pytest.mark.parametrize("flaw", [
        {"out": 9}, {"into": 7}, {"path": "model.layers.9.self_attn.q_proj"}, {"path": "model.norm"},
    ])
    def test_a_pair_that_does_not_fit_makes_it_no_adapter_over_this_base(self, flaw: dict[str, Any]) -> None:
        bad = lora(**{"path": "model.layers.1.self_attn.q_proj", "out": 8, "into": 8, **flaw})
        adapter = weights(lora("model.layers.0.self_attn.q_proj", 8, 8) | bad)
        found = adapter_over(weights(model()), adapter)
        assert (found.pairs, found.fitting, found.fits) == (2, 1, False)
        assert relation(compare(weights(model()), adapter)).kind == "unrelated"

    def test_half_a_pair_and_ranks_that_differ_fit_nothing(self) -> None:
        rows = lora("model.layers.0.self_attn.q_proj", 8, 8)
        down, up = rows
        assert not adapter_over(weights(model()), weights({down: rows[down]})).fits
        assert not adapter_over(weights(model()), weights({up: rows[up]})).fits
        assert not adapter_over(weights(model()), weights({**rows, up: ("F32", [8, 3], 1)})).fits
        assert not adapter_over(weights(model()), weights({**rows, down: ("F32", [8], 1)})).fits

    def test_a_base_with_its_adapter_in_it_is_more_than_an_adapter(self) -> None:
        assert kind(model(), model() | lora("model.layers.0.self_attn.q_proj", 8, 8)) == ("prefix", "second")
