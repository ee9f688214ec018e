"""`provenance waive`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.attest import answer
from provenance.cli.common import EXISTING, Shown, common_options, moment, now, settings_option
from provenance.cli.signer_options import signer_options

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@click.command()
@click.argument("model", type=EXISTING)
@click.option("--policy", required=True, metavar="ID_OR_FILE", help="A shipped policy by id, or a .yaml file.")
@settings_option
@click.option("--requirement", required=True, metavar="ID", help="A requirement of it that says `waivable: true`.")
@click.option("--reason", required=True, metavar="TEXT", help="Why it may be gone without.")
@click.option("--measure", default="", metavar="TEXT", help="What is done in its place.")
@click.option("--expires", required=True, callback=moment, metavar="TIME",
              help="When it ends: 2027-01-31T00:00:00Z.")
@signer_options()
@click.option("--bundle", type=EXISTING, metavar="FILE",
              help="Where to write; a new file in MODEL.provenance/.")
@common_options
def command(
    model: Path, policy: str, settings: Mapping[str, str], requirement: str, reason: str, measure: str,
    expires: datetime, signer: Callable[[], AnySigner], bundle: Path | None, shown: Shown,
) -> None:
    """Sign that MODEL may go without one requirement of a policy, until a time. It shows nothing and raises no rung.

    \b
    Example:
      provenance waive ./model --policy our-rules.yaml --requirement X-3 --reason "Released again in January." \\
        --expires 2027-01-31T00:00:00Z --key approver.key
    """
    from provenance.workflows.people import waive

    with shown.progress("Reading") as (progress, _):
        attested = waive(model, policy, requirement, settings=settings, reason=reason, expires=expires,
                         signer=signer, now=now(), measure=measure, bundle=bundle, progress=progress)
    answer(attested, shown)
