"""A certificate of one's own authority counts when every rule of `chains.py` holds; each bad one has one flaw."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from provenance.bundles.chains import Certified
from provenance.bundles.envelope import UnsupportedBundle
from provenance.bundles.sigstore import (
    BundleVerification,
    CertificateIdentity,
    RootFacts,
    TrustRoot,
    certificates,
    verify,
)
from provenance.bundles.sigstore.roots import Authority, Window
from provenance.errors import BundleError, TrustError
from tests.bundles.own_authority import START, STATEMENT, SUBJECT, Pki, certificate
from tests.sigstore_instance import Instance
from tests.sigstore_instance.encoding import PEM, b64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import root_of, signed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "oms-model-transparency"


def judge(bundle: bytes | dict[str, Any], authority: Any, root: TrustRoot | None = None,
          as_of: datetime = NOW) -> BundleVerification:
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return verify(data, root, signer=authority, as_of=as_of)


def said(pki: Pki, **changes: Any) -> tuple[str, str]:
    result = judge(pki.sign(), replace(pki.authority, **changes))
    return result.status, result.code


def test_a_chain_to_the_authority_is_valid_and_names_its_signer() -> None:
    pki = Pki()
    result = judge(pki.sign(), pki.authority)
    assert (result.status, result.payload, result.identity, result.issuer, result.times) == (
        "VALID", STATEMENT, SUBJECT, "CN=root,O=Example Lab", ())


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP521R1()),
                                 rsa.generate_private_key(65537, 2048)], ids=["P-384", "P-521", "RSA"])
def test_keys_of_every_checked_kind_count(key: Any) -> None:
    assert said(Pki(key=key)) == ("VALID", "")


def test_an_authority_below_the_root_can_be_trusted_alone() -> None:
    pki = Pki()
    authority = Certified.from_pem(pki.between_certificate.public_bytes(PEM), "trust")
    assert judge(pki.sign(), authority).issuer == "CN=authority,O=Example Lab"


def test_one_certificate_and_no_chain_will_do_where_the_authority_issued_it() -> None:
    pki = Pki()
    authority = Certified.from_pem(pki.between_certificate.public_bytes(PEM), "trust")
    bundle = pki.bundle()
    alone = bundle["verificationMaterial"].pop("x509CertificateChain")["certificates"][0]
    bundle["verificationMaterial"]["certificate"] = alone
    assert judge(bundle, authority).status == "VALID"


@pytest.mark.parametrize("changes", [{"subject": SUBJECT}, {"subject_alt_name": "https://example.org/signer"}])
def test_a_name_that_is_demanded_is_there_exactly(changes: dict[str, str]) -> None:
    assert said(Pki(), **changes) == ("VALID", "")
    for wrong in [{name: value[:-1] for name, value in changes.items()},
                  {name: value.upper() for name, value in changes.items()}]:
        assert said(Pki(), **wrong) == ("INVALID", "identity-mismatch")


FLAWS: dict[str, tuple[Callable[[], Pki], str, str]] = {
    "a leaf without the key usage digitalSignature": (
        lambda: Pki(leaf={"key_usage": {"key_agreement": True}}), "INVALID", "certificate-invalid"),
    "a leaf without a key usage": (lambda: Pki(leaf={"key_usage": None}), "INVALID", "certificate-invalid"),
    "a leaf that may certify": (
        lambda: Pki(leaf={"ca": True, "key_usage": {"digital_signature": True, "key_cert_sign": True}}),
        "INVALID", "certificate-invalid"),
    "a leaf for servers": (lambda: Pki(leaf={"usages": [Usage.SERVER_AUTH]}), "INVALID", "certificate-invalid"),
    "a leaf for timestamps": (lambda: Pki(leaf={"usages": [Usage.TIME_STAMPING]}), "INVALID", "certificate-invalid"),
    "a leaf for anything": (
        lambda: Pki(leaf={"usages": [Usage.ANY_EXTENDED_KEY_USAGE]}), "INVALID", "certificate-invalid"),
    "a leaf that says no usage": (lambda: Pki(leaf={"usages": ()}), "INVALID", "certificate-invalid"),
    "a leaf that has expired": (
        lambda: Pki(leaf={"end": NOW - timedelta(days=1)}), "INVALID", "certificate-outside-validity"),
    "a leaf that is not valid yet": (
        lambda: Pki(leaf={"start": NOW + timedelta(days=1)}), "INVALID", "certificate-outside-validity"),
    "an authority that has expired": (
        lambda: Pki(between={"end": NOW - timedelta(days=1)}), "INVALID", "certificate-invalid"),
    "a root that has expired": (lambda: Pki(root={"end": NOW - timedelta(days=1)}), "INVALID", "certificate-invalid"),
    "an authority that is none": (lambda: Pki(between={"ca": False}), "INVALID", "certificate-invalid"),
    "an authority without basic constraints": (lambda: Pki(between={"ca": None}), "INVALID", "certificate-invalid"),
    "an authority that may not certify": (
        lambda: Pki(between={"key_usage": {"digital_signature": True}}), "INVALID", "certificate-invalid"),
    "an authority for servers only": (
        lambda: Pki(between={"usages": [Usage.SERVER_AUTH]}), "INVALID", "certificate-invalid"),
    "a path longer than the root allows": (lambda: Pki(root={"path_length": 0}), "INVALID", "certificate-invalid"),
    "an RSA key of 1024 bits": (
        lambda: Pki(between_key=rsa.generate_private_key(65537, 1024)), "INVALID", "certificate-invalid"),
    "a curve outside the standard": (
        lambda: Pki(between_key=ec.generate_private_key(ec.SECP256K1())), "INVALID", "certificate-invalid"),
    "an unknown critical extension": (
        lambda: Pki(leaf={"critical": "1.2.3.4"}), "UNSUPPORTED", "bundle-kind-unsupported"),
    "an unknown critical extension of the authority": (
        lambda: Pki(between={"critical": "1.2.3.4"}), "UNSUPPORTED", "bundle-kind-unsupported"),
    "an Ed448 authority": (
        lambda: Pki(root_key=ed448.Ed448PrivateKey.generate(), root={"hash": None}, between={"hash": None}),
        "UNSUPPORTED", "bundle-kind-unsupported"),
    "an expired signer with an Ed25519 key": (
        lambda: Pki(key=ed25519.Ed25519PrivateKey.generate(), leaf={"end": datetime(2026, 1, 1, tzinfo=UTC)}),
        "INVALID", "certificate-outside-validity"),
    "a signer with an Ed448 key": (
        lambda: Pki(key=ed448.Ed448PrivateKey.generate()), "UNSUPPORTED", "bundle-kind-unsupported"),
    "an Ed25519 authority": (
        lambda: Pki(between_key=ed25519.Ed25519PrivateKey.generate(), leaf={"hash": None}),
        "UNSUPPORTED", "bundle-kind-unsupported"),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_one_flaw_is_enough(flaw: str) -> None:
    make, status, code = FLAWS[flaw]
    assert said(make()) == (status, code)


def test_a_signer_may_have_an_ed25519_key_under_another_kind_of_authority() -> None:
    pki = Pki(key=ed25519.Ed25519PrivateKey.generate())
    assert said(pki) == ("VALID", "")
    other = pki.bundle() | {"dsseEnvelope": Pki(key=ed25519.Ed25519PrivateKey.generate()).bundle()["dsseEnvelope"]}
    assert judge(other, pki.authority).code == "signature-invalid"


def test_an_instance_with_an_ed25519_authority_is_not_checked() -> None:
    """Nor said to be wrong: its certificates may well be good."""
    edwards = Pki(between_key=ed25519.Ed25519PrivateKey.generate(), leaf={"hash": None})
    for chain, refused in ((edwards, UnsupportedBundle), (Pki(), BundleError)):
        listed = Authority("", (chain.between_certificate, chain.root_certificate), Window(START, None))
        root = TrustRoot(RootFacts("a root", "0" * 64, START), (), (), (listed,), (), b"")
        with pytest.raises(BundleError) as caught:
            certificates.check_chain(Pki().leaf_certificate, root, [NOW])  # by another authority of the same name
        assert type(caught.value) is refused


def test_a_leaf_that_calls_itself_an_authority_and_may_not_certify_is_let_pass() -> None:
    """The certificates of the reference implementation's own tests are such."""
    assert said(Pki(leaf={"ca": True})) == ("VALID", "")


