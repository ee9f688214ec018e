"""Holding bytes against what was attested of them: equal, equal in tensors, or different, and where.

A folder is equal by the digest that binds its names, so a file too many counts as much as a file that differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from provenance.artifacts.digest import compare as compare_digests
from provenance.artifacts.manifest import Manifest
from provenance.bundles.oms import ModelSignature, compare_with
from provenance.errors import Finding
from provenance.statements.artifact import Described, differences, is_same
from provenance.statements.reproduction import Outcome

# From worst to best.
OUTCOMES: tuple[Outcome, ...] = ("different", "equal-in-tensors", "equal")


@dataclass(frozen=True)
class Difference:
    """One file or tensor that is not as attested; `largest` is the largest absolute difference of its values."""

    kind: Literal["file", "tensor"]
    name: str
    what: str
    largest: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a reproduction statement spells it."""
        row: dict[str, Any] = {"kind": self.kind, "name": self.name, "what": self.what}
        return row if self.largest is None else {**row, "largestAbsoluteDifference": self.largest}


@dataclass(frozen=True)
class Comparison:
    """How some bytes compare with what was attested, and how many files and tensors that speaks of."""

    outcome: Outcome
    differences: tuple[Difference, ...]
    files: int
    tensors: int


def compare(thing: Described, manifest: Manifest) -> Comparison:
    """Hold a file or folder against its descriptors, file by file and tensor by tensor."""
    problems = _problems(manifest)
    files, tensors = len(thing.files) or 1, len(thing.tensors)
    # A right dirHash does not carry wrong rows beside it: what is equal is signed, with the weights that they name.
    wrong = [[*_told(differences(thing, view)), *_other_weights(thing, view)]
             for view in views(manifest) if is_same(thing, view)]
    if not problems and [] in wrong:
        return Comparison("equal", (), files, tensors)
    found = [*problems, *chain(*wrong), *_told(differences(thing, manifest)), *_additional(thing, manifest)]
    outcome: Outcome = "equal-in-tensors" if has_same_tensors(thing, manifest) else "different"
    return Comparison(outcome, tuple(dict.fromkeys(found)), files, tensors)


def compare_signature(signature: ModelSignature, manifest: Manifest) -> Comparison:
    """Hold a model against an OMS signature, which lists files and knows no tensors."""
    found = (*_problems(manifest), *_told(compare_with(signature, manifest)))
    return Comparison("different" if found else "equal", tuple(dict.fromkeys(found)), len(signature.resources), 0)


def has_same_tensors(thing: Described, manifest: Manifest) -> bool:
    """Whether the weights are, by the tensor tree, those that were attested."""
    return bool(thing.weights and compare_digests(thing.weights.digest, manifest.weights_digest or {}) == "equal")


def views(manifest: Manifest) -> tuple[Manifest, ...]:
    """A folder as it lies there, and as it is without what a hosting site adds at its top."""
    bare = manifest.without_repository_files()
    return (manifest,) if manifest.is_file or len(bare.files) in (0, len(manifest.files)) else (manifest, bare)


def absent(name: str, thing: Described, why: str) -> Comparison:
    """The comparison with something that is not there, or may not be looked at."""
    return Comparison("different", (Difference("file", name, why),), len(thing.files) or 1, len(thing.tensors))


def _problems(manifest: Manifest) -> list[Difference]:
    return list(_told(finding for finding in manifest.findings if finding.severity == "error"))


def _told(findings: Iterable[Finding]) -> Iterator[Difference]:
    for finding in findings:
        kind: Literal["file", "tensor"] = "tensor" if finding.code in ("tensor-mismatch", "tensor-missing") else "file"
        yield Difference(kind, finding.location, finding.message)


def _other_weights(thing: Described, manifest: Manifest) -> Iterator[Difference]:
    if thing.weights and compare_digests(thing.weights.digest, manifest.weights_digest or {}) == "different":
        yield Difference("tensor", thing.weights.name, "the tensor tree is not that of these weights")


def _additional(thing: Described, manifest: Manifest) -> Iterator[Difference]:
    """What is there and was not attested."""
    if thing.files and not manifest.is_file:
        for path in sorted(manifest.by_path.keys() - thing.files.keys()):
            yield Difference("file", path, "the file is not among those that were attested")
    if thing.tensors and manifest.weights is not None:
        for name in sorted({tensor.name for tensor in manifest.weights.tensors} - thing.tensors.keys()):
            yield Difference("tensor", name, "the tensor is not among those that were attested")
