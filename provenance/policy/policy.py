"""Policies: YAML documents that choose requirements from the closed catalogue and say how strong evidence must be.

A policy is looked up by its id among those that are shipped; it is a file only when the argument contains a `/` or
ends in `.yaml`, so that a file in the working folder can never stand in for a shipped policy. `extends` takes another
shipped policy and may only tighten it: what a child puts in the place of a row is asked beside it, so that a child
passes nothing that its parent does not. Its digest is that of the resolved document.

A document is read once in a process. What is wrong in it is gathered, each with its line and column, and never ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance import resources
from provenance.errors import Finding, PolicyError, ProvenanceError
from provenance.policy.checks import CATALOGUE
from provenance.policy.reading import (
    Parameter,
    Problems,
    Rows,
    UnusablePolicyError,
    Where,
    nearest,
    parameters_of,
    parsed,
    refuse_no_day,
    values_of,
)
from provenance.policy.requirement import Requirement, looser, parse_day, row_dict
from provenance.statements.reader import to_json

__all__ = ["CASES", "LADDER", "Policy", "Requirement", "lint", "load_policy", "policy_ids"]

LADDER = (
    ("g7-2026-weights-available", "Weights Available AI"),
    ("g7-2026-open-weights", "Open Weights AI"),
    ("g7-2026-open-source-ai", "Open Source AI"),
    ("g7-2026-open-source-ai-open-data", "Open Source AI with Open Data"),
)
CASES = ".cases.yaml"  # the ending of a file of test cases beside a policy


@dataclass(frozen=True)
class Policy:
    """A resolved policy; `digest` is the sha256 of the resolved document in canonical JSON."""

    id: str
    version: str
    title: str
    source: str
    requirements: tuple[Requirement, ...]
    digest: str
    extends: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    effective_on: str = ""
    expires: str = ""

    def refuse_out_of_force(self, as_of: datetime) -> None:
        """PolicyError `policy-not-in-force` outside the days on which the policy may be used."""
        if self.effective_on and as_of < parse_day(self.effective_on):
            raise PolicyError("policy-not-in-force", f"{self.id} is in force from {self.effective_on}",
                              location=self.id, hint="use the policy that is in force now")
        if self.expires and as_of >= parse_day(self.expires):
            raise PolicyError("policy-not-in-force", f"{self.id} expired on {self.expires}", location=self.id,
                              hint="use the policy that replaced it")


def is_file(argument: str) -> bool:
    """Whether the argument names a file, and no policy that is shipped."""
    return "/" in argument or argument.endswith(".yaml")


def policy_ids() -> tuple[str, ...]:
    """The ids of the shipped policies."""
    return tuple(name.removesuffix(".yaml") for name in resources.names("policies")
                 if name.endswith(".yaml") and not name.endswith(CASES))


def load_policy(argument: str) -> Policy:
    """A shipped policy by id, or a file; PolicyError for what cannot be used, the first of what `lint` tells."""
    data, location = _document(argument)
    try:
        return _resolve(data, location, (), {})
    except UnusablePolicyError as err:
        first = err.findings[0]
        raise PolicyError(first.code, first.message, location=first.location, hint=first.hint) from err


def lint(argument: str) -> tuple[Finding, ...]:
    """Everything that is wrong with a policy, as findings; nothing when it can be used."""
    try:
        data, location = _document(argument)
        _resolve(data, location, (), {})
    except UnusablePolicyError as err:
        return err.findings
    except ProvenanceError as err:
        return (Finding(err.code, "error", err.message, err.location, err.hint),)
    return ()


def _document(argument: str) -> tuple[bytes, str]:
    if is_file(argument):
        try:
            return Path(argument).read_bytes(), argument
        except OSError as err:
            raise PolicyError("policy-not-found", f"cannot read the policy: {err.strerror}", location=argument,
                              hint="check the path") from err
    if argument not in policy_ids():
        hint = nearest(argument, policy_ids(), "`provenance policy list` names them", 0.6)
        raise PolicyError("policy-not-found", f"there is no policy {argument}", location="--policy", hint=hint)
    name = f"{argument}.yaml"
    return resources.read_text("policies", name).encode("utf-8"), f"policies/{name}"


def _resolve(data: bytes, location: str, seen: tuple[str, ...], values: Mapping[str, Any]) -> Policy:
    raw = parsed(data, location)
    problems = Problems(data, location)
    meta, own_id = raw["metadata"], raw["metadata"]["id"]
    for name in ("effectiveOn", "expires"):
        refuse_no_day(raw.get(name, ""), (name,), problems)
    parameters = parameters_of(raw, problems)
    reader = Rows(parameters, values_of(parameters, values, (), problems), problems)
    rows: dict[str, Requirement] = {}
    for index, row in enumerate(raw["requirements"]):
        path = ("requirements", index)
        if row["id"] in rows:
            problems.add((*path, "id"), f"a requirement stands twice: {row['id']}", "join the two rows")
        rows[row["id"]] = reader.row(row, path)
    problems.stop()
    parent = _parent(raw, seen, problems)
    if parent is not None:
        rows = _tightened({row.id: row for row in parent.requirements}, rows, raw, problems)
    elif "values" in raw:
        problems.add(("values",), "it gives values, and extends no policy that could take them",
                     "write them as the defaults of `parameters`")
    problems.stop()
    chain = (*parent.extends, parent.id) if parent else ()
    rows = {name: replace(row, asked_by=(*row.asked_by, (own_id, row.severity, row.effective_on)))
            for name, row in _in_order(rows).items()}
    effective = max([raw.get("effectiveOn", ""), parent.effective_on if parent else ""])
    ends = [day for day in (raw.get("expires", ""), parent.expires if parent else "") if day]
    days = {"effectiveOn": effective, "expires": min(ends, default="")}
    resolved = {**raw, **{name: day for name, day in days.items() if day},
                "requirements": [row_dict(row) for row in rows.values()]}
    digest = hashlib.sha256(to_json(resolved)).hexdigest()
    inherited = {**parent.parameters} if parent else {}
    return Policy(own_id, meta["version"], meta["title"], meta["source"], tuple(rows.values()), digest, chain,
                  inherited | parameters, {**(parent.values if parent else {}), **reader.values},
                  days["effectiveOn"], days["expires"])


def _parent(raw: Mapping[str, Any], seen: tuple[str, ...], problems: Problems) -> Policy | None:
    name, own_id = raw.get("extends"), raw["metadata"]["id"]
    if name is None:
        return None
    if name in seen or name == own_id:
        problems.add(("extends",), f"it extends itself through {name}", "break the circle")
        problems.stop()
    try:
        document = _document(name)
    except PolicyError as err:
        problems.add(("extends",), err.message, err.hint, err.code)
        problems.stop()
        raise
    given = raw.get("values", {})
    plain = _resolve(*document, (*seen, own_id), {})
    for key, value in given.items():
        known = plain.parameters.get(key)
        if known is None:
            hint = nearest(key, plain.parameters, f"{name} takes {', '.join(plain.parameters) or 'none'}")
            problems.add(("values", key), f"{name} has no parameter {key}", hint)
        elif why := known.problem_with(value):
            problems.add(("values", key), f"{key} {why}", "correct the value")
    problems.stop()
    if not given:
        return plain
    told = _resolve(*document, (*seen, own_id), given)
    rows = _tightened({row.id: row for row in plain.requirements}, {row.id: row for row in told.requirements},
                      {"requirements": []}, problems)
    return replace(told, requirements=tuple(rows.values()))


def _tightened(parent: dict[str, Requirement], own: Mapping[str, Requirement], raw: Mapping[str, Any],
               problems: Problems) -> dict[str, Requirement]:
    places = {row["id"]: index for index, row in enumerate(raw["requirements"])}
    rows = dict(parent)
    for row in own.values():
        before = parent.get(row.id)
        if before is None:
            rows[row.id] = row
            continue
        if what := looser(row, before):
            path: Where = ("requirements", places[row.id]) if row.id in places else ("values",)
            problems.add(path, f"{row.id} is looser than in the policy that it extends: {what}",
                         "a child may only tighten")
        kept = before.tightens if before.demand == row.demand else before
        rows[row.id] = replace(row, tightens=kept, asked_by=before.asked_by)
    return rows


def _in_order(rows: Mapping[str, Requirement]) -> dict[str, Requirement]:
    """The rows as the catalogue orders them, so that extended policies read like plain ones; then the own rules."""
    return {name: rows[name] for name in CATALOGUE if name in rows} | dict(rows)
