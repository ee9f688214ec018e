"""`provenance keygen`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provenance.cli.common import EXISTING, PASSPHRASE, Shown, common_options, passphrase
from provenance.errors import TrustError
from provenance.reports.escape import printable


@click.command()
@click.argument("path", type=EXISTING)
@click.option("--kind", type=click.Choice(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"]), default="ecdsa-p256",
              show_default=True, help="Other tools verify model signatures by ECDSA; Ed25519 is read here.")
@click.option("--no-passphrase", is_flag=True, help="Leave the private key unencrypted.")
@common_options
def command(path: Path, kind: Any, no_passphrase: bool, shown: Shown) -> None:
    """Make a key pair: the private key PATH (mode 0600, encrypted) and the public key PATH.pub.

    \b
    Example:
      provenance keygen producer.key
    """
    from provenance.workflows.trust_file import keygen

    secret = None if no_passphrase else passphrase("Passphrase for the new key", confirm=True)
    if not secret and not no_passphrase:
        raise TrustError("key-passphrase", "a private key is encrypted unless you say otherwise", location=str(path),
                         hint=f"set {PASSPHRASE}, or give --no-passphrase")
    pair = keygen(path, kind, secret)
    document = {"schemaVersion": "0.1", "kind": "KeyPair", "private": str(pair.private), "public": str(pair.public),
                "keyid": pair.keyid}
    shown.answer(document, lambda: f"private key  {printable(str(pair.private))}\n"
                                   f"public key   {printable(str(pair.public))}\nkey id       {pair.keyid}\n")
