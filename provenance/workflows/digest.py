"""Digest: what a file or folder is, by its bytes alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from provenance.artifacts.hashing import Progress
from provenance.artifacts.manifest import Manifest, scan


def digest(
    path: Path, *, tensors: bool = True, progress: Progress | None = None, total: Callable[[int], None] | None = None
) -> Manifest:
    """Read a file or folder once; ArtifactError where its digests would not be the whole truth (a link, a change)."""
    return scan(path, tensors=tensors, progress=progress, total=total).require_sound()


def digest_document(manifest: Manifest) -> dict[str, Any]:
    """The answer as JSON (`schemas/digest.schema.json`)."""
    weights = None
    if manifest.weights is not None:
        weights = {
            "digest": {"tensorTree": manifest.weights.root},
            "tensors": len(manifest.weights.tensors),
            "parameters": manifest.weights.parameters,
        }
    return {
        "schemaVersion": "0.1",
        "kind": "Digest",
        "name": manifest.name,
        "digest": manifest.digest,
        "bytes": manifest.size,
        "files": [{"path": e.path, "size": e.size, "sha256": e.sha256} for e in manifest.files],
        "weights": weights,
        "findings": [finding.to_dict() for finding in manifest.findings],
    }
