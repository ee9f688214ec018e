"""`oci://`: read from a small registry on this machine, which can be told to lie."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.registry import OciAddress, Pulled, scan_registry
from provenance.errors import ArtifactError, UsageError
from tests.artifacts.conftest import Write

WEIGHT = "application/vnd.cncf.model.weight.v1.raw"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Registry:
    """What it holds by path, which paths it sends elsewhere, the token that it wants, and what it was asked."""

    host: str = ""
    answers: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    token: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def push(self, files: dict[str, bytes], note: str = "org.cncf.model.filepath", tag: str = "v1",
             **changes: Any) -> str:
        """Put a model there as ModelPack (or, with `note`, ORAS) does; `changes` are made to the first layer."""
        layers = [{"mediaType": WEIGHT, "digest": digest_of(data), "size": len(data), "annotations": {note: path}}
                  for path, data in files.items()]
        layers[0].update(changes)
        for data in files.values():
            self.answers[f"/v2/org/model/blobs/{digest_of(data)}"] = data
        return self.put({"schemaVersion": 2, "artifactType": "application/vnd.cncf.model.manifest.v1+json",
                         "layers": layers}, tag)

    def put(self, manifest: Any, tag: str = "v1") -> str:
        body = json.dumps(manifest).encode()
        for reference in (tag, digest_of(body)):
            self.answers[f"/v2/org/model/manifests/{reference}"] = body
        return digest_of(body)

    def scan(self, reference: str = ":v1") -> Pulled:
        return scan_registry(f"oci://{self.host}/org/model{reference}", online=True)

    def refused(self, reference: str = ":v1") -> str:
        with pytest.raises(ArtifactError) as caught:
            self.scan(reference)
        return caught.value.code


class Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_GET(self) -> None:
        held, path = self.registry, self.path.partition("?")[0]
        held.asked.append((self.path, self.headers.get("Authorization", "")))
        if path == "/token":
            self.answer(200, json.dumps({"token": held.token}).encode(), {})
        elif held.token and path.startswith("/v2/") and self.headers.get("Authorization") != f"Bearer {held.token}":
            realm = f'Bearer realm="http://{held.host}/token",service="registry"'
            self.answer(401, b"", {"WWW-Authenticate": realm})
        elif path in held.redirects:
            self.answer(307, b"", {"Location": held.redirects[path]})
        elif path in held.answers:
            self.answer(200, held.answers[path], held.headers)
        else:
            self.answer(404, b"", {})

    def answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test says what went wrong."""


