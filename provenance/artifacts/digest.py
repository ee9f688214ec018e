"""DigestSets: what kind of thing a digest names, and when two of them name the same thing.

A DigestSet (in-toto attestation, `spec/v1/digest_set.md`) maps algorithm names to lower-case hex. Algorithms
alone do not say what was digested, so every join here compares (kind of thing, algorithm, value):

| kind    | recognised by | strong, name-binding algorithms |
|---------|---------------|---------------------------------|
| folder  | `dirHash` (or its older spelling `dirHash1`); a `sha256` beside it is the OMS v1.0 root | `dirHash` |
| weights | `tensorTree` or its twin `tensorTreeBlake3` | `tensorTree` |
| records | `datasetTree` | `datasetTree` |
| source  | `gitCommit`, `gitTree` alone | none: a git commit is weak |
| file    | anything else | `sha256`, `sha384`, `sha512` |

MD5, SHA-1, BLAKE3 and truncated digests never identify anything by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DigestSet = Mapping[str, str]
Kind = Literal["file", "folder", "weights", "records", "source"]
Match = Literal["equal", "different", "incomparable"]

HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128, "dirHash": 64, "tensorTree": 64, "datasetTree": 64,
               "tensorTreeBlake3": 64, "blake2b": 128, "blake3": 64, "sha1": 40, "md5": 32, "gitBlob": 40}
_STRONG: dict[Kind, tuple[str, ...]] = {
    "file": ("sha256", "sha384", "sha512"),
    "folder": ("dirHash",),
    "weights": ("tensorTree",),
    "records": ("datasetTree",),
    "source": (),
}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, order=True)
class Identity:
    """One strong digest of one kind of thing: the only key that lookups and joins use."""

    kind: Kind
    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


def normalise(digests: DigestSet) -> dict[str, str]:
    """The set with `dirHash1` under its present name; the caller's mapping stays as it was."""
    return {("dirHash" if name == "dirHash1" else name): value for name, value in digests.items()}


def kind_of(digests: DigestSet) -> Kind:
    """What kind of thing the set speaks of (see the module's table)."""
    names = normalise(digests)
    if "dirHash" in names:
        return "folder"
    if "tensorTree" in names or "tensorTreeBlake3" in names:
        return "weights"
    if "datasetTree" in names:
        return "records"
    if names and all(name.startswith("git") for name in names):
        return "source"
    return "file"


def identities(digests: DigestSet) -> frozenset[Identity]:
    """The strong identities in the set; empty when it identifies nothing."""
    named, kind = normalise(digests), kind_of(digests)
    # Only the first that is given: a set with a right sha512 and a wrong sha256 must not be joined by the right one.
    first = next((name for name in _STRONG[kind] if name in named), None)
    return frozenset() if first is None else frozenset({Identity(kind, first, named[first])})


def every_strong(digests: DigestSet) -> frozenset[Identity]:
    """All strong identities in the set: for what speaks against a thing, any one of them is enough.

    Of a folder also its OMS root, which binds no names, and by which nothing is shown: whoever recalls a folder by the
    sha256 that stands beside its `dirHash` means it.
    """
    named, kind = normalise(digests), kind_of(digests)
    strong = (*_STRONG[kind], *(("sha256",) if kind == "folder" else ()))
    return frozenset(Identity(kind, name, named[name]) for name in strong if name in named)


def compare(claimed: DigestSet, actual: DigestSet) -> Match:
    """Whether both sets name the same bytes; stricter than in-toto's "any field matches".

    Every algorithm that both give must agree: with "any", a right SHA-1 would carry a wrong SHA-256.
    At least one of them must be strong, or the two are not comparable.
    """
    left, right = normalise(claimed), normalise(actual)
    if kind_of(left) != kind_of(right):
        return "incomparable"
    shared = left.keys() & right.keys()
    if any(left[name] != right[name] for name in shared):
        return "different"
    return "equal" if shared & set(_STRONG[kind_of(left)]) else "incomparable"


def problem_with(digests: DigestSet) -> str:
    """Why the set is malformed, in words; empty when it is not.

    Upper-case hex is refused rather than folded: two spellings of one digest must never be two things.
    """
    if {"dirHash", "dirHash1"} <= digests.keys() and digests["dirHash"] != digests["dirHash1"]:
        return "dirHash and dirHash1, two names of one digest, differ"
    for name, value in digests.items():
        length = HEX_LENGTHS.get("dirHash" if name == "dirHash1" else name)
        if length and (len(value) != length or not _HEX.fullmatch(value)):
            return f"{name} must be {length} lower-case hexadecimal characters"
        if not value:
            return f"{name} is empty"
    return ""
