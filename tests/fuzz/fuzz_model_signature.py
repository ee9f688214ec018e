"""Model signatures (OMS): a list of plain names with one digest each, under the root that it names, or a refusal."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harness import fuzz

DIGEST = "ab" * 32


def _seed(names: list[str], **changes: Any) -> bytes:
    root = hashlib.sha256(bytes.fromhex(DIGEST) * len(names)).hexdigest()
    predicate = {
        "resources": [{"name": name, "algorithm": "sha256", "digest": DIGEST} for name in names],
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [".git"],
                          **changes},
    }
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0", "predicate": predicate,
    }).encode()


SEEDS = [
    _seed(["a", "b/c"]), _seed(["b", "a"]), _seed(["a", "a"]), _seed(["../a"]), _seed(["."]), _seed([]),
    _seed(["a"], shard_size=0), _seed(["a"], method="shards"), _seed(["a"], ignore_paths=["../*"]), b"{}",
]


def one_input(data: bytes) -> None:
    """What is accepted names files of a folder, each once, and its subject is the root over them."""
    from provenance.artifacts.names import problem_with_name
    from provenance.bundles.oms import read_signature
    from provenance.errors import StatementError
    from provenance.statements.statement import Statement

    try:
        signature = read_signature(Statement.from_bytes(data, "input"), "input")
    except StatementError:
        return
    assert list(signature.resources) == ["."] or not any(map(problem_with_name, signature.resources))
    if signature.sha256:  # by files and sha256, as most are
        root = hashlib.sha256(b"".join(map(bytes.fromhex, signature.sha256.values()))).hexdigest()
        assert [subject.digest.get("sha256") for subject in signature.subjects] == [root]


if __name__ == "__main__":
    fuzz(one_input, "provenance.bundles.oms")
