"""`provenance sign`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, common_options
from provenance.cli.signer_options import signer_options
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@click.command()
@click.argument("model", type=EXISTING)
@signer_options()
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Where to write; MODEL.provenance/model.sig.")
@common_options
def command(model: Path, signer: Callable[[], AnySigner], bundle: Path | None, shown: Shown) -> None:
    """Sign every file of MODEL by the OpenSSF Model Signing specification v1.0 (files, sha256).

    \b
    Example:
      provenance sign ./model --key producer.key
      provenance sign ./model --key producer.key --certificate producer-chain.pem
      provenance sign ./model --identity ambient --online
    """
    from provenance.workflows.sign import sign_model

    with shown.progress("Reading") as (progress, _):
        signed = sign_model(model, signer=signer, bundle=bundle, progress=progress)
    document = {"schemaVersion": "0.1", "kind": "Signed", "bundle": str(signed.bundle), "sha256": signed.sha256,
                "files": signed.files}
    shown.answer(document, lambda: f"signed {signed.files:,} files\nbundle {printable(str(signed.bundle))}\n"
                                   f"sha256 {signed.sha256}\n")
