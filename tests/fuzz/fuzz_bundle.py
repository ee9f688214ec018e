"""Bundles and the statements in them: read or refused, whatever the bytes."""

from __future__ import annotations

import base64
import json

from harness import fuzz

STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "m", "digest": {"sha256": "a" * 64}}],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {},
}


def _seed(payload: bytes, signatures: int = 1) -> bytes:
    text = base64.b64encode(payload).decode()
    return json.dumps({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "k"}, "tlogEntries": []},
        "dsseEnvelope": {"payload": text, "payloadType": "application/vnd.in-toto+json",
                         "signatures": [{"sig": "AAAA", "keyid": "k"}] * signatures},
    }).encode()


SEEDS = [b"{}", b"[]", _seed(json.dumps(STATEMENT).encode()), _seed(b"{}"), _seed(b"{}", 0), _seed(b"{}", 2)]


def one_input(data: bytes) -> None:
    """As a bundle, and, so that the fuzzer need not learn base64, as the statement itself."""
    from provenance.bundles.envelope import parse_bundle
    from provenance.errors import BundleError, StatementError
    from provenance.statements.statement import Statement

    for payload in (data, None):
        try:
            Statement.from_bytes(parse_bundle(data, "input").payload if payload is None else payload, "input")
        except (BundleError, StatementError):
            continue


if __name__ == "__main__":
    fuzz(one_input, "provenance.bundles.envelope", "provenance.statements.statement")
