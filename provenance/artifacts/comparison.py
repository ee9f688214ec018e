"""Two sets of weights side by side: which tensors stayed, moved to another name, changed, came and went.

Pure functions over two `Weights`; nothing is read. Tensors are compared by name, dtype, shape and data head, so a
comparison says which bytes differ and never by how much. The work grows with the number of tensors alone. A tensor
whose values were not read has no data head (""), and is never taken for equal to anything.
`relation.py` puts the outcome into words, `layers.py` counts it by layer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from provenance.artifacts.containers.gguf_types import TENSORS as GGUF_TYPES
from provenance.artifacts.containers.plan import ITEM_BYTES
from provenance.artifacts.names import brief
from provenance.artifacts.tensors import Tensor, Weights
from provenance.errors import ArtifactError

Side = Literal["first", "second"]
# dtype -> values in a block, bytes in a block.
_BLOCKS = {
    **{name: (values, size) for name, values, size in GGUF_TYPES.values()},
    **{name: (1, size) for name, size in ITEM_BYTES.items()},
    "F4": (2, 1), "F6_E2M3": (4, 3), "F6_E3M2": (4, 3),
}


def size_of(tensor: Tensor) -> int:
    """The bytes of a tensor, from dtype and shape; ArtifactError `weights-unsupported` for a dtype of no reader."""
    if tensor.dtype not in _BLOCKS:
        raise ArtifactError("weights-unsupported", f"the size of the dtype {brief(tensor.dtype)} is not known",
                            location=brief(tensor.name), hint="compare weights that this version has read")
    values, size = _BLOCKS[tensor.dtype]
    return -(-tensor.elements // values) * size


@dataclass(frozen=True)
class Change:
    """One tensor before and after: under one name with other content, or under another name with the same.

    `moved_from`: the name under which the first weights held the values that now stand under this one. `ambiguous`:
    several tensors hold these values (a bias of zeros, for instance), and were paired in the order of their names.
    """

    before: Tensor
    after: Tensor
    moved_from: str = ""
    ambiguous: bool = False

    @property
    def differs(self) -> tuple[str, ...]:
        """What is known to differ, of name, dtype, shape and data (the data head, or the number of bytes)."""
        pairs: dict[str, tuple[Any, Any]] = {
            "name": (self.before.name, self.after.name), "dtype": (self.before.dtype, self.after.dtype),
            "shape": (self.before.shape, self.after.shape), "data": self._data}
        return tuple(what for what, (left, right) in pairs.items() if left != right)

    @property
    def is_open(self) -> bool:
        """Whether nobody can say if the bytes are equal: there are as many, and one side's were not read."""
        return not (self.before.values and self.after.values) and size_of(self.before) == size_of(self.after)

    @property
    def _data(self) -> tuple[Any, Any]:
        if self.before.values and self.after.values:
            return self.before.values, self.after.values
        return size_of(self.before), size_of(self.after)


@dataclass(frozen=True)
class Share:
    """A part of one side's tensors, by count and by bytes; always with what it is a part of."""

    of: Side
    tensors: int
    of_tensors: int
    size: int
    of_size: int

    @property
    def ratio(self) -> float:
        """The part by bytes, between 0 and 1; by count where there are no bytes at all."""
        part, whole = (self.size, self.of_size) if self.of_size else (self.tensors, self.of_tensors)
        return part / whole if whole else 0.0


