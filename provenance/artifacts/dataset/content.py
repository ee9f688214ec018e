"""The content of a dataset: its records by their values, whatever file, row group or compression holds them.

`attestations/dataset-tree.md` is the definition. In short, with H = SHA-256 and integers as little-endian u64:

    record leaf = H(0x10 || canonical encoding of the record)
    head        = RFC 6962 tree over the leaves in order, nodes H(0x01 || left || right); no records: H("")
    split       = H(0x11 || records || H(0x12 || schema) || head)
    split leaf  = H(0x13 || length || name || split)
    root        = H(0x14 || splits || head), head = the same tree over the split leaves, sorted by name bytes
    column      = H(0x15 || length || type || canonical encodings of its values in order)

One pass in bounded memory: batches are encoded and hashed on a few threads, and taken in order.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from provenance.artifacts.crew import Progress
from provenance.artifacts.dataset.batches import Batch, Encoded
from provenance.artifacts.dataset.containers import TypedFile
from provenance.artifacts.dataset.schema import Schema, Type
from provenance.artifacts.dataset.shards import ShardFile, open_shard
from provenance.artifacts.dataset.splits import TYPED, Layout, Place
from provenance.artifacts.dataset.text_csv import csv_batches
from provenance.artifacts.dataset.text_json import json_batches
from provenance.artifacts.dataset.tree import Tree
from provenance.errors import ArtifactError

SPLIT_DOMAIN, SPLIT_LEAF_DOMAIN, ROOT_DOMAIN, COLUMN_DOMAIN = b"\x11", b"\x13", b"\x14", b"\x15"
ALGORITHM = "datasetTree"
IN_FLIGHT = 16 << 20  # bytes of records that are encoded at a time


@dataclass(frozen=True)
class Shard:
    """One file of a split: its path as it was found, size in bytes, sha256 in hex, records."""

    path: str
    size: int
    sha256: str
    records: int


@dataclass(frozen=True)
class Column:
    """One column of a split: the digest of its values (its name is not in it) and the bytes of their encoding."""

    name: str
    type: Type
    digest: str
    size: int


@dataclass(frozen=True)
class Split:
    """One split by its records: `head` is the head of their tree, in hex."""

    name: str
    records: int
    schema: Schema
    head: str
    shards: tuple[Shard, ...] = ()
    columns: tuple[Column, ...] = ()

    @property
    def digest(self) -> str:
        """The split by its records and their schema, whatever its name; in hex."""
        parts = (SPLIT_DOMAIN, _u64(self.records), self.schema.digest, bytes.fromhex(self.head))
        return hashlib.sha256(b"".join(parts)).hexdigest()

    @property
    def leaf(self) -> bytes:
        """The split's leaf in the tree of the dataset, which binds its name."""
        name = self.name.encode("utf-8")
        return hashlib.sha256(SPLIT_LEAF_DOMAIN + _u64(len(name)) + name + bytes.fromhex(self.digest)).digest()


@dataclass(frozen=True)
class Content:
    """A dataset by its records. `splits` are sorted by the bytes of their names."""

    schema: Schema
    splits: tuple[Split, ...]
    left_out: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """The root of the dataset tree, in hex."""
        tree = Tree()
        tree.extend([split.leaf for split in self.splits])
        return root_of(len(self.splits), tree.head())

    @property
    def digest(self) -> dict[str, str]:
        """The DigestSet that names the records."""
        return {ALGORITHM: self.root}

    @property
    def records(self) -> int:
        """How many records all splits hold."""
        return sum(split.records for split in self.splits)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(shard.size for split in self.splits for shard in split.shards)


@dataclass(frozen=True)
class Found:
    """The record that was looked for, as its encoding, and its audit path in its split."""

    record: bytes
    path: tuple[bytes, ...]


def root_of(splits: int, head: bytes) -> str:
    """H(0x14 || splits || head), in hex."""
    return hashlib.sha256(ROOT_DOMAIN + _u64(splits) + head).hexdigest()


