"""Bundles whose signer or time a trust file knows by certificates: its own authorities, a Sigstore instance, a clock.

An authority of the trust file comes first, because what it certifies is of no Sigstore instance. Where it certifies the
signer under a name that nobody in the trust file has, the signature holds and is nobody's.
"""

from __future__ import annotations

from datetime import datetime

from provenance.bundles import sigstore
from provenance.bundles.chains import Certified
from provenance.bundles.keys import NamedKey, pem_of
from provenance.bundles.sigstore import BundleVerification, ExpectedSigner, SignedFile
from provenance.bundles.trust import Principal, Trust


def verify_certified(data: bytes, trust: Trust, as_of: datetime, file: str,
                     artifact: SignedFile | None = None) -> tuple[BundleVerification, Principal | None]:
    """What is to be said of a bundle that is signed under a certificate, and whose it is.

    `artifact` is the file, where the bundle signs one directly.
    """
    def held_to(signer: ExpectedSigner) -> BundleVerification:
        return sigstore.verify(data, trust.trust_root, signer=signer, as_of=as_of, artifact=artifact, location=file)

    refused = unknown = None
    for principal in trust.principals:
        if principal.authority is None:
            continue
        expected = Certified.of(principal.authority)
        result = held_to(expected)
        if result.verified:
            return result, principal
        if result.code == "identity-mismatch":
            result = held_to(expected.anyone)
        if result.code == "signature-unknown-signer":
            unknown = result
        else:
            refused = refused or result
    if refused is not None:
        return refused, None
    result = held_to(sigstore.UnpinnedIdentity())
    if unknown is not None and (trust.trust_root is None or result.code == "signature-unknown-signer"):
        return unknown, None  # no instance's certificate either
    return result, trust.holder_of(result.identity, result.issuer) if result.verified else None


def verify_signed_file(data: bytes, trust: Trust, as_of: datetime, artifact: SignedFile,
                       file: str) -> tuple[BundleVerification, Principal | None]:
    """What is to be said of a bundle that signs a file directly, and whose it is."""
    refused = None
    for principal in trust.principals:
        for key in principal.keys:
            result = sigstore.verify(data, trust.trust_root, signer=sigstore.PublicKey(pem_of(key)), as_of=as_of,
                                     artifact=artifact, location=file)
            if result.verified:
                return result, principal
            refused = refused or result
    return (refused, None) if refused else verify_certified(data, trust, as_of, file, artifact)


def verify_times(
    data: bytes, trust: Trust, key: NamedKey | None, as_of: datetime, file: str
) -> BundleVerification | None:
    """What logs and clocks say of a bundle by a trusted key; None for a certificate.

    Without a trust root nobody is asked, and what is about another signature, or broken, is INVALID all the same.
    """
    if key is None:
        return None
    signer = sigstore.PublicKey(pem_of(key))
    return sigstore.verify(data, trust.trust_root, signer=signer, as_of=as_of, location=file)
