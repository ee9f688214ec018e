"""Folders that a list of files amounts to: tools that know files only still made the folder that the files make up.

`dirHash` is computed from paths and sha256 alone, so that a step by such a tool is joined to a model folder when it
states every one of the folder's files, and no other file in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from provenance.artifacts.digest import DigestSet, kind_of
from provenance.artifacts.manifest import dir_hash_of
from provenance.statements.statement import ResourceDescriptor

_MAX_FILES = 50_000
_MAX_DEPTH = 8  # each file is counted in this many of the folders above it


def with_folders(
    products: Mapping[str, DigestSet], made: Sequence[ResourceDescriptor]
) -> tuple[ResourceDescriptor, ...]:
    """What was made, and each folder of products in which something was made; the top one is called `.`."""
    if len(products) > _MAX_FILES:
        return tuple(made)
    rows = {name: digest["sha256"] for name, digest in products.items()
            if name and "sha256" in digest and kind_of(digest) == "file"}
    touched = {folder for item in made if item.name in rows for folder in _above(item.name)}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, digest in rows.items():
        for folder in _above(name):
            if folder in touched:
                found[folder].append((name[len(folder):], digest))
    return (*made, *(ResourceDescriptor(folder.rstrip("/") or ".", {"dirHash": dir_hash_of(files)})
                     for folder, files in sorted(found.items())))


def _above(name: str) -> list[str]:
    """`a/b/c` -> ``, `a/`, `a/b/`."""
    parts = name.split("/", _MAX_DEPTH)
    return ["".join(part + "/" for part in parts[:count]) for count in range(len(parts))][:_MAX_DEPTH]
