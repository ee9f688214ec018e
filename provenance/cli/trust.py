"""`provenance trust init|add|show`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from provenance.bundles.trust import ROLES, Trust, timestamp
from provenance.cli.common import EXISTING, Shown, common_options, now
from provenance.errors import UsageError
from provenance.reports.escape import printable


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
@click.option("--subject", "subjects", multiple=True, required=True, metavar="SCOPE",
              help="What it may speak of: a name, a prefix ending in *, or algorithm:hex.")
@click.option("--predicate-type", "types", multiple=True, metavar="URI",
              help="What it may sign; what is usual for its roles unless given; * for every type.")
@click.option("--valid-from", metavar="TIME")
@click.option("--valid-until", metavar="TIME")
@common_options
def add(
    path: Path, name: str, party: str, roles: tuple[str, ...], public_keys: tuple[Path, ...],
    identity: str | None, issuer: str | None, subjects: tuple[str, ...], types: tuple[str, ...],
    valid_from: str | None, valid_until: str | None, shown: Shown,
) -> None:
    """Add a principal to the trust file PATH and raise its version.

    \b
    Example:
      provenance trust add trust.yaml --name acme-ml --party ACME --role producer \\
          --public-key acme.key.pub --subject 'tiny*'
    """
    from provenance.workflows.trust_file import NewPrincipal, add_principal

    if not all(subjects):
        raise UsageError("usage", "a scope is empty", location="--subject", hint="write '*' for every subject")
    if (identity is None) != (issuer is None) or not (public_keys or identity):
        raise UsageError("usage", "say by what its signatures are known", location=name,
                         hint="give --public-key, or --identity together with --issuer")
    identities = ((identity, issuer),) if identity and issuer else ()
    principal = NewPrincipal(name, party, roles, public_keys, subjects, types, valid_from, valid_until, identities)
    _show(add_principal(path, principal), path, shown)


@command.command()
@click.argument("path", type=EXISTING)
@common_options
def show(path: Path, shown: Shown) -> None:
    """Show whom the trust file PATH believes. An expired one is shown, and says so.

    \b
    Example:
      provenance trust show trust.yaml
    """
    from provenance.bundles.trust import parse_trust
    from provenance.workflows.trust_file import read_bytes

    _show(parse_trust(read_bytes(path), str(path)), path, shown)


def _show(trust: Trust, path: Path, shown: Shown) -> None:
    principals = [
        {"name": p.name, "party": p.party, "roles": list(p.roles), "keyids": [key.keyid for key in p.keys],
         "identities": [str(own) for own in p.identities],
         "predicateTypes": list(p.predicate_types), "subjects": [*p.subject_names, *sorted(p.subject_digests)],
         "validFrom": timestamp(p.valid_from) if p.valid_from else None,
         "validUntil": timestamp(p.valid_until) if p.valid_until else None}
        for p in trust.principals
    ]
    document = {"schemaVersion": "0.1", "kind": "TrustFile", "file": str(path), "digest": {"sha256": trust.digest},
                "version": trust.version, "expires": timestamp(trust.expires), "principals": principals}
    shown.answer(document, lambda: _text(trust, path, now()))


def _text(trust: Trust, path: Path, moment: datetime) -> str:
    state = "EXPIRED at" if trust.expires <= moment else "expires"
    lines = [f"{printable(str(path))}: version {trust.version}, {state} {timestamp(trust.expires)}",
             f"sha256 {trust.digest}"]
    for principal in trust.principals:
        lines.append(f"\n{printable(principal.name)} ({printable(principal.party)}): {', '.join(principal.roles)}")
        lines += [f"  key      {key.keyid}" for key in principal.keys]
        lines += [f"  identity {printable(str(own))}" for own in principal.identities]
        lines += [f"  may sign {printable(kind)}" for kind in principal.predicate_types]
        lines += [f"  about    {printable(scope)}" for scope in (*principal.subject_names, *principal.subject_digests)]
    if not trust.principals:
        lines.append("\nIt believes nobody yet: `provenance trust add` adds a principal.")
    return "\n".join(lines) + "\n"
