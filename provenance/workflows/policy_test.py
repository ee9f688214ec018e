"""Run the cases that lie beside a policy: what it must answer of models, or of outcomes that are given.

`ours.yaml` has its cases in `ours.cases.yaml`. A case with a model is a verdict like any other; one with given outcomes
asks only how the policy combines them, and needs neither a model nor a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from provenance import resources
from provenance.bundles.trust import parse_time
from provenance.errors import PolicyError, ProvenanceError, UsageError, quoted
from provenance.policy.checks import CATALOGUE
from provenance.policy.evaluate import decide, outcome_of
from provenance.policy.policy import CASES, Policy, load_policy, policy_ids
from provenance.policy.reading import Problems, UnusablePolicyError, Where, deepest, nearest
from provenance.policy.requirement import Requirement, parse_day
from provenance.policy.rules import THINGS
from provenance.policy.score import score_of, totals
from provenance.policy.verdict import Decision, Item, Outcome
from provenance.statements.reader import deviations, parse_yaml
from provenance.workflows.verify import verify

_INVALID = "policy-cases-invalid"


@dataclass(frozen=True)
class _Answer:
    """What a policy answered in one case: its result, the outcome of each requirement, and the points of its score."""

    result: str
    requirements: Mapping[str, str]
    score: Mapping[str, float] | None


def run_cases(policy: str, cases: Path | None = None, *, now: datetime) -> dict[str, Any]:
    """The result of every case of a policy; PolicyError where there are none, or they cannot be used."""
    chosen = load_policy(policy)
    data, location, folder = _read(policy, cases)
    document = parse_yaml(data, location)
    problems = Problems(data, location)
    try:
        for path, sentences in deviations(document, "policy-cases"):
            for sentence in sentences:
                problems.add(deepest(path, sentence), sentence, "see schemas/policy-cases.schema.json", _INVALID)
        problems.stop()
        asked = [_asked(case, policy, ("cases", index), problems) for index, case in enumerate(document["cases"])]
        problems.stop()
    except UnusablePolicyError as err:
        first = err.findings[0]
        raise PolicyError(first.code, first.message, location=first.location, hint=first.hint) from err
    rows = [_run(case, each, policy, location, folder, now)
            for case, each in zip(document["cases"], asked, strict=True)]
    return {"policy": {"id": chosen.id, "version": chosen.version, "digest": {"sha256": chosen.digest}},
            "cases": rows, "passed": all(row["passed"] for row in rows)}


def has_cases(policy: str) -> bool:
    """Whether a shipped policy comes with cases."""
    return f"{policy}{CASES}" in resources.names("policies")


def _read(policy: str, cases: Path | None) -> tuple[bytes, str, Path | None]:
    if cases is None and policy in policy_ids():
        if not has_cases(policy):
            raise _missing(policy, f"policies/{policy}{CASES}")
        return resources.read_bytes("policies", f"{policy}{CASES}"), f"policies/{policy}{CASES}", None
    path = cases or Path(policy.removesuffix(".yaml") + CASES)
    try:
        return path.read_bytes(), str(path), path.parent
    except OSError as err:
        raise _missing(policy, str(path)) from err


def _missing(policy: str, location: str) -> ProvenanceError:
    return PolicyError("policy-cases-missing", f"there are no cases for {policy}", location=location,
                       hint="write them there, or name the file with --cases")


def _asked(case: Mapping[str, Any], policy: str, path: Where, problems: Problems) -> Policy:
    """The policy with the values of a case; a name in the case that nothing takes or asks is a problem."""
    chosen, values = load_policy(policy), case.get("values", {})
    try:
        for name, value in values.items():
            where = (*path, "values", name)
            load_policy(policy, {name: value})
        chosen = load_policy(policy, values)
    except UsageError as err:
        problems.add(where, f"case {quoted(case['name'])}: {err.message}", err.hint, _INVALID)
    rows = {row.id for row in chosen.requirements}
    named = (((*path, "given"), case.get("given", {}), {*CATALOGUE, *rows, "otherwise"}),
             ((*path, "expect", "requirements"), case["expect"].get("requirements", {}), rows))
    for where, names, known in named:
        for name in names:
            if name not in known:
                problems.add((*where, name), f"case {quoted(case['name'])} names {name}, which nothing asks",
                             nearest(name, sorted(known), "see `provenance policy show`"), _INVALID)
    return chosen


def _run(case: Mapping[str, Any], chosen: Policy, policy: str, location: str, folder: Path | None,
         now: datetime) -> dict[str, Any]:
    as_of = parse_time(case["asOf"], location) if "asOf" in case else _begun(chosen, now)
    expected = case["expect"]
    if "given" in case:
        answer = _given(case, chosen, as_of)
    elif folder is None:
        raise PolicyError(_INVALID, "the cases of a shipped policy name no models", location=location,
                          hint="give the file with --cases")
    else:
        answer = _judged(case, policy, folder, as_of, now)
    found = {"result": answer.result, "score": answer.score, "requirements": {name: answer.requirements[name]
                                                       for name in expected.get("requirements", {})}}
    passed = all(found[key] == value for key, value in expected.items())
    return {"name": case["name"], "passed": passed, "expected": expected,
            "found": {key: found[key] for key in expected}}


def _begun(chosen: Policy, now: datetime) -> datetime:
    """Now, or the first day of a policy that is not in force yet: it is tested before that."""
    return max(now, parse_day(chosen.effective_on)) if chosen.effective_on else now


def _judged(case: Mapping[str, Any], policy: str, folder: Path, as_of: datetime, now: datetime) -> _Answer:
    done = verify(folder / case["model"], policy, settings=case.get("values", {}),
                  evidence=[folder / path for path in case.get("evidence", ())],
                  trust=folder / case["trust"] if "trust" in case else None, as_of=as_of, now=now)
    rows = {row["id"]: row["outcome"] for row in done.document["requirements"]}
    score = done.document.get("score")
    return _Answer(done.document["result"], rows, score and {name: score[name] for name in ("least", "most")})


def _given(case: Mapping[str, Any], chosen: Policy, as_of: datetime) -> _Answer:
    """How the policy combines outcomes that are given; what is not named is undetermined, or as `otherwise` says."""
    given = dict(case["given"])
    otherwise = given.pop("otherwise", "undetermined")
    chosen.refuse_out_of_force(as_of)
    decisions = decide(chosen, as_of, _answering(given, otherwise))
    score = totals(score_of(chosen.score, decisions)) if chosen.score else None
    return _Answer(outcome_of(decisions), {decision.id: decision.outcome for decision in decisions}, score)


def _answering(given: Mapping[str, str], otherwise: str) -> Callable[[Requirement], Decision]:
    def ask(row: Requirement) -> Decision:
        outcome = cast("Outcome", given.get(row.id, otherwise))
        # Of one thing of each kind, so that `forEach` has something to ask.
        items = tuple(Item(f"{prefix}given", outcome, "given") for prefix in THINGS.values())
        return Decision(row.id, row.title, row.source, row.remedy, row.min_basis, row.min_voice, row.roles, items)

    return ask