def serve() -> Iterator[Registry]:
    held = Registry()
    handler = type("Bound", (Handler,), {"registry": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    held.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield held
    server.shutdown()
    thread.join()
    server.server_close()


registry = pytest.fixture(serve, name="registry")
storage = pytest.fixture(serve, name="storage")


@pytest.mark.parametrize("note", ["org.cncf.model.filepath", "org.opencontainers.image.title"])
def test_a_model_in_a_registry_has_the_digests_of_the_folder(
    registry: Registry, folder: Write, files: dict[str, bytes], note: str
) -> None:
    """As ModelPack and as ORAS name its files; by tag and by digest."""
    named = registry.push(files, note)
    plain = scan(folder(files))
    for reference in (":v1", f"@{named}"):
        pulled = registry.scan(reference)
        assert (pulled.collected.manifest.files, pulled.collected.manifest.weights) == (plain.files, plain.weights)
        assert (pulled.digest, pulled.collected.manifest.name) == (named, "model")
        assert pulled.collected.read == plain.size


def test_nothing_is_asked_unless_it_may(registry: Registry) -> None:
    with pytest.raises(ArtifactError) as caught:
        scan_registry(f"oci://{registry.host}/org/model:v1")
    assert caught.value.code == "network-not-allowed"
    assert registry.asked == []


def test_a_layer_with_other_bytes_is_an_error_finding(registry: Registry) -> None:
    registry.push({"a": b"good", "b": b"b"})
    registry.answers[f"/v2/org/model/blobs/{digest_of(b'good')}"] = b"evil"
    manifest = registry.scan().collected.manifest
    assert [(f.code, f.location) for f in manifest.findings if f.severity == "error"] == [("oci-digest-mismatch", "a")]
    assert manifest.digest == {}


@pytest.mark.parametrize("data", [b"goo", b"good and more"])
def test_a_layer_of_another_size_is_an_error_finding(registry: Registry, data: bytes) -> None:
    registry.push({"a": b"good"})
    registry.answers[f"/v2/org/model/blobs/{digest_of(b'good')}"] = data
    errors = [f.code for f in registry.scan().collected.manifest.findings if f.severity == "error"]
    assert errors == ["file-changed-while-read"]


def test_a_manifest_other_than_the_one_that_was_named_is_refused(registry: Registry) -> None:
    """By the digest in the address, and by the one that the registry names itself."""
    named = registry.push({"a": b"1"})
    registry.answers[f"/v2/org/model/manifests/{named}"] += b" "
    assert registry.refused(f"@{named}") == "oci-digest-mismatch"
    registry.headers["Docker-Content-Digest"] = "sha256:" + "0" * 64
    assert registry.refused() == "oci-digest-mismatch"


def test_a_token_for_everybody_is_fetched_and_stays_with_the_registry(registry: Registry, storage: Registry) -> None:
    """Storage that the registry redirects to must not see it."""
    registry.push({"a": b"1"})
    registry.token = "secret"
    blob = f"/v2/org/model/blobs/{digest_of(b'1')}"
    storage.answers["/data"] = b"1"
    registry.redirects[blob] = f"http://{storage.host}/data"
    assert registry.scan().collected.read == 1
    assert storage.asked == [("/data", "")]
    assert (blob, "Bearer secret") in registry.asked
    assert any(path == "/token?service=registry&scope=repository%3Aorg%2Fmodel%3Apull" for path, _ in registry.asked)


@pytest.mark.parametrize("target", ["http://example.org/data", "file:///etc/passwd", "ftp://example.org/data"])
def test_a_redirect_out_of_https_is_not_followed(registry: Registry, target: str) -> None:
    registry.push({"a": b"1"})
    registry.redirects[f"/v2/org/model/blobs/{digest_of(b'1')}"] = target
    errors = [f.code for f in registry.scan().collected.manifest.findings if f.severity == "error"]
    assert errors == ["source-unreachable"]


@pytest.mark.parametrize("realm", ['Bearer realm="http://example.org/token"', 'Basic realm="x"', "Bearer", ""])
def test_a_registry_that_asks_for_more_is_not_told_anything(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, realm: str
) -> None:
    registry.push({"a": b"1"})
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.answer(401, b"", {"WWW-Authenticate": realm}))
    assert registry.refused() == "source-unreachable"


@pytest.mark.parametrize("path", ["../a", "/a", "a\\b", "", "a\nb"])
def test_a_path_that_leads_elsewhere_is_refused(registry: Registry, path: str) -> None:
    registry.push({path: b"1"})
    assert registry.refused() == "oci-invalid"


@pytest.mark.parametrize("changes", [
    {"digest": "sha512:" + "0" * 128}, {"digest": "sha256:zz"}, {"digest": None}, {"size": -1}, {"size": "4"},
    {"size": True}, {"annotations": None}, {"annotations": {"org.cncf.model.filepath": "b"}},
    {"annotations": {"org.cncf.model.filepath": "B"}},
], ids=str)
def test_a_layer_that_is_not_a_file_by_its_digest_is_refused(registry: Registry, changes: dict[str, Any]) -> None:
    registry.push({"a": b"1", "b": b"2"}, **changes)
    assert registry.refused() == "oci-invalid"


@pytest.mark.parametrize("manifest", [[], {}, {"layers": []}, {"layers": [1]}, {"layers": {}}, {"manifests": []},
                                      {"manifests": [{}, {}]}], ids=str)
def test_a_manifest_without_layers_is_refused(registry: Registry, manifest: Any) -> None:
    registry.put(manifest)
    assert registry.refused() == "oci-invalid"


@pytest.mark.parametrize("body", [b"", b"{", b'{"layers":[],"layers":[]}', b"\xff"])
def test_a_manifest_that_is_not_strict_json_is_refused(registry: Registry, body: bytes) -> None:
    registry.answers["/v2/org/model/manifests/v1"] = body
    assert registry.refused() == "oci-invalid"


def test_a_manifest_without_end_is_refused(registry: Registry) -> None:
    registry.answers["/v2/org/model/manifests/v1"] = b" " * ((4 << 20) + 1)
    assert registry.refused() == "oci-digest-mismatch"


def test_an_index_of_one_manifest_is_that_manifest(registry: Registry) -> None:
    named = registry.push({"a": b"1"}, tag="inner")
    registry.put({"manifests": [{"digest": named}]})
    assert registry.scan().digest == named


@pytest.mark.parametrize("changes", [
    {"mediaType": "application/vnd.cncf.model.weight.v1.tar"},
    {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"},
    {"annotations": {"org.opencontainers.image.title": "a", "io.deis.oras.content.unpack": "true"}},
], ids=str)
def test_a_layer_that_is_an_archive_is_an_error_finding(registry: Registry, changes: dict[str, Any]) -> None:
    registry.push({"a": b"1", "b": b"2"}, **changes)
    manifest = registry.scan().collected.manifest
    assert ("oci-invalid", "error") in [(f.code, f.severity) for f in manifest.findings]
    assert [entry.path for entry in manifest.files] == ["b"]


def test_what_is_not_there_is_unreachable(registry: Registry) -> None:
    assert registry.refused(":none") == "source-unreachable"


@pytest.mark.parametrize("uri", ["oci://", "oci://host", "oci://host/Name", "oci://host/a:", "oci://host/a@sha256:12",
                                 "oci://host/../a", "oci://u:p@host/a", "http://host/a", "oci://host/a:v1@x"])
def test_an_address_that_is_none_is_a_usage_error(uri: str) -> None:
    with pytest.raises(UsageError):
        OciAddress.parse(uri)


def test_only_this_machine_is_asked_in_the_clear() -> None:
    for host, scheme in (("127.0.0.1:5000", "http"), ("localhost", "http"), ("ghcr.io", "https"),
                         ("127.0.0.1.example.org", "https")):
        assert OciAddress.parse(f"oci://{host}/a/b").url("manifests", "latest").startswith(f"{scheme}://{host}/v2/a/b")
    assert OciAddress.parse("oci://ghcr.io/a/b").reference == "latest"