@dataclass(frozen=True)
class Comparison:
    """What became of each tensor of `first` in `second`; every list is in the order of the names' bytes.

    Every tensor of the first stands in one of unchanged, renamed, changed, uncompared and removed, and every one of the
    second in one of unchanged, renamed, changed, uncompared and added. `uncompared`: equal in name, dtype and shape,
    and nobody looked at the values. `of_headers`: nobody looked at any.
    """

    first: Weights
    second: Weights
    unchanged: tuple[Tensor, ...]
    renamed: tuple[Change, ...]
    changed: tuple[Change, ...]
    removed: tuple[Tensor, ...]
    added: tuple[Tensor, ...]
    uncompared: tuple[Tensor, ...] = ()
    of_headers: bool = False

    @property
    def same(self) -> bool:
        """Whether both are shown to have one root: the same tensors under the same names."""
        return not (self.renamed or self.changed or self.removed or self.added or self.uncompared or self.of_headers)

    @property
    def same_data(self) -> bool:
        """Whether both are shown to hold the same tensors, under whatever names."""
        return not (self.changed or self.removed or self.added or self.uncompared or self.of_headers)

    @cached_property
    def kept(self) -> tuple[Tensor, ...]:
        """The tensors of the first whose data are in the second, renamed or not."""
        return (*self.unchanged, *(change.before for change in self.renamed))

    def share(self, tensors: Iterable[Tensor], of: Side = "first") -> Share:
        """How much of one side these tensors are."""
        count, size = _count(tensors)
        of_count, of_size = self._totals[of]
        return Share(of, count, of_count, size, of_size)

    @cached_property
    def _totals(self) -> dict[Side, tuple[int, int]]:
        return {"first": _count(self.first.tensors), "second": _count(self.second.tensors)}

    @cached_property
    def shares(self) -> dict[str, Share]:
        """Unchanged, renamed, changed, uncompared and removed as parts of the first, added as a part of the second."""
        return {
            "unchanged": self.share(self.unchanged),
            "renamed": self.share(change.before for change in self.renamed),
            "changed": self.share(change.before for change in self.changed),
            "uncompared": self.share(self.uncompared),
            "removed": self.share(self.removed),
            "added": self.share(self.added, "second"),
        }


def _count(tensors: Iterable[Tensor]) -> tuple[int, int]:
    sizes = [size_of(tensor) for tensor in tensors]
    return len(sizes), sum(sizes)


def compare(first: Weights, second: Weights, *, headers_only: bool = False) -> Comparison:
    """Hold two sets of weights against each other: by name first, then by data where only the name is gone.

    With `headers_only` nothing is said of values, whatever is known of them.
    """
    if headers_only:
        first, second = _bare(first), _bare(second)
    left = {tensor.name: tensor for tensor in first.tensors}
    right = {tensor.name: tensor for tensor in second.tensors}
    both = [(tensor, right[tensor.name]) for tensor in first.tensors if tensor.name in right]
    removed = [tensor for tensor in first.tensors if tensor.name not in right]
    added = [tensor for tensor in second.tensors if tensor.name not in left]
    renamed = _renames(removed, added)
    gone, come = {change.before.name for change in renamed}, {change.after.name for change in renamed}
    return Comparison(
        first, second,
        tuple(before for before, after in both if before == after and before.values),
        tuple(renamed),
        tuple(_changes([pair for pair in both if pair[0] != pair[1] and not _is_open(*pair)], first.tensors)),
        tuple(tensor for tensor in removed if tensor.name not in gone),
        tuple(tensor for tensor in added if tensor.name not in come),
        tuple(before for before, after in both if _is_open(before, after)),
        headers_only,
    )


def _bare(weights: Weights) -> Weights:
    return Weights(tuple(replace(tensor, head="", head_blake3="") for tensor in weights.tensors))


def _is_open(before: Tensor, after: Tensor) -> bool:
    """Whether only values could tell the two apart, and those of one were not read."""
    return before.dtype == after.dtype and before.shape == after.shape and not (before.values and after.values)


_Content = tuple[str, str, tuple[int, ...]]


def _content(tensor: Tensor) -> _Content:
    return tensor.values, tensor.dtype, tensor.shape


def _by_content(tensors: Iterable[Tensor]) -> dict[_Content, list[Tensor]]:
    found: dict[_Content, list[Tensor]] = defaultdict(list)
    for tensor in tensors:
        if tensor.values:
            found[_content(tensor)].append(tensor)
    return found


def _renames(removed: Sequence[Tensor], added: Sequence[Tensor]) -> list[Change]:
    """Pairs of equal content, in the order of the names: a common prefix that came or went keeps that order."""
    before, after = _by_content(removed), _by_content(added)
    found = [
        Change(old, new, ambiguous=len(olds) > 1 or len(after[content]) > 1)
        for content, olds in before.items() if content in after
        for old, new in zip(olds, after[content], strict=False)
    ]
    return sorted(found, key=lambda change: change.before.name.encode("utf-8"))


def _changes(pairs: Sequence[tuple[Tensor, Tensor]], first: Sequence[Tensor]) -> list[Change]:
    """Changed pairs; where a new value stood under exactly one other name before, that name."""
    homes = _by_content(first) if pairs else {}
    found = []
    for before, after in pairs:
        home = homes.get(_content(after), [])
        found.append(Change(before, after, home[0].name if len(home) == 1 else ""))
    return found
