"""A key that stays with a key management service, through securesystemslib's signers.

Each service's own library talks to a stand-in on loopback: Vault and AWS are told its address as their users tell it,
Azure and Google through the transport that their libraries let one choose. These libraries come with the tests of
parts; without them, the place of the library of Vault and AWS is taken by a stand-in, for what is said of failures.
"""

from __future__ import annotations

import base64
import copy
import functools
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import _aws_signer, _vault_signer

from provenance.bundles.envelope import parse_bundle, sign
from provenance.bundles.keys import keyid, public_pem
from provenance.bundles.signers import kms
from provenance.bundles.sigstore import PublicKey, verify
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
    stand_in(monkeypatch)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the place of Vault's own library."""
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
    data = sign(STATEMENT, kms.KmsSigner(uri))
    envelope = parse_bundle(data, "bundle")
    assert envelope.hint == keyid(pem)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        key.public_key().verify(envelope.signature, envelope.pae)
    else:
        kind = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
        key.public_key().verify(envelope.signature, envelope.pae, ec.ECDSA(kind))
    found = verify(data, None, signer=PublicKey(pem), as_of=datetime.now(UTC))
    assert (found.status, found.payload) == ("VALID", STATEMENT)


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
    ("azurekms://acme.vault.azure.net/keys/lab/", "AzureSigner", ("acme", "lab")),
])
def test_uris_name_the_key_as_each_service_does(uri: str, service: str, named: tuple[str, ...]) -> None:
    found, *names = kms._service(uri)
    assert (found.__name__, tuple(names)) == (service, named)


@pytest.mark.parametrize("uri", [
    "", "awskms", "awskms:", "x:y", "azurekms:", "azurekms://acme.vault.azure.net", "azurekms://acme/keys/lab",
    "azurekms://acme.vault.azure.cn/keys/lab", "azurekms://acme.vault.azure.net.example.org/keys/lab",
    "azurekms://acme.vault.azure.net/keys/lab/1",
])
def test_what_names_no_key_is_a_mistake(uri: str) -> None:
    """Nor does what the library would look for elsewhere: in the public cloud, and at the newest version."""
    assert refused(uri) == "usage"


Answers = Callable[[str, dict[str, Any]], Any]
Loopback = Callable[..., str]


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A server of JSON on loopback: what it answers to a path and a document (None: not found), and to the nameless."""
    servers = []

    def serve(answers: Answers, challenge: str = "") -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                known = not challenge or "Authorization" in self.headers
                found = answers(self.headers.get("X-Amz-Target") or self.path, json.loads(body or b"{}")) \
                    if known else {}
                data = json.dumps(found or {}).encode()
                self.send_response(404 if found is None else 200 if known else 401)
                if not known:
                    self.send_header("WWW-Authenticate", challenge)
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


@pytest.mark.parts
def test_vaults_own_library_signs_against_a_stand_in(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hvac")

    def answers(path: str, asked: dict[str, Any]) -> Any:
        if path == "/v1/transit/keys/lab":
            return Vault().read_key("lab")
        assert path.startswith("/v1/transit/sign/lab")
        return Vault().sign_data("lab", hash_input=asked["input"], key_version=asked["key_version"])

    monkeypatch.setenv("VAULT_ADDR", loopback(answers))
    monkeypatch.setenv("VAULT_TOKEN", "test")
    signs("hashivault:lab", Vault.key)


@pytest.mark.parts
def test_the_library_of_aws_signs_against_a_stand_in(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
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


CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
IN_A_VAULT = "azurekms://acme.vault.azure.net/keys/lab"


@pytest.fixture
def azure(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A key of a curve in a vault, which its own library asks over another transport, as some user of it."""
    pytest.importorskip("azure.keyvault.keys")
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.transport import RequestsTransport
    from securesystemslib.signer import _azure_signer as signer

    def serving(curve: str) -> Any:
        key = ec.generate_private_key(CURVES[curve])
        served = loopback(_AzureVault(key, curve), 'Bearer authorization="https://login.microsoftonline.com/acme", '
                                                   'resource="https://vault.azure.net"')

        class OnLoopback(RequestsTransport):
            def send(self, request: Any, **how: Any) -> Any:
                asked = copy.copy(request)
                assert asked.url.startswith("https://acme.vault.azure.net/")
                asked.url = asked.url.replace("https://acme.vault.azure.net", served)
                return super().send(asked, **how)

        class Somebody:
            def get_token(self, *_: str, **__: Any) -> Any:
                return AccessToken("token", int(time.time()) + 3600)

        monkeypatch.setattr(signer, "DefaultAzureCredential", Somebody)
        for name in ("KeyClient", "CryptographyClient"):
            theirs = getattr(signer, name)
            monkeypatch.setattr(signer, name, functools.partial(theirs, transport=OnLoopback()))
        return key

    return serving


