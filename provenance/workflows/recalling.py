"""Recall: from a dataset, code or a model forward to everything that a store says was made from it.

It is the way of `lineage.py` walked the other way, over what every bundle of a store says of itself, whoever signed:
who recalls wants to hear of one model too many rather than of one too few. Nothing is verified, and nothing decided.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provenance.artifacts.digest import DigestSet, Identity, every_strong, identities, problem_with
from provenance.artifacts.hashing import Wanted
from provenance.artifacts.manifest import scan
from provenance.artifacts.tensors import SHA256_TREE
from provenance.bundles.stores import BundleStore
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import UsageError
from provenance.lineage import product_identities, uses, wholes
from provenance.statements.artifact import described
from provenance.statements.dataset import Dataset
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor
from provenance.statements.step import MODEL_MAKING, OTHER, ROLES, Step
from provenance.workflows.keeping import read_unverified

_ALL = Wanted.of(("sha256", "sha384", "sha512", SHA256_TREE))  # by whichever of them a statement names it
Kind = Literal["model", "data", "evaluation", "other"]
_KINDS: dict[str, Kind] = {**dict.fromkeys(MODEL_MAKING, "model"), "prepare": "data", "evaluate": "evaluation"}


@dataclass(frozen=True)
class Made:
    """Something that was made from what is asked for: how many statements away, and the one that says so."""

    kind: Kind
    name: str
    digest: str
    away: int
    file: str
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """As `schemas/output.schema.json` spells it."""
        return {"kind": self.kind, "name": self.name, "digest": self.digest, "away": self.away,
                "said": {"file": self.file, "sha256": self.sha256}}


@dataclass(frozen=True)
class _Link:
    """One statement as a link: what it is made from, what is made, and by what that is known."""

    statement: VerifiedStatement
    kind: Kind | None  # None: other names for one dataset, and nothing made
    made_from: frozenset[Identity]
    made: frozenset[Identity]


def made_from(store: BundleStore, asked: Collection[Identity]) -> list[Made]:
    """Everything that bundles of the store say was made from one of these, nearest first; each thing once."""
    links: dict[Identity, list[_Link]] = defaultdict(list)
    for link in filter(None, map(_link, filter(None, map(read_unverified, store.find())))):
        for identity in link.made_from:
            links[identity].append(link)
    away = dict.fromkeys(asked, 0)
    waiting, found, followed = deque(sorted(away)), dict[str, Made](), set[str]()
    while waiting:
        identity = waiting.popleft()
        for link in links[identity]:
            if link.statement.sha256 in followed:
                continue
            followed.add(link.statement.sha256)
            distance = away[identity] + (link.kind is not None)
            for made in _told(link, distance):
                found.setdefault(made.digest, made)
            new = sorted(link.made - away.keys())
            away |= dict.fromkeys(new, distance)
            (waiting.extend if link.kind else waiting.extendleft)(new)
    return sorted(found.values(), key=lambda made: (made.away, made.kind, made.name, made.digest))


def thing_asked_for(text: str) -> frozenset[Identity]:
    """A file or folder by all that it is known by, or `ALGORITHM:HEX`; UsageError `usage` for what is neither."""
    path, (algorithm, _, value) = Path(text), text.partition(":")
    if path.exists():
        manifest = scan(path, wanted=_ALL)
        return _every(manifest.digest, manifest.weights_digest or {}, *(entry.digest for entry in manifest.files))
    digest = {algorithm: value.lower()}
    found = frozenset() if problem_with(digest) else identities(digest)
    if found and algorithm == "sha256":  # of a file, or of a folder, whose OMS root stands beside its dirHash
        found |= {Identity("folder", algorithm, value.lower())}
    if not found:
        raise UsageError("usage", "neither a file or folder that is there, nor a digest that identifies anything",
                         location=text, hint="give a path, or a digest as sha256:HEX, dirHash:HEX or tensorTree:HEX")
    return found


def _link(statement: VerifiedStatement) -> _Link | None:
    claim = statement.claim
    if isinstance(claim, Step):
        roles = {""} if claim.kind == OTHER else ROLES
        things = [part for use in uses(statement, roles)
                  for part in (use.thing.whole, use.thing.weights, *use.thing.files.values()) if part]
        made = product_identities(claim) | _of(wholes(claim.outputs))
        return _Link(statement, _KINDS.get(claim.kind, "other"), _of(things), made)
    if isinstance(claim, Release):
        return _Link(statement, "model", _of((*claim.datasets, *claim.base_models)), _of(wholes(claim.subjects)))
    if isinstance(claim, Dataset):
        names = _of(claim.subjects)
        return _Link(statement, None, names, names)
    return None


def _every(*digests: DigestSet) -> frozenset[Identity]:
    """All that they are known by: whoever names a thing by one digest more must not hide it from the others."""
    return frozenset().union(*map(every_strong, digests))


def _of(things: Iterable[ResourceDescriptor]) -> frozenset[Identity]:
    return _every(*(thing.digest for thing in things))


def _told(link: _Link, distance: int) -> Iterator[Made]:
    """What a statement says was made, each folder or file by itself."""
    for thing in described(link.statement.statement.subjects) if link.kind else ():
        for identity in thing.whole.identities:
            said = link.statement
            yield Made(link.kind or "other", thing.name, str(identity), distance, said.file, said.sha256)
