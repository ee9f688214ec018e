"""What trusted producers attest of weights, as a loader needs it: tensors by name, or files by path and sha256.

Each `Attested` is one thing of one statement. Everything that is loaded together must be attested by one of them:
tensors of two models, each of them attested, do not make an attested model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.artifacts.containers.plan import are_sizes
from provenance.artifacts.tensors import SHA256_TREE, TREES, Tree
from provenance.bundles.oms import ModelSignature
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import BundleError
from provenance.statements.artifact import HEADS, Described
from provenance.statements.statement import ResourceDescriptor
from provenance.workflows.trusted import models_in, trusted_statements

_SUFFIX = ".safetensors"
_HEAD = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Row:
    """One attested tensor; `heads` has its data head in each tree that the statement gives it in, in hex."""

    dtype: str
    shape: tuple[int, ...]
    heads: Mapping[Tree, str]


@dataclass(frozen=True)
class Attested:
    """One thing that a trusted statement speaks of; `label` says which, and who says so.

    `tensors`: its tensors, where the statement lists them. `roots`: its tensor trees (hex). `files`: sha256 of
    its safetensors files by relative path, and `sizes` in bytes where the statement gives them.
    """

    label: str
    tensors: Mapping[str, Row] | None
    roots: Mapping[str, str]
    files: Mapping[str, str]
    sizes: Mapping[str, int]


def attested_in(bundle: Path, trust: Path, as_of: datetime) -> list[Attested]:
    """Everything in a bundle, or a folder of them, that speaks of weights in the voice of a trusted producer.

    ProvenanceError where there is nothing, or nothing that the trust file has not recalled: by an identity that the
    statement gives; a recalled tensor tree is not known behind a signature over files.
    """
    believed, statements = trusted_statements(bundle, trust, as_of)
    found, recalled = list[Attested](), 0
    for statement in statements:
        for thing in _things(statement):
            if thing.identities & believed.recalled:
                recalled += 1
            elif thing.attested.tensors or thing.attested.roots or thing.attested.files:
                found.append(thing.attested)
    if found:
        return found
    if recalled:
        raise BundleError("signer-revoked", "the trust file recalls these weights", location=str(bundle),
                          hint="do not use them; ask who recalled them")
    raise BundleError("evidence-none", "no trusted statement here speaks of weights", location=str(bundle),
                      hint="give the bundle of the step that made them, of their release, or of the model signature")


@dataclass(frozen=True)
class _Thing:
    attested: Attested
    identities: frozenset[str]


def _things(statement: VerifiedStatement) -> Iterator[_Thing]:
    signer = statement.principal.name if statement.principal else ""
    by = f"by {signer} in {statement.file}"
    if isinstance(statement.claim, ModelSignature):
        files = {path: digest for path, digest in statement.claim.sha256.items() if path.endswith(_SUFFIX)}
        known = Attested(f"the model signature {by}", None, {}, files, {})
        yield _Thing(known, _identities(known, *statement.claim.subjects))
    for thing in models_in(statement):
        parts = (thing.whole, thing.weights) if thing.weights else (thing.whole,)
        known = _attested(thing, f"{thing.name} {by}")
        yield _Thing(known, _identities(known, *parts))


def _identities(known: Attested, *parts: ResourceDescriptor) -> frozenset[str]:
    files = {f"sha256:{digest}" for digest in known.files.values()}
    return frozenset(files | {str(identity) for part in parts for identity in part.identities})


def _attested(thing: Described, label: str) -> Attested:
    files = dict(thing.files)
    if not files and thing.name.endswith(_SUFFIX):
        files[thing.name.rpartition("/")[2]] = thing.whole
    listed = {path: part for path, part in files.items() if path.endswith(_SUFFIX)}
    sizes = {path: part.annotations.get("size") for path, part in listed.items()}
    tree = thing.weights
    return Attested(
        label,
        _rows(tree.annotations.get("tensors")) if tree else None,
        {name: tree.digest[name] for name in TREES if name in tree.digest} if tree else {},
        {path: part.digest["sha256"] for path, part in listed.items() if "sha256" in part.digest},
        {path: size for path, size in sizes.items() if type(size) is int},
    )


def _rows(rows: Any) -> dict[str, Row] | None:
    """The tensors of a signed list; None where it is none, or names one twice."""
    if not isinstance(rows, list) or not rows:
        return None
    found: dict[str, Row] = {}
    for row in rows:
        if not isinstance(row, dict):
            return None
        name, dtype, shape = (row.get(key) for key in ("name", "dtype", "shape"))
        heads = {tree: row[key] for tree, key in HEADS.items() if key in row}
        if not (isinstance(name, str) and isinstance(dtype, str) and isinstance(shape, list) and SHA256_TREE in heads):
            return None
        if name in found or not dtype.isascii() or not are_sizes(tuple(shape)):
            return None
        if not all(map(_is_head, heads.values())):
            return None
        found[name] = Row(dtype, tuple(shape), heads)
    return found


def _is_head(value: Any) -> bool:
    return isinstance(value, str) and _HEAD.fullmatch(value) is not None
