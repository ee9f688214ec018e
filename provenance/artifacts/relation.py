"""What two sets of weights are to each other, in one word and one sentence, as far as digests, names and shapes tell.

A digest says that values are equal, and nothing of how near they are: what is said beyond "the same" is what the
evidence is consistent with, and the sentence says so. Rules are tried in the order of `RULES`; the first that holds
is the answer, and the word is the same whichever side is named first. Where only headers were compared, there are
`HEADER_RULES`: none of them says that anything is the same. A share below `FAINT` of the bytes proves no
kinship: networks of one architecture share constant tensors (position tables, biases that were never trained) whoever
trained them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from provenance.artifacts.adapters import adapter_over
from provenance.artifacts.comparison import Change, Comparison, Side, size_of
from provenance.artifacts.containers.gguf_types import TENSORS as GGUF_TYPES
from provenance.artifacts.layers import layer_of, natural
from provenance.artifacts.tensors import Tensor, Weights

Kind = Literal["same-weights", "renamed", "adapter", "quantised", "prefix", "fine-tune", "same-architecture",
               "overlap", "unrelated", "same-headers", "other-headers"]
FAINT = 0.01
_MOST = 0.5
_BLOCK_TYPES = frozenset(name for name, values, _ in GGUF_TYPES.values() if values > 1)
# What quantisers put beside, or in the place of, PATH.weight: GPTQ and AWQ, compressed-tensors, FP8, bitsandbytes.
_PACKED = (".qweight", ".weight_packed", ".weight_scale", ".weight_scale_inv", ".weight.absmax", ".SCB")


@dataclass(frozen=True)
class Relation:
    """A word, which side is the base (None: neither, or both), and the sentence for people."""

    kind: Kind
    base: Side | None
    sentence: str


def relation(comparison: Comparison) -> Relation:
    """The first rule that holds."""
    rules = HEADER_RULES if comparison.of_headers else RULES
    return next(found for rule in rules if (found := rule(comparison)))


def _same(comparison: Comparison) -> Relation | None:
    if not comparison.same:
        return None
    return Relation("same-weights", None, "The same weights: every tensor is equal in name, dtype, shape and bytes.")


def _renamed(comparison: Comparison) -> Relation | None:
    if not comparison.same_data:
        return None
    return Relation("renamed", None, "The same weights under other names: equal in bytes are all "
                    f"{len(comparison.first.tensors):,} tensors, renamed {len(comparison.renamed):,} of them.")


def _adapter(comparison: Comparison) -> Relation | None:
    if comparison.kept or comparison.uncompared:  # a base with an adapter in it is no adapter
        return None
    for base, below, above in _both_ways(comparison):
        adapter = adapter_over(below, above)
        if adapter.fits:
            ranks = ", ".join(map(str, adapter.ranks))
            return Relation("adapter", base, f"The {_other(base)} is an adapter over the {base}, by names and shapes: "
                            f"all {adapter.pairs:,} pairs of low-rank factors (rank {ranks}) fit a tensor of it.")
    return None


def _both_ways(comparison: Comparison) -> Iterator[tuple[Side, Weights, Weights]]:
    yield "first", comparison.first, comparison.second
    yield "second", comparison.second, comparison.first


def _other(side: Side) -> Side:
    return "second" if side == "first" else "first"


def _quantised(comparison: Comparison) -> Relation | None:
    recast = [change for change in comparison.changed if change.before.shape == change.after.shape
              and change.before.dtype != change.after.dtype]
    if _least_share(comparison, (), recast) >= _MOST:
        before, after = _size(recast, "before"), _size(recast, "after")
        larger: Side | None = "first" if before > after else "second" if after > before else None
        return Relation("quantised", larger, "Quantised or converted, not comparable: the same names and shapes in "
                        f"other dtypes ({_casts(recast)}) for {len(recast):,} tensors. {_SILENT}")
    for base, plain, packed in _both_ways(comparison):
        names = {tensor.name for tensor in packed.tensors}
        packs = [tensor for tensor in plain.tensors if _is_packed(tensor, names)]
        if packs and comparison.share(packs, base).ratio >= _MOST:
            return Relation("quantised", base, f"Quantised, not comparable: the {_other(base)} holds {len(packs):,} "
                            f"tensors of the {base} in packed form, by their names. {_SILENT}")
        if _in_blocks(packed) and not _in_blocks(plain) and _alike_in_size(plain, packed):
            return Relation("quantised", base, f"Quantised, not comparable: the {_other(base)} holds quantised blocks "
                            f"of GGML in tensors of the sizes of the {base}, under names of its own. {_SILENT}")
    return None


_SILENT = "Digests cannot tell whether their values agree."


def _least_share(comparison: Comparison, unchanged: Sequence[Tensor], changes: Sequence[Change]) -> float:
    """How much of the weights these tensors are, on the side of which they are less."""
    before = comparison.share((*unchanged, *(change.before for change in changes)))
    after = comparison.share((*unchanged, *(change.after for change in changes)), "second")
    return min(before.ratio, after.ratio)


def _kept_share(comparison: Comparison) -> float:
    return _least_share(comparison, comparison.unchanged, comparison.renamed)


def _size(changes: list[Change], side: Literal["before", "after"]) -> int:
    return sum(size_of(getattr(change, side)) for change in changes)


def _casts(changes: list[Change]) -> str:
    casts = Counter(f"{change.before.dtype} to {change.after.dtype}" for change in changes)
    return ", ".join(cast for cast, _ in casts.most_common(3))


def _is_packed(tensor: Tensor, names: set[str]) -> bool:
    stem = tensor.name.removesuffix(".weight")
    return stem != tensor.name and any(stem + suffix in names for suffix in _PACKED)


def _in_blocks(weights: Weights) -> bool:
    return any(tensor.dtype in _BLOCK_TYPES for tensor in weights.tensors)


def _alike_in_size(left: Weights, right: Weights) -> bool:
    """Whether nine in ten of the fewer tensors have one of as many values on the other side."""
    counts = [Counter(tensor.elements for tensor in weights.tensors) for weights in (left, right)]
    shared = sum((counts[0] & counts[1]).values())
    return shared >= 0.9 * min(len(left.tensors), len(right.tensors))


def _prefix(comparison: Comparison) -> Relation | None:
    if comparison.changed or not comparison.kept or bool(comparison.removed) == bool(comparison.added):
        return None
    base: Side = "first" if comparison.removed else "second"
    lacking = comparison.removed or comparison.added
    whole, part = (comparison.first, comparison.second) if base == "first" else (comparison.second, comparison.first)
    names = " under other names" if comparison.renamed else ""
    return Relation("prefix", base, f"The {_other(base)} is {_part(whole, part, lacking)} the {base}: it has "
                    f"{len(part.tensors):,} of its {len(whole.tensors):,} tensors{names}, with equal bytes.")


def _part(whole: Weights, part: Weights, lacking: tuple[Tensor, ...]) -> str:
    """How many of the numbered layers a part has, where it has the first ones and lacks whole ones."""
    has, lacks = _numbered(part.tensors), _numbered(lacking)
    if not has or not lacks or max(has) >= min(lacks):
        return "a part of"
    return f"a prefix (the first {len(has):,} of {len(_numbered(whole.tensors)):,} numbered layers) of"


def _numbered(tensors: tuple[Tensor, ...]) -> list[list[tuple[int, str]]]:
    names = {layer_of(tensor.name) for tensor in tensors}
    return [natural(name) for name in names if name.rpartition(".")[2].isdecimal()]


def _fine_tune(comparison: Comparison) -> Relation | None:
    alike = _alike(comparison)
    spanned = _least_share(comparison, comparison.unchanged, (*comparison.renamed, *alike))
    if _kept_share(comparison) < FAINT or spanned < _MOST:
        return None
    counts = {"other values in the same shape": len(alike),
              "another shape or dtype": len(comparison.changed) - len(alike),
              "only in the first": len(comparison.removed), "only in the second": len(comparison.added)}
    others = "".join(f"; {what}: {count:,}" for what, count in counts.items() if count)
    return Relation("fine-tune", None, "Consistent with a fine-tune of one from the other, or with tampering: "
                    f"{len(comparison.kept):,} of {len(comparison.first.tensors):,} tensors of the first are unchanged "
                    f"in the second{others}. Which came first, digests do not tell.")


def _alike(comparison: Comparison) -> list[Change]:
    """What changed in nothing but its values."""
    return [change for change in comparison.changed if change.differs == ("data",)]


def _same_architecture(comparison: Comparison) -> Relation | None:
    alike = _alike(comparison)
    fewer = min(len(comparison.first.tensors), len(comparison.second.tensors))
    if not alike or len(alike) + len(comparison.kept) < fewer or _kept_share(comparison) >= FAINT:
        return None
    return Relation("same-architecture", None, "The same names and shapes with other values: "
                    f"{len(alike):,} tensors differ. A full fine-tune looks like this, and so does another model of "
                    "the same architecture; digests cannot tell which.")


def _overlap(comparison: Comparison) -> Relation | None:
    if not comparison.kept:
        return None
    return Relation("overlap", None, f"Different weights that share {len(comparison.kept):,} of the first's "
                    f"{len(comparison.first.tensors):,} tensors.")


def _same_headers(comparison: Comparison) -> Relation | None:
    if comparison.changed or comparison.removed or comparison.added:
        return None
    return Relation("same-headers", None, f"Names, dtypes and shapes of all {len(comparison.first.tensors):,} tensors "
                    f"are equal. {_NO_VALUES}")


def _other_headers(comparison: Comparison) -> Relation:
    return Relation("other-headers", None, f"{len(comparison.uncompared):,} of the first's "
                    f"{len(comparison.first.tensors):,} tensors have their name, dtype and shape in the second. "
                    f"{_NO_VALUES}")


_NO_VALUES = "No values were compared: nothing here is shown to be the same."


def _unrelated(_: Comparison) -> Relation:
    return Relation("unrelated", None, "Unrelated, as far as digests tell: no tensor has equal bytes on both sides.")


RULES: tuple[Callable[[Comparison], Relation | None], ...] = (
    _same, _renamed, _adapter, _quantised, _prefix, _fine_tune, _same_architecture, _overlap, _unrelated,
)
HEADER_RULES: tuple[Callable[[Comparison], Relation | None], ...] = (
    _adapter, _quantised, _same_headers, _other_headers,
)
