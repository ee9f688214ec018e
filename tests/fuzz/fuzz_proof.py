"""Proofs of a tensor and of a record: read, or refused; a damaged one never proves anything else."""

from __future__ import annotations

import hashlib
import json
import struct

from harness import fuzz


def _h(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# Two tensors of one byte each, by the definition in attestations/weights.md.
NAMES = ("a", "b")
HEADS = {name: _h(b"\0", name.encode()) for name in NAMES}
LEAVES = {name: _h(b"\2", struct.pack("<Q1sQ2sQQ", 1, name.encode(), 2, b"U8", 1, 1), HEADS[name]) for name in NAMES}
ROOT = _h(b"\3", struct.pack("<Q", 2), _h(b"\1", LEAVES["a"], LEAVES["b"])).hex()


def _tensor_proof(*, chunk: bool) -> bytes:
    head = HEADS["b"].hex()
    return json.dumps({
        "schemaVersion": "0.1", "kind": "TensorProof", "root": ROOT,
        "tensor": {"name": "b", "dtype": "U8", "shape": [1], "head": head},
        "index": 1, "count": 2, "path": [LEAVES["a"].hex()],
        "chunk": {"index": 0, "count": 1, "digest": head, "path": []} if chunk else None,
    }).encode()


def _record_proof() -> bytes:
    return json.dumps({
        "schemaVersion": "0.1", "kind": "DatasetProof", "dataset": {"digest": {"datasetTree": ROOT}, "splits": 1},
        "schema": {"columns": [{"name": "t", "type": "utf8"}, {"name": "f", "type": "float32"}]},
        "split": {"name": "train", "index": 0, "records": 2, "path": []},
        "record": {"row": 1, "values": {"t": "x", "f": 0.5}, "path": [ROOT]},
    }).encode()


SEEDS = [b"{}", _tensor_proof(chunk=False), _tensor_proof(chunk=True), _record_proof()]


def one_input(data: bytes) -> None:
    """Of the two tensors of a known root, a proof that holds names one, and its byte."""
    from provenance.errors import ArtifactError, StatementError
    from provenance.workflows.dataset import check_proof
    from provenance.workflows.proof import read_proof

    try:
        proof = read_proof(data, "input")
    except (ArtifactError, StatementError):
        pass
    else:
        if proof.holds(ROOT):
            tensor = proof.tensor
            assert (tensor.dtype, tensor.shape, tensor.head) == ("U8", (1,), HEADS[tensor.name].hex())
            assert proof.holds_for(ROOT, tensor.name.encode())
        assert read_proof(json.dumps(proof.to_dict()).encode(), "input") == proof
    try:
        checked = check_proof(data, root="00" * 32)
    except (ArtifactError, StatementError):
        return
    assert not checked.verified


if __name__ == "__main__":
    fuzz(one_input, "provenance.workflows.proof", "provenance.workflows.dataset")