class _AzureVault:
    """Key Vault's answers to what is asked of one key: its public half as a JWK, and r and s side by side."""

    def __init__(self, key: Any, curve: str) -> None:
        self.key, self.curve, self.size = key, curve, (key.curve.key_size + 7) // 8

    def __call__(self, path: str, asked: dict[str, Any]) -> Any:
        place = urllib.parse.urlsplit(path).path
        named = "https://acme.vault.azure.net/keys/lab/1"
        if place == "/keys/lab/1/sign":
            digest = _unb64url(asked["value"])
            kind = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[len(digest)]
            assert asked["alg"] == f"ES{8 * len(digest)}"
            r, s = decode_dss_signature(self.key.sign(digest, ec.ECDSA(Prehashed(kind))))
            return {"kid": named, "value": _b64url(r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big"))}
        if place.rstrip("/") not in ("/keys/lab", "/keys/lab/1"):
            return None
        numbers = self.key.public_key().public_numbers()
        return {"key": {"kid": named, "kty": "EC", "crv": self.curve, "key_ops": ["sign", "verify"],
                        "x": _b64url(numbers.x.to_bytes(self.size, "big")),
                        "y": _b64url(numbers.y.to_bytes(self.size, "big"))}, "attributes": {"enabled": True}}


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parts
@pytest.mark.parametrize("curve", CURVES)
def test_the_library_of_azure_signs_against_a_stand_in(curve: str, azure: Callable[[str], Any]) -> None:
    signs(IN_A_VAULT, azure(curve))


@pytest.mark.parts
def test_a_key_that_a_vault_does_not_have_signs_nothing(azure: Callable[[str], Any]) -> None:
    azure("P-256")
    assert refused("azurekms://acme.vault.azure.net/keys/other") == "signer-unavailable"


AT_GOOGLE = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """A key of a curve with a server of Google's protocol (gRPC) on loopback, which its own library asks."""
    pytest.importorskip("google.cloud.kms")
    import grpc
    from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport
    from securesystemslib.signer import _gcp_signer as signer

    server, client = grpc.server(ThreadPoolExecutor(2)), signer.kms.KeyManagementServiceClient
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    channels = []

    def connected() -> Any:
        channels.append(grpc.insecure_channel(address))
        return client(transport=KeyManagementServiceGrpcTransport(channel=channels[-1]))

    def serving(curve: str) -> Any:
        key = ec.generate_private_key(CURVES[curve])
        server.add_generic_rpc_handlers((_google_service(key),))
        server.start()
        monkeypatch.setattr(signer.kms, "KeyManagementServiceClient", connected)
        return key

    yield serving
    for channel in channels:
        channel.close()
    server.stop(None).wait(5)


def _google_service(key: Any) -> Any:
    import grpc
    from google.cloud import kms

    algorithms = kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm
    size = key.curve.key_size
    hash_of = {256: hashes.SHA256(), 384: hashes.SHA384()}[size]

    def known(name: str, context: Any) -> None:
        if name != AT_GOOGLE:
            context.abort(grpc.StatusCode.NOT_FOUND, "CryptoKeyVersion not found")

    def get_public_key(asked: Any, context: Any) -> Any:
        known(asked.name, context)
        pem = public_pem(key.public_key())
        return kms.PublicKey(name=AT_GOOGLE, algorithm=algorithms[f"EC_SIGN_P{size}_SHA{size}"],
                             public_key={"data": pem}, pem=pem.decode())

    def asymmetric_sign(asked: Any, context: Any) -> Any:
        known(asked.name, context)
        digest = getattr(asked.digest, f"sha{size}")
        return kms.AsymmetricSignResponse(signature=key.sign(digest, ec.ECDSA(Prehashed(hash_of))))

    def method(function: Any, asked: Any, answered: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(function, asked.deserialize, answered.serialize)

    return grpc.method_handlers_generic_handler("google.cloud.kms.v1.KeyManagementService", {
        "GetPublicKey": method(get_public_key, kms.GetPublicKeyRequest, kms.PublicKey),
        "AsymmetricSign": method(asymmetric_sign, kms.AsymmetricSignRequest, kms.AsymmetricSignResponse)})


@pytest.mark.parts
@pytest.mark.parametrize("curve", ["P-256", "P-384"])
def test_the_library_of_google_signs_against_a_stand_in(curve: str, google: Callable[[str], Any]) -> None:
    signs(f"gcpkms:{AT_GOOGLE}", google(curve))


@pytest.mark.parts
def test_a_key_that_google_does_not_have_signs_nothing(google: Callable[[str], Any]) -> None:
    google("P-256")
    assert refused(f"gcpkms:{AT_GOOGLE}2") == "signer-unavailable"
