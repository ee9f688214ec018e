"""Layouts and links: whatever a trusted owner signs, holding it ends with an answer."""

from __future__ import annotations

import json

from harness import fuzz

HASH = "a" * 64
KEY = {"keyid": "k", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "3d" * 32}}
STEP = {"_type": "step", "name": "train", "threshold": 1, "pubkeys": ["k"], "expected_command": [],
        "expected_materials": [["ALLOW", "*"]], "expected_products": [["CREATE", "w"], ["DISALLOW", "*"]]}
LINK = {"signed": {"_type": "link", "name": "train", "command": [], "materials": {},
                   "products": {"w": {"sha256": HASH}},
                   "byproducts": {}, "environment": {}}, "signatures": [{"keyid": "k", "sig": "00" * 64}]}


def _layout(**changes: object) -> bytes:
    layout = {"_type": "layout", "expires": "2027-01-01T00:00:00Z", "readme": "", "keys": {"k": KEY}, "steps": [STEP],
              "inspect": []}
    return json.dumps({"signed": layout | changes, "signatures": [{"keyid": "k", "sig": "00"}]}).encode()


MATCH = ["MATCH", "a*", "IN", "b", "WITH", "PRODUCTS", "IN", "c", "FROM", "train"]
SEEDS = [
    _layout(), _layout(keys={}), _layout(keys={"k": {}}), _layout(keys={"k": {"keytype": "rsa"}}), _layout(steps=[]),
    _layout(expires="2027-02-31T00:00:00Z"), _layout(steps=[STEP | {"expected_materials": [MATCH]}]),
    _layout(steps=[STEP | {"expected_products": [["ALLOW"], ["", ""]]}]), _layout(steps=[STEP | {"threshold": 0}]),
    _layout(steps=[STEP, STEP]), _layout(keys={"k": KEY, "l": KEY | {"keyid": "l"}}), json.dumps(LINK).encode(),
    _layout(inspect=[{"_type": "inspection", "name": "i", "run": ["true"]}]), b"{}", b"[]",
]


def one_input(data: bytes) -> None:
    """As a layout that its owner signed, held against a link that nobody did."""
    from datetime import UTC, datetime

    from provenance.bundles.envelope import sha256
    from provenance.bundles.layouts import Layouts
    from provenance.bundles.store import EvidenceFile
    from provenance.bundles.trust import Trust
    from provenance.bundles.verifier import Examined

    moment = datetime(2026, 11, 23, tzinfo=UTC)
    files = [EvidenceFile("a.layout", data), EvidenceFile("b.link", json.dumps(LINK).encode())]
    held = Layouts(Trust("", 1, moment, ()), moment, files).hold(Examined("a.layout", sha256(data), "VALID"))
    assert held.reason
    assert not held.links


if __name__ == "__main__":
    fuzz(one_input, "provenance.bundles.layouts")
