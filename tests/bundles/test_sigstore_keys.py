"""Every algorithm that signatures of bundles are made with, by keys that were handed in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import PublicFormat

from provenance.bundles.sigstore import BundleVerification, PublicKey, SignedFile
from provenance.errors import TrustError
from tests.sigstore_instance.encoding import PEM, b64
from tests.sigstore_instance.fixtures import STATEMENT, check
from tests.sigstore_instance.rekor import pae

FILE = b"the bytes of a file"
TYPE = "application/vnd.in-toto+json"
RSA = rsa.generate_private_key(65537, 2048)
P256, P384, P521 = (ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()))
ED25519 = ed25519.Ed25519PrivateKey.generate()


def raw(key: ec.EllipticCurvePrivateKey, data: bytes, kind: Any = hashes.SHA256) -> bytes:
    """r||s, as hardware and some clouds sign."""
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size) for number in decode_dss_signature(key.sign(data, ec.ECDSA(kind()))))


SIGNERS: dict[str, tuple[Any, Callable[[bytes], bytes]]] = {
    "Ed25519": (ED25519, ED25519.sign),
    "P-256": (P256, lambda data: P256.sign(data, ec.ECDSA(hashes.SHA256()))),
    "P-256, raw": (P256, lambda data: raw(P256, data)),
    "P-384": (P384, lambda data: P384.sign(data, ec.ECDSA(hashes.SHA384()))),
    "P-384 with SHA-256": (P384, lambda data: P384.sign(data, ec.ECDSA(hashes.SHA256()))),
    "P-521": (P521, lambda data: P521.sign(data, ec.ECDSA(hashes.SHA512()))),
    "P-384, raw": (P384, lambda data: raw(P384, data, hashes.SHA384)),
    "P-521, raw": (P521, lambda data: raw(P521, data, hashes.SHA512)),
    "RSA, PKCS#1 v1.5 with SHA-512": (RSA, lambda data: RSA.sign(data, padding.PKCS1v15(), hashes.SHA512())),
    "RSA, PSS with SHA-384": (
        RSA, lambda data: RSA.sign(data, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())),
    "RSA, PKCS#1 v1.5": (RSA, lambda data: RSA.sign(data, padding.PKCS1v15(), hashes.SHA256())),
    "RSA, PSS": (RSA, lambda data: RSA.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())),
}


def bundle(content: dict[str, Any]) -> dict[str, Any]:
    return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}}, **content}


def envelope(sign: Callable[[bytes], bytes]) -> dict[str, Any]:
    return bundle({"dsseEnvelope": {"payload": b64(STATEMENT), "payloadType": TYPE,
                                    "signatures": [{"sig": b64(sign(pae(TYPE, STATEMENT)))}]}})


def public(key: Any) -> PublicKey:
    return PublicKey(key.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo))


def message(sign: Callable[[bytes], bytes], **claimed: Any) -> dict[str, Any]:
    return bundle({"messageSignature": {"signature": b64(sign(FILE)), **claimed}})


def outcome(result: BundleVerification) -> tuple[str, str]:
    return result.status, result.code


@pytest.mark.parametrize("name", SIGNERS)
def test_a_signature_is_by_its_key_and_by_no_other(name: str) -> None:
    key, sign = SIGNERS[name]
    assert outcome(check(envelope(sign), None, signer=public(key))) == ("VALID", "")
    other = ed25519.Ed25519PrivateKey.generate() if key is not ED25519 else P256
    assert outcome(check(envelope(sign), None, signer=public(other))) == ("INVALID", "signature-invalid")


WEAK = {
    "RSA, PKCS#1 v1.5 with SHA-1": (RSA, lambda data: RSA.sign(data, padding.PKCS1v15(), hashes.SHA1())),
    "RSA, PSS with another mask": (
        RSA, lambda data: RSA.sign(data, padding.PSS(padding.MGF1(hashes.SHA1()), 32), hashes.SHA256())),
    "P-256, raw, the wrong way round": (P256, lambda data: raw(P256, data)[32:] + raw(P256, data)[:32]),
    "P-256, raw and longer": (P256, lambda data: raw(P256, data) + b"\0"),
    "P-256, raw zeros": (P256, lambda data: b"\0" * 64),
    "P-256, DER and longer": (P256, lambda data: P256.sign(data, ec.ECDSA(hashes.SHA256())) + b"\0"),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_signature_in_no_known_form_is_none(name: str) -> None:
    key, sign = WEAK[name]
    assert outcome(check(envelope(sign), None, signer=public(key))) == ("INVALID", "signature-invalid")


@pytest.mark.parametrize("name", SIGNERS)
def test_a_file_is_signed_by_its_key(name: str) -> None:
    key, sign = SIGNERS[name]
    assert check(message(sign), None, signer=public(key), artifact=SignedFile.of(FILE)).verified
    assert not check(message(sign), None, signer=public(key), artifact=SignedFile.of(b"other")).verified


def test_ed25519_signs_a_file_and_not_its_digest() -> None:
    digest = SignedFile({"sha256": hashlib.sha256(FILE).digest()})
    result = check(message(ED25519.sign), None, signer=public(ED25519), artifact=digest)
    assert outcome(result) == ("UNSUPPORTED", "bundle-kind-unsupported")


def test_ed25519_over_a_digest_is_another_signature_which_is_not_checked() -> None:
    """Ed25519ph, which Sigstore's clients write for files; `claimed` is how they say so."""
    claimed, artifact = claim("SHA2_512", hashlib.sha512(FILE).digest()), SignedFile.of(FILE)
    prehashed = message(lambda data: ED25519.sign(hashlib.sha512(data).digest()), **claimed)
    assert outcome(check(prehashed, None, signer=public(ED25519), artifact=artifact)) == (
        "UNSUPPORTED", "bundle-kind-unsupported")
    assert check(message(ED25519.sign, **claimed), None, signer=public(ED25519), artifact=artifact).verified


