"""`provenance verify`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now, settings_option, trust_options
from provenance.cli.exit import NOT_PASSED, PASSED

if TYPE_CHECKING:
    from provenance.bundles.trust import TrustSource
    from provenance.workflows.verify import Verification


@click.command()
@click.argument("model", type=EXISTING)
@click.option("--policy", required=True, metavar="ID_OR_FILE", help="A shipped policy by id, or a .yaml file.")
@settings_option
@click.option("--evidence", multiple=True, type=EXISTING, metavar="DIR", help="Signed bundles; MODEL.provenance/.")
@trust_options("Trust file; without it nobody is believed.")
@click.option("--declared", multiple=True, type=EXISTING, metavar="FILE",
              help="A document that is signed by nobody, beside the card: Croissant, SBOM ... (`provenance declared`).")
@as_of_option
@click.option("--report", "reports", multiple=True, type=EXISTING, metavar="FILE",
              help="Also write .html, .md or .json.")
@common_options
def command(
    model: Path, policy: str, settings: Mapping[str, str], evidence: tuple[Path, ...], trust: TrustSource | None,
    declared: tuple[Path, ...], as_of: datetime | None, reports: tuple[Path, ...], shown: Shown,
) -> int:
    """Judge MODEL and its evidence by a policy. Exit code 0 passed, 1 not passed, 2 could not be judged.

    \b
    Example:
      provenance verify ./model --policy osaid-1.0 --trust trust.yaml
      provenance verify ./model --policy g7-2026-open-weights --trust trust.yaml --report report.html
      provenance verify ./model --policy procurement-public-sector --set deadline=2027-01-31 --trust trust.yaml
    """
    from provenance.reports import format_of
    from provenance.workflows.verify import verify

    for report in reports:
        format_of(report)  # an ending that cannot be written is said before the work, not after it
    moment = now()
    with shown.progress("Reading") as (progress, total):
        verification = verify(model, policy, settings=settings, evidence=evidence, trust=trust,
                              as_of=as_of or moment, now=moment, progress=progress, total=total, documents=declared)
    show(verification, reports, shown)
    return PASSED if verification.passed else NOT_PASSED


def show(verification: Verification, reports: tuple[Path, ...], shown: Shown) -> None:
    """Write the report files, then print the verdict."""
    from provenance.files import write_whole
    from provenance.reports import format_of, render

    for report in reports:
        write_whole(report, render(verification.document, format_of(report)).encode("utf-8"))
    shown.text(render(verification.document, shown.format, shown.width))
