"""What we sign, others verify with their own tools, and the other way round: by each way to sign.

model-signing, sigstore-python, securesystemslib, in-toto and openssl, each in its own terms. What they accept although
they should not is not looked for here.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

from provenance.bundles.chains import Certified
from provenance.bundles.envelope import parse_bundle, sign
from provenance.bundles.keys import keyid, public_pem
from provenance.bundles.signers.certificate import certified
from provenance.bundles.signers.key import load_signer, signing_key
from provenance.bundles.signers.sigstore import IdentitySigner
from provenance.bundles.signers.timestamp import request_timestamp
from provenance.bundles.sigstore import BundleVerification, CertificateIdentity, PublicKey, SignedFile, verify
from provenance.workflows.sign import sign_model
from tests.bundles.own_authority import PAYLOAD_TYPE, STATEMENT, Pki
from tests.sigstore_instance import Instance
from tests.sigstore_instance.encoding import PEM, b64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances
from tests.sigstore_instance.fixtures import root_of

NAME = "https://ci.example/train.yml@refs/heads/main"
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
KINDS: dict[str, Callable[[], Any]] = {
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    **{name: (lambda curve=curve: ec.generate_private_key(curve())) for name, curve in CURVES.items()},
}


@pytest.fixture(params=KINDS)
def key(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A key; its halves lie in the folder as files."""
    return written(KINDS[request.param](), tmp_path)


def written(key: Any, folder: Path) -> Any:
    (folder / "key.pem").write_bytes(key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "key.pub").write_bytes(public_pem(key.public_key()))
    return key


def ours(folder: Path) -> bytes:
    return sign(STATEMENT, load_signer(folder / "key.pem", lambda: None))


def judged(bundle: bytes | dict[str, Any], signer: Any, root: Any = None) -> BundleVerification:
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return verify(data, root, signer=signer, as_of=datetime.now(UTC))


def around(envelope: dict[str, Any], hint: str = "") -> dict[str, Any]:
    """A bundle around an envelope that somebody else made."""
    return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope,
            "verificationMaterial": {"publicKey": {"hint": hint}}}


# securesystemslib and in-toto


def test_securesystemslib_verifies_ours_and_we_theirs(key: Any, tmp_path: Path) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import CryptoSigner

    pem = public_pem(key.public_key())
    known, other = signing_key(pem, "key"), signing_key(public_pem(KINDS["Ed25519"]().public_key()), "other")
    envelope = Envelope.from_dict(json.loads(ours(tmp_path))["dsseEnvelope"])
    assert set(envelope.verify([known], 1)) == {keyid(pem)}
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)
    theirs = Envelope(STATEMENT, PAYLOAD_TYPE, {})
    theirs.sign(CryptoSigner(key, known))
    assert judged(around(theirs.to_dict()), PublicKey(pem)).payload == STATEMENT


def test_in_toto_verifies_ours(key: Any, tmp_path: Path) -> None:
    from in_toto.exceptions import SignatureVerificationError
    from in_toto.models.metadata import Envelope

    envelope = Envelope.from_dict(json.loads(ours(tmp_path))["dsseEnvelope"])

    def as_it_has_them(key: Any) -> dict[str, Any]:
        known = signing_key(public_pem(key.public_key()), "key")
        return {**known.to_dict(), "keyid": known.keyid}

    envelope.verify_signature(as_it_has_them(key))
    with pytest.raises(SignatureVerificationError):
        envelope.verify_signature(as_it_has_them(KINDS["Ed25519"]()))


# openssl


def openssl(folder: Path, *arguments: str, well: bool = True) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == well, done.stderr
    return done.stdout


def pae(payload: bytes) -> bytes:
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


HASHES = {256: "sha256", 384: "sha384", 521: "sha512"}


def test_openssl_verifies_ours_and_we_its(key: Any, tmp_path: Path) -> None:
    (tmp_path / "pae").write_bytes(pae(STATEMENT))
    (tmp_path / "sig").write_bytes(parse_bundle(ours(tmp_path), "ours").signature)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = ("-rawin", "-in", "pae")
        openssl(tmp_path, "pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", *raw, "-sigfile", "sig")
        openssl(tmp_path, "pkeyutl", "-sign", "-inkey", "key.pem", *raw, "-out", "theirs")
    else:
        kind = f"-{HASHES[key.curve.key_size]}"
        openssl(tmp_path, "dgst", kind, "-verify", "key.pub", "-signature", "sig", "pae")
        openssl(tmp_path, "dgst", kind, "-sign", "key.pem", "-out", "theirs", "pae")
    envelope = {"payload": b64(STATEMENT), "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": b64((tmp_path / "theirs").read_bytes())}]}
    assert judged(around(envelope), PublicKey(public_pem(key.public_key()))).status == "VALID"


def test_openssl_finds_the_path_that_we_write_into_a_bundle(tmp_path: Path) -> None:
    pki, material = Pki(), chained(Pki(), tmp_path)["verificationMaterial"]
    leaf, between = (base64.b64decode(item["rawBytes"]) for item in
                     material["x509CertificateChain"]["certificates"])
    (tmp_path / "leaf.der").write_bytes(leaf)
    (tmp_path / "between.der").write_bytes(between)
    for name in ("leaf", "between"):
        openssl(tmp_path, "x509", "-inform", "DER", "-in", f"{name}.der", "-out", f"{name}.pem")
    (tmp_path / "other.pem").write_bytes(pki.root_certificate.public_bytes(PEM))
    path = ("verify", "-untrusted", "between.pem", "-CAfile")
    openssl(tmp_path, *path, "root.pem", "leaf.pem")
    openssl(tmp_path, *path, "other.pem", "leaf.pem", well=False)


