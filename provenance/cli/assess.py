"""`provenance assess`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.attest import answer
from provenance.cli.common import EXISTING, Shown, common_options, moment, now
from provenance.cli.signer_options import signer_options
from provenance.errors import UsageError

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@click.command()
@click.argument("path", type=EXISTING)
@click.option("--requirement", metavar="ID", help="The requirement of the catalogue that was looked into: D-2, K-5 ...")
@click.option("--question", metavar="TEXT", help="What was asked, where it is no requirement, or in other words.")
@click.option("--finding", required=True, metavar="WORD",
              help="adequate, partly-adequate or inadequate; or yes, cannot-tell or no.")
@click.option("--rationale", required=True, metavar="TEXT", help="Why you came to this finding.")
@click.option("--method", required=True, metavar="TEXT", help="What you did to come to it.")
@click.option("--valid-until", required=True, callback=moment, metavar="TIME",
              help="When it must be looked at again: 2027-11-23T00:00:00Z.")
@click.option("--evidence", multiple=True, type=EXISTING, metavar="DIR",
              help="The bundles that you looked at, the model's release among them; PATH.provenance/.")
@signer_options()
@click.option("--bundle", type=EXISTING, metavar="FILE",
              help="Where to write; a new file in PATH.provenance/.")
@common_options
def command(
    path: Path, requirement: str | None, question: str | None, finding: str, rationale: str, method: str,
    valid_until: datetime, evidence: tuple[Path, ...], signer: Callable[[], AnySigner],
    bundle: Path | None, shown: Shown,
) -> None:
    """Sign what you found after looking at the model or dataset PATH. In which role you speak, a trust file says.

    \b
    Example:
      provenance assess ./model --requirement D-2 --finding adequate --rationale "An equivalent corpus can be built." \\
        --method "Read the dataset statements." --valid-until 2027-11-23T00:00:00Z --key assessor.key
    """
    from provenance.workflows.people import Opinion, assess

    if not (requirement or question):
        raise UsageError("usage", "nothing was asked", location="--requirement, --question",
                         hint="name a requirement of the catalogue, or write a question")
    opinion = Opinion(finding, rationale, method, valid_until, requirement or "", question or "")
    with shown.progress("Reading") as (progress, _):
        attested = assess(path, opinion, signer=signer, now=now(), evidence=evidence, bundle=bundle,
                          progress=progress)
    answer(attested, shown)
