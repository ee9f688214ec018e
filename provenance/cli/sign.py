"""`provenance sign`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, common_options, key_option, signer_from
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.oms.signature import Hash, Method


@click.command()
@click.argument("model", type=EXISTING)
@key_option()
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Where to write; MODEL.provenance/model.sig.")
@click.option("--method", type=click.Choice(["files", "shards"]), default="files", show_default=True,
              help="List whole files, or ranges of them.")
@click.option("--shard-size", type=click.IntRange(min=1), metavar="BYTES",
              help="Bytes a range; 1000000000 where it is not given.")
@click.option("--hash", "hash_type", type=click.Choice(["sha256", "blake2b", "blake3"]), default="sha256",
              show_default=True, help="What they are digested with. Policies ask for sha256.")
@click.option("--ignore-path", "ignored", multiple=True, metavar="PATH",
              help="Leave this file or folder of the model out, and say so; may be given again.")
@common_options
def command(model: Path, key: Path, bundle: Path | None, method: Method, shard_size: int | None, hash_type: Hash,
            ignored: tuple[str, ...], shown: Shown) -> None:
    """Sign every file of MODEL by the OpenSSF Model Signing specification v1.0.

    \b
    Example:
      provenance sign ./model --key producer.key
    """
    from provenance.bundles.oms import serialization_for
    from provenance.workflows.sign import sign_model

    chosen = serialization_for(method, hash_type, shard_size=shard_size, ignored=ignored)
    with shown.progress("Reading") as (progress, _):
        signed = sign_model(model, signer=signer_from(key), bundle=bundle, serialization=chosen, progress=progress)
    document = {"schemaVersion": "0.1", "kind": "Signed", "bundle": str(signed.bundle), "sha256": signed.sha256,
                "files": signed.files, "findings": [finding.to_dict() for finding in signed.findings]}
    told = "".join(f"{found.severity}: {printable(found.location)}: {printable(found.message)}\n"
                   for found in signed.findings[:20])
    shown.answer(document, lambda: f"{told}signed {signed.files:,} files\nbundle {printable(str(signed.bundle))}\n"
                                   f"sha256 {signed.sha256}\n")
