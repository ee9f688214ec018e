"""`provenance bundle verify|inspect`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.common import (
    EXISTING,
    Shown,
    as_of_option,
    common_options,
    key_option,
    now,
    signer_from,
    to_text,
    trust_options,
)
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.trust import TrustSource
    from provenance.workflows.sign import BundleCheck


@click.group()
def command() -> None:
    """One signed bundle: verify it against a key or trust file, or look into it without believing it."""


@command.command()
@click.argument("file", type=EXISTING)
@trust_options("Trust file that names its signer.")
@click.option("--public-key", type=EXISTING, metavar="FILE", help="Public key, instead of a trust file.")
@click.option("--model", type=EXISTING, metavar="PATH", help="Hold this model against the model signature.")
@as_of_option
@common_options
def verify(
    file: Path, trust: TrustSource | None, public_key: Path | None, model: Path | None, as_of: datetime | None,
    shown: Shown,
) -> int:
    """Verify the bundle FILE: VALID, INVALID or UNSUPPORTED. Exit code 0 only for VALID.

    \b
    Example:
      provenance bundle verify model.provenance/model.sig --public-key producer.key.pub --model ./model
    """
    from provenance.workflows.sign import verify_bundle

    with shown.progress("Reading") as (progress, _):
        check = verify_bundle(file, as_of=as_of or now(), trust=trust, key=public_key, model=model, progress=progress)
    shown.answer(_document(check), lambda: _text(check, model))
    return PASSED if check.verified else NOT_PASSED


@command.command()
@click.argument("file", type=EXISTING)
@trust_options("Trust file that names its first signer.", required=True)
@key_option()
@click.option("--bundle", "target", type=EXISTING, metavar="FILE", help="Where to write it; beside FILE.")
@common_options
def countersign(file: Path, trust: TrustSource, key: Path, target: Path | None, shown: Shown) -> None:
    """Sign the statement of the bundle FILE as well, where a trust file demands several principals.

    \b
    Example:
      provenance bundle countersign model.provenance/release.sigstore.json --trust trust.yaml --key second.key
    """
    from provenance.workflows.countersign import countersign as sign_as_well

    done = sign_as_well(file, trust=trust, as_of=now(), signer=signer_from(key), output=target)
    about = done.statement.subjects[0]
    document = {"schemaVersion": "0.1", "kind": "Attested", "bundle": str(done.bundle), "sha256": done.sha256,
                "predicateType": done.statement.predicate_type,
                "subject": {"name": about.name, "digest": dict(about.digest)}}
    shown.answer(document, lambda: f"{printable(str(done.bundle))}\n")


@command.command()
@click.argument("file", type=EXISTING)
@common_options
def inspect(file: Path, shown: Shown) -> None:
    """Show what the bundle FILE says. Nothing is verified, and the answer says so.

    \b
    Example:
      provenance bundle inspect model.provenance/train.sigstore.json
    """
    from provenance.workflows.sign import inspect_bundle

    document = inspect_bundle(file)
    shown.answer(document, lambda: "NOT VERIFIED: this is what the file says, whoever wrote it.\n" + to_text(document))


def _document(check: BundleCheck) -> dict[str, Any]:
    examined = check.examined
    return {
        "schemaVersion": "0.1", "kind": "BundleVerification", "file": examined.file, "sha256": examined.sha256,
        "status": examined.status, "verified": check.verified, "code": examined.code, "reason": examined.reason,
        "predicateType": examined.predicate_type, "subjects": list(examined.subjects), "keyid": examined.keyid,
        "signer": examined.principal.name if examined.principal else None,
        "findings": [finding.to_dict() for finding in check.findings],
    }


def _text(check: BundleCheck, model: Path | None) -> str:
    examined = check.examined
    lines = [f"{examined.status}  {printable(examined.file)}  sha256 {examined.sha256}"]
    if examined.principal is not None:
        lines.append(f"signer   {printable(examined.principal.name)}, key {examined.keyid}")
    if examined.predicate_type:
        lines.append(f"says     {printable(examined.predicate_type)}")
        lines += [f"about    {printable(name)}" for name in examined.subjects[:10]]
    if examined.reason:
        lines.append(f"because  {printable(examined.reason)} [{examined.code}]")
    if model is not None and examined.status == "VALID":
        lines.append("model    as it was signed" if check.verified else "model    NOT as it was signed")
    lines += [f"  {found.severity}: {printable(found.location)}: {printable(found.message)} [{found.code}]"
              for found in check.findings[:50]]
    lines += [f"  and {len(check.findings) - 50} more"] * (len(check.findings) > 50)
    return "\n".join(lines) + "\n"
