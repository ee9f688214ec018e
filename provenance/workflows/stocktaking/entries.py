"""What there is to list: what a user names, to entries that can be judged one by one.

    a folder with weights, or with a model card    one model
    a Hub cache, or a part of one                  one model for each snapshot (`hub_entries.py`)
    any other folder                               what lies in it, folder by folder
    .yml, .yaml                                    a MOF configuration file
    .md                                            a model card by itself; in a folder, if it has a header
    a weight file                                  one model
    hf://org/name[@revision]                       a snapshot in the user's own Hub cache
    any other file                                 a list: one path, relative to the list, or one id a line;
                                                   `#` begins a comment

Hidden folders, evidence folders (`*.provenance`) and symbolic links are not walked into. An entry that cannot be read
is an entry all the same, with its error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from provenance.artifacts.manifest import WEIGHT_SUFFIXES
from provenance.bundles.store import FOLDER_SUFFIX
from provenance.cards import CARD
from provenance.errors import ArtifactError
from provenance.workflows.stocktaking.entry import (
    EMPTY,
    Entry,
    Kind,
    label_of,
    missing,
    name_of,
    unreadable,
    with_error,
)
from provenance.workflows.stocktaking.hub_entries import addressed, is_address, is_id, snapshots

MOF_SUFFIXES = (".yml", ".yaml")
CARD_SUFFIX = ".md"
MAX_DEPTH = 16
MAX_LIST = 4 << 20


def entries(paths: Sequence[Path | str]) -> list[Entry]:
    """Every entry behind these paths and addresses, each once, sorted by what it is called.

    ArtifactError where a path is not there, and where nothing lies behind any of them: an empty table would look
    like an answer.
    """
    found: dict[str, Entry] = {}
    for path in paths:
        for entry in _named(path):
            known = found.get(entry.label)
            found[entry.label] = replace(entry, named=entry.named or (known is not None and known.named))
    if all(entry.kind == "hub-other" or (entry.error is not None and entry.error.code == EMPTY)
           for entry in found.values()):
        where = ", ".join(label_of(Path(path)) for path in paths[:3])
        raise ArtifactError(EMPTY, "no model, card or MOF file lies there", location=where,
                            hint="name folders with weights, MOF files, a Hub cache, or a list of them")
    return [found[label] for label in sorted(found)]


def _named(path: Path | str) -> Iterator[Entry]:
    if isinstance(path, str) and is_address(path):
        yield addressed(path)
    elif os.path.lexists(path):
        yield from _behind(Path(path))
    else:
        raise missing(Path(path), "check the path; of a model in the Hub cache, write hf://org/name")


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
        yield unreadable(path, "usage", "a list within a list is not read", "put its lines into the first list")


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
        lines = [line.strip() for line in data.decode("utf-8-sig").split("\n")]
    except (OSError, UnicodeDecodeError):
        told = "cannot be read as a list of paths"
        yield unreadable(path, "input-unreadable", told, "write one path a line, as UTF-8")
        return
    except ArtifactError as err:
        yield with_error(path, err)
        return
    for line in lines:
        if line and not line.startswith("#"):
            yield from _in_list(path.parent, line)


def _in_list(folder: Path, line: str) -> Iterator[Entry]:
    """What a line of a list means: an address, else a path if there is something, else an id if it looks like one."""
    path = folder / line
    if is_address(line):
        yield addressed(line)
    elif "\0" not in line and os.path.lexists(path):
        yield from _behind(path, lists=False)
    elif is_id(line) and _kind_of(line) is None:
        yield addressed(f"hf://{line}")
    else:
        yield with_error(path, missing(path, "check the path; of a model in the Hub cache, write hf://org/name"))


# --- folders ------------------------------------------------------------------------------------------------


def _named_folder(path: Path) -> Iterator[Entry]:
    count = 0
    for entry in _folder(path, 0):
        count += 1
        yield entry if entry.path != path else replace(entry, named=True)
    if not count:
        yield unreadable(path, EMPTY, "no model, card or MOF file lies there", "name the folder that holds the model")


def _folder(path: Path, depth: int) -> Iterator[Entry]:
    """The model that a folder is, or what lies in it."""
    try:
        if found := snapshots(path):
            yield from found
            return
        with os.scandir(path) as listing:
            children = sorted(listing, key=lambda child: child.name)
        if any(_marks_a_model(child) for child in children):
            yield Entry(path, "model", name_of(path))
            return
        for child in children:
            yield from _child(path / child.name, child, depth)
    except OSError as err:
        yield unreadable(path, "input-unreadable", f"cannot be read: {err.strerror}", "check its permissions")


def _child(path: Path, child: os.DirEntry[str], depth: int) -> Iterator[Entry]:
    if child.is_dir(follow_symlinks=False):
        if child.name.startswith(".") or child.name.endswith(FOLDER_SUFFIX):
            return
        if depth >= MAX_DEPTH:
            yield unreadable(path, "path-too-deep", f"more than {MAX_DEPTH} folders deep", "name the folder itself")
            return
        yield from _folder(path, depth + 1)
    elif child.is_file() and not child.name.startswith(".") and _is_listed(child):
        yield _file(path)


def _is_listed(child: os.DirEntry[str]) -> bool:
    """Whether a file that nobody named is worth a look: YAML, and Markdown with a header."""
    name = child.name.lower()
    return name.endswith(MOF_SUFFIXES) or (name.endswith(CARD_SUFFIX) and _has_header(child))


def _marks_a_model(child: os.DirEntry[str]) -> bool:
    """Whether this file makes its folder a model: weights, or a card with a header."""
    if child.name.lower().endswith(WEIGHT_SUFFIXES):
        return child.is_file() or child.is_symlink()
    return child.name == CARD and child.is_file() and _has_header(child)


def _has_header(child: os.DirEntry[str]) -> bool:
    """Whether it begins as a header does; what cannot be read may, and its row will say why it cannot."""
    try:
        with open(child.path, "rb") as card:  # noqa: PTH123  a DirEntry has no Path
            return card.read(3) == b"---"
    except OSError:
        return True
