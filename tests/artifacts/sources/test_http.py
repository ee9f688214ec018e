"""`http://` through fsspec, from a server on this machine: ranges, one that ignores them, and signed addresses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from re import fullmatch

import pytest

from provenance.errors import ArtifactError
from provenance.workflows.diff import diff
from provenance.workflows.digest import digest, digest_document
from tests.world import safetensors

pytestmark = pytest.mark.parts

DATA = safetensors({"embed": [7.0] * 5000, "norm": [3.0] * 7})
SIGNED = "?X-Amz-Signature=not-to-be-shown"


@dataclass
class Site:
    """One file at every path; whether ranges are heeded; how many bytes of its body were sent."""

    address: str = ""
    ranges: bool = True
    sent: list[int] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    pytest.importorskip("aiohttp")
    held = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(200, DATA)

        def do_GET(self) -> None:
            found = fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if found and held.ranges:
                self.answer(206, DATA[int(found[1]) : int(found[2]) + 1], int(found[1]))
            else:
                self.answer(200, DATA)

        def answer(self, code: int, body: bytes, begin: int = 0) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            if code == 206:
                self.send_header("Content-Range", f"bytes {begin}-{begin + len(body) - 1}/{len(DATA)}")
            self.end_headers()
            if self.command == "GET":
                held.sent.append(len(body))
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.address = f"http://127.0.0.1:{server.server_port}/model.safetensors"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield held
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_header_comes_first_and_little_more(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(safetensors({"embed": [7.0] * 4999, "norm": [3.0] * 7}))
    found = diff(site.address, tmp_path / "m.safetensors", online=True)
    assert found.weights is not None
    assert [tensor.name for tensor in found.weights.unchanged] == ["norm"]
    assert found.first.fetched == len(DATA) - 20_000 == sum(site.sent)


def test_a_server_that_ignores_ranges_is_not_believed(site: Site, tmp_path: Path) -> None:
    site.ranges = False
    (tmp_path / "m.safetensors").write_bytes(DATA)
    with pytest.raises(ArtifactError) as caught:
        diff(site.address, tmp_path / "m.safetensors", online=True)
    assert caught.value.code == "file-changed-while-read"


def test_what_signs_an_address_is_not_told(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(DATA)
    found = diff(site.address + SIGNED, tmp_path / "m.safetensors", online=True)
    assert found.identical
    assert found.first.manifest.name == "model.safetensors"
    told = f"{found.to_dict()} {digest_document(digest(site.address + SIGNED, online=True))}"
    with pytest.raises(ArtifactError) as caught:
        diff(site.address.replace("http", "htp") + SIGNED, tmp_path, online=True)
    told += f"{caught.value} {caught.value.message} {caught.value.location}"
    assert "not-to-be-shown" not in told