def test_a_certificate_signed_with_sha1_is_refused(tmp_path: Path) -> None:
    """cryptography makes none any more, so that openssl does."""
    pki = Pki()
    (tmp_path / "ca.pem").write_bytes(pki.between_certificate.public_bytes(PEM))
    (tmp_path / "ca.key").write_bytes(_private_pem(pki.between_key))
    (tmp_path / "leaf.key").write_bytes(_private_pem(pki.key))
    (tmp_path / "usages").write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n")

    def issued(hash_name: str) -> dict[str, Any]:
        issue = f"x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -{hash_name} -days 3"
        for line in ("req -new -key leaf.key -subj /CN=signer -out leaf.csr",
                     f"{issue} -extfile usages -outform DER -out leaf.der"):
            subprocess.run(["openssl", *line.split()], cwd=tmp_path, capture_output=True, check=True)
        bundle = pki.bundle()
        certificates = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
        certificates[0]["rawBytes"] = b64((tmp_path / "leaf.der").read_bytes())
        return bundle

    for hash_name, code in (("sha256", ""), ("sha1", "certificate-invalid")):
        bundle = issued(hash_name)
        assert judge(bundle, pki.authority, as_of=datetime.now(UTC)).code == code


def _private_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    return key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption())


def test_an_authority_of_the_same_name_and_another_key_is_not_the_authority() -> None:
    assert judge(Pki().sign(), Pki().authority).code == "certificate-invalid"


