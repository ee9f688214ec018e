"""One thing to list, and how it is called in the table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from provenance.artifacts.sources.folder import shown
from provenance.errors import ArtifactError, ProvenanceError

Kind = Literal["model", "hub-snapshot", "hub-other", "mof-file", "card", "unreadable"]
EMPTY = "folder-has-no-weights"


@dataclass(frozen=True)
class Entry:
    """One thing to list; `named` where the user named it, rather than a folder in which it lies.

    `address` is what the user wrote for it, where that is no path. A `hub-other` is no model, and told as left out.
    """

    path: Path
    kind: Kind
    name: str
    revision: str = ""
    named: bool = False
    error: ProvenanceError | None = None
    address: str = ""

    @property
    def label(self) -> str:
        """What it is called in the table, as text that can be written anywhere."""
        return self.address or label_of(self.path)


def label_of(path: Path) -> str:
    """A path as text; of one that is not UTF-8, the odd bytes are spelled out."""
    return shown(os.fspath(path))


def name_of(path: Path) -> str:
    """The name of a file or folder, of `.` too."""
    return shown(path.name if path.name not in ("", "..") else Path(os.path.realpath(path)).name)


def missing(path: Path, hint: str = "check the path") -> ArtifactError:
    """The error of a path at which there is nothing."""
    return ArtifactError("path-not-found", "there is nothing at this path", location=label_of(path), hint=hint)


def unreadable(path: Path, code: str, message: str, hint: str) -> Entry:
    """The entry of a path that cannot be read."""
    return with_error(path, ArtifactError(code, message, location=label_of(path), hint=hint))


def with_error(path: Path, error: ProvenanceError) -> Entry:
    """The same with an error that is there already."""
    return Entry(path, "unreadable", name_of(path), named=True, error=error)