def _u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def read_content(layout: Layout, schema: Schema | None = None, *, columns: Collection[str] | None = None,
                 progress: Progress | None = None, find: tuple[str, int] | None = None) -> tuple[Content, Found | None]:
    """Read every record once.

    Without a schema, the first file must declare one. With `columns`, only these are read and others left alone.
    `find` is the split and the number (from 0) of a record to return with its path. ArtifactError
    `dataset-schema-missing`, `dataset-empty`, `dataset-row-missing`, and whatever is wrong with a file.
    """
    schema = schema or _declared(layout.splits[0][1][0], columns)
    if columns is not None:
        schema = schema.select(columns)
    found = None
    splits = []
    for name, places in layout.splits:
        reader = _SplitReader(schema, find[1] if find and find[0] == name else None, columns is not None, progress)
        splits.append(reader.read(name, places))
        found = reader.found() or found
    content = Content(schema, tuple(splits), layout.left_out)
    if not content.records:
        raise ArtifactError("dataset-empty", "the dataset holds no record", hint="give the files that hold records")
    if find is not None and found is None:
        raise ArtifactError("dataset-row-missing", f"split {find[0]} has no record {find[1]}",
                            hint="records are counted from 0")
    return content, found


def _declared(place: Place, columns: Collection[str] | None) -> Schema:
    if place.container not in TYPED.values():
        raise ArtifactError("dataset-schema-missing", "JSON Lines and CSV files do not say what their types are",
                            location=place.path, hint="give a schema; `provenance dataset digest --format json` prints "
                                                      "that of a Parquet file")
    with open_shard(place) as file:
        return TypedFile(file).schema(columns)


class _SplitReader:
    """Reads one split, shard by shard, into its tree and its columns' hashes."""

    def __init__(self, schema: Schema, target: int | None, partial: bool, progress: Progress | None) -> None:
        self._schema, self._target, self._partial, self._progress = schema, target, partial, progress
        self._tree, self._record = Tree(target), b""
        self._columns = [_column_hash(kind) for kind in schema.types]
        self._sizes = [0] * len(self._columns)

    def read(self, name: str, places: Collection[Place]) -> Split:
        shards = tuple(self._shard(place) for place in places)
        columns = tuple(Column(column, kind, digest.hexdigest(), size) for (column, kind), digest, size
                        in zip(self._schema, self._columns, self._sizes, strict=True))
        return Split(name, self._tree.count, self._schema, self._tree.head().hex(), shards, columns)

    def found(self) -> Found | None:
        if self._target is None or self._target >= self._tree.count:
            return None
        return Found(self._record, self._tree.path())

    def _shard(self, place: Place) -> Shard:
        before = self._tree.count
        with open_shard(place, self._progress) as file:
            try:
                for encoded in _in_order(self._batches(file)):
                    self._take(encoded)
            except MemoryError as err:
                raise ArtifactError("document-too-large", "its records need more memory than there is",
                                    location=place.path, hint="allow more memory, or write smaller pages, batches and "
                                                              "records") from err
            file.finish()
            return Shard(place.path, file.size, file.sha256, self._tree.count - before)

    def _batches(self, file: ShardFile) -> Iterator[Batch]:
        if file.place.container == "jsonl":
            return json_batches(file, self._schema, partial=self._partial)
        if file.place.container == "csv":
            return csv_batches(file, self._schema, partial=self._partial)
        return TypedFile(file).batches(self._schema, partial=self._partial)

    def _take(self, encoded: Encoded) -> None:
        place = -1 if self._target is None else self._target - self._tree.count
        if 0 <= place < len(encoded.leaves):
            self._record = encoded.record(place)
        self._tree.extend(encoded.leaves)
        for at, cells in enumerate(encoded.columns):
            self._columns[at].update(cells)
            self._sizes[at] += len(cells)


def _column_hash(kind: Type) -> hashlib._Hash:
    return hashlib.sha256(COLUMN_DOMAIN + _u64(len(kind.spelling)) + kind.spelling)


def _in_order(batches: Iterator[Batch]) -> Iterator[Encoded]:
    """The batches encoded on a few threads, in their order, with few of them in memory at a time."""
    workers = min(os.cpu_count() or 1, 4)  # small records hold the interpreter; large ones let go of it
    waiting: deque[tuple[int, Future[Encoded]]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            for batch in batches:
                waiting.append((batch.size, pool.submit(batch.encoded)))
                # A record of many megabytes is encoded alone: its memory is needed several times over.
                while len(waiting) > workers or sum(size for size, _ in waiting) > IN_FLIGHT:
                    yield waiting.popleft()[1].result()
            while waiting:
                yield waiting.popleft()[1].result()
        finally:
            for _, future in waiting:
                future.cancel()