def test_an_authority_that_nobody_trusts_is_unknown_and_not_wrong() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    stranger = certificate("elsewhere", key, "elsewhere", key, ca=True)
    authority = Certified.from_pem(stranger.public_bytes(PEM), "trust")
    result = judge(Pki().sign(), authority)
    assert (result.status, result.code) == ("UNSUPPORTED", "signature-unknown-signer")


def test_without_the_certificate_between_there_is_no_path() -> None:
    pki = Pki()
    bundle = pki.bundle()
    del bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][1]
    assert judge(bundle, pki.authority).status != "VALID"


def test_a_self_signed_leaf_beside_the_chain_of_another_is_refused() -> None:
    """The chain of a trusted signer is public: putting it behind one's own certificate must not help."""
    pki, key = Pki(), ec.generate_private_key(ec.SECP256R1())
    thief = Pki(key=key)
    thief.leaf_certificate = certificate("signer", key, "signer", key, usages=[Usage.CODE_SIGNING])
    thief.between_certificate = pki.between_certificate
    assert judge(thief.sign(), pki.authority).code == "certificate-invalid"


def test_a_bundle_whose_payload_was_replaced_is_refused() -> None:
    pki = Pki()
    bundle = pki.bundle()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(STATEMENT.replace(b"model", b"other")).decode()
    assert judge(bundle, pki.authority).code == "signature-invalid"


def test_a_chain_of_ones_own_is_no_sigstore_identity(instance: Instance) -> None:
    result = judge(Pki().sign(), CertificateIdentity("x", "y"), root_of(instance))
    assert (result.status, result.code) == ("UNSUPPORTED", "signature-unknown-signer")


def test_a_sigstore_certificate_is_nobody_of_ones_own_authority(instance: Instance) -> None:
    result = judge(signed(instance), Pki().authority, root_of(instance), as_of=datetime.now(UTC))
    assert (result.status, result.code) == ("UNSUPPORTED", "signature-unknown-signer")


