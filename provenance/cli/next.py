"""`provenance next`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now, settings_option, trust_options

if TYPE_CHECKING:
    from provenance.bundles.trust import TrustSource


@click.command()
@click.argument("model", type=EXISTING)
@click.option("--policy", "policies", multiple=True, metavar="ID_OR_FILE",
              help="A policy to pass; repeatable. Without one: the next rung of the G7 ladder.")
@settings_option
@click.option("--evidence", multiple=True, type=EXISTING, metavar="DIR", help="Signed bundles; MODEL.provenance/.")
@trust_options("Trust file; without it nobody is believed.")
@click.option("--declared", multiple=True, type=EXISTING, metavar="FILE",
              help="A document that is signed by nobody, beside the card (`provenance declared`).")
@as_of_option
@common_options
def command(
    model: Path, policies: tuple[str, ...], settings: Mapping[str, str], evidence: tuple[Path, ...],
    trust: TrustSource | None, declared: tuple[Path, ...], as_of: datetime | None, shown: Shown,
) -> None:
    """Tell the fewest statements and artefacts that MODEL lacks to pass a policy, or to reach the next rung.

    One statement that answers several requirements is told once, and of alternatives those that need least. What no
    statement lifts, such as a licence that restricts use or a recall, is told apart. Where only the voice is lacking,
    it says what must be signed, and as whom. Exit code 0 whatever remains.

    \b
    Example:
      provenance next ./model --policy osaid-1.0 --trust trust.yaml
      provenance next ./model --policy procurement-public-sector --set maxAgeDays=90 --trust trust.yaml
      provenance next ./model --trust trust.yaml
    """
    from provenance.reports.plain import render_next
    from provenance.workflows.next_steps import next_steps

    with shown.progress("Reading") as (progress, total):
        document = next_steps(model, policies, settings=settings, evidence=evidence, trust=trust,
                              as_of=as_of or now(), documents=declared, progress=progress, total=total)
    shown.answer(document, lambda: render_next(document, shown.width))
