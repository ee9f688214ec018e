"""Which attested thing fits the files in hand, judged by their headers, and then by their bytes as they come in.

Three ways, tried in this order; the first for which a thing is left by the headers is taken:

1. `tensors`: a statement lists tensors. Names, dtypes and shapes must be those of the headers, none more, none less.
2. `root`: a statement gives the tensor tree alone. It is compared when everything was read.
3. `files`: a statement gives sha256 of files, as an OMS signature does.

As bytes are read, things that they do not fit drop out; with the last of them, loading ends. So what is loaded is one
attested thing, and never a mixture of several.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from provenance.artifacts.names import brief
from provenance.artifacts.tensors import BLAKE3_TREE, SHA256_TREE, TREES, Tensor, TensorInfo, Tree, Weights
from provenance.errors import ArtifactError
from provenance.integrations.attested import Attested, Row

Way = Literal["tensors", "root", "files"]


@dataclass(frozen=True)
class InHand:
    """What the headers say: tensors by name, files by relative path with their sizes.

    `is_file`: one file was given, so that a file of that name in an attested folder is meant. `part`: the caller wants
    a part of what is attested, such as one shard.
    """

    tensors: Mapping[str, TensorInfo]
    sizes: Mapping[str, int]
    is_file: bool
    part: bool


class Matching:
    """The things that the bytes read so far could still be; may be asked from several threads."""

    def __init__(self, way: Way, things: Sequence[Attested], first_problem: ArtifactError | None = None) -> None:
        self.way = way
        self.tree = _tree_of(way, things)
        self.first_problem = first_problem
        self._things = list(things)
        self._lock = threading.Lock()

    @property
    def attested_by(self) -> tuple[str, ...]:
        """What the things are, and who attests them."""
        return tuple(thing.label for thing in self._things)

    def settle_tensor(self, tensor: Tensor, location: str) -> None:
        """Take what was read of a tensor; ArtifactError `tensor-mismatch` where it fits none of the things."""
        self._keep(
            lambda thing: thing.tensors is not None
            and thing.tensors[tensor.name].heads[self.tree] == tensor.head_in(self.tree),
            "tensor-mismatch", f"tensor {brief(tensor.name)} differs from what was signed", location,
        )

    def settle_root(self, tensors: Sequence[Tensor], location: str) -> None:
        """Take all tensors together; ArtifactError `tensor-mismatch`."""
        root = Weights.of(tensors, (self.tree,)).digest[self.tree]
        self._keep(lambda thing: thing.roots[self.tree] == root, "tensor-mismatch",
                   "the tensors differ from what was signed; the statement does not tell in which", location)

    def settle_file(self, path: str, sha256: str, in_hand: InHand) -> None:
        """Take what was read of a file; ArtifactError `file-mismatch`, or what was wrong with the better evidence."""
        try:
            self._keep(lambda thing: sha256 in _files_for(thing, path, in_hand).values(), "file-mismatch",
                       "the file differs from what was signed", path)
        except ArtifactError as err:
            if self.first_problem is not None:
                raise self.first_problem from err
            raise

    def _keep(self, fits: Callable[[Attested], bool], code: str, message: str, location: str) -> None:
        with self._lock:
            left = [thing for thing in self._things if fits(thing)]
            if not left:
                raise ArtifactError(code, message, location=location, hint="get the weights again from their producer")
            self._things = left


def match(things: Sequence[Attested], in_hand: InHand) -> Matching:
    """The first way for which a thing fits the headers; ArtifactError with what is wrong where none does."""
    listed = [thing for thing in things if thing.tensors is not None]
    problems = [_tensor_problem(thing, thing.tensors or {}, in_hand) for thing in listed]
    fitting = [thing for thing, problem in zip(listed, problems, strict=True) if problem is None]
    if fitting:
        return Matching("tensors", fitting)
    problem = _nearest(listed, problems, in_hand)
    by_root = [] if in_hand.part else [thing for thing in things if thing.roots and thing.tensors is None]
    if by_root:
        return Matching("root", by_root, problem)
    checked = [(thing, _file_problem(thing, in_hand)) for thing in things if thing.files]
    by_file = [thing for thing, found in checked if found is None]
    if by_file:
        return Matching("files", by_file, problem)
    raise problem or next(found for _, found in checked if found is not None)


def _nearest(
    things: Sequence[Attested], problems: Sequence[ArtifactError | None], in_hand: InHand
) -> ArtifactError | None:
    """What is wrong with the thing that has the most names in common."""
    def common(pair: tuple[Attested, ArtifactError | None]) -> int:
        return len((pair[0].tensors or {}).keys() & in_hand.tensors.keys())

    return max(zip(things, problems, strict=True), key=common, default=(None, None))[1]


def _tensor_problem(thing: Attested, rows: Mapping[str, Row], in_hand: InHand) -> ArtifactError | None:
    for name, info in in_hand.tensors.items():
        row = rows.get(name)
        if row is None:
            return _problem("tensor-not-covered", f"tensor {brief(name)} is not attested", name,
                            "load nothing that its producer did not sign")
        if (row.dtype, row.shape) != (info.dtype, info.shape):
            return _problem("tensor-mismatch", f"tensor {brief(name)} has another dtype or shape than was signed", name,
                            "get the weights again from their producer")
    missing = next((name for name in rows if name not in in_hand.tensors), None)
    if missing is not None and not in_hand.part:
        return _problem("tensor-missing", f"the signed tensor {brief(missing)} is not there", missing,
                        "give the whole folder; one shard of it is loaded with part=True")
    if _roots_of(rows) != thing.roots:
        # Readers of the list and readers of the root would believe in different weights.
        return _problem("statement-invalid", "the statement lists other tensors than its tensor tree", thing.label,
                        "ask its signer for a new one")
    return None


def _roots_of(rows: Mapping[str, Row]) -> dict[str, str]:
    """The roots over a signed list, in each tree in which it gives the head of any tensor."""
    trees = tuple(tree for tree in TREES if any(tree in row.heads for row in rows.values()))
    heads = ([row.heads.get(tree, "") for tree in TREES] for row in rows.values())
    return Weights.of((Tensor(name, row.dtype, row.shape, *head)
                       for (name, row), head in zip(rows.items(), heads, strict=True)), trees).digest


def _tree_of(way: Way, things: Sequence[Attested]) -> Tree:
    """In which tree tensors are compared: the twin, which is the faster one, where everything is attested in it too."""
    if way == "files":
        return SHA256_TREE
    return BLAKE3_TREE if all(BLAKE3_TREE in thing.roots for thing in things) else SHA256_TREE


def _problem(code: str, message: str, location: str, hint: str) -> ArtifactError:
    return ArtifactError(code, message, location=brief(location), hint=hint)


def _files_for(thing: Attested, path: str, in_hand: InHand) -> dict[str, str]:
    """The attested files that a file in hand may be: the one of its path, or, for a lone file, any of its name."""
    if in_hand.is_file:
        return {there: digest for there, digest in thing.files.items() if there.rpartition("/")[2] == path}
    return {path: thing.files[path]} if path in thing.files else {}


def _file_problem(thing: Attested, in_hand: InHand) -> ArtifactError | None:
    for path, size in in_hand.sizes.items():
        allowed = _files_for(thing, path, in_hand)
        if not allowed:
            return _problem("file-not-covered", "no trusted signature lists this file", path,
                            "load nothing that its producer did not sign, under the name that was signed")
        if all(thing.sizes.get(there, size) != size for there in allowed):
            return _problem("file-mismatch", "the file differs in size from what was signed", path,
                            "get the file again from its producer")
    missing = next(_missing(thing, in_hand), None)
    if missing is not None:
        return _problem("file-missing", "a signed file is not there", missing, "get the file from its producer")
    return None


def _missing(thing: Attested, in_hand: InHand) -> Iterator[str]:
    if not in_hand.is_file and not in_hand.part:
        yield from (path for path in thing.files if path not in in_hand.sizes)
