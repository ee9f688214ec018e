"""Who signs: one set of options for every command that writes a bundle.

The command gets one `signer`: a function that opens the key, asks for the PIN or fetches the identity when it is
called, and not before. What can be said against the options is said at once, so that nobody finds out after hours of
training that the key was misspelled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from provenance.cli.common import EXISTING, PASSPHRASE, Command, now, passphrase
from provenance.errors import TrustError, UsageError

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner, KeySigner

PIN = "PROVENANCE_PKCS11_PIN"
_MAX_TOKEN = 64 << 10
_KEYS = ("--key", "--pkcs11", "--kms")
_IDENTITIES = ("--identity-token", "--identity")


def signer_options(*, required: bool = True, piped: bool = True) -> Callable[[Command], Command]:
    """The options; `signer` is None where none is given and none is required.

    `piped` is False for a command whose standard input belongs to somebody else.
    """

    def decorate(function: Command) -> Command:
        @wraps(function)
        def wrapped(*args: Any, key: Path | None, pkcs11: str | None, kms: str | None, certificate: Path | None,
                    identity_token: str | None, identity: Any, trust_config: Path | None, rekor: Any,
                    timestamp_url: str | None, online: bool, **kwargs: Any) -> Any:
            choice = Choice(key, pkcs11, kms, certificate, identity_token, identity, trust_config,
                            int(rekor) if rekor else None, timestamp_url, online)  # type: ignore[arg-type]
            choice.check(required=required, piped=piped)
            return function(*args, signer=choice.open if choice.kinds else None, **kwargs)

        for option in reversed(_OPTIONS):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate


def key_signer_options(function: Command) -> Command:
    """The options that name a key, for what is not a bundle or is held against a key; `signer` gives a `KeySigner`."""

    @wraps(function)
    def wrapped(*args: Any, key: Path | None, pkcs11: str | None, kms: str | None, online: bool, **kwargs: Any) -> Any:
        choice = Choice(key, pkcs11, kms, online=online)
        choice.check(required=True, piped=True)
        return function(*args, signer=choice.open_key, **kwargs)

    for option in reversed((*_OPTIONS[:3], _OPTIONS[-1])):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--key", type=EXISTING, metavar="FILE",
                 help=f"Private key to sign with; its passphrase is read from {PASSPHRASE} or asked for."),
    click.option("--pkcs11", metavar="URI",
                 help=f"Instead: a key in a token (RFC 7512); the PIN is read from {PIN} or asked for."),
    click.option("--kms", metavar="URI", help="Instead: a key of a service: awskms:, gcpkms:, azurekms:, hashivault:"),
    click.option("--certificate", type=EXISTING, metavar="FILE",
                 help="Certificates of the key (PEM, its own first): the bundle names them instead of the key."),
    click.option("--identity-token", metavar="FILE",
                 help="Instead of a key, by Sigstore: an OpenID Connect token from a file, or - for standard input."),
    click.option("--identity", type=click.Choice(["ambient", "interactive"]),
                 help="Instead of a key, by Sigstore: the identity of this CI job, or one by way of a browser."),
    click.option("--trust-config", type=EXISTING, metavar="FILE",
                 help="The Sigstore instance (a client trust config); the public one."),
    click.option("--rekor", type=click.Choice(["1", "2"]), help="Version of Sigstore's log; the instance's newest."),
    click.option("--timestamp-url", metavar="URL", help="Have a key's signature stamped by this authority (RFC 3161)."),
    click.option("--online", is_flag=True, help="Allow the network, which --kms, --identity and timestamps need."),
)


@dataclass(frozen=True)
class Choice:
    """What the options said."""

    key: Path | None
    pkcs11: str | None
    kms: str | None
    certificate: Path | None = None
    identity_token: str | None = None
    identity: Literal["ambient", "interactive"] | None = None
    trust_config: Path | None = None
    rekor: Literal[1, 2] | None = None
    timestamp_url: str | None = None
    online: bool = False

    @property
    def kinds(self) -> list[str]:
        """Which of the options that name a signer are there."""
        given = (self.key, self.pkcs11, self.kms, self.identity_token, self.identity)
        return [name for name, value in zip((*_KEYS, *_IDENTITIES), given, strict=True) if value is not None]

    def check(self, *, required: bool, piped: bool) -> None:
        """UsageError for options that do not belong together; TrustError for files that are not there."""
        if len(self.kinds) > 1 or (required and not self.kinds):
            raise UsageError("usage", "exactly one of --key, --pkcs11, --kms, --identity-token and --identity signs",
                             location=", ".join(self.kinds) or "the signer", hint="give one of them")
        by_key, by_identity = set(self.kinds) & set(_KEYS), set(self.kinds) & set(_IDENTITIES)
        if (self.certificate or self.timestamp_url) and not by_key:
            raise _misplaced("--certificate and --timestamp-url", "a key: --key, --pkcs11 or --kms")
        if (self.trust_config or self.rekor) and not by_identity:
            raise _misplaced("--trust-config and --rekor", "an identity: --identity-token or --identity")
        if self.identity_token == "-" and not piped:  # noqa: S105  it stands for standard input
            raise UsageError("usage", "standard input belongs to the command that is recorded",
                             location="--identity-token", hint="give a file, or --identity ambient")
        if (by_identity or self.kms or self.timestamp_url) and not self.online:
            raise UsageError("network-not-allowed", "this way of signing needs the network",
                             location=", ".join(self.kinds), hint="--online allows it")
        for file, what, hint in (
            (self.key, "key", "check the path; `provenance keygen` makes a key pair"),
            (self.certificate, "certificate", "check the path"),
            (self.trust_config, "trust config", "check the path; whoever keeps the Sigstore instance has one"),
            (self._token_file, "identity token", "check the path; --identity ambient asks the CI system for one"),
        ):
            if file is not None and not file.is_file():
                raise TrustError("input-unreadable", f"there is no such {what}", location=str(file), hint=hint)

    @property
    def _token_file(self) -> Path | None:
        return Path(self.identity_token) if self.identity_token not in (None, "-") else None

    def open(self) -> AnySigner:
        """Whoever signs: now the key is read, the PIN asked for, the service called."""
        if self.identity_token is not None or self.identity is not None:
            return self._identity_signer()
        key, clock = self.open_key(), self.timestamp_url or ""
        if self.certificate is None and not clock:
            return key
        from provenance.bundles.signers.certificate import VouchedSigner, certified

        if self.certificate is None:
            return VouchedSigner(key, timestamp_url=clock)
        return certified(key, self.certificate, now=now(), timestamp_url=clock)

    def open_key(self) -> KeySigner:
        """The key alone."""
        if self.key is not None:
            from provenance.bundles.signers.key import load_signer

            return load_signer(self.key, lambda: passphrase(f"Passphrase of {self.key}"))
        if self.pkcs11 is not None:
            from provenance.bundles.signers.pkcs11 import Pkcs11Signer

            return Pkcs11Signer(self.pkcs11, _pin)
        from provenance.bundles.signers.kms import KmsSigner

        return KmsSigner(self.kms or "")

    def _identity_signer(self) -> AnySigner:
        from provenance.bundles.signers.sigstore import IdentitySigner, ambient_token, interactive_token
        from provenance.bundles.sigstore.signing import read_trust_config

        config = read_trust_config(self.trust_config)
        if self.identity == "interactive":
            return IdentitySigner(config, lambda: interactive_token(config), self.rekor)
        return IdentitySigner(config, ambient_token if self.identity else self._given_token, self.rekor)

    def _given_token(self) -> str:
        file = self._token_file
        try:
            with (file.open(encoding="ascii") if file else _standard_input()) as stream:
                return stream.read(_MAX_TOKEN).strip()
        except (OSError, UnicodeDecodeError) as err:
            raise TrustError("input-unreadable", f"cannot read the identity token: {type(err).__name__}",
                             location="--identity-token", hint="give a file that holds a token alone") from err


def _standard_input() -> Any:
    from contextlib import nullcontext

    return nullcontext(sys.stdin)


def _pin() -> str | None:
    """The PIN from the environment, or asked for on a terminal; None for a token that asks for it itself."""
    if PIN in os.environ:
        return os.environ[PIN]
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    text: str = click.prompt("PIN of the token", hide_input=True, err=True)
    return text


def _misplaced(what: str, whose: str) -> UsageError:
    return UsageError("usage", f"{what} belong to {whose}", location="the signer", hint="leave them out")
