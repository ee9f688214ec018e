"""Countersign: put one's own signature under a statement that somebody else signed, for a threshold.

The very bytes of the statement are signed again, in a bundle of their own: two signatures of one statement, as a
threshold counts them. What is not read here is not signed, and neither is a bundle that its signer did not sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.bundles.envelope import sha256, sign
from provenance.bundles.signers import BundleSigner
from provenance.bundles.store import SUFFIX
from provenance.bundles.stores.facts import payload_unverified
from provenance.bundles.trust import TrustSource, read_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import BundleError
from provenance.files import read_small, write_whole
from provenance.statements.statement import Statement

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner

_GOOD = {("VALID", ""), ("UNSUPPORTED", "threshold-not-met")}


@dataclass(frozen=True)
class Countersigned:
    """A second signature that was written: where, its sha256, and what it says."""

    bundle: Path
    sha256: str
    statement: Statement


def countersign(
    bundle: Path,
    *,
    trust: Path | TrustSource,
    as_of: datetime,
    signer: Callable[[], AnySigner],
    output: Path | None = None,
) -> Countersigned:
    """Sign the statement of a bundle that a principal of the trust file signed.

    BundleError where it is not by one, or says what this version does not read. That it still falls short of a
    threshold is what the second signature is for. `output` is `NAME.KEY.sigstore.json` beside it unless it is named
    (for a certificate or an identity, the bundle's own digest stands for the key).
    """
    data = read_small(bundle)
    examined = Verifier(read_trust(trust, as_of), as_of).examine(data, bundle.name)
    payload = payload_unverified(data)
    signed = payload is not None and sha256(payload) == examined.payload  # what was verified, and nothing else
    if payload is None or not signed or examined.verified is None or (examined.status, examined.code) not in _GOOD:
        raise BundleError(examined.code or "bundle-invalid", f"this is not signed a second time: {examined.reason}",
                          location=str(bundle), hint="countersign only what a trusted signer signed")
    key = signer()
    written = sign(payload, key)
    name = bundle.name.removesuffix(SUFFIX).removesuffix(".sig")
    who = sha256(written) if isinstance(key, BundleSigner) else key.public_key.keyid
    target = output or bundle.with_name(f"{name}.{who[:12]}{SUFFIX}")
    write_whole(target, written)
    return Countersigned(target, sha256(written), examined.verified.statement)
