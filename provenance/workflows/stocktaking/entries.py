"""What there is to list: paths as a user names them, to entries that can be judged one by one.

    a folder with weights, or with a model card    one model
    models--ORG--NAME of a Hub cache               one model for each snapshot
    any other folder                               what lies in it, folder by folder
    .yml, .yaml                                    a MOF configuration file
    .md                                            a model card by itself, where it is named
    a weight file                                  one model
    any other file                                 a list: one path a line, relative to the list; `#` begins a comment

Hidden folders, evidence folders (`*.provenance`) and symbolic links are not walked into. An entry that cannot be read
is an entry all the same, with its error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from provenance.artifacts.manifest import WEIGHT_SUFFIXES
from provenance.artifacts.sources.folder import shown
from provenance.bundles.store import FOLDER_SUFFIX
from provenance.cards import CARD
from provenance.errors import ArtifactError, ProvenanceError

Kind = Literal["model", "hub-snapshot", "mof-file", "card", "unreadable"]
MOF_SUFFIXES = (".yml", ".yaml")
CARD_SUFFIX = ".md"
MAX_DEPTH = 16
MAX_LIST = 4 << 20
_REPOSITORY = re.compile(r"models--(.+)", re.DOTALL)
_EMPTY = "folder-has-no-weights"


@dataclass(frozen=True)
class Entry:
    """One thing to list; `named` where the user named it, rather than a folder in which it lies."""

    path: Path
    kind: Kind
    name: str
    revision: str = ""
    named: bool = False
    error: ProvenanceError | None = None

    @property
    def label(self) -> str:
        """The path as text that can be written anywhere."""
        return label_of(self.path)


def label_of(path: Path) -> str:
    """A path as text; of one that is not UTF-8, the odd bytes are spelled out."""
    return shown(os.fspath(path))


def entries(paths: Sequence[Path]) -> list[Entry]:
    """Every entry behind these paths, each path once, sorted.

    ArtifactError where a path is not there, and where nothing lies behind any of them: an empty table would look
    like an answer.
    """
    found: dict[str, Entry] = {}
    for path in paths:
        if not os.path.lexists(path):
            raise _missing(path)
        for entry in _behind(path):
            known = found.get(entry.label)
            found[entry.label] = replace(entry, named=entry.named or (known is not None and known.named))
    if all(entry.error is not None and entry.error.code == _EMPTY for entry in found.values()):
        where = ", ".join(label_of(path) for path in paths[:3])
        raise ArtifactError(_EMPTY, "no model, card or MOF file lies there", location=where,
                            hint="name folders with weights, MOF files, a Hub cache, or a list of them")
    return [found[label] for label in sorted(found)]


def _behind(path: Path, *, lists: bool = True) -> Iterator[Entry]:
    """What a path that the user named leads to; `lists`: it may be a list of others."""
    path = Path(os.path.normpath(path))
    if path.is_dir():
        yield from _named_folder(path)
    elif _kind_of(path.name) is not None:
        yield replace(_file(path), named=True)
    elif lists:
        yield from _listed(path)
    else:
        yield _unreadable(path, "usage", "a list within a list is not read", "put its lines into the first list")


def _file(path: Path) -> Entry:
    return Entry(path, _kind_of(path.name) or "unreadable", path.stem)


def _kind_of(name: str) -> Kind | None:
    lowered = name.lower()
    if lowered.endswith(MOF_SUFFIXES):
        return "mof-file"
    if lowered.endswith(CARD_SUFFIX):
        return "card"
    return "model" if lowered.endswith(WEIGHT_SUFFIXES) else None


def _listed(path: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST + 1)
        if len(data) > MAX_LIST:
            raise ArtifactError("document-too-large", f"a list of more than {MAX_LIST} bytes", location=label_of(path))
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError):
        told = "cannot be read as a list of paths"
        yield _unreadable(path, "input-unreadable", told, "write one path a line, as UTF-8")
        return
    except ArtifactError as err:
        yield _with_error(path, err)
        return
    for line in lines:
        if line and not line.startswith("#"):
            yield from _in_list(path.parent / line, line)


def _in_list(path: Path, line: str) -> Iterator[Entry]:
    if "\0" in line or not os.path.lexists(path):
        yield _with_error(path, _missing(path))
    else:
        yield from _behind(path, lists=False)


# --- folders ------------------------------------------------------------------------------------------------


def _named_folder(path: Path) -> Iterator[Entry]:
    count = 0
    for entry in _folder(path, 0):
        count += 1
        yield entry if entry.path != path else replace(entry, named=True)
    if not count:
        yield _unreadable(path, _EMPTY, "no model, card or MOF file lies there", "name the folder that holds the model")


def _folder(path: Path, depth: int) -> Iterator[Entry]:
    """The model that a folder is, or what lies in it."""
    try:
        if found := _snapshots(path):
            yield from found
            return
        with os.scandir(path) as listing:
            children = sorted(listing, key=lambda child: child.name)
        if any(_marks_a_model(child) for child in children):
            yield Entry(path, "model", _name_of(path))
            return
        for child in children:
            yield from _child(path / child.name, child, depth)
    except OSError as err:
        yield _unreadable(path, "input-unreadable", f"cannot be read: {err.strerror}", "check its permissions")


def _child(path: Path, child: os.DirEntry[str], depth: int) -> Iterator[Entry]:
    if child.is_dir(follow_symlinks=False):
        if child.name.startswith(".") or child.name.endswith(FOLDER_SUFFIX):
            return
        if depth >= MAX_DEPTH:
            yield _unreadable(path, "path-too-deep", f"more than {MAX_DEPTH} folders deep", "name the folder itself")
            return
        yield from _folder(path, depth + 1)
    elif child.is_file() and child.name.lower().endswith(MOF_SUFFIXES) and not child.name.startswith("."):
        yield _file(path)


def _marks_a_model(child: os.DirEntry[str]) -> bool:
    """Whether this file makes its folder a model: weights, or a card with a header."""
    if child.name.lower().endswith(WEIGHT_SUFFIXES):
        return child.is_file() or child.is_symlink()
    if child.name != CARD or not child.is_file():
        return False
    with open(child.path, "rb") as card:  # noqa: PTH123  a DirEntry has no Path
        return card.read(3) == b"---"


def _snapshots(path: Path) -> list[Entry]:
    """The snapshots of a Hub cache that a folder is, or that it holds; nothing where it is another folder."""
    real = Path(os.path.realpath(path))
    if real.parent.name == "snapshots" and (name := _repository(real.parent.parent)):
        return [Entry(path, "hub-snapshot", name, real.name)]
    repository = real if real.name != "snapshots" else real.parent
    if not (name := _repository(repository)) or not (repository / "snapshots").is_dir():
        return []
    held = path if real.name == "snapshots" else path / "snapshots"
    folders = (child.name for child in held.iterdir() if child.is_dir())
    revisions = sorted(name for name in folders if not name.endswith(FOLDER_SUFFIX))
    if not revisions:
        return [_unreadable(path, _EMPTY, "a Hub cache without a snapshot", "fetch the model again")]
    return [Entry(held / revision, "hub-snapshot", name, revision) for revision in revisions]


def _repository(folder: Path) -> str:
    """`models--org--name` as `org/name`; "" for a folder of another kind."""
    match = _REPOSITORY.fullmatch(folder.name)
    return shown(match[1]).replace("--", "/") if match and (folder / "blobs").is_dir() else ""


def _name_of(path: Path) -> str:
    return shown(path.name if path.name not in ("", "..") else Path(os.path.realpath(path)).name)


def _missing(path: Path) -> ArtifactError:
    return ArtifactError("path-not-found", "there is nothing at this path", location=label_of(path),
                         hint="check the path")


def _unreadable(path: Path, code: str, message: str, hint: str) -> Entry:
    return _with_error(path, ArtifactError(code, message, location=label_of(path), hint=hint))


def _with_error(path: Path, error: ProvenanceError) -> Entry:
    return Entry(path, "unreadable", _name_of(path), named=True, error=error)
