"""Proofs made from models in shards, and from what is no safetensors file."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from provenance.artifacts.manifest import Manifest
from provenance.artifacts.proofs import TensorProof
from provenance.artifacts.tensors import CHUNK
from provenance.errors import ArtifactError, StatementError
from provenance.workflows import proof as workflow
from provenance.workflows.proof import check_against_root, prove, read_proof

LARGE = b"".join(struct.pack("<I", number) for number in range(CHUNK // 2))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model in two shards, one of them with a tensor of two mebibytes."""
    place = tmp_path / "model"
    shards = {"1.safetensors": {"small": b"abcd"}, "sub/2.safetensors": {"large": LARGE, "none": b""}}
    for name, tensors in shards.items():
        header, data = {}, b""
        for tensor, content in tensors.items():
            header[tensor] = {"dtype": "U8", "shape": [len(content)],
                              "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        body = json.dumps(header).encode()
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(struct.pack("<Q", len(body)) + body + data)
    return place


def test_each_tensor_and_each_chunk_of_a_sharded_model_is_proven(model: Path, tmp_path: Path) -> None:
    root = prove(model, "small").root
    for name, chunk, content in (("small", 0, b"abcd"), ("large", 0, LARGE[:CHUNK]), ("large", 1, LARGE[CHUNK:])):
        proof = prove(model, name, chunk=chunk)
        assert proof.holds_for(root, content)
        (tmp_path / "proof.json").write_text(json.dumps(proof.to_dict()))
        (tmp_path / "data").write_bytes(content)
        assert check_against_root(tmp_path / "proof.json", root, data=tmp_path / "data").holds
        (tmp_path / "data").write_bytes(content + b"x" * (1 << 20))
        found = check_against_root(tmp_path / "proof.json", root, data=tmp_path / "data")
        assert (found.holds, found.data_checked) == (False, True)
        assert found.reason == "the bytes are not those of the chunk"


def test_a_tensor_without_bytes_is_proven_and_has_no_chunk(model: Path) -> None:
    proof = prove(model, "none")
    assert proof.holds_for(proof.root, b"")
    with pytest.raises(ArtifactError) as caught:
        prove(model, "none", chunk=0)
    assert caught.value.code == "usage"


def test_a_file_that_changes_between_its_readings_is_noticed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = workflow.scan

    def then_changed(*arguments: object, **options: object) -> Manifest:
        manifest = scan(*arguments, **options)  # type: ignore[arg-type]
        path = model / "1.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        return manifest

    monkeypatch.setattr(workflow, "scan", then_changed)
    with pytest.raises(ArtifactError) as caught:
        prove(model, "small", chunk=0)
    assert caught.value.code == "tensor-mismatch"


def test_chunks_of_what_is_in_no_safetensors_file_are_not_proven(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "_range_of", lambda file, name: None)
    with pytest.raises(ArtifactError) as caught:
        prove(model, "small", chunk=0)
    assert caught.value.code == "weights-unsupported"
    assert prove(model, "small").chunk is None


def test_a_proof_with_a_flaw_is_refused_by_its_schema(model: Path) -> None:
    document = prove(model, "large", chunk=1).to_dict()
    assert isinstance(read_proof(json.dumps(document).encode(), "proof"), TensorProof)
    for change in ({"root": "0" * 63}, {"index": -1}, {"count": 1 << 63}, {"path": ["0" * 64] * 63}, {"path": "x"},
                   {"tensor": {**document["tensor"], "shape": [-1]}},
                   {"tensor": {**document["tensor"], "dtype": "F\n"}},
                   {"chunk": {**document["chunk"], "digest": "g" * 64}}, {"more": 1}):
        with pytest.raises(StatementError) as caught:
            read_proof(json.dumps({**document, **change}).encode(), "proof")
        assert caught.value.code == "schema-mismatch"