def claim(algorithm: str, digest: bytes) -> dict[str, Any]:
    return {"messageDigest": {"algorithm": algorithm, "digest": b64(digest)}}


@pytest.mark.parametrize(("claimed", "artifact", "expected"), [
    ({}, None, ("UNSUPPORTED", "bundle-kind-unsupported")),
    (claim("SHA2_256", b"short"), None, ("INVALID", "bundle-invalid")),
    (claim("SHA2_256", hashlib.sha256(b"other").digest()), None, ("INVALID", "signature-invalid")),
    (claim("SHA2_256", hashlib.sha256(b"other").digest()), SignedFile.of(FILE), ("INVALID", "artifact-mismatch")),
    (claim("SHA2_512", b""), SignedFile({"sha256": hashlib.sha256(FILE).digest()}),
     ("UNSUPPORTED", "bundle-kind-unsupported")),
    (claim("MD5", b""), SignedFile.of(FILE), ("UNSUPPORTED", "bundle-kind-unsupported")),
], ids=["no file", "a digest of another length", "another digest", "another file", "another kind", "an unknown kind"])
def test_what_a_bundle_says_of_its_file_must_be_so(claimed: dict[str, Any], artifact: SignedFile | None,
                                                  expected: tuple[str, str]) -> None:
    key, sign = SIGNERS["P-256"]
    assert outcome(check(message(sign, **claimed), None, signer=public(key), artifact=artifact)) == expected


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 1024), dsa.generate_private_key(2048),
                                 ec.generate_private_key(ec.SECP256K1())], ids=["RSA 1024", "DSA", "secp256k1"])
def test_a_key_of_another_kind_is_unsupported(key: Any) -> None:
    result = check(envelope(lambda _: b"x" * 64), None, signer=public(key))
    assert outcome(result) == ("UNSUPPORTED", "bundle-kind-unsupported")


def test_what_is_no_public_key_is_the_callers_mistake() -> None:
    with pytest.raises(TrustError) as refused:
        check(envelope(ED25519.sign), None, signer=PublicKey(b"not a key"))
    assert refused.value.code == "key-invalid"
