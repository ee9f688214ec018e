"""A trust that knows one signer and lets it speak of everything: for whoever has a bundle to check and no trust file.

The role is a producer's, and the voice counts nowhere but in the answer for that one bundle. Whom a trust file does not
list is merely unknown to it (UNSUPPORTED); here somebody was asked for, and a signature by anybody else is INVALID:

| asked for | signed by | code |
|---|---|---|
| a key | another key | `signature-invalid` |
| a key | a certificate of another key | `identity-mismatch` |
| an identity, or an authority | whomever else | `identity-mismatch` |
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from provenance.bundles.keys import public_key
from provenance.bundles.trust import Principal, Trust
from provenance.bundles.verifier import Examined
from provenance.errors import ProvenanceError
from provenance.files import read_small


def trust_in_key(path: Path, as_of: datetime, root: Path | None = None) -> Trust:
    """Whoever has the private half of this key. `root` is a Sigstore trust root, for its logs and clocks."""
    pem = read_small(path)
    key = public_key(pem, str(path))
    return _with_root(_trust(pem, as_of, Principal(path.name, "", ("producer",), (key,), ("*",), ("*",))), root)


def trust_in_authorities(paths: Sequence[Path], as_of: datetime, root: Path | None = None) -> Trust:
    """Whomever one of these authorities certifies for code signing; TrustError `trust-invalid`, `key-is-private`.

    `root` is a Sigstore trust root, for its clocks.
    """
    from provenance.bundles.authority import CertificateAuthority
    from provenance.bundles.chains import Certified

    known = [(path.name, Certified.from_pem(read_small(path), str(path))) for path in paths]
    principals = [
        Principal(name, "", ("producer",), (), ("*",), ("*",), authority=CertificateAuthority(der))
        for name, authority in known for der in authority.ders
    ]
    return _with_root(_trust(b"".join(map(read_small, paths)), as_of, *principals), root)


def trust_in_identity(identity: str, issuer: str, as_of: datetime, root: Path | None = None) -> Trust:
    """Whoever signs under this identity of this issuer, in the embedded Sigstore instance or that of a file."""
    from provenance.bundles.sigstore.identity import CertificateIdentity
    from provenance.bundles.sigstore.roots import TrustRoot

    found = TrustRoot.from_file(root) if root else TrustRoot.embedded()
    who = CertificateIdentity(identity, issuer)
    principal = Principal(identity, "", ("producer",), (), ("*",), ("*",), identities=(who,))
    return replace(_trust(str(who).encode(), as_of, principal), trust_root=found)


def _trust(said: bytes, as_of: datetime, *principals: Principal) -> Trust:
    return Trust(sha256(said).hexdigest(), 1, as_of, principals, is_asked_for=True)


def _with_root(trust: Trust, root: Path | None) -> Trust:
    if root is None:
        return trust
    from provenance.bundles.sigstore.roots import TrustRoot

    return replace(trust, trust_root=TrustRoot.from_file(root))


def held_to(trust: Trust, examined: Examined, data: bytes) -> Examined:
    """The Verifier's answer for a bundle that somebody in particular must have signed, by the table above."""
    if not trust.is_asked_for or examined.status != "UNSUPPORTED":
        return examined
    keys = [key.keyid for principal in trust.principals for key in principal.keys]
    if examined.code == "signature-unknown-signer" or (examined.predicate_type and examined.principal is None):
        code, why = ("signature-invalid", "it is not by the key that was given") if keys else (
            "identity-mismatch", f"it is not by {trust.principals[0].name}")
    elif keys and examined.code == "bundle-kind-unsupported" and _is_certified_of_another(data, keys):
        code, why = "identity-mismatch", "signed under a certificate of another key than the one that was given"
    else:
        return examined
    return replace(examined, status="INVALID", code=code, reason=why, verified=None)


def _is_certified_of_another(data: bytes, keys: Collection[str]) -> bool:
    """Whether a bundle is signed under a certificate, and not one of these keys."""
    from provenance.bundles.signatures import key_name
    from provenance.bundles.signed import as_bundle
    from provenance.bundles.sigstore import certificates, read_unverified

    try:
        leaf = read_unverified(as_bundle(data, "the bundle"), "the bundle").leaf
        return leaf is not None and key_name(certificates.load(leaf).public_key()) not in keys
    except ProvenanceError:
        return False

