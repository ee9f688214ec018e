"""`provenance bundle verify|inspect`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.bundles.trust import timestamp
from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now, trust_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.cli.signer_options import signer_options
from provenance.errors import UsageError
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.oms import Serialization
    from provenance.bundles.signers import AnySigner
    from provenance.bundles.trust import Trust, TrustSource
    from provenance.policy.coverage import Coverage
    from provenance.workflows.sign import BundleCheck


@click.group()
def command() -> None:
    """One signed bundle: verify it against a key or trust file, or look into it without believing it."""


@command.command()
@click.argument("file", type=EXISTING)
@trust_options("Trust file that names its signer.")
@click.option("--public-key", type=EXISTING, metavar="FILE", help="Public key, instead of a trust file.")
@click.option("--certificate-authority", "authorities", multiple=True, type=EXISTING, metavar="FILE",
              help="Instead: certificates of an authority, and everyone whom it certifies for code signing.")
@click.option("--identity", metavar="TEXT", help="Instead: a Sigstore identity, exactly, of this --issuer.")
@click.option("--issuer", metavar="URL", help="Who vouches for the identity.")
@click.option("--trusted-root", type=EXISTING, metavar="FILE",
              help="Trust root of the Sigstore instance, for identities, logs and clocks; for an identity, the "
                   "embedded one of the public instance.")
@click.option("--artifact", type=EXISTING, metavar="FILE", help="The file that the bundle signs directly.")
@click.option("--model", type=EXISTING, metavar="PATH", help="Hold this model against the model signature.")
@click.option("--ignore-path", "ignored", multiple=True, metavar="PATH",
              help="Let this file or folder of the model be as it likes; may be given again.")
@click.option("--ignore-unsigned-files", "unsigned", is_flag=True, help="Let files be that are not listed.")
@as_of_option
@common_options
def verify(
    file: Path, trust: TrustSource | None, public_key: Path | None, authorities: tuple[Path, ...], identity: str | None,
    issuer: str | None, trusted_root: Path | None, artifact: Path | None, model: Path | None,
    ignored: tuple[str, ...], unsigned: bool, as_of: datetime | None, shown: Shown,
) -> int:
    """Verify the bundle FILE: VALID, INVALID or UNSUPPORTED. Exit code 0 only for VALID.

    Of a file with several bundles (.intoto.jsonl) each is judged, and all must be VALID. Where a key, an identity or an
    authority is given, a signature by anybody else is INVALID; whom a trust file does not list is UNSUPPORTED.

    With --model the model must be as it was signed, by the rules of the specification; what the signature leaves out,
    by them or by those options, is listed as not covered all the same.

    \b
    Example:
      provenance bundle verify model.provenance/model.sig --public-key producer.key.pub --model ./model
      provenance bundle verify model.sig --identity lab@example.org --issuer https://accounts.example.org
    """
    from provenance.workflows.sign import verify_bundles

    moment = as_of or now()
    one = _one_signer(public_key, authorities, identity, issuer, trusted_root, moment)
    if sum(map(bool, (trust, public_key, authorities, identity or issuer))) > 1:
        raise UsageError("usage", "a trust file, a public key, an authority and an identity exclude each other",
                         location="provenance bundle verify", hint="give one of them")
    with shown.progress("Reading") as (progress, _):
        checks = verify_bundles(file, as_of=moment, trust=one or trust, model=model, artifact=artifact,
                                ignored=ignored, unsigned=unsigned, progress=progress)
    verified = all(check.verified for check in checks)
    document = _document(checks[0]) if len(checks) == 1 else {
        "schemaVersion": "0.1", "kind": "BundleVerifications", "file": file.name, "verified": verified,
        "bundles": [_document(check) for check in checks]}
    shown.answer(document, lambda: "".join(map(_text, checks)))
    return PASSED if verified else NOT_PASSED


def _one_signer(key: Path | None, authorities: tuple[Path, ...], identity: str | None, issuer: str | None,
                root: Path | None, moment: datetime) -> Trust | None:
    """The trust that the options stand for; None where they name nobody."""
    from provenance.workflows import one_signer

    if key is not None:
        return one_signer.trust_in_key(key, moment, root)
    if authorities:
        return one_signer.trust_in_authorities(authorities, moment, root)
    if identity is not None or issuer is not None:
        return one_signer.trust_in_identity(identity or "", issuer or "", moment, root)
    if root is not None:
        raise UsageError("usage", "a trust root belongs to a key, an identity or an authority",
                         location="--trusted-root", hint="a trust file names its own")
    return None


@command.command()
@click.argument("file", type=EXISTING)
@trust_options("Trust file that names its first signer.", required=True)
@signer_options()
@click.option("--bundle", "target", type=EXISTING, metavar="FILE", help="Where to write it; beside FILE.")
@common_options
def countersign(file: Path, trust: TrustSource, signer: Callable[[], AnySigner], target: Path | None,
                shown: Shown) -> None:
    """Sign the statement of the bundle FILE as well, where a trust file demands several principals.

    \b
    Example:
      provenance bundle countersign model.provenance/release.sigstore.json --trust trust.yaml --key second.key
    """
    from provenance.workflows.countersign import countersign as sign_as_well

    done = sign_as_well(file, trust=trust, as_of=now(), signer=signer, output=target)
    about = done.statement.subjects[0]
    document = {"schemaVersion": "0.1", "kind": "Attested", "bundle": str(done.bundle), "sha256": done.sha256,
                "predicateType": done.statement.predicate_type,
                "subject": {"name": about.name, "digest": dict(about.digest)}}
    shown.answer(document, lambda: f"{printable(str(done.bundle))}\n")


@command.command()
@click.argument("file", type=EXISTING)
@common_options
def inspect(file: Path, shown: Shown) -> None:
    """Show what the bundle FILE says, by whom and of when. Nothing is verified, and the answer says so.

    \b
    Example:
      provenance bundle inspect model.provenance/train.sigstore.json
    """
    from provenance.reports.inspection import render_inspection
    from provenance.workflows.inspect_bundle import inspect_bundle

    document = inspect_bundle(file)
    shown.answer(document, lambda: render_inspection(document))


def _document(check: BundleCheck) -> dict[str, Any]:
    examined = check.examined
    return {
        "schemaVersion": "0.1", "kind": "BundleVerification", "file": examined.file, "sha256": examined.sha256,
        "status": examined.status, "verified": check.verified, "code": examined.code, "reason": examined.reason,
        "predicateType": examined.predicate_type, "subjects": list(examined.subjects), "keyid": examined.keyid,
        "signer": examined.principal.name if examined.principal else None,
        "signingTime": dict(zip(("time", "source"), examined.proven, strict=True)) if examined.proven else None,
        "trustRoot": {"name": check.root.name, "sha256": check.root.digest, "newest": timestamp(check.root.newest)}
        if check.root else None,
        "asOf": timestamp(check.as_of),
        "trust": {"digest": {"sha256": check.trust.digest}, "version": check.trust.version,
                  "expires": timestamp(check.trust.expires)} if check.trust else None,
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
        # Who signed under a certificate is told by name and issuer, which is no key.
        named = "as" if " (issuer " in examined.keyid else "key"
        lines.append(f"signer   {printable(examined.principal.name)}, {named} {printable(examined.keyid, words=False)}")
    if examined.status == "VALID":
        lines.append(f"time     {' at the latest, says a '.join(examined.proven)}" if examined.proven
                     else "time     not proven: only the signer could say it")
    if check.root is not None:
        lines.append(f"root     {printable(check.root.name)}, its newest key is of {timestamp(check.root.newest)}")
    if check.trust is not None:
        lines.append(f"trust    version {check.trust.version} of the trust file, sha256 {check.trust.digest}")
    if examined.predicate_type:
        lines.append(f"says     {printable(examined.predicate_type)}")
        lines += [f"about    {printable(name)}" for name in examined.subjects[:10]]
    if examined.reason:
        lines.append(f"because  {printable(examined.reason)}" + f" [{examined.code}]" * bool(examined.code))
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
