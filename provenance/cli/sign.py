"""`provenance sign`."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.common import EXISTING, Shown, common_options, key_option, signer_from
from provenance.reports.escape import printable


@click.command()
@click.argument("model", type=EXISTING)
@key_option()
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Where to write; MODEL.provenance/model.sig.")
@common_options
def command(model: Path, key: Path, bundle: Path | None, shown: Shown) -> None:
    """Sign every file of MODEL by the OpenSSF Model Signing specification v1.0 (files, sha256).

    \b
    Example:
      provenance sign ./model --key producer.key
    """
    from provenance.workflows.sign import sign_model

    with shown.progress("Reading") as (progress, _):
        signed = sign_model(model, signer=signer_from(key), bundle=bundle, progress=progress)
    document = {"schemaVersion": "0.1", "kind": "Signed", "bundle": str(signed.bundle), "sha256": signed.sha256,
                "files": signed.files}
    shown.answer(document, lambda: f"signed {signed.files:,} files\nbundle {printable(str(signed.bundle))}\n"
                                   f"sha256 {signed.sha256}\n")
