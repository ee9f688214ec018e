"""`provenance trust init|add|revoke|lint|show|update|sign`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.bundles.trust import ROLES, Principal, Trust, timestamp
from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.cli.signer_options import key_signer_options
from provenance.errors import Finding, UsageError
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.signers import KeySigner


@click.group()
def command() -> None:
    """Trust files: whom a verifier believes, as what, about what, and until when.

    A trust file has no default place; every command that needs one is given it with --trust.
    """


@command.command()
@click.argument("path", type=EXISTING)
@click.option("--days", type=click.IntRange(1, 3660), default=365, show_default=True, help="Days until it expires.")
@common_options
def init(path: Path, days: int, shown: Shown) -> None:
    """Begin an empty trust file at PATH.

    \b
    Example:
      provenance trust init trust.yaml
    """
    from provenance.workflows.trust_file import init_trust

    _show(init_trust(path, now() + timedelta(days=days)), path, shown)


@command.command()
@click.argument("path", type=EXISTING)
@click.option("--name", required=True, help="A name for the principal.")
@click.option("--party", required=True, help="The organisation that it speaks for.")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="What it is believed as.")
@click.option("--public-key", "public_keys", multiple=True, type=EXISTING, metavar="FILE",
              help="A key that it signs with.")
@click.option("--identity", help="Its Sigstore identity, exactly: an e-mail address or the URI of a workflow.")
@click.option("--issuer", help="The OIDC issuer of that identity, exactly.")
@click.option("--ca", "authority", type=EXISTING, metavar="FILE", help="The certificate of the authority behind it.")
@click.option("--ca-subject", "ca_subject", metavar="NAME",
              help="The subject that the authority certifies, as RFC 4514 writes it: CN=lab,O=ACME.")
@click.option("--ca-alt-name", "ca_alt_name", metavar="NAME",
              help="Instead of it a subject alternative name: an e-mail address, host or URI.")
@click.option("--subject", "subjects", multiple=True, required=True, metavar="SCOPE",
              help="What it may speak of: a name, a prefix ending in *, or algorithm:hex.")
@click.option("--predicate-type", "types", multiple=True, metavar="URI",
              help="What it may sign; what is usual for its roles unless given; * for every type.")
@click.option("--valid-from", metavar="TIME")
@click.option("--valid-until", metavar="TIME")
@common_options
def add(
    path: Path, name: str, party: str, roles: tuple[str, ...], public_keys: tuple[Path, ...],
    identity: str | None, issuer: str | None, authority: Path | None, ca_subject: str | None, ca_alt_name: str | None,
    subjects: tuple[str, ...], types: tuple[str, ...], valid_from: str | None, valid_until: str | None, shown: Shown,
) -> None:
    """Add a principal to the trust file PATH, or another key of one that is there, and raise its version.

    For another key, identity or authority, say all else as the file says it. Comments stay.

    \b
    Example:
      provenance trust add trust.yaml --name acme-ml --party ACME --role producer \\
          --public-key acme.key.pub --subject 'tiny*'
    """
    from provenance.workflows.trust_file import NewAuthority, NewPrincipal, add_principal

    if not all(subjects):
        raise UsageError("usage", "a scope is empty", location="--subject", hint="write '*' for every subject")
    if (identity is None) != (issuer is None) or not (public_keys or identity or authority):
        raise UsageError("usage", "say by what its signatures are known", location=name,
                         hint="give --public-key, --identity together with --issuer, or --ca")
    certified = [bool(ca_subject), bool(ca_alt_name)].count(True)
    if certified != (1 if authority else 0):
        raise UsageError("usage", "an authority is believed for one name", location="--ca",
                         hint="give --ca with either --ca-subject or --ca-alt-name")
    identities = ((identity, issuer),) if identity and issuer else ()
    certifier = NewAuthority(authority, ca_subject or ca_alt_name or "", bool(ca_subject)) if authority else None
    principal = NewPrincipal(name, party, roles, public_keys, subjects, types, valid_from, valid_until, identities,
                             certifier)
    _show(add_principal(path, principal), path, shown)


@command.command()
@click.argument("path", type=EXISTING)
@click.option("--key", "keys", multiple=True, metavar="ID_OR_FILE", help="A key, by its id or its .pub file.")
@click.option("--identity", "identities", multiple=True, metavar="NAME", help="A Sigstore identity.")
@click.option("--bundle", "bundles", multiple=True, metavar="SHA256_OR_FILE",
              help="A bundle; a file revokes the statement in it too, however it is written.")
@click.option("--artifact", "artifacts", multiple=True, metavar="ALGORITHM:HEX",
              help="Recall a model, dataset or file.")
@common_options
def revoke(
    path: Path, keys: tuple[str, ...], identities: tuple[str, ...], bundles: tuple[str, ...],
    artifacts: tuple[str, ...], shown: Shown,
) -> None:
    """Revoke keys, identities and bundles, or recall artefacts, in the trust file PATH, and raise its version.

    \b
    Example:
      provenance trust revoke trust.yaml --key acme.key.pub
    """
    from provenance.workflows.trust_file import Revocations, revoke_in

    if not (keys or identities or bundles or artifacts):
        raise UsageError("usage", "say what is revoked", location="provenance trust revoke",
                         hint="give --key, --identity, --bundle or --artifact")
    _show(revoke_in(path, Revocations(keys, identities, bundles, artifacts)), path, shown)


@command.command()
@click.argument("path", type=EXISTING)
@as_of_option
@common_options
def lint(path: Path, as_of: datetime | None, shown: Shown) -> int:
    """Look for entries of the trust file PATH that are over, match nothing, overlap, or are too wide.

    Exit code 0 when there are none, 1 when there are.

    \b
    Example:
      provenance trust lint trust.yaml
    """
    from provenance.bundles.trust import parse_trust, read_trust_file
    from provenance.workflows.trust_lint import lint_trust

    found = lint_trust(parse_trust(read_trust_file(path), str(path)), as_of or now())
    document = {"schemaVersion": "0.1", "kind": "Lint", "findings": [finding.to_dict() for finding in found]}
    shown.answer(document, lambda: _findings(found))
    return NOT_PASSED if found else PASSED


def _findings(found: Sequence[Finding]) -> str:
    if not found:
        return "Nothing to object to.\n"
    return "".join(
        f"{finding.severity} [{finding.code}] {printable(finding.message)}\n"
        + (f"  where  {printable(finding.location)}\n" if finding.location else "") + f"  do     {finding.hint}\n"
        for finding in found
    )


@command.command()
@click.argument("path", type=EXISTING)
@common_options
def show(path: Path, shown: Shown) -> None:
    """Show in plain words whom the trust file PATH believes. An expired one is shown, and says so.

    \b
    Example:
      provenance trust show trust.yaml
    """
    from provenance.bundles.trust import parse_trust, read_trust_file

    _show(parse_trust(read_trust_file(path), str(path)), path, shown)


@command.command()
@click.argument("path", type=EXISTING)
@click.option("--online", is_flag=True, help="Allow the network; without it nothing is fetched.")
@click.option("--tuf-url", metavar="URL", help="The TUF repository of a private Sigstore instance.")
@click.option("--tuf-root", type=EXISTING, metavar="FILE", help="The root metadata that this instance is known by.")
@common_options
def update(path: Path, online: bool, tuf_url: str | None, tuf_root: Path | None, shown: Shown) -> None:
    """Fetch the newest trust root of Sigstore, pin it in the trust file PATH, and raise its version.

    The root is written beside the trust file. Nothing else fetches trust, and nothing changes if the root is the same.

    \b
    Example:
      provenance trust update trust.yaml --online
    """
    from provenance.workflows.trust_update import update_trust

    _show(update_trust(path, online=online, url=tuf_url, first_root=tuf_root), path, shown)


@command.command()
@click.argument("path", type=EXISTING)
@key_signer_options
@common_options
def sign(path: Path, signer: Callable[[], KeySigner], shown: Shown) -> None:
    """Sign the trust file PATH, for those who ask for it with --trust-key; the bundle lies beside it.

    \b
    Example:
      provenance trust sign trust.yaml --key keeper.key
    """
    from provenance.workflows.trust_file import sign_trust_file

    bundle, digest, about = sign_trust_file(path, signer)
    document = {"schemaVersion": "0.1", "kind": "Attested", "bundle": str(bundle), "sha256": digest,
                "predicateType": about.predicate_type, "subject": about.subjects[0].to_dict()}
    shown.answer(document, lambda: f"{printable(str(bundle))}\n")


def _show(trust: Trust, path: Path, shown: Shown) -> None:
    principals = [
        {"name": p.name, "party": p.party, "roles": list(p.roles), "keyids": [key.keyid for key in p.keys],
         "identities": [str(own) for own in p.identities], "certifiedAs": str(p.authority) if p.authority else None,
         "predicateTypes": list(p.predicate_types), "subjects": [*p.subject_names, *sorted(p.subject_digests)],
         "validFrom": timestamp(p.valid_from) if p.valid_from else None,
         "validUntil": timestamp(p.valid_until) if p.valid_until else None}
        for p in trust.principals
    ]
    thresholds = [{"role": t.role, "predicateTypes": list(t.predicate_types), "principals": t.principals}
                  for t in trust.thresholds]
    revoked = {"keys": sorted(trust.revoked_keys), "identities": sorted(trust.revoked_identities),
               "bundles": sorted(trust.revoked_bundles), "artifacts": sorted(trust.recalled)}
    document = {"schemaVersion": "0.1", "kind": "TrustFile", "file": str(path), "digest": {"sha256": trust.digest},
                "id": trust.id, "version": trust.version, "expires": timestamp(trust.expires),
                "principals": principals, "thresholds": thresholds, "revoked": revoked,
                "root": _root(trust)}
    shown.answer(document, lambda: "\n".join(_text(trust, path, now())) + "\n")


def _root(trust: Trust) -> dict[str, Any] | None:
    if trust.trust_root is None:
        return None
    facts = trust.trust_root.facts
    return {"name": facts.name, "digest": {"sha256": facts.digest}, "newest": timestamp(facts.newest)}


def _text(trust: Trust, path: Path, moment: datetime) -> Iterator[str]:
    from provenance.bundles.trust_signature import is_signed_unverified

    state = "EXPIRED at" if trust.expires <= moment else "expires"
    yield f"{printable(str(path))}: version {trust.version}, {state} {timestamp(trust.expires)}"
    yield f"sha256 {trust.digest}"
    if is_signed_unverified(path, trust.digest) is False:
        yield "\nThe signature beside it is of another version: `provenance trust sign` signs this one."
    for principal in trust.principals:
        yield f"\n{printable(principal.name)} ({printable(principal.party)}): {', '.join(principal.roles)}"
        yield from _principal(principal)
    for threshold in trust.thresholds:
        yield (f"\nWhat a {threshold.role} signs needs {threshold.principals} principals who sign the same statement: "
               + _types(threshold.predicate_types))
    if not trust.principals:
        yield "\nIt believes nobody yet: `provenance trust add` adds a principal."
    if trust.trust_root is not None:
        facts = trust.trust_root.facts
        newest = timestamp(facts.newest)
        yield f"\nIdentities are held against {printable(facts.name)}, whose newest part is of {newest}"
    yield from _revoked(trust)


def _revoked(trust: Trust) -> Iterator[str]:
    """Whose each is stands beside it: revoking what nobody has is a slip, unless its owner was taken out."""
    owners = {key.keyid: one.name for one in trust.principals for key in one.keys}
    owners |= {getattr(own, "identity", ""): one.name for one in trust.principals for own in one.identities}
    for what, items in (("key", trust.revoked_keys), ("identity", trust.revoked_identities)):
        for item in sorted(items):
            yield f"\nNot believed any more: {what} {printable(item)}, of {printable(owners.get(item, 'nobody here'))}"
    yield from (f"\nNot believed any more: bundle or statement {item}" for item in sorted(trust.revoked_bundles))
    yield from (f"\nRecalled: {item}" for item in sorted(trust.recalled))


def _principal(principal: Principal) -> Iterator[str]:
    yield f"  may sign {_types(principal.predicate_types)}"
    scopes = [*map(_scope, principal.subject_names), *sorted(principal.subject_digests)]
    yield from (f"  about    {scope}" for scope in scopes)
    yield from (f"  with key {key.keyid}" for key in principal.keys)
    yield from (f"  as       {printable(str(own))}" for own in principal.identities)
    if principal.authority is not None:
        yield f"  as       {printable(str(principal.authority))}"
    if principal.valid_from is not None:
        yield f"  from     {timestamp(principal.valid_from)}"
    if principal.valid_until is not None:
        yield f"  until    {timestamp(principal.valid_until)}"


def _types(kinds: Sequence[str]) -> str:
    return "statements of every type" if "*" in kinds else ", ".join(map(printable, kinds))


def _scope(name: str) -> str:
    if name == "*":
        return "everything"
    if name.endswith("*"):
        return f"whatever has a name that begins with {printable(name[:-1])}"
    return f"{printable(name)}, and what is in it"
