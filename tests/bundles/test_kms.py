"""A key that stays with a key management service, through securesystemslib's signers.

The services' own libraries are not among the tests' requirements. Where they are not installed, their place in
securesystemslib is taken by a stand-in that answers as the service does; where hvac or boto3 is, the real one talks to
a stand-in on loopback. Azure and Google are asked for nothing here: only how their URIs are read is tested.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import _aws_signer, _vault_signer

from provenance.bundles.envelope import parse_bundle, sign
from provenance.bundles.keys import keyid, public_pem
from provenance.bundles.signers import kms
from provenance.errors import ProvenanceError
from tests.bundles.own_authority import STATEMENT


class Vault:
    """The transit engine with one Ed25519 key."""

    def __init__(self, **_: Any) -> None:
        self.secrets = self
        self.transit = self

    key = ed25519.Ed25519PrivateKey.generate()

    def read_key(self, name: str) -> Any:
        if name != "lab":
            raise KeyError("no handler for this path")
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"data": {"keys": {"1": {"public_key": base64.b64encode(b"\0" * 32).decode()},
                                  "10": {"public_key": base64.b64encode(raw).decode()}}}}

    def sign_data(self, name: str, *, hash_input: str, key_version: int) -> Any:
        made = base64.b64encode(self.key.sign(base64.b64decode(hash_input))).decode()
        return {"data": {"signature": f"vault:v{key_version}:{made}"}}


class Aws:
    """A service with one P-256 key."""

    key = ec.generate_private_key(ec.SECP256R1())

    def get_public_key(self, KeyId: str) -> Any:  # noqa: N803  its names
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": der, "SigningAlgorithms": ["ECDSA_SHA_256"]}

    def sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> Any:  # noqa: N803
        assert (MessageType, SigningAlgorithm) == ("DIGEST", "ECDSA_SHA_256")
        return {"Signature": self.key.sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))}


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_vault_signer, "VAULT_IMPORT_ERROR", None)
    monkeypatch.setattr(_vault_signer, "Ed25519PublicKey", ed25519.Ed25519PublicKey, raising=False)
    monkeypatch.setattr(_vault_signer, "hvac", type("hvac", (), {"Client": Vault}), raising=False)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization

    library = type("boto3", (), {"client": staticmethod(lambda _: Aws())})
    monkeypatch.setattr(_aws_signer, "AWS_IMPORT_ERROR", None)
    monkeypatch.setattr(_aws_signer, "serialization", serialization, raising=False)
    monkeypatch.setattr(_aws_signer, "boto3", library, raising=False)
    for name in ("BotoCoreError", "ClientError"):
        monkeypatch.setattr(_aws_signer, name, RuntimeError, raising=False)


@pytest.mark.parametrize("uri", ["hashivault:lab", "hashivault://lab", "hv:lab"])
def test_a_key_in_vault_signs_under_our_name_for_it(uri: str, vault: None) -> None:
    signs(uri, Vault.key)


@pytest.mark.parametrize("uri", ["awskms:alias/lab", "awskms:///alias/lab"])
def test_a_key_at_aws_signs_under_our_name_for_it(uri: str, aws: None) -> None:
    signs(uri, Aws.key)


def signs(uri: str, key: Any) -> None:
    pem = public_pem(key.public_key())
    envelope = parse_bundle(sign(STATEMENT, kms.KmsSigner(uri)), "bundle")
    assert envelope.hint == keyid(pem)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        key.public_key().verify(envelope.signature, envelope.pae)
    else:
        key.public_key().verify(envelope.signature, envelope.pae, ec.ECDSA(hashes.SHA256()))


def refused(uri: str) -> str:
    with pytest.raises(ProvenanceError) as caught:
        kms.KmsSigner(uri).sign(b"data")
    return caught.value.code


def test_a_key_that_is_not_there_is_said_to_be_unavailable(vault: None) -> None:
    assert refused("hashivault:other") == "signer-unavailable"


def test_a_service_that_signs_with_another_key_is_found_out(vault: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that does not verify with the key that it names is not written."""
    other = ed25519.Ed25519PrivateKey.generate()
    made = base64.b64encode(other.sign(b"data")).decode()
    monkeypatch.setattr(Vault, "sign_data", lambda *_, **__: {"data": {"signature": f"vault:v1:{made}"}})
    assert refused("hashivault:lab") == "signer-unavailable"


def test_a_service_that_fails_while_it_signs_is_said_to_be_unavailable(vault: None,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("gone")

    monkeypatch.setattr(Vault, "sign_data", fail)
    assert refused("hashivault:lab") == "signer-unavailable"


def test_a_key_of_a_kind_that_no_trust_file_takes_is_refused(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    der = rsa.generate_private_key(65537, 2048).public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answer = {"PublicKey": der, "SigningAlgorithms": ["RSASSA_PSS_SHA_256"]}
    monkeypatch.setattr(Aws, "get_public_key", lambda *_, **__: answer)
    assert refused("awskms:lab") == "key-invalid"


@pytest.mark.parametrize(("uri", "service", "named"), [
    ("gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "GCPSigner",
     ("projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",)),
    ("gcpkms://projects/p", "GCPSigner", ("projects/p",)),
    ("azurekms://acme.vault.azure.net/keys/lab", "AzureSigner", ("acme", "lab")),
    ("azurekms://acme.vault.azure.net/lab", "AzureSigner", ("acme", "lab")),
])
def test_uris_name_the_key_as_each_service_does(uri: str, service: str, named: tuple[str, ...]) -> None:
    found, *names = kms._service(uri)
    assert (found.__name__, tuple(names)) == (service, named)


@pytest.mark.parametrize("uri", ["", "awskms", "awskms:", "x:y", "azurekms://acme.vault.azure.net", "azurekms:"])
def test_what_names_no_key_is_a_mistake(uri: str) -> None:
    assert refused(uri) == "usage"


Answers = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def loopback() -> Iterator[Callable[[Answers], str]]:
    """A server of JSON on loopback: what it answers to a path and a document."""
    servers = []

    def serve(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                found = answers(self.headers.get("X-Amz-Target") or self.path, json.loads(body or b"{}"))
                data = json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_vaults_own_library_signs_against_a_stand_in(loopback: Callable[[Answers], str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hvac")

    def answers(path: str, asked: dict[str, Any]) -> Any:
        if path == "/v1/transit/keys/lab":
            return Vault().read_key("lab")
        assert path.startswith("/v1/transit/sign/lab")
        return Vault().sign_data("lab", hash_input=asked["input"], key_version=asked["key_version"])

    monkeypatch.setenv("VAULT_ADDR", loopback(answers))
    monkeypatch.setenv("VAULT_TOKEN", "test")
    signs("hashivault:lab", Vault.key)


def test_the_library_of_aws_signs_against_a_stand_in(loopback: Callable[[Answers], str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")

    def answers(target: str, asked: dict[str, Any]) -> Any:
        if target == "TrentService.GetPublicKey":
            found = Aws().get_public_key(asked["KeyId"])
            return {**found, "PublicKey": base64.b64encode(found["PublicKey"]).decode()}
        assert target == "TrentService.Sign"
        made = Aws().sign("", base64.b64decode(asked["Message"]), asked["MessageType"], asked["SigningAlgorithm"])
        return {"Signature": base64.b64encode(made["Signature"]).decode()}

    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", loopback(answers))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    signs("awskms:alias/lab", Aws.key)
