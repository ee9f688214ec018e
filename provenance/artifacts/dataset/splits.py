"""Which files make which split of a dataset, and in which order: told by names, or said by the caller; never guessed.

A file given alone is the split `train` (the Hub's name for an only split). In a folder, `NAME.jsonl` is the split
NAME, and `NAME-00000-of-00002.parquet` is the first of its two shards; where the files are called `data-...`, as
`datasets` saves them, their folder is the split. Shards are in the order of their names. What is no data file is
left out, and named.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.artifacts.dataset.values import shortened
from provenance.artifacts.sources.folder import listing, open_folder
from provenance.errors import ArtifactError, quoted

ONLY_SPLIT = "train"
TYPED = {".parquet": "parquet", ".arrow": "arrow", ".arrows": "arrow", ".feather": "arrow", ".ipc": "arrow"}
TEXTS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
PACKED = (".gz", ".zst")  # around JSON Lines and CSV
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(?:-[0-9a-f]{16})?")


@dataclass(frozen=True, order=True)
class Place:
    """A file: the folder that it is opened beneath, its path in it (which results show), its size when listed."""

    folder: Path
    path: str
    size: int = 0

    @property
    def container(self) -> str:
        """`parquet`, `arrow`, `jsonl` or `csv`, by its suffix; "" for what is no data file."""
        packing = packing_of(self.path)
        suffix = os.path.splitext(self.path.removesuffix(packing))[1].lower()  # noqa: PTH122  a path inside a folder
        return (TEXTS if packing else TEXTS | TYPED).get(suffix, "")


def packing_of(path: str) -> str:
    """`.gz` or `.zst` where a name ends so, else ""."""
    return next((packing for packing in PACKED if path.endswith(packing)), "")


@dataclass(frozen=True)
class Layout:
    """The files of each split, splits sorted by the bytes of their names, and the paths that are in none."""

    splits: tuple[tuple[str, tuple[Place, ...]], ...]
    left_out: tuple[str, ...] = ()


def layout_of(path: Path) -> Layout:
    """The layout of one file, or of a folder by the names in it; ArtifactError `dataset-layout`, `shard-missing`."""
    places, left_out = _places(path)
    if not path.is_dir():
        return Layout(((ONLY_SPLIT, places),))
    groups: dict[str, list[Place]] = defaultdict(list)
    folders: dict[str, set[str]] = defaultdict(set)
    for place in places:
        name = _split_of(place.path)
        groups[name].append(place)
        folders[name].add(f"{place.path.rpartition('/')[0]} {bool(_shard(place.path))}")
    for name, kinds in folders.items():
        # Two folders with a `train` each are two configurations, or two copies: nobody can tell.
        if len(kinds) > 1 or (len(groups[name]) > 1 and not _shard(groups[name][0].path)):
            which = ", ".join(sorted(place.path for place in groups[name])[:4])
            raise _unclear(f"several files could be the split {name}: {which}", path)
    return _layout(groups, left_out)


def layout_from(splits: Mapping[str, Sequence[Path]]) -> Layout:
    """The layout that the caller gives: for each split its files in order; a folder stands for its files by name."""
    groups: dict[str, list[Place]] = {}
    left_out: list[str] = []
    for name, paths in splits.items():
        groups[name] = []
        for path in paths:
            places, others = _places(path)
            groups[name] += places
            left_out += others
    return _layout(groups, tuple(left_out))


def _layout(groups: Mapping[str, list[Place]], left_out: tuple[str, ...]) -> Layout:
    for name, places in groups.items():
        if not name or len(name) > 255 or any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
            raise ArtifactError("dataset-layout", f"{shortened(quoted(name))} cannot be the name of a split",
                                hint="use letters, digits, dots, hyphens and underscores")
        _refuse_gaps(name, places)
    return Layout(tuple((name, tuple(groups[name])) for name in sorted(groups, key=lambda name: name.encode("utf-8"))),
                  left_out)


def _places(path: Path) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """The data files at a path, sorted by the bytes of their names, and what else lies there."""
    if not path.exists():
        raise ArtifactError("path-not-found", "there is no such file or folder", location=str(path),
                            hint="check the path")
    if not path.is_dir():
        path = Path(os.path.realpath(path))
        place = Place(path.parent, path.name, path.stat().st_size)
        if not place.container:
            raise ArtifactError("dataset-layout", "its name does not say what kind of data it holds",
                                location=str(path), hint=f"rename it to one of *{', *'.join(TYPED | TEXTS)}")
        return (place,), ()
    root = open_folder(path)
    try:
        found = listing(root)
    finally:
        os.close(root)
    for finding in found.findings:
        if finding.severity == "error":
            raise ArtifactError(finding.code, finding.message, location=finding.location, hint=finding.hint)
    places = [Place(path, file.path, file.size) for file in found.files]
    data = tuple(place for place in places if place.container)
    if not data:
        raise ArtifactError("dataset-layout", "the folder holds no data file", location=str(path),
                            hint=f"data files are called *{', *'.join(TYPED | TEXTS)}")
    return data, tuple(place.path for place in places if not place.container)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(packing_of(path)).rpartition(".")[0]


def _shard(path: str) -> re.Match[str] | None:
    return _SHARD.fullmatch(_stem(path))


def _split_of(path: str) -> str:
    shard, folder = _shard(path), path.rpartition("/")[0].rpartition("/")[2]
    name = shard[1] if shard else _stem(path)
    return (folder or ONLY_SPLIT) if shard and name == "data" else name


def _refuse_gaps(name: str, places: Iterable[Place]) -> None:
    """A missing shard is an error, not a smaller dataset."""
    by_stem: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for place in places:
        if shard := _shard(place.path):
            by_stem[place.path.rpartition("/")[0], shard[1]].append((int(shard[2]), int(shard[3])))
    for shards in by_stem.values():
        total = shards[0][1]
        if sorted(shards) != [(index, total) for index in range(total)]:
            missing = sorted(set(range(total)) - {index for index, _ in shards})[:5]
            what = f"numbers {', '.join(map(str, missing))} are" if missing else "their numbers are not"
            raise ArtifactError("shard-missing", f"of the {total} shards of split {name}, {what} "
                                f"{'not there' if missing else 'one of each'}", hint="fetch the missing files")


def _unclear(why: str, path: Path) -> ArtifactError:
    return ArtifactError("dataset-layout", f"which files make which split cannot be told: {why}", location=str(path),
                         hint="say so, with a name and a path for each split")
