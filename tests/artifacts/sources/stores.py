"""Real servers on this machine for the sources: rclone's S3, and the distribution registry for OCI.

Between a test and the S3 server stands a proxy that notes every request, and can do something before it is answered:
a file that is replaced between two reads is replaced exactly there.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which

import pytest

KEY, SECRET = "AKIDTEST", "SKTEST-not-to-be-shown"


def program(name: str) -> str:
    """The path of a program, from apt or beside this Python; skips where there is none."""
    found = which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"needs {name}")
    return found


@dataclass
class S3Store:
    """A folder that is served as buckets, the requests for objects so far, and what happens before one is answered."""

    folder: Path
    endpoint: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, range
    before: Callable[[str, str, str], None] = lambda _method, _path, _range: None

    @property
    def environment(self) -> dict[str, str]:
        """What a client reads."""
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

    def put(self, files: Mapping[str, bytes], place: str = "bucket/model") -> str:
        """Put files there; their address."""
        for name, data in files.items():
            (self.folder / place / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / place / name).write_bytes(data)
        return f"s3://{place}"

    def fetched(self, name: str = "") -> list[tuple[int, int]]:
        """The ranges that were asked for, of objects whose path ends in the name."""
        spans = [span.removeprefix("bytes=").split("-") for method, path, span in self.asked
                 if method == "GET" and span and path.endswith(name)]
        return [(int(begin), int(end) + 1) for begin, end in spans]


@contextmanager
def s3_store(folder: Path) -> Iterator[S3Store]:
    """rclone, and the proxy in front of it."""
    port = _free_port()
    arguments = [program("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}",
                 "--dir-cache-time", "0s", "--no-cleanup", str(folder)]
    with _running(arguments, {"RCLONE_CONFIG": os.devnull}, port), _proxy(S3Store(folder), port) as store:
        yield store


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """The distribution registry; its host."""
    port = _free_port()
    settings = folder / "registry.yml"
    settings.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder / 'data'}\n"
                        f"http:\n  addr: 127.0.0.1:{port}\n")
    with _running([program("docker-registry"), "serve", str(settings)], {}, port):
        yield f"127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(arguments: list[str], environment: Mapping[str, str], port: int) -> Iterator[None]:
    running = subprocess.Popen(arguments, env={**os.environ, **environment}, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert running.poll() is None, arguments[0]
            time.sleep(0.1)
        yield
    finally:
        running.terminate()
        running.wait(30)


@contextmanager
def _proxy(store: S3Store, port: int) -> Iterator[S3Store]:
    handler = type("Bound", (_Handler,), {"store": store, "port": port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    store: S3Store
    port: int

    def do_GET(self) -> None:
        asked = (self.command, self.path.partition("?")[0], self.headers.get("Range", ""))
        self.store.asked.append(asked)
        self.store.before(*asked)
        # All headers as they came, the host too: they are signed.
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.path}", method=self.command,
                                         headers=dict(self.headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self.answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as err:
            with err:
                self.answer(err.code, err.headers, err.read())

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, code: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(code)
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test says what went wrong."""
