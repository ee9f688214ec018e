"""Keys on disk: made, named, read, and refused where they are not what belongs there."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519

from provenance.bundles.keys import keyid, public_key
from provenance.bundles.signers.key import generate, load_signer
from provenance.errors import ProvenanceError, TrustError
from provenance.workflows.trust_file import keygen

PEM, SPKI = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8, PLAIN = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


def nobody() -> bytes | None:
    pytest.fail("nobody should be asked for a passphrase")


def refused(action: Callable[[], object], code: str) -> TrustError:
    with pytest.raises(TrustError) as caught:
        action()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(("kind", "scheme"), [("ed25519", "ed25519"), ("ecdsa-p256", "ecdsa-sha2-nistp256")])
def test_a_new_pair_signs_and_checks(tmp_path: Path, kind: Any, scheme: str) -> None:
    private, public = generate(kind, None)
    (tmp_path / "key").write_bytes(private)
    key = public_key(public, "input")
    assert key.scheme == scheme
    assert key.keyid == keyid(public) == hashlib.sha256(public).hexdigest()
    key.verify_signature(load_signer(tmp_path / "key", nobody).sign(b"data"), b"data")


def test_a_pair_is_new_every_time() -> None:
    assert generate("ed25519", None) != generate("ed25519", None)


def test_a_private_key_is_encrypted_when_there_is_a_passphrase(tmp_path: Path) -> None:
    private, public = generate("ed25519", b"correct horse")
    assert b"ENCRYPTED" in private
    (tmp_path / "key").write_bytes(private)
    signature = load_signer(tmp_path / "key", lambda: b"correct horse").sign(b"data")
    public_key(public, "input").verify_signature(signature, b"data")


@pytest.mark.parametrize("given", [None, b"", b"wrong"])
def test_a_missing_or_wrong_passphrase_is_told_as_such(tmp_path: Path, given: bytes | None) -> None:
    (tmp_path / "key").write_bytes(generate("ed25519", b"right")[0])
    refused(lambda: load_signer(tmp_path / "key", lambda: given), "key-passphrase")


def test_keys_are_written_for_their_owner_only_and_never_over_others(tmp_path: Path) -> None:
    pair = keygen(tmp_path / "acme.key", "ed25519", b"secret")
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert pair.public == tmp_path / "acme.key.pub"
    assert b"ENCRYPTED" in pair.private.read_bytes()
    assert keyid(pair.public.read_bytes()) == pair.keyid
    before = pair.private.read_bytes()
    with pytest.raises(ProvenanceError) as caught:
        keygen(tmp_path / "acme.key", "ed25519", None)
    assert caught.value.code == "output-unwritable"
    assert pair.private.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.key", "acme.key.pub"]


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_the_curves_of_oms_are_read(tmp_path: Path, curve: Any) -> None:
    private = ec.generate_private_key(curve())
    (tmp_path / "key").write_bytes(private.private_bytes(PEM, PKCS8, PLAIN))
    signer = load_signer(tmp_path / "key", nobody)
    key = public_key(private.public_key().public_bytes(PEM, SPKI), "input")
    key.verify_signature(signer.sign(b"data"), b"data")


def test_one_key_has_one_name_however_it_is_written() -> None:
    """Line ends, and a compressed point: a threshold counts principals, and a principal's keys once."""
    private = ec.generate_private_key(ec.SECP256R1())
    plain = private.public_key().public_bytes(PEM, SPKI)
    assert keyid(plain) == keyid(plain.replace(b"\n", b"\r\n")) == keyid(b"comment\n" + plain + b"\n")


def test_rsa_is_verified_with_and_signs_nothing(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65537, 2048)
    assert public_key(private.public_key().public_bytes(PEM, SPKI), "input").keytype == "rsa"
    (tmp_path / "key").write_bytes(private.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                                         serialization.NoEncryption()))
    refused(lambda: load_signer(tmp_path / "key", nobody), "key-invalid")


@pytest.mark.parametrize("make", [
    lambda: rsa.generate_private_key(65537, 1024), lambda: ed448.Ed448PrivateKey.generate(),
    lambda: x25519.X25519PrivateKey.generate(), lambda: ec.generate_private_key(ec.SECP256K1()),
    lambda: dsa.generate_private_key(2048),
], ids=["short-rsa", "ed448", "x25519", "secp256k1", "dsa"])
def test_other_kinds_of_keys_are_refused_on_both_sides(tmp_path: Path, make: Callable[[], Any]) -> None:
    private = make()
    refused(lambda: public_key(private.public_key().public_bytes(PEM, SPKI), "input"), "key-invalid")
    (tmp_path / "key").write_bytes(private.private_bytes(PEM, PKCS8, PLAIN))
    refused(lambda: load_signer(tmp_path / "key", nobody), "key-invalid")


def test_a_private_key_in_the_place_of_a_public_one_is_told_and_not_repeated() -> None:
    private, _ = generate("ed25519", None)
    error = refused(lambda: public_key(private, "trust.yaml"), "key-is-private")
    assert error.location == "trust.yaml"
    assert private.decode().splitlines()[1] not in str(error) + error.hint


def test_a_public_key_in_the_place_of_a_private_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(generate("ed25519", None)[1])
    refused(lambda: load_signer(tmp_path / "key", nobody), "key-invalid")


def test_two_keys_in_one_text_are_refused() -> None:
    """The second one would be passed over, and its owner would wonder."""
    both = generate("ed25519", None)[1] + generate("ed25519", None)[1]
    refused(lambda: public_key(both, "input"), "key-invalid")


@pytest.mark.parametrize("pem", [
    b"", b"key", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", b"\xff" * 10,
    b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
], ids=lambda pem: ascii(pem[:11]))
def test_what_is_no_key_is_refused(tmp_path: Path, pem: bytes) -> None:
    refused(lambda: public_key(pem, "input"), "key-invalid")
    (tmp_path / "key").write_bytes(pem)
    refused(lambda: load_signer(tmp_path / "key", nobody), "key-invalid")


def test_a_key_that_is_not_there_says_so(tmp_path: Path) -> None:
    refused(lambda: load_signer(tmp_path / "none", nobody), "input-unreadable")
    refused(lambda: load_signer(tmp_path, nobody), "input-unreadable")
