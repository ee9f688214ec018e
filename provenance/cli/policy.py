"""`provenance policy list|show|explain|lint|diff|test|attack`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now, settings_option
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.errors import said
from provenance.policy.policy import Policy, lint, load_policy, policy_ids
from provenance.policy.requirement import row_dict
from provenance.reports.escape import printable
from provenance.reports.wording import typed


@click.group()
def command() -> None:
    """Policies: what must be shown, by how strong evidence, in whose voice."""


@command.command(name="list")
@common_options
def list_policies(shown: Shown) -> None:
    """List the policies that are shipped.

    \b
    Example:
      provenance policy list
    """
    policies = [load_policy(name) for name in policy_ids()]
    rows = [{"id": p.id, "version": p.version, "title": p.title, "requirements": len(p.requirements)} for p in policies]
    width = max((len(p.id) for p in policies), default=0)
    shown.answer(
        {"schemaVersion": "0.1", "kind": "PolicyList", "policies": rows},
        lambda: "".join(f"{p.id:<{width}}  {len(p.requirements):>2} requirements  {p.title}\n" for p in policies),
    )


@command.command()
@click.argument("policy")
@settings_option
@common_options
def show(policy: str, settings: Mapping[str, str], shown: Shown) -> None:
    """Show POLICY (an id, or a .yaml file) with everything that it extends resolved.

    \b
    Example:
      provenance policy show osaid-1.0
      provenance policy show procurement-public-sector --set requiredClass=mof-1.0-class-iii
    """
    chosen = load_policy(policy, settings)
    shown.answer(_document(chosen), lambda: _text(chosen))


@command.command(name="lint")
@click.argument("policies", nargs=-1, required=True)
@common_options
def lint_policies(policies: tuple[str, ...], shown: Shown) -> int:
    """Check POLICIES (ids or .yaml files). Exit code 0 clean, 1 findings.

    \b
    Example:
      provenance policy lint ./our-policy.yaml
    """
    found = [finding for policy in policies for finding in lint(policy)]
    document = {"schemaVersion": "0.1", "kind": "Lint", "findings": [finding.to_dict() for finding in found]}
    lines = [f"{printable(one.location)}: {printable(one.message)} [{one.code}]\n  next: {printable(one.hint)}\n"
             for one in found]
    shown.answer(document, lambda: "".join(lines) or "No findings.\n")
    return NOT_PASSED if found else PASSED


@command.command()
@click.argument("policy")
@click.argument("requirement", default="")
@settings_option
@common_options
def explain(policy: str, requirement: str, settings: Mapping[str, str], shown: Shown) -> None:
    """Explain POLICY, or one REQUIREMENT of it: what shows it, whose voice counts, how to get there.

    \b
    Example:
      provenance policy explain osaid-1.0 D-2
    """
    from provenance.workflows.policy_explain import explain_policy

    document = {"schemaVersion": "0.1", "kind": "PolicyExplanation", **explain_policy(policy, requirement, settings)}
    shown.answer(document, lambda: "\n".join(_explained(document)) + "\n")


@command.command(name="diff")
@click.argument("first")
@click.argument("second")
@common_options
def diff(first: str, second: str, shown: Shown) -> int:
    """Compare the policies FIRST and SECOND: what is added, removed, tighter or looser. Exit code 0 same, 1 different.

    \b
    Example:
      provenance policy diff g7-2026-open-weights g7-2026-open-source-ai
    """
    from provenance.workflows.policy_diff import diff_policies

    document = {"schemaVersion": "0.1", "kind": "PolicyDiff", **diff_policies(first, second)}
    shown.answer(document, lambda: "\n".join(_compared(document)) + "\n")
    return PASSED if document["same"] else NOT_PASSED


@command.command(name="test")
@click.argument("policies", nargs=-1, required=True)
@click.option("--cases", type=EXISTING, metavar="FILE", help="The cases; POLICY.cases.yaml beside the policy.")
@common_options
def run_tests(policies: tuple[str, ...], cases: Path | None, shown: Shown) -> int:
    """Run the cases that lie beside POLICIES (ids or .yaml files). Exit code 0 all as expected, 1 not.

    \b
    Example:
      provenance policy test osaid-1.0 ./our-policy.yaml
    """
    from provenance.workflows.policy_test import run_cases

    moment = now()
    results = [run_cases(policy, cases, now=moment) for policy in policies]
    passed = all(result["passed"] for result in results)
    document = {"schemaVersion": "0.1", "kind": "PolicyTest", "passed": passed, "policies": results}
    shown.answer(document, lambda: "\n".join(_tested(results)) + "\n")
    return PASSED if passed else NOT_PASSED


@command.command()
@click.argument("policy")
@settings_option
@click.option("--evidence", multiple=True, type=EXISTING, required=True, metavar="DIR", help="Signed bundles.")
@click.option("--model", type=EXISTING, metavar="PATH", help="The model; what DIR without .provenance names.")
@click.option("--trust", type=EXISTING, metavar="FILE", help="Trust file; without it nobody is believed.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=300, show_default=True,
              help="Try no more mutations than this.")
@click.option("--seconds", type=click.IntRange(1, 3600), default=60, show_default=True,
              help="Begin no mutation after this time.")
@as_of_option
@common_options
def attack(
    policy: str, settings: Mapping[str, str], evidence: tuple[Path, ...], model: Path | None, trust: Path | None,
    limit: int, seconds: int, as_of: datetime | None, shown: Shown,
) -> int:
    """Mutate real evidence and a copy of the model, and tell what POLICY lets through.

    Evidence is dropped, replayed, renamed, aged, stripped, truncated, relabelled and signed by a stranger. Exit code 0
    when no change was believed, no changed model passed and no removal improved the answer; else 1. Nothing that was
    given is changed.

    \b
    Example:
      provenance policy attack osaid-1.0 --evidence ./model.provenance --trust trust.yaml
    """
    from provenance.workflows.attacking.attack import attack as attack_policy
    from provenance.workflows.attacking.attack import model_beside

    until = time.monotonic() + seconds
    document = attack_policy(policy, evidence, settings=settings, model=model or model_beside(evidence[0]), trust=trust,
                             as_of=as_of or now(), limit=limit, out_of_time=lambda: time.monotonic() > until)
    shown.answer(document, lambda: "\n".join(_attacked(document)) + "\n")
    return PASSED if document["holds"] else NOT_PASSED


def _document(policy: Policy) -> dict[str, Any]:
    days = {"effectiveOn": policy.effective_on, "expires": policy.expires}
    return {
        "schemaVersion": "0.1", "kind": "ResolvedPolicy", "id": policy.id, "version": policy.version,
        "title": policy.title, "source": policy.source, "digest": {"sha256": policy.digest},
        "extends": list(policy.extends), "values": dict(policy.values),
        **{name: day for name, day in days.items() if day},
        **({"score": [each.to_dict() for each in policy.score]} if policy.score else {}),
        "requirements": [row_dict(row) for row in policy.requirements],
    }


def _text(policy: Policy) -> str:
    from provenance.workflows.policy_explain import asks, in_force

    lines = [f"{printable(policy.title)} ({printable(policy.id)} {printable(policy.version)})",
             printable(policy.source), f"sha256 {policy.digest}"]
    if policy.extends:
        lines.append(f"extends {', '.join(map(printable, policy.extends))}")
    if policy.effective_on or policy.expires:
        lines.append(f"in force {in_force(policy)}")
    lines += [f"parameter {printable(line)}" for line in _parameters(policy)]
    lines += [f"score {printable(line)}" for line in _dimensions(each.to_dict() for each in policy.score)]
    for row in policy.requirements:
        parameters = "".join(f", {name}: {printable(said(value))}" for name, value in row.parameters.items())
        more = "".join(f", {word}" for word, said in (
            ("advisory", row.severity == "advisory"), (f"from {row.effective_on}", row.effective_on),
            ("waivable", row.waivable)) if said)
        lines += [
            f"\n{printable(row.id)}  {printable(row.title)}",
            f"     {row.min_basis}, {row.min_voice}, by {' or '.join(row.roles)}{parameters}{more}",
            f"     {printable(row.source)}",
        ]
        if row.rule is not None or row.unless is not None:
            lines += [f"     {printable(line)}" for line in asks(row)]
    return "\n".join(lines) + "\n"


def _parameters(policy: Policy) -> Iterator[str]:
    """Each parameter with its value, as it is typed after `--set`."""
    for name, known in policy.parameters.items():
        choices = f", one of {said(known.values)}" if known.values else ""
        told = f": {known.description}" if known.description else ""
        yield f"{name}={typed(policy.values[name])} ({known.type}{choices}){told}"


def _dimensions(score: Iterable[Mapping[str, str]]) -> Iterator[str]:
    for row in score:
        partial = f", partial where {row['partial']} does" if "partial" in row else ""
        yield f"{row['group']}: {row['title']} ({row['id']}), open where {row['open']} passes{partial}"


def _explained(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{printable(document['title'])} ({printable(document['id'])} {printable(document['version'])})"
    yield f"in force: {document['inForce']}"
    yield from (f"score: {printable(line)}" for line in _dimensions(document.get("score", ())))
    for row in document["requirements"]:
        yield f"\n{printable(row['id'])}  {printable(row['title'])}"
        for name, lines in (("asks", row["asks"]), ("shown by", [row["shownBy"]]), ("said by", [row["saidBy"]]),
                            ("decides", [row["decides"]]), ("waivable", ["yes" if row["waivable"] else "no"]),
                            ("source", [row["source"]]), ("next", [row["next"]])):
            for label, line in zip([name, *[""] * len(lines)], lines, strict=False):
                yield f"  {label:<9} {printable(line)}"


def _compared(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['answer']}: {printable(document['second']['id'])} beside {printable(document['first']['id'])}"
    for sign, rows in (("+", document["added"]), ("-", document["removed"])):
        yield from (f"  {sign} {printable(row['id'])}  {printable(row['title'])}" for row in rows)
    for row in ({"id": "the policy", "fields": document["days"]}, {"id": "the score", "fields": document["score"]},
                *document["changed"]):
        for field in row["fields"]:
            told = f"{printable(said(field['first']))} -> {printable(said(field['second']))}"
            yield f"  {field['direction']:<9} {printable(row['id'])} {field['field']}: {told}"


def _tested(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for policy in results:
        for case in policy["cases"]:
            word = "as expected" if case["passed"] else "NOT AS EXPECTED"
            yield f"{printable(policy['policy']['id'])}: {printable(case['name'])}: {word}"
            if not case["passed"]:
                yield f"  expected {printable(said(case['expected']))}"
                yield f"  found    {printable(said(case['found']))}"


def _attacked(document: Mapping[str, Any]) -> Iterator[str]:
    from provenance.workflows.attacking.attack import kinds

    counts, before = document["counts"], document["before"]
    word = "holds" if document["holds"] else "DOES NOT HOLD"
    yield f"{word}: {counts['tried']} mutations, {counts['harmful']} harmful, {counts['letThrough']} let through"
    yield f"  before     {before['result']}, rung {before['rung']} of 4, as of {document['asOf']}"
    yield f"  removals   {counts['removals']} tried, {counts['improved']} improved the answer"
    if not before["passed"]:
        yield "  note       the policy is not passed to begin with: little can be let through"
    if not document["complete"]:
        yield "  note       not everything was tried: see --limit, --seconds, and models over 256 MiB"
    for kind, tried, through in kinds(document):
        yield f"  {kind:<12} {tried:>3} tried, {through:>3} let through"
    for row in document["mutations"]:
        if row["letThrough"] or row["harmful"]:
            mark = "HARMFUL" if row["harmful"] else "through"
            yield f"    {mark}  {row['kind']} {printable(row['target'])}: {printable(row['what'])}"
