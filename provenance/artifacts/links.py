"""Symbolic links of a folder that lead to what the same folder holds, for signatures that say they followed them.

The engine never follows a link. Here a link is only looked up: it stands for files that were read under their own
names. One that leads out of the folder, to nothing, in a circle, or to a folder in which there are links again stays
the finding that it is, and so does every one after the millionth file: links to folders multiply what there is.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.errors import Finding

LINK = "file-is-symlink"
MAX_FILES = 1 << 20


def followed(manifest: Manifest, folder: Path) -> Manifest:
    """The manifest with an entry for each file that its links lead to, and without the findings about those links."""
    links = sorted(finding.location for finding in manifest.findings if finding.code == LINK)
    paths = [entry.path for entry in manifest.files]
    entries, left = dict[str, FileEntry](), list[Finding]()
    for finding in manifest.findings:
        reached = _reached(finding.location, manifest, folder, paths, links) if finding.code == LINK else {}
        if not reached or len(entries) + len(reached) > MAX_FILES:
            left.append(finding)
        else:
            entries |= reached
    files = sorted((*manifest.files, *entries.values()), key=lambda entry: entry.path)
    return replace(manifest, files=tuple(files), findings=tuple(left))


def _reached(
    link: str, manifest: Manifest, folder: Path, paths: Sequence[str], links: Sequence[str]
) -> dict[str, FileEntry]:
    """The files that a link stands for, by the paths that it gives them."""
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, link))  # noqa: PTH118  as a text, so that nothing is made shorter
    if not target.startswith(root + os.sep):
        return {}
    path = target[len(root) + 1 :].replace(os.sep, "/")
    if (entry := manifest.by_path.get(path)) is not None:
        return {link: replace(entry, path=link)}
    if link.startswith(f"{path}/") or len(_beneath(path, links)):
        return {}
    found = (manifest.files[place] for place in _beneath(path, paths))
    renamed = (replace(entry, path=link + entry.path[len(path) :]) for entry in found)
    return {entry.path: entry for entry in renamed}


def _beneath(folder: str, paths: Sequence[str]) -> range:
    """Where in the sorted paths those of a folder are: `0` is the sign after `/`."""
    return range(bisect_left(paths, f"{folder}/"), bisect_left(paths, f"{folder}0"))
