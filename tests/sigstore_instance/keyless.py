"""A client that signs with an instance's services directly, in every form that bundles have.

    bundle = Keyless(instance).sign(PAYLOAD)                   # v0.3, DSSE, Rekor v1
    bundle = Keyless(instance, rekor=2).sign(PAYLOAD)          # Rekor v2, with a timestamp
    bundle = Keyless(instance, signed_at=SOON, certificate={"log": None}).sign(PAYLOAD)   # no SCT, and in the future

The result is the bundle as a dictionary, for a test to change one thing in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.sigstore_instance.encoding import DER, PEM, b64, canonical, ec_key, sha256, spki
from tests.sigstore_instance.instance import Instance
from tests.sigstore_instance.rekor import pae

PAYLOAD_TYPE = "application/vnd.in-toto+json"
Kind = Literal["dsse", "hashedrekord", "intoto 0.0.1", "intoto 0.0.2"]


@dataclass
class Keyless:
    """How to sign. `certificate` goes to Fulcio.issue; `managed` signs with the key alone; `rekor` 0 logs nothing."""

    instance: Instance
    rekor: Literal[0, 1, 2] = 1
    kind: Kind = "dsse"
    version: Literal["0.1", "0.2", "0.3"] = "0.3"
    claims: dict[str, Any] = field(default_factory=dict)
    certificate: dict[str, Any] = field(default_factory=dict)
    managed: bool = False
    signed_at: datetime | None = None
    logged_at: datetime | None = None
    stamped_at: tuple[datetime | None, ...] | None = None
    curve: ec.EllipticCurve = field(default_factory=ec.SECP256R1)

    def __post_init__(self) -> None:
        self.key = ec_key(self.curve)
        known = {"iss": self.instance.url, "sub": "https://ci.example/train.yml@refs/heads/main"}
        self.leaf = self.instance.fulcio.issue(known | self.claims, self.key.public_key(), at=self.signed_at,
                                               **self.certificate)

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, payload: bytes, payload_type: str = PAYLOAD_TYPE) -> dict[str, Any]:
        """A bundle over a DSSE envelope."""
        signature = self._signature(pae(payload_type, payload))
        envelope = {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"sig": b64(signature)}]}
        entries = [self.log_envelope(envelope, payload_type, payload)] if self.rekor else []
        return self._bundle(entries, signature, {"dsseEnvelope": envelope})

    def sign_file(self, content: bytes) -> dict[str, Any]:
        """A bundle over the bytes of a file."""
        signature = self._signature(content)
        entries = [self._log_digest(content, signature)] if self.rekor else []
        digest = {"algorithm": "SHA2_256", "digest": b64(sha256(content))}
        return self._bundle(entries, signature,
                            {"messageSignature": {"messageDigest": digest, "signature": b64(signature)}})

    def _signature(self, data: bytes) -> bytes:
        kind = hashes.SHA384() if isinstance(self.curve, ec.SECP384R1) else hashes.SHA256()
        return self.key.sign(data, ec.ECDSA(kind))

    def _bundle(self, entries: list[dict[str, Any]], signature: bytes, content: dict[str, Any]) -> dict[str, Any]:
        leaf = {"rawBytes": b64(self.leaf.public_bytes(DER))}
        if self.managed:
            material: dict[str, Any] = {"publicKey": {"hint": "the test's key"}}
        elif self.version == "0.3":
            material = {"certificate": leaf}
        else:
            material = {"x509CertificateChain": {"certificates": [leaf]}}
        # A log of version 2 knows no time, so that its bundles need a clock.
        times = self.stamped_at if self.stamped_at is not None else (self.signed_at,) if self.rekor != 1 else ()
        stamps = [{"signedTimestamp": b64(self.instance.tsa.stamp(signature, at=at))} for at in times]
        suffix = ".v0.3+json" if self.version == "0.3" else f"+json;version={self.version}"
        return {"mediaType": f"application/vnd.dev.sigstore.bundle{suffix}",
                "verificationMaterial": {**material, "tlogEntries": entries,
                                         "timestampVerificationData": {"rfc3161Timestamps": stamps}},
                **content}

    def log_envelope(self, envelope: dict[str, Any], payload_type: str, payload: bytes) -> dict[str, Any]:
        """The log entry of an envelope, as the kind that was asked for."""
        if self.kind == "hashedrekord":
            (signature,) = envelope["signatures"]
            return self._log_digest(pae(payload_type, payload), None, signature["sig"])
        if self.rekor == 2:
            return self.instance.rekor2.add({"dsseRequestV002": {
                "envelope": envelope, "verifiers": [self._v2_verifier()]}})
        verifier, text = b64(self._pem_verifier()), canonical(envelope).decode()
        specs: dict[str, tuple[str, str, dict[str, Any]]] = {
            "dsse": ("dsse", "0.0.1", {"proposedContent": {"envelope": text, "verifiers": [verifier]}}),
            "intoto 0.0.1": ("intoto", "0.0.1", {"content": {"envelope": text}, "publicKey": verifier}),
            "intoto 0.0.2": ("intoto", "0.0.2", {"content": {"envelope": self._doubled(envelope, verifier)}}),
        }
        kind, version, spec = specs[self.kind]
        return self._log({"kind": kind, "apiVersion": version, "spec": spec})

    def _log_digest(self, content: bytes, signature: bytes | None, sig: str = "") -> dict[str, Any]:
        sig = b64(signature) if signature is not None else sig
        if self.rekor == 2:
            hashed = sha256(content)
            if isinstance(self.curve, ec.SECP384R1):
                digest = hashes.Hash(hashes.SHA384())
                digest.update(content)
                hashed = digest.finalize()
            return self.instance.rekor2.add({"hashedRekordRequestV002": {
                "digest": b64(hashed), "signature": {"content": sig, "verifier": self._v2_verifier()}}})
        return self._log({"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": sha256(content).hex()}},
            "signature": {"content": sig, "publicKey": {"content": b64(self._pem_verifier())}}}})

    def _log(self, proposed: dict[str, Any]) -> dict[str, Any]:
        return self.instance.rekor1.add(proposed, at=self.logged_at or self.signed_at)

    def _pem_verifier(self) -> bytes:
        return self.public_pem if self.managed else self.leaf.public_bytes(PEM)

    def _v2_verifier(self) -> dict[str, Any]:
        raw = {"publicKey": {"rawBytes": b64(spki(self.key))}} if self.managed else {
            "x509Certificate": {"rawBytes": b64(self.leaf.public_bytes(DER))}}
        details = "PKIX_ECDSA_P384_SHA_384" if isinstance(self.curve, ec.SECP384R1) else "PKIX_ECDSA_P256_SHA_256"
        return {**raw, "keyDetails": details}

    def _doubled(self, envelope: dict[str, Any], verifier: str) -> dict[str, Any]:
        """The envelope as clients upload it for intoto 0.0.2: payload and signature in base64 once more."""
        signatures = [{"sig": b64(signature["sig"].encode()), "publicKey": verifier}
                      for signature in envelope["signatures"]]
        return {"payload": b64(envelope["payload"].encode()), "payloadType": envelope["payloadType"],
                "signatures": signatures}
