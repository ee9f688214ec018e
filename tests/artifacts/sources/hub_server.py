"""A Hub on this machine: what `huggingface_hub` asks for when it fetches a snapshot, or reads ranges of files.

It can lie: `served` gives other bytes for a path than those that it recorded the digests of.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

COMMIT = "c0ffee" + "0" * 34


def git_oid(data: bytes) -> str:
    """The name of a blob in git."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass
class Hub:
    """One repository, `org/name`; what is asked is in `asked`, with the range."""

    files: dict[str, bytes] = field(default_factory=dict)
    served: dict[str, bytes] = field(default_factory=dict)
    commit: str = COMMIT
    endpoint: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def fetched(self, path: str) -> int:
        """How many bytes of a file were asked for by ranges."""
        spans = [span.removeprefix("bytes=").split("-") for method, asked, span in self.asked
                 if method == "GET" and span and asked.endswith(f"/{path}")]
        return sum(int(end) + 1 - int(begin) for begin, end in spans)

    def facts(self, path: str) -> dict[str, Any]:
        """What a tree says of a file: large ones lie in LFS."""
        data = self.files[path]
        facts: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_oid(data)}
        if path.endswith(".safetensors"):
            facts["oid"] = git_oid(b"pointer")
            facts["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return facts


@contextmanager
def serving() -> Iterator[Hub]:
    """An empty Hub that answers."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if found := re.fullmatch(r"/org/name/resolve/[^/]+/(.+)", path):
            self.file(found[1])
        elif re.fullmatch(r"/api/models/org/name/revision/[^/]+", path):
            self.json({"id": "org/name", "sha": self.hub.commit, "private": False, "tags": [],
                       "siblings": [self.sibling(name) for name in self.hub.files]})
        elif found := re.fullmatch(r"/api/models/org/name/tree/[^/]+(/.+)?", path):
            below = f"{found[1]}/".removeprefix("/") if found[1] else ""
            self.json([self.hub.facts(name) for name in self.hub.files if name.startswith(below)])
        elif re.fullmatch(r"/api/models/org/name/paths-info/[^/]+", path):
            asked = json.loads(body)["paths"]
            self.json([self.hub.facts(name) for name in asked if name in self.hub.files])
        else:
            self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def json(self, document: Any) -> None:
        self.send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def sibling(self, path: str) -> dict[str, Any]:
        facts = self.hub.facts(path)
        lfs = {"lfs": {"sha256": facts["lfs"]["oid"], **facts["lfs"]}} if "lfs" in facts else {}
        return {"rfilename": path, "size": facts["size"], "blobId": facts["oid"], **lfs}

    def file(self, path: str) -> None:
        if path not in self.hub.files:
            self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        facts, data = self.hub.facts(path), self.hub.served.get(path, self.hub.files[path])
        oid = facts["lfs"]["oid"] if "lfs" in facts else facts["oid"]
        headers = {"ETag": f'"{oid}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            begin, end = int(found[1]), int(found[2] or len(data) - 1)
            self.send(206, data[begin : end + 1], {**headers, "Content-Range": f"bytes {begin}-{end}/{len(data)}"})
        else:
            self.send(200, data, headers)

    def send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a test says what went wrong."""
