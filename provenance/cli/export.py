"""`provenance export in-toto`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, as_of_option, display_options, now
from provenance.cli.signer_options import key_signer_options
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.signers import KeySigner
    from provenance.workflows.export import Form


@click.group()
def command() -> None:
    """Say recorded steps again in the formats of other tools."""


@command.command("in-toto")
@click.option("--evidence", multiple=True, required=True, type=EXISTING, metavar="DIR", help="Where the steps lie.")
@click.option("--trust", required=True, type=EXISTING, metavar="FILE", help="Trust file: whose steps are exported.")
@click.option("--form", type=click.Choice(["metablock", "envelope", "attestation"]), default="metablock",
              show_default=True, help="A signed link as ever, the same in a DSSE envelope, or link v0.3.")
@key_signer_options
@click.option("--output", "folder", required=True, type=EXISTING, metavar="DIR", help="Where to write the links.")
@as_of_option
@display_options
def in_toto(
    evidence: tuple[Path, ...], trust: Path, form: Form, signer: Callable[[], KeySigner], folder: Path,
    as_of: datetime | None, shown: Shown,
) -> None:
    """Write each step that a trusted signer states as an in-toto link, signed by your key.

    The links are named as in-toto-verify looks for them; their layout is yours to write. A link lists files: roles,
    seeds and environments stay behind in the statements.

    \b
    Example:
      provenance export in-toto --evidence model.provenance --trust trust.yaml --key lab.key --output links
    """
    from provenance.workflows.export import export_links

    written = export_links(evidence, trust, folder, signer=signer, as_of=as_of or now(), form=form)
    rows = [{"step": link.step, "file": str(link.file), "sha256": link.sha256, "materials": link.materials,
             "products": link.products} for link in written]
    shown.answer({"schemaVersion": "0.1", "kind": "Exported", "links": rows}, lambda: "".join(
        f"{printable(link.step)}  {printable(str(link.file))}  {link.materials} in, {link.products} out\n"
        for link in written))
