"""Low-rank adapters (LoRA): which tensors are pairs of factors, and whether each fits a tensor of a base model.

Read are the names of peft (`base_model.model.PATH.lora_A.weight`), diffusers (`PATH.lora.down.weight`) and kohya
(`lora_unet_PATH_WITH_UNDERSCORES.lora_down.weight`). A pair fits where the base has a tensor at that path whose first
two dimensions are the outer ones of the factors; names and shapes are all that an adapter says of its base.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provenance.artifacts.tensors import Tensor, Weights

_DOWN = (".lora_embedding_A", ".lora_A", ".lora_down", ".lora.down")
_UP = (".lora_embedding_B", ".lora_B", ".lora_up", ".lora.up")
_WRAPPERS = ("base_model.model.", "base_model.", "lora_unet_", "lora_te1_", "lora_te2_", "lora_te_")
_PREFIXES = ("", "model.", "transformer.", "text_model.")  # with or without a head, the base's body is named so


@dataclass
class _Pair:
    path: str
    down: Tensor | None = None
    up: Tensor | None = None


@dataclass(frozen=True)
class Adapter:
    """The pairs of factors in some weights, and how many of them fit a base; `ranks` are sorted."""

    pairs: int
    fitting: int
    ranks: tuple[int, ...]

    @property
    def fits(self) -> bool:
        """Whether there are pairs, and all of them fit."""
        return 0 < self.pairs == self.fitting


def adapter_over(base: Weights, weights: Weights) -> Adapter:
    """The adapter that `weights` hold, held against a base; without pairs it fits nothing."""
    pairs = _pairs(weights)
    if not pairs:
        return Adapter(0, 0, ())
    places = _places(base.tensors)
    fitting = sum(_fits(pair, places) for pair in pairs)
    ranks = {pair.down.shape[0] for pair in pairs if pair.down is not None and pair.down.shape}
    return Adapter(len(pairs), fitting, tuple(sorted(ranks)))


def _pairs(weights: Weights) -> list[_Pair]:
    found: dict[str, _Pair] = {}
    for tensor in weights.tensors:
        if path := _path(tensor.name, _DOWN):
            found.setdefault(path, _Pair(path)).down = tensor
        elif path := _path(tensor.name, _UP):
            found.setdefault(path, _Pair(path)).up = tensor
    return list(found.values())


def _path(name: str, marks: Iterable[str]) -> str:
    """What the factor of this name belongs to; of a name with several adapters' names, with theirs; or ""."""
    for mark in marks:
        path, found, rest = name.rpartition(mark)
        if found and path and (rest in ("", ".weight") or (rest.startswith(".") and rest.count(".") <= 2)):
            return path + rest.removesuffix(".weight")
    return ""


def _places(tensors: Iterable[Tensor]) -> dict[str, tuple[int, ...]]:
    """The shapes of a base by every spelling of their paths."""
    found: dict[str, tuple[int, ...]] = {}
    stems = [(tensor.name.removesuffix(".weight"), tensor.shape) for tensor in tensors]
    for prefix in _PREFIXES:  # whole names first: they are never hidden by a shortened one
        for stem, shape in stems:
            if stem.startswith(prefix):
                bare = stem[len(prefix) :]
                found.setdefault(bare, shape)
                found.setdefault(bare.replace(".", "_"), shape)
    return found


def _fits(pair: _Pair, places: dict[str, tuple[int, ...]]) -> bool:
    if pair.down is None or pair.up is None or len(pair.down.shape) < 2 or len(pair.up.shape) < 2:
        return False
    outer = sorted((pair.up.shape[0], pair.down.shape[1]))
    shapes = [places[path] for path in _spellings(pair.path) if path in places]
    # Some layers (GPT-2's) and all embeddings are stored the other way round.
    same_rank = pair.down.shape[0] == pair.up.shape[1]
    return same_rank and any(len(shape) >= 2 and sorted(shape[:2]) == outer for shape in shapes)


def _spellings(path: str) -> Iterator[str]:
    """A pair's path without what tools wrap around it, and without the adapter's own name at its end."""
    for wrapper in _WRAPPERS:
        if path.startswith(wrapper):
            path = path[len(wrapper) :]
            break
    for spelling in (path, path.rpartition(".")[0]):
        for prefix in _PREFIXES:
            if spelling.startswith(prefix):
                yield spelling[len(prefix) :]
