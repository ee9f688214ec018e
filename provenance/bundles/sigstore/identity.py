"""Whom a bundle must be signed by: an exact identity and issuer, a pattern where that is asked for, a key, or whoever
one's own certificate authority vouches for.

An identity without its issuer proves nothing: another provider may hand out the same name. An issuer without an
identity is everyone who has an account there. Both are therefore refused when they are empty, and so is a pattern
that does not say where it begins and ends: `https://github.com/acme/.*` left open also accepts what was never meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from provenance.bundles.chains import Certified
from provenance.errors import TrustError


@dataclass(frozen=True)
class CertificateIdentity:
    """Exactly this subject alternative name, vouched for by exactly this issuer."""

    identity: str
    issuer: str

    def __post_init__(self) -> None:
        _refuse_empty(self.identity, self.issuer)

    def accepts(self, identity: str, issuer: str) -> bool:
        """Compared byte for byte: case counts."""
        return (identity, issuer) == (self.identity, self.issuer)

    def __str__(self) -> str:
        return f"{self.identity} (issuer {self.issuer})"


@dataclass(frozen=True)
class IdentityPattern:
    """A regular expression, written with ^ and $, that must match the whole name; the issuer is exact."""

    pattern: str
    issuer: str

    def __post_init__(self) -> None:
        _refuse_empty(self.pattern, self.issuer)
        if not (self.pattern.startswith("^") and self.pattern.endswith("$")):
            raise TrustError("trust-invalid", f"the identity pattern {self.pattern} is not anchored",
                             location="identity", hint="begin it with ^ and end it with $")
        try:
            re.compile(self.pattern)
        except re.error as err:
            raise TrustError("trust-invalid", f"the identity pattern {self.pattern} is not a regular expression: {err}",
                             location="identity", hint="correct it") from err

    def accepts(self, identity: str, issuer: str) -> bool:
        """`fullmatch`, because in Python `$` alone also matches before a final newline, and `^a|b$` is not anchored."""
        return issuer == self.issuer and re.fullmatch(self.pattern, identity) is not None

    def __str__(self) -> str:
        return f"{self.pattern} (issuer {self.issuer})"


@dataclass(frozen=True)
class UnpinnedIdentity:
    """Whoever holds a certificate. Only for a caller that compares `identity` and `issuer` of the result itself."""

    def accepts(self, identity: str, issuer: str) -> bool:
        """Everyone, so long as there is someone."""
        return bool(identity and issuer)

    def __str__(self) -> str:
        return "anyone"


@dataclass(frozen=True)
class PublicKey:
    """A key that is known beforehand (PEM, SubjectPublicKeyInfo). A bundle signed by certificate is not by this key."""

    pem: bytes


ExpectedSigner = CertificateIdentity | IdentityPattern | UnpinnedIdentity | PublicKey | Certified


def _refuse_empty(identity: str, issuer: str) -> None:
    if not identity or not issuer:
        raise TrustError("trust-invalid", "an identity needs both a name and its issuer", location="identity",
                         hint="give the certificate's identity and the URL of its OpenID Connect issuer")