def stamped(pki: Pki, instance: Instance, at: datetime, payload: bytes = STATEMENT) -> dict[str, Any]:
    bundle = pki.bundle(payload)
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    token = b64(instance.tsa.stamp(signature, at=at))
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": token}]}
    return bundle


def expired() -> Pki:
    return Pki(leaf={"end": datetime(2026, 1, 1, tzinfo=UTC)})


def test_a_timestamp_within_its_validity_outlives_the_certificate(instance: Instance) -> None:
    pki = expired()
    result = judge(stamped(pki, instance, datetime(2025, 6, 1, tzinfo=UTC)), pki.authority, root_of(instance))
    assert (result.status, result.code) == ("VALID", "")
    assert result.signing_time is not None
    assert (result.signing_time.source, result.signing_time.moment) == ("timestamp", datetime(2025, 6, 1, tzinfo=UTC))


def test_a_timestamp_after_its_validity_does_not(instance: Instance) -> None:
    pki = expired()
    result = judge(stamped(pki, instance, datetime(2026, 2, 1, tzinfo=UTC)), pki.authority, root_of(instance))
    assert (result.status, result.code) == ("INVALID", "certificate-outside-validity")


def test_a_timestamp_before_the_authority_was_valid_does_not(instance: Instance) -> None:
    pki = Pki(between={"start": datetime(2026, 6, 1, tzinfo=UTC)})
    result = judge(stamped(pki, instance, datetime(2025, 6, 1, tzinfo=UTC)), pki.authority, root_of(instance))
    assert (result.status, result.code) == ("INVALID", "certificate-invalid")


@pytest.mark.parametrize("knows_another", [True, False])
def test_an_unknown_clock_proves_nothing_and_breaks_nothing(knows_another: bool, instance: Instance,
                                                           other_instance: Instance) -> None:
    root = root_of(other_instance) if knows_another else None
    if root is not None:
        root = replace(root, clocks=())
    good, old = Pki(), expired()
    result = judge(stamped(good, instance, datetime(2025, 6, 1, tzinfo=UTC)), good.authority, root)
    assert (result.status, result.times, len(result.set_aside)) == ("VALID", (), 1)
    result = judge(stamped(old, instance, datetime(2025, 6, 1, tzinfo=UTC)), old.authority, root)
    assert (result.status, result.code) == ("UNSUPPORTED", "trust-root-unknown")


def test_a_timestamp_over_another_signature_is_refused(instance: Instance) -> None:
    pki = Pki()
    bundle = stamped(pki, instance, datetime(2025, 6, 1, tzinfo=UTC))
    bundle["dsseEnvelope"] = pki.bundle()["dsseEnvelope"]
    assert judge(bundle, pki.authority, root_of(instance)).code == "timestamp-invalid"


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"x"])
def test_what_is_no_authority_cannot_be_trusted(pem: bytes) -> None:
    with pytest.raises(TrustError) as caught:
        Certified.from_pem(pem, "trust")
    assert caught.value.code == "trust-invalid"


def test_a_private_key_is_no_authority() -> None:
    with pytest.raises(TrustError) as caught:
        Certified.from_pem(_private_pem(ec.generate_private_key(ec.SECP256R1())), "trust")
    assert caught.value.code == "key-is-private"


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the real bundles are not here")
@pytest.mark.parametrize("release", ["v0.2.0", "v0.3.1", "v1.0.0", "v1.0.1", "v1.1.0"])
def test_real_signatures_of_the_reference_implementation_count(release: str) -> None:
    authority = Certified.from_pem((VECTORS / "keys/certificate/ca-cert.pem").read_bytes(), "ca")
    data = (VECTORS / f"{release}-certificate" / "model.sig").read_bytes()
    assert judge(data, authority).status == "VALID"
    assert judge(data, authority, as_of=START).code == "certificate-outside-validity"
    assert judge(data, authority, as_of=datetime(2036, 1, 1, tzinfo=UTC)).code == "certificate-outside-validity"
    assert judge(data, Pki().authority).status == "UNSUPPORTED"
