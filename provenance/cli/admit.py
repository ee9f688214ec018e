"""`provenance admit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, common_options, now, settings_option, trust_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.cli.signer_options import signer_options
from provenance.cli.verify import show
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner
    from provenance.bundles.trust import TrustSource


@click.command()
@click.argument("model", type=EXISTING)
@click.option("--policy", required=True, metavar="ID_OR_FILE", help="A shipped policy by id, or a .yaml file.")
@settings_option
@click.option("--evidence", multiple=True, type=EXISTING, metavar="DIR", help="Signed bundles; MODEL.provenance/.")
@trust_options("Trust file.", required=True)
@signer_options()
@click.option("--to", "registry", required=True, type=EXISTING, metavar="FOLDER", help="The registry: a folder.")
@click.option("--report", "reports", multiple=True, type=EXISTING, metavar="FILE",
              help="Also write .html, .md or .json.")
@common_options
def command(
    model: Path, policy: str, settings: Mapping[str, str], evidence: tuple[Path, ...], trust: TrustSource,
    signer: Callable[[], AnySigner], registry: Path, reports: tuple[Path, ...], shown: Shown,
) -> int:
    """Copy MODEL into a registry if the copy passes a policy now, with a signed verdict beside it.

    Refused: exit code 1, and nothing in the registry has changed.

    \b
    Example:
      provenance admit ./model --policy osaid-1.0 --trust trust.yaml --key gate.key --to ./registry
    """
    from provenance.reports import format_of
    from provenance.workflows.admit import admit

    for report in reports:
        format_of(report)
    with shown.progress("Copying") as (progress, total):
        admission = admit(model, policy, settings=settings, evidence=evidence, trust=trust, signer=signer,
                          registry=registry, now=now(), progress=progress, total=total)
    show(admission.verification, reports, shown)
    if admission.entry is None:
        click.echo("Refused: nothing in the registry has changed.", err=True)
        return NOT_PASSED
    state = "Admitted" if admission.is_new else "Already admitted"
    click.echo(f"{state}: {printable(str(admission.entry))}", err=True)
    return PASSED
