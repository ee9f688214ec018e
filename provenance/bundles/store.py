"""Where evidence lies: a folder of bundles; a file that holds several pieces of evidence is taken apart."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provenance.artifacts.sources.folder import FoundFile, Listing, listing, open_folder, opened, shown
from provenance.bundles.envelope import MAX_BUNDLE, sha256
from provenance.bundles.unpacking import has_envelopes, unpacked
from provenance.errors import ArtifactError

FOLDER_SUFFIX = ".provenance"
SUFFIX = ".sigstore.json"
BUNDLE_SUFFIXES = (
    SUFFIX, ".sigstore", ".sig",  # Sigstore
    ".intoto.jsonl", ".jsonl", ".intoto.json", ".intoto", ".dsse.json", ".dsse",  # envelopes, one or many
    ".link", ".layout",  # in-toto before attestations
    ".attestation", ".provenance", ".attestations.json",  # PyPI, npm and GitHub
)
MODEL_SIGNATURE_NAME = "model.sig"


@dataclass(frozen=True)
class EvidenceFile:
    """What claims to be a bundle: its name, and its bytes (None: larger than any bundle may be).

    `container` is the file that it lies in where that holds other pieces too, with its sha256; the name is then
    `FILE:NUMBER`.
    """

    name: str
    data: bytes | None
    container: str = ""
    container_sha256: str = ""

    @property
    def sha256(self) -> str:
        """The digest of the bytes."""
        return sha256(self.data or b"")


def default_folder(model: Path) -> Path:
    """`MODEL.provenance/` beside the model."""
    named = model if model.name not in ("", "..") else Path(os.path.realpath(model))  # `.` is a name of nothing
    return named.with_name(named.name + FOLDER_SUFFIX) if named.name else named / FOLDER_SUFFIX


def read_evidence(path: Path) -> list[EvidenceFile]:
    """Every bundle file of a folder (or the one file), sorted by name, the same bytes once.

    ArtifactError `path-not-found` or `input-unreadable`. Links and special files are not followed, and a file whose
    name cannot be shown is not read.
    """
    path = Path(os.path.realpath(path))
    if not path.is_dir():
        if not path.exists():
            raise ArtifactError("path-not-found", "there is no such evidence", location=str(path),
                                hint="check the path")
        root = open_folder(path.parent)
        found = [FoundFile(path.name, path.stat().st_size)]
    else:
        root = open_folder(path)
        found = _bundles(listing(root))
    try:
        read = [(shown(file.path), _read(root, file)) for file in found]
    finally:
        os.close(root)
    chosen = read if not path.is_dir() else [(name, data) for name, data in read if _may_be_evidence(name, data)]
    return in_order(piece for name, data in chosen for piece in pieces(name, data))


def _may_be_evidence(name: str, data: bytes | None) -> bool:
    """Data sets are JSON lines too: in a folder, one that has no member of any envelope is not taken for evidence."""
    is_generic = name.endswith(".jsonl") and not name.endswith(".intoto.jsonl")
    return not is_generic or (data is not None and has_envelopes(data))


def pieces(name: str, data: bytes | None) -> list[EvidenceFile]:
    """The evidence in one file, each piece by itself."""
    if data is None:
        return [EvidenceFile(name, None)]
    found = unpacked(data, name)
    if [piece for piece, _ in found] == [name]:
        return [EvidenceFile(name, data)]
    container = sha256(data)
    return [EvidenceFile(piece, content, name, container) for piece, content in found]


def in_order(files: Iterable[EvidenceFile]) -> list[EvidenceFile]:
    """The files by name, the same bytes once; of those that are too large nothing is known but the name."""
    ordered = sorted(files, key=lambda file: (file.name, file.sha256))
    unique = {(file.sha256, file.name if file.data is None else ""): file for file in reversed(ordered)}
    return sorted(unique.values(), key=lambda file: (file.name, file.sha256))


def _bundles(found: Listing) -> list[FoundFile]:
    for finding in found.findings:
        if finding.code == "input-unreadable":
            raise ArtifactError(finding.code, "cannot read the evidence", location=finding.location, hint=finding.hint)
    return [file for file in found.files if file.path.endswith(BUNDLE_SUFFIXES)]


def _read(root: int, file: FoundFile) -> bytes | None:
    """The bytes, never more of them than a bundle may have, whatever became of the file since it was listed."""
    with opened(root, file.path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as reader:
        data = reader.read(MAX_BUNDLE + 1)
    return data if len(data) <= MAX_BUNDLE else None
