"""`provenance policy list|show|lint`."""

from __future__ import annotations

from typing import Any

import click

from provenance.cli.common import Shown, common_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.policy.policy import Policy, lint, load_policy, policy_ids
from provenance.reports.escape import printable


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
@common_options
def show(policy: str, shown: Shown) -> None:
    """Show POLICY (an id, or a .yaml file) with everything that it extends resolved.

    \b
    Example:
      provenance policy show osaid-1.0
    """
    chosen = load_policy(policy)
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


def _document(policy: Policy) -> dict[str, Any]:
    return {
        "schemaVersion": "0.1", "kind": "ResolvedPolicy", "id": policy.id, "version": policy.version,
        "title": policy.title, "source": policy.source, "digest": {"sha256": policy.digest},
        "requirements": [
            {"id": r.id, "title": r.title, "source": r.source, "remedy": r.remedy, "minBasis": r.min_basis,
             "minVoice": r.min_voice, "roles": list(r.roles), "parameters": dict(r.parameters)}
            for r in policy.requirements
        ],
    }


def _text(policy: Policy) -> str:
    lines = [f"{printable(policy.title)} ({printable(policy.id)} {printable(policy.version)})",
             printable(policy.source), f"sha256 {policy.digest}"]
    for row in policy.requirements:
        parameters = "".join(f", {name}: {value}" for name, value in row.parameters.items())
        lines += [
            f"\n{row.id}  {printable(row.title)}",
            f"     {row.min_basis}, {row.min_voice}, by {' or '.join(row.roles)}{parameters}",
            f"     {printable(row.source)}",
        ]
    return "\n".join(lines) + "\n"
