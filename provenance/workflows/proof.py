"""Proof: that a tensor is in a model's weights, made from the model, and checked without it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.artifacts.containers.plan import WeightFile
from provenance.artifacts.containers.safetensors import header_length, parse_header
from provenance.artifacts.crew import Progress
from provenance.artifacts.manifest import Manifest, scan
from provenance.artifacts.names import brief
from provenance.artifacts.proofs import TensorProof, prove_chunk, prove_tensor
from provenance.artifacts.sources.folder import open_folder, opened
from provenance.artifacts.tensors import CHUNK, chunk_digest
from provenance.bundles.trust import TrustSource
from provenance.errors import ArtifactError, StatementError, UsageError
from provenance.files import read_small
from provenance.statements.reader import parse_json, validate
from provenance.workflows.trusted import models_in, trusted_statements

MAX_PROOF = 1 << 20
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ProofCheck:
    """Whether a proof holds, what is wrong with it ("": nothing), and who names its root (nobody: it was given)."""

    proof: TensorProof
    problem: str = ""
    data_checked: bool = False
    signers: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether what it proves is so."""
        return not self.problem

    @property
    def reason(self) -> str:
        """The answer in words."""
        return self.problem or f"the {_what(self.proof)} is in the weights"

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON (`schemas/tensor-proof-check.schema.json`)."""
        chunk = self.proof.chunk
        return {
            "schemaVersion": "0.1", "kind": "TensorProofCheck", "holds": self.holds, "reason": self.reason,
            "root": self.proof.root, "tensor": self.proof.tensor.name, "chunk": chunk.index if chunk else None,
            "dataChecked": self.data_checked, "signers": list(self.signers),
        }


def prove(
    model: Path, name: str, *, chunk: int | None = None, progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
) -> TensorProof:
    """Read a model once and prove that the tensor of this name is in its weights; with `chunk`, that chunk of it too.

    ArtifactError `folder-has-no-weights`, `tensor-missing`, `tensor-mismatch` (the file changed) or `usage`.
    """
    manifest = scan(model, progress=progress, total=total).require_sound()
    if manifest.weights is None:
        raise ArtifactError("folder-has-no-weights", "there are no tensors to prove anything about",
                            location=str(model), hint="give a model with weights in safetensors")
    proof = prove_tensor(manifest.weights, name)
    return proof if chunk is None else prove_chunk(proof, _chunks_of(model, manifest, name), chunk)


def _chunks_of(model: Path, manifest: Manifest, name: str) -> list[bytes]:
    """The digests of a tensor's chunks, from the safetensors file that holds it."""
    place = Path(os.path.realpath(model))
    root = open_folder(place.parent if manifest.is_file else place)
    try:
        for entry in manifest.files:
            if entry.path.endswith(".safetensors"):
                with opened(root, entry.path) as descriptor:
                    file = WeightFile(descriptor, os.fstat(descriptor).st_size, entry.path)
                    if (found := _range_of(file, name)) is not None:
                        return list(_digests(file, *found))
    finally:
        os.close(root)
    raise ArtifactError("weights-unsupported", "chunks are only proven of safetensors files", location=brief(name),
                        hint="convert the weights to safetensors, or prove the tensor without --chunk")


def _range_of(file: WeightFile, name: str) -> tuple[int, int] | None:
    header = file.read(0, 8 + header_length(file.read(0, min(8, file.size)), file.size, file.location))
    infos = parse_header(header, file.size, file.location)
    return next(((info.start, info.end) for info in infos if info.name == name), None)


def _digests(file: WeightFile, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, CHUNK):
        yield chunk_digest(file.read(at, min(CHUNK, end - at)))


def read_proof(data: bytes, location: str) -> TensorProof:
    """A proof from its JSON; StatementError where it is none."""
    document = parse_json(data, location, limit=MAX_PROOF)
    validate(document, "tensor-proof", location)
    return TensorProof.from_dict(document)


def check_against_root(proof: Path, root: str, *, data: Path | None = None) -> ProofCheck:
    """Hold a proof against a root (hex) that the caller knows, and bytes against it where a file is given."""
    if not _HEX.fullmatch(root):
        raise UsageError("usage", "a root is 64 lower-case hexadecimal characters", location="--root",
                         hint="take it from a statement that you trust")
    return _check(_read_proof(proof), root, data, ())


def check_against_bundle(
    proof: Path, bundle: Path, trust: Path | TrustSource, *, as_of: datetime, data: Path | None = None
) -> ProofCheck:
    """The same against the tensor trees that trusted producers attest."""
    parsed = _read_proof(proof)
    believed, statements = trusted_statements(bundle, trust, as_of)
    signers = {
        statement.principal.name for statement in statements for thing in models_in(statement)
        if statement.principal and thing.weights and thing.weights.digest.get("tensorTree") == parsed.root
    }
    if f"tensorTree:{parsed.root}" in believed.recalled:
        return ProofCheck(parsed, "the trust file recalls these weights")
    if not signers:
        return ProofCheck(parsed, "no trusted producer attests the weights that the proof is about")
    return _check(parsed, parsed.root, data, tuple(sorted(signers)))


def _check(proof: TensorProof, root: str, data: Path | None, signers: tuple[str, ...]) -> ProofCheck:
    problem, looked = "", False
    if not proof.holds(root):
        problem = "the proof is about other weights" if proof.root != root else "the path does not lead to the root"
    elif data is not None:
        looked = True
        if not proof.holds_for(root, read_small(data, most=proof.data_size, error=StatementError)):
            problem = f"the bytes are not those of the {_what(proof)}"
    return ProofCheck(proof, problem, looked, signers)


def _what(proof: TensorProof) -> str:
    return "tensor" if proof.chunk is None else "chunk"


def _read_proof(path: Path) -> TensorProof:
    return read_proof(read_small(path, most=MAX_PROOF, error=StatementError), path.name)
