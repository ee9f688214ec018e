"""Two sets of weights side by side: what became of each tensor, and what the two are to each other."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts.adapters import adapter_over
from provenance.artifacts.comparison import Comparison, compare, size_of
from provenance.artifacts.layers import STATES, layer_of, layers, natural, ranges
from provenance.artifacts.relation import relation
from provenance.artifacts.tensors import Tensor, Weights
from provenance.errors import ArtifactError

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


class TestWhatBecameOfEachTensor:
    """Every tensor of either side stands in exactly one list."""

    def test_unchanged_changed_removed_added_and_renamed(self) -> None:
        found = between(
            {"kept": ("F32", [2], 1), "tuned": ("F32", [2], 2), "gone": ("F32", [2], 3), "old name": ("F32", [2], 4)},
            {"kept": ("F32", [2], 1), "tuned": ("F32", [2], 5), "came": ("F32", [2], 6), "new name": ("F32", [2], 4)},
        )
        assert [tensor.name for tensor in found.unchanged] == ["kept"]
        assert [change.differs for change in found.changed] == [("data",)]
        assert [tensor.name for tensor in found.removed] == ["gone"]
        assert [tensor.name for tensor in found.added] == ["came"]
        assert [(change.before.name, change.after.name) for change in found.renamed] == [("old name", "new name")]
        assert not found.same
        assert not found.same_data

    @pytest.mark.parametrize(("after", "differs"), [
        (("F32", [2], 2), ("data",)), (("I32", [2], 1), ("dtype",)), (("F32", [1, 2], 1), ("shape",)),
        (("F16", [2], 2), ("dtype", "data")), (("F16", [4], 2), ("dtype", "shape", "data")),
    ])
    def test_a_change_says_what_differs(self, after: Row, differs: tuple[str, ...]) -> None:
        assert between({"x": ("F32", [2], 1)}, {"x": after}).changed[0].differs == differs

    def test_the_same_bytes_in_another_dtype_or_shape_are_no_rename(self) -> None:
        found = between({"x": ("F32", [2], 1)}, {"y": ("I32", [2], 1)})
        assert (len(found.renamed), len(found.removed), len(found.added)) == (0, 1, 1)

    def test_equal_tensors_are_paired_in_the_order_of_their_names_and_called_ambiguous(self) -> None:
        zeros = {f"{number}.bias": ("F32", [2], 0) for number in range(3)}
        found = between({**zeros, "w": ("F32", [2], 1)}, with_prefix({**zeros, "w": ("F32", [2], 1)}, "model."))
        assert [(c.before.name, c.after.name, c.ambiguous) for c in found.renamed] == [
            ("0.bias", "model.0.bias", True), ("1.bias", "model.1.bias", True), ("2.bias", "model.2.bias", True),
            ("w", "model.w", False),
        ]

    def test_one_of_several_equal_tensors_may_go_without_the_others_being_renamed(self) -> None:
        found = between({"a": ("F32", [2], 0), "b": ("F32", [2], 0)}, {"c": ("F32", [2], 0)})
        assert (len(found.renamed), [tensor.name for tensor in found.removed]) == (1, ["b"])

    def test_values_that_stood_under_another_name_are_recognised(self) -> None:
        swapped = between({"a": ("F32", [2], 1), "b": ("F32", [2], 2)}, {"a": ("F32", [2], 2), "b": ("F32", [2], 1)})
        assert [(change.before.name, change.moved_from) for change in swapped.changed] == [("a", "b"), ("b", "a")]
        twice = between({"a": ("F32", [2], 1), "b": ("F32", [2], 2), "c": ("F32", [2], 2)}, {"a": ("F32", [2], 2)})
        assert twice.changed[0].moved_from == ""

    def test_shares_have_their_denominators(self) -> None:
        found = between({"x": ("F32", [3], 1), "y": ("BF16", [2], 1)}, {"x": ("F32", [3], 1), "z": ("F64", [4], 2)})
        shares = {name: (s.of, s.tensors, s.of_tensors, s.size, s.of_size) for name, s in found.shares.items()}
        assert shares == {
            "unchanged": ("first", 1, 2, 12, 16), "renamed": ("first", 0, 2, 0, 16), "changed": ("first", 0, 2, 0, 16),
            "removed": ("first", 1, 2, 4, 16), "added": ("second", 1, 2, 32, 44),
        }

    def test_a_share_of_nothing_is_nothing(self) -> None:
        empty = between({"x": ("F32", [0], 1), "y": ("F32", [0], 2)}, {"x": ("F32", [0], 1)})
        assert empty.shares["unchanged"].ratio == 0.5
        assert empty.shares["added"].ratio == 0.0
        assert compare(Weights(()), Weights(())).shares["added"].ratio == 0.0

    @pytest.mark.parametrize(("dtype", "shape", "size"), [
        ("F32", (2, 3), 24), ("F4", (2, 4), 4), ("F6_E2M3", (4,), 3), ("Q4_0", (2, 32), 36), ("C64", (), 8),
        ("U8", (0, 7), 0),
    ])
    def test_sizes_follow_from_dtype_and_shape(self, dtype: str, shape: tuple[int, ...], size: int) -> None:
        assert size_of(Tensor("x", dtype, shape, "")) == size

    def test_an_unknown_dtype_is_an_error(self) -> None:
        with pytest.raises(ArtifactError) as caught:
            size_of(Tensor("x", "F3", (2,), ""))
        assert caught.value.code == "weights-unsupported"


_ROWS = st.dictionaries(
    st.sampled_from([f"layers.{number}.w" for number in range(12)] + ["a", "b", "model.a"]),
    st.tuples(st.sampled_from(["F32", "F16"]), st.sampled_from([[2], [1, 2], []]), st.integers(0, 3)), max_size=10,
)


@given(_ROWS, _ROWS)
def test_every_tensor_is_counted_once_and_the_relation_turns_round(first: Any, second: Any) -> None:
    there, back = between(first, second), between(second, first)
    for found, left, right in ((there, first, second), (back, second, first)):
        pairs = (*found.renamed, *found.changed)
        before = [*found.unchanged, *found.removed, *(change.before for change in pairs)]
        after = [*found.unchanged, *found.added, *(change.after for change in pairs)]
        assert sorted(left) == sorted(tensor.name for tensor in before)
        assert sorted(right) == sorted(tensor.name for tensor in after)
        assert found.same == (weights(left).root == weights(right).root)
        counts = layers(found)
        assert sum(layer.total for layer in counts) == sum(len(part) for part in (
            found.unchanged, found.renamed, found.changed, found.removed, found.added))
    for name in ("unchanged", "renamed", "changed"):
        assert there.shares[name].tensors == back.shares[name].tensors
    forth, reverse = relation(there), relation(back)
    assert forth.kind == reverse.kind
    assert reverse.base == {"first": "second", "second": "first", None: None}[forth.base]


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
            "unchanged": 2, "renamed": 0, "changed": 1, "removed": 0, "added": 1}
        assert not found["model.layers.1"].is_unchanged
        assert found["model.norm"].is_unchanged


def test_a_hundred_thousand_tensors_take_seconds_and_ten_times_as_many_ten_times_as_long() -> None:
    def rows(count: int, seed: int) -> Weights:
        return Weights(tuple(
            Tensor(f"model.layers.{number:06}.w", "F32", (8, 8), f"{number if number % 3 else number + seed:064x}")
            for number in range(count)
        ))

    def seconds(count: int) -> float:
        first, second = rows(count, 0), rows(count, 10**9)
        renamed = Weights(tuple(replace(tensor, name=f"x.{tensor.name}") for tensor in first.tensors))
        start = time.process_time()
        for other in (second, renamed):
            found = compare(first, other)
            relation(found)
            layers(found)
            assert len(found.shares) == 5
        return time.process_time() - start

    small, large = min(seconds(10_000) for _ in range(3)), seconds(100_000)
    assert large < 12
    assert large < 30 * small  # linear would be 10; quadratic 100
