"""The transparency logs. Each takes in a signature that it has checked, and answers with an entry of a bundle.

Rekor v1 writes hashedrekord, dsse and intoto, promises inclusion with a signed entry timestamp (SET), and so proves
a time. Rekor v2 writes hashedrekord and dsse, promises nothing, and knows no time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from tests.sigstore_instance.encoding import Key, b64, canonical, ec_key, now, sha256, sign, unb64
from tests.sigstore_instance.oidc import RefusedError
from tests.sigstore_instance.tree import Tree

_EARLIER = 3  # entries that are there before the first of a test: a proof in a tree of one leaf proves little


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE v1."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


class Log:
    """A tree with bodies, and an entry of a bundle for each."""

    def __init__(self, key: Key, origin: str, name: str) -> None:
        self.tree = Tree(key, origin, name)
        for number in range(_EARLIER):
            self.tree.append(f"earlier entry {number}".encode())

    def include(self, body: dict[str, Any]) -> dict[str, Any]:
        """Add a body; the entry with its inclusion proof, as a bundle holds it."""
        data = canonical(body)
        index = self.tree.append(data)
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.tree.log_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": str(index), "rootHash": b64(self.tree.root()), "treeSize": str(index + 1),
                "hashes": [b64(hash_) for hash_ in self.tree.inclusion_proof(index)],
                "checkpoint": {"envelope": self.tree.checkpoint()},
            },
            "canonicalizedBody": b64(data),
        }


class RekorV1:
    """The older log, with a P-256 key and an origin that names its tree."""

    def __init__(self, url: str) -> None:
        self.url = url
        host = url.split("//")[1]
        self.key = ec_key()
        self.log = Log(self.key, f"{host} - 1", host)

    def add(self, proposed: dict[str, Any], *, at: datetime | None = None) -> dict[str, Any]:
        """Take in a proposed entry; RefusedError when its signature is wrong or its kind unknown."""
        try:
            body = _V1[proposed["kind"], proposed["apiVersion"]](proposed["spec"])
        except (KeyError, TypeError, ValueError, InvalidSignature) as err:
            raise RefusedError(f"the entry is refused: {type(err).__name__} {err}") from err
        entry = self.log.include({"kind": proposed["kind"], "apiVersion": proposed["apiVersion"], "spec": body})
        entry["integratedTime"] = str(int((at or now()).timestamp()))
        entry["inclusionPromise"] = {"signedEntryTimestamp": b64(self.promise(entry, self.key))}
        return entry

    def promise(self, entry: dict[str, Any], key: Key) -> bytes:
        """The signed entry timestamp over an entry."""
        return sign(key, canonical({
            "body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]),
            "logID": unb64(entry["logId"]["keyId"]).hex(), "logIndex": int(entry["logIndex"])}))

    def response(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry as POST /api/v1/log/entries answers."""
        proof = entry["inclusionProof"]
        return {sha256(unb64(entry["canonicalizedBody"])).hex(): {
            "body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]),
            "logID": unb64(entry["logId"]["keyId"]).hex(), "logIndex": int(entry["logIndex"]),
            "verification": {
                "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                "inclusionProof": {
                    "checkpoint": proof["checkpoint"]["envelope"], "logIndex": int(proof["logIndex"]),
                    "hashes": [unb64(hash_).hex() for hash_ in proof["hashes"]],
                    "rootHash": unb64(proof["rootHash"]).hex(), "treeSize": int(proof["treeSize"])}}}}


class RekorV2:
    """The newer log, with an Ed25519 key; its name is part of its id."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/v2"
        host = self.url.split("//")[1]
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.log = Log(self.key, host, host)

    def add(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take in a request; RefusedError when its signature is wrong or its kind unknown."""
        try:
            (kind, inner), = request.items()
            name, body = _V2[kind](inner)
        except (KeyError, TypeError, ValueError, InvalidSignature) as err:
            raise RefusedError(f"the entry is refused: {type(err).__name__} {err}") from err
        return self.log.include({"kind": name, "apiVersion": "0.0.2", "spec": body})


def _check(verifier: bytes, signature: bytes, digest: bytes, algorithm: hashes.HashAlgorithm) -> None:
    """InvalidSignature unless the certificate or key (PEM or DER) made the signature over the digest."""
    key: Any
    if verifier.startswith(b"-----BEGIN CERTIFICATE"):
        key = x509.load_pem_x509_certificate(verifier).public_key()
    elif verifier.startswith(b"-----BEGIN"):
        key = load_pem_public_key(verifier)
    else:
        try:
            key = x509.load_der_x509_certificate(verifier).public_key()
        except ValueError:
            key = load_der_public_key(verifier)
    key.verify(signature, digest, ec.ECDSA(Prehashed(algorithm)))


