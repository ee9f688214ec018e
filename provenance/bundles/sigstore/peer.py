"""sigstore-python's own judgement, which must agree wherever it has one.

The steps of this package give every refusal its own code and judge what sigstore-python 4.5 cannot: Rekor's kind
`intoto`, bundles without an inclusion proof, keys other than P-256, keys without a certificate, instances without
logs. What it can judge, it judges: a bundle of those kinds is VALID only when both say so. It is given the bundle
as it was read here, written out again, so that both have judged the same thing whatever the bundle's JSON looked like.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from provenance.bundles.envelope import Envelope, UnsupportedBundle
from provenance.bundles.sigstore.reading import LogEntry, MessageSignature, SigstoreBundle
from provenance.bundles.sigstore.results import ProvenTime
from provenance.bundles.sigstore.roots import TrustRoot
from provenance.errors import BundleError
from provenance.statements.reader import to_json

_KINDS = {
    Envelope: {("dsse", "0.0.1"), ("hashedrekord", "0.0.2")},
    MessageSignature: {("hashedrekord", "0.0.1"), ("hashedrekord", "0.0.2")},
}
_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle+json;version="


def can_judge(bundle: SigstoreBundle, key: Any, root: TrustRoot, times: tuple[ProvenTime, ...]) -> bool:
    """Whether sigstore-python has a judgement on such a bundle under such a root."""
    from cryptography.hazmat.primitives.asymmetric import ec

    at_an_end = {time.moment for time in times} & {clock.window.end for clock in root.clocks}
    return (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
        and bool(root.logs and root.ct_logs)
        and len(bundle.entries) == 1
        and all((entry.kind, entry.version) in _KINDS[type(bundle.content)] for entry in bundle.entries)
        and all(entry.proof and entry.proof.checkpoint for entry in bundle.entries)
        and not at_an_end  # it takes a clock's window as open at its end; the format says closed
        and all(len(clock.certificates) > 1 for clock in root.clocks)
    )


def confirm(bundle: SigstoreBundle, certificate: Any, root: TrustRoot, stamps: tuple[bytes, ...],
            digest: bytes | None) -> None:
    """Ask it; BundleError or UnsupportedBundle `verifiers-disagree` unless it agrees.

    `stamps` are the timestamps that counted, `digest` the SHA-256 of a file that was signed.
    """
    from sigstore.errors import VerificationError

    try:
        _ask(bundle, certificate, root, stamps, digest)
    except VerificationError as err:
        raise BundleError("verifiers-disagree", f"sigstore-python refuses it: {str(err)[:200]}",
                          hint="please report the bundle") from err
    except Exception as err:  # it documents no list of what it raises on what it cannot read
        raise UnsupportedBundle("verifiers-disagree", f"sigstore-python cannot judge it: {type(err).__name__} "
                                f"{str(err)[:200]}", hint="please report the bundle") from err


def _ask(bundle: SigstoreBundle, certificate: Any, root: TrustRoot, stamps: tuple[bytes, ...],
         digest: bytes | None) -> None:
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle as TheirBundle

    theirs = TheirBundle.from_json(to_json(_document(bundle, stamps)))
    verifier, policy = _verifier(root.document), _SameCertificate(certificate)
    if not isinstance(bundle.content, Envelope):
        algorithm: Any = "SHA2_256"
        verifier.verify_artifact(Hashed(algorithm=algorithm, digest=digest or b""), theirs, policy)
        return
    payload_type, payload = verifier.verify_dsse(theirs, policy)
    if (payload_type, payload) != (bundle.content.payload_type, bundle.content.payload):
        raise BundleError("verifiers-disagree", "sigstore-python verified another payload",
                          hint="please report the bundle")


class _SameCertificate:
    """sigstore-python's form of a policy: the certificate whose identity was compared, and no other."""

    def __init__(self, certificate: Any) -> None:
        self._certificate = certificate

    def verify(self, cert: Any) -> None:
        """Raise unless it is the certificate."""
        from sigstore.errors import VerificationError

        if cert != self._certificate:
            raise VerificationError("it judged another certificate")


@lru_cache(maxsize=4)
def _verifier(document: bytes) -> Any:
    """A verifier of theirs under a root; it holds nothing else, and remembers nothing of what it verified."""
    from sigstore.models import ClientTrustConfig
    from sigstore.verify import Verifier

    # The only public way to a trusted root that lies in memory; no service of this signing config is ever asked.
    config = (
        b'{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json","signingConfig":'
        b'{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"},"trustedRoot":' + document + b"}"
    )
    return Verifier(trusted_root=ClientTrustConfig.from_json(config.decode("utf-8")).trusted_root)


def _document(bundle: SigstoreBundle, stamps: tuple[bytes, ...]) -> dict[str, Any]:
    leaf = {"rawBytes": _b64(bundle.leaf or b"")}
    material: dict[str, Any] = {
        "tlogEntries": [_entry(entry) for entry in bundle.entries],
        "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": _b64(stamp)} for stamp in stamps]},
    }
    if bundle.version == "0.3":
        material["certificate"] = leaf
    else:
        material["x509CertificateChain"] = {"certificates": [leaf]}
    return {"mediaType": _MEDIA_TYPE + bundle.version, "verificationMaterial": material, **_content(bundle.content)}


def _content(content: Envelope | MessageSignature) -> dict[str, Any]:
    if isinstance(content, Envelope):
        return {"dsseEnvelope": {"payload": _b64(content.payload), "payloadType": content.payload_type,
                                 "signatures": [{"sig": _b64(content.signature)}]}}
    signature: dict[str, Any] = {"signature": _b64(content.signature)}
    if content.algorithm == "sha256":
        signature["messageDigest"] = {"algorithm": "SHA2_256", "digest": _b64(content.digest)}
    return {"messageSignature": signature}


def _entry(entry: LogEntry) -> dict[str, Any]:
    document: dict[str, Any] = {
        "logIndex": str(entry.index),
        "logId": {"keyId": _b64(entry.log_id)},
        "kindVersion": {"kind": entry.kind, "version": entry.version},
        "canonicalizedBody": _b64(entry.body),
    }
    if entry.integrated is not None:
        document["integratedTime"] = str(entry.integrated)
    if entry.promise is not None:
        document["inclusionPromise"] = {"signedEntryTimestamp": _b64(entry.promise)}
    if entry.proof:
        document["inclusionProof"] = {
            "logIndex": str(entry.proof.index), "rootHash": _b64(entry.proof.root),
            "treeSize": str(entry.proof.size), "hashes": [_b64(hash_) for hash_ in entry.proof.hashes],
            "checkpoint": {"envelope": entry.proof.checkpoint},
        }
    return document


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
