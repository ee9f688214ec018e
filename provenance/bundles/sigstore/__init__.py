"""Sigstore bundles, verified offline: `verify` with a `TrustRoot` and whoever must have signed.

    root = TrustRoot.embedded()
    who = CertificateIdentity("https://github.com/acme/train/.github/workflows/train.yml@refs/heads/main",
                              "https://token.actions.githubusercontent.com")
    result = verify(bundle, root, signer=who, as_of=now)
    result.status, result.code, result.reason        # VALID, INVALID or UNSUPPORTED, and why
    result.identity, result.issuer, result.signing_time, result.entries, result.root
    result.payload, result.payload_type              # the very bytes that were verified

`sign_dsse` signs a statement keylessly. The heavy libraries are imported in the functions that need them; they come
with the `sigstore` extra.
"""

from provenance.bundles.sigstore.identity import (
    CertificateIdentity,
    ExpectedSigner,
    IdentityPattern,
    PublicKey,
    UnpinnedIdentity,
)
from provenance.bundles.sigstore.reading import read_unverified
from provenance.bundles.sigstore.results import BundleVerification, CheckedEntry, ProvenTime, RootFacts
from provenance.bundles.sigstore.roots import TrustRoot
from provenance.bundles.sigstore.signing import sign_dsse
from provenance.bundles.sigstore.verifying import SignedFile, verify

__all__ = [
    "BundleVerification",
    "CertificateIdentity",
    "CheckedEntry",
    "ExpectedSigner",
    "IdentityPattern",
    "ProvenTime",
    "PublicKey",
    "RootFacts",
    "SignedFile",
    "TrustRoot",
    "UnpinnedIdentity",
    "read_unverified",
    "sign_dsse",
    "verify",
]
