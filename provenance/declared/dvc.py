"""`dvc.lock`, schema 2.0: which stage of a pipeline read and wrote what, by MD5.

MD5 identifies nothing, so every edge is weak. Where the files lie at hand, they are read again: one whose MD5 is the
locked one gives its sha256 to the edge, and one that differs is told. Directories are locked by an MD5 over a listing
of MD5s, and stay weak.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from provenance.artifacts.names import brief, problem_with_name
from provenance.artifacts.sources.folder import FoundFile, open_folder, opened, refuse_hole
from provenance.declared.document import Declared, Edge, Told, unsupported
from provenance.errors import ProvenanceError
from provenance.statements.reader import parse_yaml

NAME = "dvc.lock"
_CHUNK = 1 << 20


def read_dvc_lock(data: bytes, file: str, sha256: str, beside: Path | None = None) -> Declared:
    """What a lock file declares, held against the files below `beside` where that is given.

    StatementError `yaml-invalid`, `declared-unsupported` or `document-too-large`.
    """
    document = parse_yaml(data, file)
    if not isinstance(document, dict) or document.get("schema") != "2.0":
        raise unsupported("not a dvc.lock of schema 2.0", file, "run a newer DVC once: it writes the file again")
    told = Told(file)
    stages = document.get("stages")
    if not isinstance(stages, dict):
        told.tell("its stages are not a mapping", "see DVC's documentation")
        stages = {}
    edges = [edge for name, stage in stages.items() for edge in _edges(str(name), stage, told)]
    if beside is not None:
        edges = list(_read_again(edges, beside, told))
    return Declared(file, sha256, "dvc.lock 2.0", (), (), tuple(edges), tuple(told.findings))


def _edges(name: str, stage: object, told: Told) -> Iterator[Edge]:
    if not isinstance(stage, dict):
        told.tell(f"stage {brief(name)} is not a mapping, and is not read", "see DVC's documentation")
        return
    for item in told.mappings(stage.get("deps"), f"a dependency of {brief(name)}"):
        yield from _edge(item, f"stage {name}", told)
    for item in told.mappings(stage.get("outs"), f"an output of {brief(name)}"):
        for made in _edge(item, f"stage {name}", told):
            yield replace(made, source=made.target, target=made.source, role="the output of a stage")


def _edge(item: Mapping[str, Any], stage: str, told: Told) -> Iterator[Edge]:
    path = told.text(item, "path", stage)
    value = item.get("md5")
    if not path:
        told.tell(f"a file of {brief(stage)} has no path, and is not read", "see DVC's documentation")
        return
    if isinstance(value, str) and value.endswith(".dir"):
        value = None  # a digest of a listing: nothing that anybody else could hold against the folder
    yield Edge(path, stage, "a dependency", told.digest("md5", value, path))


def _read_again(edges: list[Edge], beside: Path, told: Told) -> Iterator[Edge]:
    root = open_folder(beside)
    try:
        for edge in edges:
            path = edge.target if edge.role == "the output of a stage" else edge.source
            yield _strengthened(edge, path, root, told)
    finally:
        os.close(root)


def _strengthened(edge: Edge, path: str, root: int, told: Told) -> Edge:
    if "md5" not in edge.digest or problem_with_name(path):
        return edge  # nothing to hold it against, or a name that leads out of the folder
    try:
        weak, strong = _digests(root, path)
    except (ProvenanceError, OSError):
        return edge  # not at hand, a link or no file: the edge stays as it was declared
    if weak != edge.digest["md5"]:
        told.tell(f"{brief(path)} is not the file that was locked", "run `dvc checkout`", "file-mismatch")
        return edge
    return replace(edge, digest={**edge.digest, "sha256": strong}, strength="file")


def _digests(root: int, path: str) -> tuple[str, str]:
    weak, strong = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with opened(root, path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as reader:
        refuse_hole(descriptor, FoundFile(path, os.fstat(descriptor).st_size))
        while block := reader.read(_CHUNK):
            weak.update(block)
            strong.update(block)
    return weak.hexdigest(), strong.hexdigest()
