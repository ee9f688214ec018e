"""Look into a bundle without believing it: what it says, and who and when as it says itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from provenance.bundles.described import describe_unverified
from provenance.bundles.store import EvidenceFile
from provenance.errors import BundleError, ProvenanceError
from provenance.workflows.pieces import read_pieces


def inspect_bundle(bundle: Path) -> dict[str, Any]:
    """What a bundle says, unverified (`schemas/inspection.schema.json`); a file of several is told piece by piece.

    ProvenanceError for a bundle that is broken; among several it is told in its place.
    """
    files = read_pieces(bundle)
    if files[0].data is None:
        raise BundleError("document-too-large", "larger than any bundle may be", location=str(bundle),
                          hint="get the bundle again from its signer")
    if len(files) == 1:
        return _inspection(files[0])
    return {"schemaVersion": "0.1", "kind": "Inspections", "verified": False, "file": bundle.name,
            "sha256": files[0].container_sha256, "bundles": [_told(file) for file in files]}


def _inspection(file: EvidenceFile) -> dict[str, Any]:
    return {"schemaVersion": "0.1", "kind": "Inspection", "verified": False, "file": file.name, "sha256": file.sha256,
            **describe_unverified(file.data or b"", file.name)}


def _told(file: EvidenceFile) -> dict[str, Any]:
    try:
        return _inspection(file)
    except ProvenanceError as err:
        return {"schemaVersion": "0.1", "kind": "Error", "code": err.code, "message": err.message,
                "location": err.location or file.name, "hint": err.hint}
