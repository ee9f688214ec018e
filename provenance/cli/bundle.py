"""`provenance bundle verify|inspect`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now, to_text, trust_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.oms import Serialization
    from provenance.bundles.trust import TrustSource
    from provenance.policy.coverage import Coverage
    from provenance.workflows.sign import BundleCheck


@click.group()
def command() -> None:
    """One signed bundle: verify it against a key or trust file, or look into it without believing it."""


@command.command()
@click.argument("file", type=EXISTING)
@trust_options("Trust file that names its signer.")
@click.option("--public-key", type=EXISTING, metavar="FILE", help="Public key, instead of a trust file.")
@click.option("--model", type=EXISTING, metavar="PATH", help="Hold this model against the model signature.")
@click.option("--ignore-path", "ignored", multiple=True, metavar="PATH",
              help="Let this file or folder of the model be as it likes; may be given again.")
@click.option("--ignore-unsigned-files", "unsigned", is_flag=True, help="Let files be that are not listed.")
@as_of_option
@common_options
def verify(
    file: Path, trust: TrustSource | None, public_key: Path | None, model: Path | None, ignored: tuple[str, ...],
    unsigned: bool, as_of: datetime | None, shown: Shown,
) -> int:
    """Verify the bundle FILE: VALID, INVALID or UNSUPPORTED. Exit code 0 only for VALID.

    With --model the model must be as it was signed, by the rules of the specification; what the signature leaves out,
    by them or by those options, is listed as not covered all the same.

    \b
    Example:
      provenance bundle verify model.provenance/model.sig --public-key producer.key.pub --model ./model
    """
    from provenance.workflows.sign import verify_bundle

    with shown.progress("Reading") as (progress, _):
        check = verify_bundle(file, as_of=as_of or now(), trust=trust, key=public_key, model=model, ignored=ignored,
                              unsigned=unsigned, progress=progress)
    shown.answer(_document(check), lambda: _text(check))
    return PASSED if check.verified else NOT_PASSED


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
        "serialization": _serialization(check),
        "coverage": check.coverage.to_dict() if check.coverage else None,
    }


def _serialization(check: BundleCheck) -> dict[str, Any] | None:
    """How a model was signed, as the signer says."""
    signed = check.serialization
    return None if signed is None else {
        "method": signed.method, "hash": signed.hash, "shardSize": signed.shard_size or None,
        "allowSymlinks": signed.allow_symlinks, "ignorePaths": list(signed.ignored),
    }


def _text(check: BundleCheck) -> str:
    examined = check.examined
    lines = [f"{examined.status}  {printable(examined.file)}  sha256 {examined.sha256}"]
    if examined.principal is not None:
        lines.append(f"signer   {printable(examined.principal.name)}, key {examined.keyid}")
    if examined.predicate_type:
        lines.append(f"says     {printable(examined.predicate_type)}")
        lines += [f"about    {printable(name)}" for name in examined.subjects[:10]]
    if examined.reason:
        lines.append(f"because  {printable(examined.reason)} [{examined.code}]")
    if check.serialization is not None:
        lines.append(f"signed   {_how(check.serialization)}")
    if check.coverage is not None:
        lines.append("model    as it was signed" if check.verified else "model    NOT as it was signed")
    lines += [f"  {found.severity}: {printable(found.location)}: {printable(found.message)} [{found.code}]"
              for found in check.findings[:50]]
    lines += [f"  and {len(check.findings) - 50} more"] * (len(check.findings) > 50)
    lines += _coverage(check.coverage) if check.coverage is not None else []
    return "\n".join(lines) + "\n"


def _how(signed: Serialization) -> str:
    cut = f"shards of {signed.shard_size:,} bytes" if signed.method == "shards" else "files"
    links = ", links followed" if signed.allow_symlinks else ""
    return f"{cut} by {signed.hash}{links}"


def _coverage(coverage: Coverage) -> list[str]:
    """What the signature covers, and what not, the most dangerous first."""
    rows, left_out = coverage.uncovered, len(coverage.left_out)
    told = f"{len(coverage.covered):,} files covered, {len(rows):,} not"
    told += f", {left_out:,} left out" if left_out else ""
    lines = [f"coverage {'complete' if coverage.complete else 'INCOMPLETE'}: {told}"]
    lines += [f"  {row.risk}: {printable(row.path)} [{row.code}]" for row in rows[:20]]
    return lines + [f"  and {len(rows) - 20:,} more"] * (len(rows) > 20)
