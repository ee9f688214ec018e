"""`oci://` against the real distribution registry, into which skopeo put what ORAS and ModelPack would."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.registry import scan_registry
from provenance.errors import ArtifactError
from tests.artifacts.conftest import Write
from tests.artifacts.sources.stores import program, registry

pytestmark = pytest.mark.parts


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def stored(tmp_path_factory: pytest.TempPathFactory, host: str) -> Path:
    """Where the registry keeps its blobs."""
    return next(path for path in tmp_path_factory.getbasetemp().glob("registry*/data"))


def push(host: str, place: Path, files: dict[str, bytes], note: str) -> str:
    """Write an OCI layout by hand and let skopeo push it; the digest of the manifest."""
    blobs = place / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes, media: str, **more: object) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data), **more}

    layers = [blob(data, "application/vnd.cncf.model.weight.v1.raw", annotations={note: path})
              for path, data in files.items()]
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(b"{}", "application/vnd.oci.empty.v1+json"), "layers": layers,
    }).encode()
    entry = blob(manifest, "application/vnd.oci.image.manifest.v1+json",
                 annotations={"org.opencontainers.image.ref.name": "v1"})
    (place / "layout" / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (place / "layout" / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    subprocess.run([program("skopeo"), "copy", "--insecure-policy", "--dest-tls-verify=false", "--preserve-digests",
                    f"oci:{place / 'layout'}:v1", f"docker://{host}/org/model:v1"], check=True, capture_output=True)
    return str(entry["digest"])


@pytest.mark.parametrize("note", ["org.cncf.model.filepath", "org.opencontainers.image.title"])
def test_a_model_that_was_pushed_is_the_folder(
    host: str, tmp_path: Path, folder: Write, files: dict[str, bytes], note: str
) -> None:
    """By tag and by digest."""
    named = push(host, tmp_path, files, note)
    near = scan(folder(files))
    for reference in (":v1", f"@{named}"):
        pulled = scan_registry(f"oci://{host}/org/model{reference}", online=True)
        assert (pulled.collected.manifest.files, pulled.collected.manifest.weights) == (near.files, near.weights)
        assert pulled.digest == named


def test_a_blob_that_was_changed_in_the_storage_is_a_finding(
    host: str, stored: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    data = files["model-1.safetensors"] + b" " * 100
    push(host, tmp_path, {"a.bin": data, "b.bin": b"b"}, "org.cncf.model.filepath")
    digest = hashlib.sha256(data).hexdigest()
    (stored / "docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data").write_bytes(data[:-1] + b"x")
    findings = scan_registry(f"oci://{host}/org/model:v1", online=True).collected.manifest.findings
    assert [(f.code, f.location) for f in findings if f.severity == "error"] == [("oci-digest-mismatch", "a.bin")]


@pytest.mark.parametrize("reference", ["org/nothing:v1", "org/model:v2", "org/model@sha256:" + "0" * 64])
def test_what_is_not_there_is_unreachable(host: str, reference: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        scan_registry(f"oci://{host}/{reference}", online=True)
    assert caught.value.code == "source-unreachable"
