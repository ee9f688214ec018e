"""Evidence that others write: taken apart, read or refused, whatever the bytes."""

from __future__ import annotations

import base64
import json

from harness import fuzz

HASH = "a" * 64
LINK = {"_type": "link", "name": "train", "command": ["train"], "materials": {"a": {"sha256": HASH}},
        "products": {"b/c": {"sha256": HASH}}, "byproducts": {}, "environment": {}}
LAYOUT = {"_type": "layout", "expires": "2027-01-01T00:00:00Z", "readme": "", "keys": {}, "inspect": [],
          "steps": [{"_type": "step", "name": "train", "threshold": 1, "pubkeys": [], "expected_materials": []}]}
WITNESS = {"name": "train", "attestations": [
    {"type": "https://witness.dev/attestations/command-run/v0.1", "attestation": {"cmd": ["a"]}},
    {"type": "https://witness.dev/attestations/product/v0.1", "attestation": {"a": {"digest": {"sha256": HASH}}}}]}
PREDICATES = {
    "https://slsa.dev/provenance/v1": {"buildDefinition": {"buildType": "x", "externalParameters": {}},
                                       "runDetails": {"builder": {"id": "x"}}},
    "https://slsa.dev/provenance/v0.2": {"builder": {"id": "x"}, "buildType": "x", "materials": [{"uri": "x"}]},
    "https://in-toto.io/attestation/link/v0.3": {"name": "x", "materials": [{"name": "a", "digest": {"sha256": HASH}}]},
    "https://witness.testifysec.com/attestation-collection/v0.1": WITNESS,
    "https://docs.pypi.org/attestations/publish/v1": None,
}


def _statement(kind: str) -> bytes:
    return json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "predicateType": kind,
                       "predicate": PREDICATES[kind], "subject": [{"name": "m", "digest": {"sha256": HASH}}]}).encode()


def _envelope(payload: bytes) -> bytes:
    return json.dumps({"payload": base64.b64encode(payload).decode(), "payloadType": "application/vnd.in-toto+json",
                       "signatures": [{"sig": "AAAA", "keyid": "k"}]}).encode()


STATEMENTS = [*map(_statement, PREDICATES), json.dumps(LINK).encode(), json.dumps(LAYOUT).encode()]
METABLOCKS = [json.dumps({"signed": value, "signatures": [{"keyid": "k", "sig": "00"}]}).encode()
              for value in (LINK, LAYOUT)]
SEEDS = [*STATEMENTS, *METABLOCKS, *map(_envelope, STATEMENTS), b"\n".join(METABLOCKS), b"[%b]" % METABLOCKS[0],
         b'{"attestations": [{"bundle": %b}]}' % METABLOCKS[1],
         b'{"version": 1, "attestation_bundles": [{"attestations": [{"verification_material": {}}]}]}']


def one_input(data: bytes) -> None:
    """As a file of evidence, and, so that the fuzzer need not learn base64, as a statement itself."""
    from datetime import UTC, datetime

    from provenance.bundles.store import pieces
    from provenance.bundles.verifier import Verifier
    from provenance.errors import ProvenanceError
    from provenance.statements.intoto import read_payload

    verifier = Verifier(None, datetime(2026, 11, 23, tzinfo=UTC))
    for piece in pieces("input.jsonl", data):
        assert verifier.examine(piece.data or b"", piece.name).status != "VALID"
    try:
        verifier.declare(read_payload(data, "input"), "input", "")
    except ProvenanceError:
        return


if __name__ == "__main__":
    fuzz(one_input, "provenance.bundles.signed", "provenance.bundles.unpacking", "provenance.statements.intoto",
         "provenance.statements.builds", "provenance.bundles.verifier")
