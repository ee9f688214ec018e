"""Policies: YAML documents that choose requirements from the closed catalogue and say how strong evidence must be.

A policy is looked up by its id among those that are shipped; it is a file only when the argument contains a `/` or
ends in `.yaml`, so that a file in the working folder can never stand in for a shipped policy. `extends` takes another
shipped policy and may only tighten it. Its digest is that of the resolved document.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from provenance import resources
from provenance.bundles.verifier import VOICES, Voice
from provenance.errors import Finding, PolicyError, ProvenanceError
from provenance.policy.checks import CATALOGUE
from provenance.policy.verdict import BASES, Basis
from provenance.statements.reader import parse_yaml, to_json, validate

LADDER = (
    ("g7-2026-weights-available", "Weights Available AI"),
    ("g7-2026-open-weights", "Open Weights AI"),
    ("g7-2026-open-source-ai", "Open Source AI"),
    ("g7-2026-open-source-ai-open-data", "Open Source AI with Open Data"),
)


@dataclass(frozen=True)
class Requirement:
    """One row of a policy: a check of the catalogue, its parameters, and how strong the evidence must be."""

    id: str
    title: str
    source: str
    remedy: str
    min_basis: Basis
    min_voice: Voice
    roles: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    waivable: bool = False


@dataclass(frozen=True)
class Policy:
    """A resolved policy; `digest` is the sha256 of the resolved document in canonical JSON."""

    id: str
    version: str
    title: str
    source: str
    requirements: tuple[Requirement, ...]
    digest: str


def policy_ids() -> tuple[str, ...]:
    """The ids of the shipped policies."""
    return tuple(name.removesuffix(".yaml") for name in resources.names("policies") if name.endswith(".yaml"))


def load_policy(argument: str) -> Policy:
    """A shipped policy by id, or a file; PolicyError `policy-not-found` or `policy-invalid`."""
    return _resolve(_document(argument), ())


def lint(argument: str) -> tuple[Finding, ...]:
    """What is wrong with a policy, as findings; nothing when it can be used."""
    try:
        load_policy(argument)
    except ProvenanceError as err:
        return (Finding(err.code, "error", err.message, err.location, err.hint),)
    return ()


def _document(argument: str) -> tuple[bytes, str]:
    if "/" in argument or argument.endswith(".yaml"):
        try:
            return Path(argument).read_bytes(), argument
        except OSError as err:
            raise PolicyError("policy-not-found", f"cannot read the policy: {err.strerror}", location=argument,
                              hint="check the path") from err
    if argument not in policy_ids():
        near = difflib.get_close_matches(argument, policy_ids(), 1)
        hint = f"did you mean {near[0]}?" if near else "`provenance policy list` names them"
        raise PolicyError("policy-not-found", f"there is no policy {argument}", location="--policy", hint=hint)
    name = f"{argument}.yaml"
    return resources.read_text("policies", name).encode("utf-8"), f"policies/{name}"


def _resolve(document: tuple[bytes, str], seen: tuple[str, ...]) -> Policy:
    data, location = document
    raw = _parsed(data, location)
    rows = {row["id"]: _requirement(row, location) for row in raw["requirements"]}
    if len(rows) != len(raw["requirements"]):
        raise _invalid("a requirement stands twice", location, "join the two rows")
    parent_id = raw.get("extends")
    if parent_id is not None:
        if parent_id in seen or parent_id == raw["metadata"]["id"]:
            raise _invalid(f"it extends itself through {parent_id}", location, "break the circle")
        parent = _resolve(_document(parent_id), (*seen, raw["metadata"]["id"]))
        rows = _tightened({row.id: row for row in parent.requirements}, rows, location)
    rows = _in_order(rows)
    meta = raw["metadata"]
    resolved = {**raw, "requirements": [_row_dict(row) for row in rows.values()]}
    digest = hashlib.sha256(to_json(resolved)).hexdigest()
    return Policy(meta["id"], meta["version"], meta["title"], meta["source"], tuple(rows.values()), digest)


@lru_cache(maxsize=64)
def _parsed(data: bytes, location: str) -> Mapping[str, Any]:
    """A policy document that follows its schema; kept, because every verdict asks all rungs of the ladder."""
    raw: Mapping[str, Any] = parse_yaml(data, location)
    validate(raw, "policy", location, PolicyError, "policy-invalid")
    return raw


def _requirement(row: Mapping[str, Any], location: str) -> Requirement:
    check = CATALOGUE.get(row["id"])
    if check is None:
        near = difflib.get_close_matches(row["id"], CATALOGUE, 1, cutoff=0.3)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(CATALOGUE)}"
        raise PolicyError("requirement-unknown", f"the catalogue has no requirement {row['id']}", location=location,
                          hint=hint)
    given = row.get("parameters", {})
    for name, value in given.items():
        known = check.parameters.get(name)
        if known is None:
            near = difflib.get_close_matches(name, check.parameters, 1, cutoff=0.3)
            hint = f"did you mean {near[0]}?" if near else f"{check.id} takes {', '.join(check.parameters) or 'none'}"
            raise _invalid(f"{check.id} has no parameter {name}", location, hint)
        if problem := known.problem_with(value):
            raise _invalid(f"{check.id}: {name} {problem}", location, "correct the value")
    # The defaults belong to what was asked, and so to the digest: another version of this tool may have others.
    parameters = {name: parameter.default for name, parameter in check.parameters.items()} | given
    return Requirement(row["id"], row["title"], row["source"], row["remedy"], row["minBasis"], row["minVoice"],
                       tuple(row["roles"]), parameters, row.get("waivable", False))


def _tightened(parent: dict[str, Requirement], own: dict[str, Requirement], location: str) -> dict[str, Requirement]:
    for row in own.values():
        before = parent.get(row.id)
        if before is None:
            continue
        check = CATALOGUE[row.id]
        looser = (
            BASES.index(row.min_basis) < BASES.index(before.min_basis)
            or VOICES.index(row.min_voice) < VOICES.index(before.min_voice)
            or not set(row.roles) <= set(before.roles)
            or row.waivable > before.waivable
            or any(p.is_looser(row.parameters[n], before.parameters[n]) for n, p in check.parameters.items())
        )
        if looser:
            why = f"{row.id} is looser than in the policy that it extends"
            raise _invalid(why, location, "a child may only tighten")
    return {**parent, **own}


def _in_order(rows: Mapping[str, Requirement]) -> dict[str, Requirement]:
    """The rows as the catalogue orders them, so that extended policies read like plain ones."""
    return {identifier: rows[identifier] for identifier in CATALOGUE if identifier in rows}


def _row_dict(row: Requirement) -> dict[str, Any]:
    return {"id": row.id, "title": row.title, "source": row.source, "remedy": row.remedy, "minBasis": row.min_basis,
            "minVoice": row.min_voice, "roles": list(row.roles), "parameters": dict(row.parameters),
            "waivable": row.waivable}


def _invalid(why: str, location: str, hint: str) -> ProvenanceError:
    return PolicyError("policy-invalid", f"the policy cannot be used: {why}", location=location, hint=hint)