def _sha(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": sha256(data).hex()}


def _hashedrekord(spec: Any) -> dict[str, Any]:
    digest, signature = spec["data"]["hash"], spec["signature"]
    _check(unb64(signature["publicKey"]["content"]), unb64(signature["content"]), bytes.fromhex(digest["value"]),
           hashes.SHA256())
    return {"data": {"hash": {"algorithm": digest["algorithm"], "value": digest["value"]}},
            "signature": {"content": signature["content"], "publicKey": signature["publicKey"]}}


def _dsse(spec: Any) -> dict[str, Any]:
    text = spec["proposedContent"]["envelope"]
    envelope, verifiers = json.loads(text), spec["proposedContent"]["verifiers"]
    payload = unb64(envelope["payload"])
    for signature, verifier in zip(envelope["signatures"], verifiers, strict=True):
        _check(unb64(verifier), unb64(signature["sig"]), sha256(pae(envelope["payloadType"], payload)),
               hashes.SHA256())
    return {"envelopeHash": _sha(text.encode()), "payloadHash": _sha(payload),
            "signatures": [{"signature": signature["sig"], "verifier": verifier}
                           for signature, verifier in zip(envelope["signatures"], verifiers, strict=True)]}


def _intoto_001(spec: Any) -> dict[str, Any]:
    text = spec["content"]["envelope"]
    envelope = json.loads(text)
    payload = unb64(envelope["payload"])
    (signature,) = envelope["signatures"]
    _check(unb64(spec["publicKey"]), unb64(signature["sig"]), sha256(pae(envelope["payloadType"], payload)),
           hashes.SHA256())
    return {"content": {"hash": _sha(text.encode()), "payloadHash": _sha(payload)}, "publicKey": spec["publicKey"]}


def _intoto_002(spec: Any) -> dict[str, Any]:
    """Payload and signatures come in base64 of base64; the payload is not kept."""
    envelope = spec["content"]["envelope"]
    payload = unb64(unb64(envelope["payload"]).decode())
    for signature in envelope["signatures"]:
        _check(unb64(signature["publicKey"]), unb64(unb64(signature["sig"]).decode()),
               sha256(pae(envelope["payloadType"], payload)), hashes.SHA256())
    return {"content": {"envelope": {"payloadType": envelope["payloadType"], "signatures": envelope["signatures"]},
                        "hash": _sha(canonical(envelope)), "payloadHash": _sha(payload)}}


def _hashedrekord_v2(request: Any) -> tuple[str, dict[str, Any]]:
    verifier, algorithm, name = _v2_verifier(request["signature"]["verifier"])
    _check(verifier, unb64(request["signature"]["content"]), unb64(request["digest"]), algorithm)
    return "hashedrekord", {"hashedRekordV002": {"data": {"algorithm": name, "digest": request["digest"]},
                                                 "signature": request["signature"]}}


def _dsse_v2(request: Any) -> tuple[str, dict[str, Any]]:
    envelope = request["envelope"]
    payload = unb64(envelope["payload"])
    signatures = []
    for signature, verifier in zip(envelope["signatures"], request["verifiers"], strict=True):
        raw, algorithm, _ = _v2_verifier(verifier)
        _check(raw, unb64(signature["sig"]), sha256(pae(envelope["payloadType"], payload)), algorithm)
        signatures.append({"content": signature["sig"], "verifier": verifier})
    digest = {"algorithm": "SHA2_256", "digest": b64(sha256(payload))}
    return "dsse", {"dsseV002": {"payloadHash": digest, "signatures": signatures}}


def _v2_verifier(verifier: Any) -> tuple[bytes, hashes.HashAlgorithm, str]:
    kinds: dict[str, tuple[hashes.HashAlgorithm, str]] = {
        "PKIX_ECDSA_P256_SHA_256": (hashes.SHA256(), "SHA2_256"),
        "PKIX_ECDSA_P384_SHA_384": (hashes.SHA384(), "SHA2_384")}
    raw = verifier.get("x509Certificate") or verifier["publicKey"]
    return unb64(raw["rawBytes"]), *kinds[verifier["keyDetails"]]


_V1: dict[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord, ("dsse", "0.0.1"): _dsse,
    ("intoto", "0.0.1"): _intoto_001, ("intoto", "0.0.2"): _intoto_002}
_V2: dict[str, Callable[[Any], tuple[str, dict[str, Any]]]] = {
    "hashedRekordRequestV002": _hashedrekord_v2, "dsseRequestV002": _dsse_v2}
