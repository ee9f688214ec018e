"""Two sets of weights side by side: what became of each tensor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts.comparison import compare, size_of
from provenance.artifacts.layers import layers
from provenance.artifacts.relation import relation
from provenance.artifacts.tensors import Tensor, Weights
from provenance.errors import ArtifactError
from tests.artifacts.rows import Row, between, weights, with_prefix
from tests.growth import calls


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

    def test_what_was_not_read_is_equal_to_nothing(self) -> None:
        """Not to itself, not under another name, and not as what moved."""
        bare = Weights.of(replace(tensor, head="") for tensor in weights({"a": ("F32", [2], 1)}).tensors)
        renamed = Weights.of(replace(tensor, name="b") for tensor in bare.tensors)
        for first, second in ((bare, bare), (bare, weights({"a": ("F32", [2], 1)})), (bare, renamed)):
            found = compare(first, second)
            assert (found.unchanged, found.renamed, found.same, found.same_data) == ((), (), False, False)
        assert compare(bare, bare).uncompared == bare.tensors
        assert [tensor.name for tensor in compare(bare, renamed).removed] == ["a"]

    def test_headers_alone_are_compared_whatever_is_known_of_values(self) -> None:
        found = compare(weights({"a": ("F32", [2], 1)}), weights({"a": ("F32", [2], 1)}), headers_only=True)
        assert (found.same, found.same_data, len(found.uncompared)) == (False, False, 1)
        empty = compare(Weights(()), Weights(()), headers_only=True)
        assert (empty.same, empty.same_data) == (False, False)

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
            "uncompared": ("first", 0, 2, 0, 16), "removed": ("first", 1, 2, 4, 16), "added": ("second", 1, 2, 32, 44),
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


def test_ten_times_as_many_tensors_take_ten_times_the_calls() -> None:
    def rows(count: int, seed: int) -> Weights:
        return Weights(tuple(
            Tensor(f"model.layers.{number:06}.w", "F32", (8, 8), f"{number if number % 3 else number + seed:064x}")
            for number in range(count)
        ))

    def work(count: int) -> int:
        first, second = rows(count, 0), rows(count, 10**9)
        renamed = Weights(tuple(replace(tensor, name=f"x.{tensor.name}") for tensor in first.tensors))

        def both() -> None:
            for other in (second, renamed):
                found = compare(first, other)
                relation(found)
                layers(found)
                assert len(found.shares) == 6

        return calls(both)

    assert work(20_000) < 11 * work(2_000)
