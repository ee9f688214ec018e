"""`provenance explain`."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.common import EXISTING, Shown, common_options


@click.command()
@click.argument("verdict", type=EXISTING)
@click.argument("requirement", default="")
@common_options
def command(verdict: Path, requirement: str, shown: Shown) -> None:
    """Explain VERDICT, the JSON that `verify --format json` wrote, or one REQUIREMENT of it.

    It tells what decides, or of a requirement what was asked, what was shown, by which evidence, on which basis, in
    whose voice, and what would change the answer. It needs neither model nor evidence, and verifies nothing again.
    Exit code 0 whatever the verdict.

    \b
    Example:
      provenance verify ./model --policy osaid-1.0 --trust trust.yaml --format json --output verdict.json
      provenance explain verdict.json
      provenance explain verdict.json D-2
    """
    from provenance.reports.plain import render_explanation
    from provenance.workflows.explain import explain

    document = explain(verdict, requirement)
    shown.answer(document, lambda: render_explanation(document, shown.width))
