"""Where evidence lies: a folder of bundles, one statement a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provenance.bundles.envelope import MAX_BUNDLE, sha256
from provenance.errors import ArtifactError

SUFFIX = ".sigstore.json"
BUNDLE_SUFFIXES = (SUFFIX, ".sigstore", ".sig", ".intoto.jsonl")
MODEL_SIGNATURE_NAME = "model.sig"


@dataclass(frozen=True, order=True)
class EvidenceFile:
    """One file that claims to be a bundle: its name, and its bytes (None: larger than any bundle may be)."""

    name: str
    data: bytes | None

    @property
    def sha256(self) -> str:
        """The digest of the bytes."""
        return sha256(self.data or b"")


def default_folder(model: Path) -> Path:
    """`MODEL.provenance/` beside the model."""
    return model.with_name(Path(model.absolute()).name + ".provenance")


def read_evidence(path: Path) -> list[EvidenceFile]:
    """Every bundle file of a folder (or the one file), sorted by name, the same bytes once.

    ArtifactError `path-not-found` or `input-unreadable`. Links and special files are not followed.
    """
    if not path.exists():
        raise ArtifactError("path-not-found", "there is no such evidence", location=str(path), hint="check --evidence")
    try:
        if path.is_file():
            return [_read(path, path.name)]
        files = [_read(file, file.relative_to(path).as_posix()) for file in sorted(path.rglob("*")) if is_bundle(file)]
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the evidence: {err.strerror}", location=str(path),
                            hint="check its permissions") from err
    unique = {file.sha256: file for file in reversed(files)}
    return sorted(unique.values())


def is_bundle(path: Path) -> bool:
    """Whether the name says that the regular file is a bundle."""
    return path.name.endswith(BUNDLE_SUFFIXES) and path.is_file() and not path.is_symlink()


def _read(path: Path, name: str) -> EvidenceFile:
    if path.stat().st_size > MAX_BUNDLE:
        return EvidenceFile(name, None)
    return EvidenceFile(name, path.read_bytes())