def chained(pki: Pki, folder: Path) -> dict[str, Any]:
    """A bundle that we sign under a certificate; the root of it lies in the folder."""
    written(pki.key, folder)
    (folder / "root.pem").write_bytes(pki.root_certificate.public_bytes(PEM))
    (folder / "chain.pem").write_bytes(b"".join(item.public_bytes(PEM) for item in (*pki.chain, pki.root_certificate)))
    signer = certified(load_signer(folder / "key.pem", lambda: None), folder / "chain.pem", now=datetime.now(UTC))
    bundle: dict[str, Any] = json.loads(sign(STATEMENT, signer))
    return bundle


def test_openssl_verifies_the_timestamp_that_we_ask_for(served: Instance, tmp_path: Path) -> None:
    token = request_timestamp(f"{served.url}/api/v1/timestamp", b"a signature")
    (tmp_path / "reply.tsr").write_bytes(token)
    (tmp_path / "data").write_bytes(b"a signature")
    (tmp_path / "other").write_bytes(b"another signature")
    (tmp_path / "root.pem").write_bytes(served.tsa.root.certificate.public_bytes(PEM))
    check = ("ts", "-verify", "-in", "reply.tsr", "-CAfile", "root.pem", "-data")
    openssl(tmp_path, *check, "data")
    openssl(tmp_path, *check, "other", well=False)


# model-signing, by certificate


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"weights")
    (model / "config.json").write_bytes(b"{}")
    return model


@pytest.mark.parametrize("curve", CURVES)
def test_model_signing_verifies_ours_by_certificate(curve: str, model: Path, tmp_path: Path) -> None:
    verifying = pytest.importorskip("model_signing.verifying", exc_type=ImportError)
    pki = Pki(key=ec.generate_private_key(CURVES[curve]()))
    chained(pki, tmp_path)
    signer = certified(load_signer(tmp_path / "key.pem", lambda: None), tmp_path / "chain.pem", now=datetime.now(UTC))
    bundle = sign_model(model, signer=lambda: signer, bundle=tmp_path / "model.sig").bundle
    check = verifying.Config().use_certificate_verifier(certificate_chain=[tmp_path / "root.pem"])
    check.verify(model, bundle)
    (tmp_path / "other.pem").write_bytes(Pki().root_certificate.public_bytes(PEM))
    with pytest.raises(Exception, match=r"."):
        verifying.Config().use_certificate_verifier(certificate_chain=[tmp_path / "other.pem"]).verify(model, bundle)


@pytest.mark.parametrize("curve", CURVES)
def test_we_verify_model_signings_by_certificate(curve: str, model: Path, tmp_path: Path) -> None:
    signing = pytest.importorskip("model_signing.signing", exc_type=ImportError)
    pki = Pki(key=ec.generate_private_key(CURVES[curve]()))
    chained(pki, tmp_path)
    for name, item in (("leaf", pki.leaf_certificate), ("between", pki.between_certificate)):
        (tmp_path / f"{name}.pem").write_bytes(item.public_bytes(PEM))
    signing.Config().use_certificate_signer(
        private_key=tmp_path / "key.pem", signing_certificate=tmp_path / "leaf.pem",
        certificate_chain=[tmp_path / "between.pem"]).sign(model, tmp_path / "model.sig")
    data = (tmp_path / "model.sig").read_bytes()
    assert judged(data, pki.authority).status == "VALID"
    assert judged(data, Certified.from_pem(Pki().root_certificate.public_bytes(PEM), "other")).status == "INVALID"


# sigstore-python, keyless


def their_verifier(served: Instance) -> Any:
    from sigstore.models import ClientTrustConfig
    from sigstore.verify import Verifier

    return Verifier(trusted_root=ClientTrustConfig.from_json(served.trust_config().decode()).trusted_root)


@pytest.mark.parametrize("rekor", [1, 2])
def test_sigstore_python_verifies_ours(rekor: Any, served: Instance) -> None:
    from sigstore.errors import VerificationError
    from sigstore.models import Bundle
    from sigstore.verify import policy

    ours = sign(STATEMENT, IdentitySigner(served.trust_config(), served.oidc.token, rekor))
    bundle, verifier = Bundle.from_json(ours.decode()), their_verifier(served)
    assert verifier.verify_dsse(bundle, policy.Identity(identity=NAME, issuer=served.url)) == (PAYLOAD_TYPE, STATEMENT)
    with pytest.raises(VerificationError):
        verifier.verify_dsse(bundle, policy.Identity(identity=NAME + "x", issuer=served.url))


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize("what", ["a statement", "a file"])
def test_we_verify_sigstore_pythons(rekor: int, what: str, served: Instance) -> None:
    from sigstore.dsse import StatementBuilder, Subject
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    config = ClientTrustConfig.from_json(served.trust_config().decode())
    config.force_tlog_version = rekor
    statement = StatementBuilder([Subject(name="model", digest={"sha256": "ab" * 32})], "urn:example:test:v1", {})
    with SigningContext.from_trust_config(config).signer(IdentityToken(served.oidc.token())) as signer:
        theirs = signer.sign_dsse(statement.build()) if what == "a statement" else signer.sign_artifact(b"a file")
    for name, status in ((NAME, "VALID"), (NAME + "x", "INVALID")):
        found = verify(theirs.to_json().encode(), root_of(served), signer=CertificateIdentity(name, served.url),
                       as_of=datetime.now(UTC), artifact=None if what == "a statement" else SignedFile.of(b"a file"))
        assert found.status == status
