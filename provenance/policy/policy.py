"""Policies: YAML documents that choose requirements from the closed catalogue and say how strong evidence must be.

A policy is looked up by its id among those that are shipped; it is a file only when the argument contains a `/` or
ends in `.yaml`, so that a file in the working folder can never stand in for a shipped policy. `extends` takes another
shipped policy and may only tighten it: what a child puts in the place of a row is asked beside it, so that a child
passes nothing that its parent does not. Its digest is that of the resolved document.

A document is read once in a process. What is wrong in it is gathered, each with its line and column, and never ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance import resources
from provenance.errors import Finding, PolicyError, ProvenanceError, UsageError
from provenance.policy.checks import CATALOGUE
from provenance.policy.parameters import Parameter, parameters_of, values_of
from provenance.policy.reading import (
    UNUSABLE,
    Problems,
    Rows,
    UnusablePolicyError,
    Where,
    nearest,
    parsed,
    refuse_no_day,
)
from provenance.policy.requirement import Requirement, looser, parse_day, row_dict
from provenance.policy.score import Dimension, dimensions_of
from provenance.statements.reader import to_json

__all__ = ["CASES", "LADDER", "Policy", "Requirement", "lint", "load_policies", "load_policy", "policy_ids"]

LADDER = (
    ("g7-2026-weights-available", "Weights Available AI"),
    ("g7-2026-open-weights", "Open Weights AI"),
    ("g7-2026-open-source-ai", "Open Source AI"),
    ("g7-2026-open-source-ai-open-data", "Open Source AI with Open Data"),
)
NONE_SET: Mapping[str, str] = {}
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
    score: tuple[Dimension, ...] = ()

    @property
    def was_set(self) -> dict[str, Any]:
        """The values of its parameters that are not their defaults."""
        return {name: value for name, value in self.values.items() if value != self.parameters[name].default}

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


def load_policy(argument: str, settings: Mapping[str, Any] = NONE_SET) -> Policy:
    """A shipped policy by id, or a file; PolicyError for what cannot be used, the first of what `lint` tells.

    `settings` are values of its parameters, as somebody types them or as a document has them. They may only tighten it,
    like the `values` of a policy that extends it: whoever passes a policy of this id passes at least what is written
    in it. UsageError.
    """
    document = _document(argument)
    try:
        plain = _resolve(*document, (), {})
    except UnusablePolicyError as err:
        first = err.findings[0]
        raise PolicyError(first.code, first.message, location=first.location, hint=first.hint) from err
    if not settings:
        return plain
    given = {name: _typed(plain, name, text) for name, text in settings.items()}
    problems = Problems(*document)
    try:
        chosen = _told(plain, document, (), given, problems)
        problems.stop()
        return chosen
    except UnusablePolicyError as err:
        told = err.findings[0].message.removeprefix(UNUSABLE)
        raise UsageError("usage", f"{plain.id} cannot be set so: {told}", location="--set",
                         hint="a value may only tighten: see `provenance policy show`") from err


def load_policies(arguments: Sequence[str], settings: Mapping[str, str] = NONE_SET) -> tuple[Policy, ...]:
    """Several policies, each with the settings that it has a parameter for; UsageError for one that none of them has.

    A setting that nothing takes would leave everybody believing that more was asked than was.
    """
    plain = [load_policy(argument) for argument in arguments]
    known = {name for policy in plain for name in policy.parameters}
    for name in settings:
        if name not in known:
            hint = nearest(name, sorted(known), f"they take {', '.join(sorted(known)) or 'none'}")
            raise UsageError("usage", f"no policy that is asked has a parameter {name}", location="--set", hint=hint)
    return tuple(load_policy(argument, {name: text for name, text in settings.items() if name in policy.parameters})
                 for argument, policy in zip(arguments, plain, strict=True))


def _typed(policy: Policy, name: str, given: Any) -> Any:
    known = policy.parameters.get(name)
    if known is None:
        hint = nearest(name, policy.parameters, f"it takes {', '.join(policy.parameters) or 'none'}")
        raise UsageError("usage", f"{policy.id} has no parameter {name}", location="--set", hint=hint)
    value = known.typed(given) if isinstance(given, str) else given
    if why := known.problem_with(value):
        raise UsageError("usage", f"{name} {why}", location="--set", hint=known.spelling)
    return value


def lint(argument: str) -> tuple[Finding, ...]:
    """Everything that is wrong with a policy, as findings; nothing when it can be used.

    PolicyError `policy-not-found` where there is no such policy.
    """
    try:
        data, location = _document(argument)
        _resolve(data, location, (), {})
    except UnusablePolicyError as err:
        return err.findings
    except ProvenanceError as err:
        if err.code == "policy-not-found" and err.location in ("--policy", argument):
            raise  # there is nothing to find fault with
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
        if Path(argument).is_file():
            hint = f"write ./{argument} for the file of that name"
        raise PolicyError("policy-not-found", f"there is no policy {argument}", location="--policy", hint=hint)
    name = f"{argument}.yaml"
    return resources.read_text("policies", name).encode("utf-8"), f"policies/{name}"


def _resolve(data: bytes, location: str, seen: tuple[str, ...], values: Mapping[str, Any]) -> Policy:
    raw = parsed(data, location)
    problems = Problems(data, location)
    meta, own_id = raw["metadata"], raw["metadata"]["id"]
    for name in ("effectiveOn", "expires"):
        refuse_no_day(raw.get(name, ""), (name,), problems)
    if raw.get("expires", "9999") <= raw.get("effectiveOn", ""):
        problems.add(("expires",), "it expires before it is in force", "write a later day, or leave it out")
    parameters = parameters_of(raw, problems)
    passed_on = {name: value for name, value in values.items() if "extends" in raw and name not in parameters}
    own_values = {name: value for name, value in values.items() if name not in passed_on}

    def rows_of(policy: str, path: Where) -> tuple[Requirement, ...]:
        return _asked_as_a_whole(policy, path, (*seen, own_id), problems)

    reader = Rows(values_of(parameters, own_values, (), problems), problems, rows_of)
    rows: dict[str, Requirement] = {}
    for index, row in enumerate(raw["requirements"]):
        path = ("requirements", index)
        if row["id"] in rows:
            problems.add((*path, "id"), f"a requirement stands twice: {row['id']}", "join the two rows")
        if not reader.asks_nothing(row):
            rows[row["id"]] = reader.row(row, path)
    for name in parameters.keys() - reader.used:
        problems.add(("parameters", name), f"nothing in the policy takes the parameter {name}",
                     f"write ${name} where its value is to stand, or leave it out")
    problems.stop()
    parent = _parent(raw, seen, passed_on, problems)
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
    score = dimensions_of(raw, rows, problems)
    problems.stop()
    resolved = {**raw, **{name: day for name, day in days.items() if day},
                "requirements": [row_dict(row) for row in rows.values()]}
    digest = hashlib.sha256(to_json(resolved)).hexdigest()
    inherited = {**parent.parameters} if parent else {}
    return Policy(own_id, meta["version"], meta["title"], meta["source"], tuple(rows.values()), digest, chain,
                  inherited | parameters, {**(parent.values if parent else {}), **reader.values},
                  days["effectiveOn"], days["expires"], score)


def _parent(raw: Mapping[str, Any], seen: tuple[str, ...], passed_on: Mapping[str, Any],
            problems: Problems) -> Policy | None:
    name, own_id = raw.get("extends"), raw["metadata"]["id"]
    if name is None:
        return None
    document = _shipped(name, ("extends",), (*seen, own_id), problems)
    given = raw.get("values", {})
    plain = _resolve(*document, (*seen, own_id), {})
    for key, value in given.items():
        known = plain.parameters.get(key)
        if known is None:
            hint = nearest(key, plain.parameters, f"{name} takes {', '.join(plain.parameters) or 'none'}")
            problems.add(("values", key), f"{name} has no parameter {key}", hint)
        elif why := known.problem_with(value):
            problems.add(("values", key), f"{key} {why}", "correct the value")
        else:
            try:
                _told(plain, document, (*seen, own_id), {key: value}, problems, ("values", key))
            except UnusablePolicyError as err:  # it is of the right type, and the row that takes it cannot use it
                problems.add(("values", key), err.findings[0].message.removeprefix(UNUSABLE), "correct the value")
    problems.stop()
    given = {**given, **passed_on}
    told = _told(plain, document, (*seen, own_id), given, problems) if given else plain
    problems.stop()
    return told


def _shipped(name: str, path: Where, seen: tuple[str, ...], problems: Problems) -> tuple[bytes, str]:
    """The document of a shipped policy that another one names; `seen` are those that led here."""
    if name in seen:
        problems.add(path, f"it extends itself through {name}", "break the circle")
        problems.stop()
    try:
        return _document(name)
    except PolicyError as err:
        problems.add(path, err.message, err.hint, err.code)
        problems.stop()
        raise


def _told(plain: Policy, document: tuple[bytes, str], seen: tuple[str, ...], given: Mapping[str, Any],
          problems: Problems, path: Where = ("values",)) -> Policy:
    """A policy with values for its parameters: each row that changes is asked beside what it was without them."""
    told = _resolve(*document, seen, given)
    rows = _tightened({row.id: row for row in plain.requirements}, {row.id: row for row in told.requirements},
                      {"requirements": []}, problems, path)
    return replace(told, requirements=tuple(_in_order(rows).values()))


def _asked_as_a_whole(name: str, path: Where, seen: tuple[str, ...], problems: Problems) -> tuple[Requirement, ...]:
    """The rows of a shipped policy that a row of another one asks for: `passes: NAME`."""
    policy = _resolve(*_shipped(name, path, seen, problems), seen, {})
    if policy.score or policy.effective_on or policy.expires or any(
            row.severity == "advisory" or row.effective_on for row in policy.requirements):
        problems.add(path, f"{name} is not decided by all of its rows every day, and cannot be asked for as a whole",
                     "name its rows")
    rows: list[Requirement] = []
    for row in policy.requirements:
        each: Requirement | None = row
        while each is not None:  # what a row tightens is asked beside it
            rows.append(replace(each, tightens=None, waivable=False))
            each = each.tightens
    return tuple(rows)


def _tightened(parent: dict[str, Requirement], own: Mapping[str, Requirement], raw: Mapping[str, Any],
               problems: Problems, path: Where = ()) -> dict[str, Requirement]:
    places = {row["id"]: index for index, row in enumerate(raw["requirements"])}
    rows = dict(parent)
    for row in own.values():
        before = parent.get(row.id)
        if before is None:
            rows[row.id] = row
            continue
        if what := looser(row, before):
            place: Where = ("requirements", places[row.id]) if row.id in places else path
            problems.add(place, f"{row.id} is looser than in the policy that it extends: {what}",
                         "a child may only tighten")
        kept = before.tightens if before.demand == row.demand else before
        rows[row.id] = replace(row, tightens=kept, asked_by=before.asked_by)
    return rows


def _in_order(rows: Mapping[str, Requirement]) -> dict[str, Requirement]:
    """The rows as the catalogue orders them, so that extended policies read like plain ones; then the own rules."""
    return {name: rows[name] for name in CATALOGUE if name in rows} | dict(rows)
