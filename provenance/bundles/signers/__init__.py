"""Whoever signs statements. One file per kind, each with the same door: something that `bundles.envelope.sign` takes.

    key.py          a private key in a file
    pkcs11.py       a key that stays in a token (PKCS#11)
    kms.py          a key that stays with a key management service
    certificate.py  one of these three, with what else its bundle holds: the certificates of one's own authority, a
                    timestamp (timestamp.py)
    sigstore.py     nobody's key: an identity, turned into a certificate of minutes by a Sigstore instance

A key is a `KeySigner`, as securesystemslib's signers are; who puts more into the bundle than a key's name and its
signature is a `BundleSigner`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from securesystemslib.signer import Signature, SSlibKey


class KeySigner(Protocol):
    """A key that can sign, wherever it is."""

    @property
    def public_key(self) -> SSlibKey:
        """Its public half, under the name that `bundles/keys.py` gives it."""
        ...

    def sign(self, payload: bytes) -> Signature:
        """A signature over these bytes."""
        ...


@runtime_checkable
class BundleSigner(Protocol):
    """Whoever makes the whole bundle."""

    def sign_statement(self, payload: bytes) -> bytes:
        """A Sigstore bundle v0.3 over an in-toto statement, as JSON."""
        ...


AnySigner: TypeAlias = KeySigner | BundleSigner
