"""Symbolic links of a folder that lead to what the same folder holds, for signatures that say they followed them.

The engine never follows a link. Here a link is only looked up: it stands for files that were read under their own
names. One that leads out of the folder, to nothing, in a circle, or to a folder in which there are links again stays
the finding that it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.errors import Finding

LINK = "file-is-symlink"


def followed(manifest: Manifest, folder: Path) -> Manifest:
    """The manifest with an entry for each file that its links lead to, and without the findings about those links."""
    links = [finding for finding in manifest.findings if finding.code == LINK]
    reached = {link: tuple(_reached(link.location, manifest, folder, links)) for link in links}
    entries = {entry.path: entry for found in reached.values() for entry in found}
    files = sorted((*manifest.files, *entries.values()), key=lambda entry: entry.path)
    left = tuple(finding for finding in manifest.findings if not reached.get(finding))
    return replace(manifest, files=tuple(files), findings=left)


def _reached(link: str, manifest: Manifest, folder: Path, links: list[Finding]) -> Iterator[FileEntry]:
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, link))  # noqa: PTH118  Path would lose what realpath must see
    if not target.startswith(root + os.sep):
        return
    path = target[len(root) + 1 :].replace(os.sep, "/")
    if (entry := manifest.by_path.get(path)) is not None:
        yield replace(entry, path=link)
        return
    inside = f"{path}/"
    if link.startswith(inside) or any(other.location.startswith(inside) for other in links):
        return
    for entry in manifest.files:
        if entry.path.startswith(inside):
            yield replace(entry, path=f"{link}/{entry.path[len(inside) :]}")
