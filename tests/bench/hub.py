"""The one answer of a Hugging Face Hub that `hf cache verify` asks for: the files of a model, each with its sha256.

    python hub.py MODEL...      serves bench/NAME for each folder, on the loopback; prints its address, and stays
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TREE = re.compile(r"/api/models/bench/([^/]+)/tree/main/?(\?.*)?")


def listing(model: Path) -> list[dict[str, Any]]:
    """The files of a folder as the Hub lists what it keeps as large files: by sha256."""
    rows = []
    for path in sorted(path for path in model.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        rows.append({"type": "file", "path": path.relative_to(model).as_posix(), "size": size, "oid": "0" * 40,
                     "lfs": {"oid": digest, "size": size, "pointerSize": 134}})
    return rows


def main() -> None:
    """Hash the models, then answer until somebody ends this process."""
    answers = {path.name: json.dumps(listing(path)).encode() for path in map(Path, sys.argv[1:])}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = TREE.fullmatch(self.path)
            answer = answers.get(asked[1]) if asked else None
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer or b"{}")))
            self.end_headers()
            self.wfile.write(answer or b"{}")

        def log_message(self, *arguments: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
