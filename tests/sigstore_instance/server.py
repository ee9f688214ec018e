"""The services over HTTP on loopback, on a free port, in threads that end with the `with` block."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.sigstore_instance.instance import Instance
from tests.sigstore_instance.oidc import RefusedError

_MAX_BODY = 4 << 20
_Answer = tuple[int, str, bytes]


@contextmanager
def serve() -> Iterator[Instance]:
    """A new instance that answers until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    instance = Instance(f"http://127.0.0.1:{server.server_address[1]}")
    _Handler.instances[server.server_address[1]] = instance
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield instance
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
        del _Handler.instances[server.server_address[1]]


def _json(value: Any, status: int = 200) -> _Answer:
    return status, "application/json", json.dumps(value).encode()


_GET: dict[str, Callable[[Instance, dict[str, str], str], _Answer]] = {
    "/.well-known/openid-configuration": lambda it, asked, token: _json(it.oidc.discovery()),
    "/keys": lambda it, asked, token: _json(it.oidc.keys()),
    "/trust_config.json": lambda it, asked, token: (200, "application/json", it.trust_config()),
    "/job": lambda it, asked, token: _json(it.oidc.job_token(asked.get("audience", ""), token)),
}
_POST: dict[str, Callable[[Instance, bytes, str], _Answer]] = {
    "/token": lambda it, body, _: _json(it.oidc.exchange(dict(parse_qsl(body.decode())))),
    "/api/v2/signingCert": lambda it, body, token: _json(
        it.fulcio.request(token, json.loads(body)["certificateSigningRequest"])),
    "/api/v1/log/entries": lambda it, body, _: _json(it.rekor1.response(it.rekor1.add(json.loads(body))), 201),
    "/v2/api/v2/log/entries": lambda it, body, _: _json(it.rekor2.add(json.loads(body)), 201),
    "/api/v1/timestamp": lambda it, body, _: (201, "application/timestamp-reply", it.tsa.answer(body)),
}


class _Handler(BaseHTTPRequestHandler):
    instances: dict[int, Instance] = {}  # noqa: RUF012  by port: a handler is made anew for each request
    timeout = 10

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        asked = dict(parse_qsl(place.query))
        if place.path == "/auth":
            return self._agree(asked)
        route = _GET.get(place.path)
        return self._answer(place.path, route and (lambda it, token: route(it, asked, token)))

    def do_POST(self) -> None:
        route, size = _POST.get(self.path), int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size <= _MAX_BODY else b""
        self._answer(self.path, route and (lambda it, token: route(it, body, token)))

    def _agree(self, asked: dict[str, str]) -> None:
        """The page where a user agrees: back to the client with a code, or the code to be copied."""
        code, onward = self._instance.oidc.authorize(asked)
        if asked["redirect_uri"].startswith("urn:"):
            return self._send((200, "text/plain", code.encode()))
        self.send_response(302)
        self.send_header("Location", onward)
        return self.end_headers()

    def _answer(self, place: str, route: Callable[[Instance, str], _Answer] | None) -> None:
        failing = self._instance.failing.get(place)
        if route is None or failing:
            return self._send(failing or _json({"message": "not found"}, 404))
        token = (self.headers.get("Authorization") or "").partition(" ")[2]
        try:
            with self._instance.lock:
                answer = route(self._instance, token)
        except RefusedError as err:
            answer = _json({"code": err.status, "message": str(err)}, err.status)
        except (KeyError, TypeError, ValueError) as err:
            answer = _json({"code": 400, "message": f"not a request: {err}"}, 400)
        return self._send(answer)

    @property
    def _instance(self) -> Instance:
        return self.instances[self.server.server_address[1]]  # type: ignore[index,call-overload]

    def _send(self, answer: _Answer) -> None:
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""
