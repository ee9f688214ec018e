"""A trust that knows one signer and lets it speak of everything: for whoever has a bundle to check and no trust file.

The role is a producer's, and the voice counts nowhere but in the answer for that one bundle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from provenance.bundles.keys import public_key
from provenance.bundles.trust import Principal, Trust
from provenance.files import read_small


def trust_in_key(path: Path, as_of: datetime) -> Trust:
    """Whoever has the private half of this key."""
    pem = read_small(path)
    return _trust(pem, as_of, Principal(path.name, "", ("producer",), (public_key(pem, str(path)),), ("*",), ("*",)))


def trust_in_authorities(paths: Sequence[Path], as_of: datetime, root: Path | None = None) -> Trust:
    """Whomever one of these authorities certifies for code signing; TrustError `trust-invalid`, `key-is-private`.

    `root` is a Sigstore trust root, for its clocks.
    """
    from provenance.bundles.authority import CertificateAuthority
    from provenance.bundles.chains import Certified
    from provenance.bundles.sigstore.roots import TrustRoot

    known = [(path.name, Certified.from_pem(read_small(path), str(path))) for path in paths]
    principals = [
        Principal(name, "", ("producer",), (), ("*",), ("*",), authority=CertificateAuthority(der))
        for name, authority in known for der in authority.ders
    ]
    trust = _trust(b"".join(map(read_small, paths)), as_of, *principals)
    return replace(trust, trust_root=TrustRoot.from_file(root)) if root else trust


def trust_in_identity(identity: str, issuer: str, as_of: datetime, root: Path | None = None) -> Trust:
    """Whoever signs under this identity of this issuer, in the embedded Sigstore instance or that of a file."""
    from provenance.bundles.sigstore.identity import CertificateIdentity
    from provenance.bundles.sigstore.roots import TrustRoot

    found = TrustRoot.from_file(root) if root else TrustRoot.embedded()
    who = CertificateIdentity(identity, issuer)
    principal = Principal(identity, "", ("producer",), (), ("*",), ("*",), identities=(who,))
    return replace(_trust(str(who).encode(), as_of, principal), trust_root=found)


def _trust(said: bytes, as_of: datetime, *principals: Principal) -> Trust:
    return Trust(sha256(said).hexdigest(), 1, as_of, principals)
