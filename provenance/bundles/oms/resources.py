"""The rows of a signed list: their names, their digests, and the files that shards make up.

A row is (name, digest). Whatever holds for all rows is checked at one go: most signatures list a thousand of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.names import problem_with_name
from provenance.bundles.oms.signature import LONE_FILE, ModelSignature, Serialization
from provenance.errors import StatementError
from provenance.statements.statement import ResourceDescriptor

# The last two numbers of a name: a path may hold colons and numbers of its own.
_RANGE = re.compile(r"(.*):(0|[1-9][0-9]{0,18}):([1-9][0-9]{0,18})", re.DOTALL | re.ASCII)


@dataclass(frozen=True)
class Rows:
    """The names and digests of a signed list, in the order in which they were signed."""

    names: Sequence[str]
    digests: Sequence[str]
    location: str

    def require_order(self, key: Callable[[str], Any]) -> None:
        """Sorted by code points, as the specification says, or by `key`, as the reference implementation does."""
        names = list(self.names)
        if len(set(names)) != len(names) or not (names == sorted(names) or names == sorted(names, key=key)):
            raise broken("its resources are not sorted by name without duplicates (5.2.1)", self.location)

    def root(self, length: int) -> str:
        """The root over the digests (6.5.1); StatementError where one of them is none of this many characters."""
        joined = "".join(self.digests)
        try:
            together = bytes.fromhex(joined)
        except ValueError:
            together = b""
        # What comes back is what went in only where all of it was lower-case hexadecimal, without the spaces that
        # `fromhex` passes over.
        if together.hex() != joined or set(map(len, self.digests)) != {length}:
            raise broken(f"a resource digest is not {length} lower-case hexadecimal characters (6.3.1)", self.location)
        return hashlib.sha256(together).hexdigest()

    def signature(
        self, subjects: tuple[ResourceDescriptor, ...], serialization: Serialization
    ) -> ModelSignature:
        """The files that the rows speak of."""
        resources: Mapping[str, str]
        sizes: Mapping[str, int] = {}
        if serialization.method == "shards":
            resources, sizes = self._joined(serialization.shard_size)
        else:
            resources = dict(zip(self.names, self.digests, strict=True))
        problems: Iterable[str] = filter(None, map(problem_with_name, resources))
        if resources.keys() != {LONE_FILE} and (problem := next(iter(problems), "")):
            raise broken(f"a resource name {problem} (6.1.2)", self.location)
        return ModelSignature(subjects, resources, serialization, sizes)

    def _joined(self, size: int) -> tuple[Mapping[str, str], Mapping[str, int]]:
        """The digests of the shards of each file, joined, and how large the file is."""
        ranges: dict[str, list[tuple[int, int, str]]] = {}
        for name, digest in zip(self.names, self.digests, strict=True):
            path, start, end = shard(name) or (None, 0, 0)
            if path is None:
                raise broken("a resource is not named PATH:START:END, as shards are (6.3.2)", self.location)
            ranges.setdefault(path, []).append((start, end, digest))
        for rows in ranges.values():
            rows.sort()
            *whole, (start, end, _) = rows
            exact = [(place * size, (place + 1) * size) for place in range(len(whole))]
            if exact != [row[:2] for row in whole] or start != len(whole) * size or not 0 < end - start <= size:
                raise broken("the shards of a file do not follow each other from its beginning to its end, each of "
                             "shard_size bytes but the last (6.3.2)", self.location)
        digests = {path: "".join(digest for _, _, digest in rows) for path, rows in ranges.items()}
        return digests, {path: rows[-1][1] for path, rows in ranges.items()}


def shard(name: str) -> tuple[str, int, int] | None:
    """`PATH:START:END` in its parts; None where it is no such name."""
    parts = _RANGE.fullmatch(name)
    return (parts[1], int(parts[2]), int(parts[3])) if parts else None


def by_parts(name: str) -> list[str]:
    """Paths part by part, as the reference implementation sorts them."""
    return name.split("/")


def by_parts_and_ranges(name: str) -> tuple[list[str], int, int]:
    """Shards by path part by part, then by where they begin."""
    path, start, end = shard(name) or (name, 0, 0)
    return path.split("/"), start, end


def require_root(subjects: Collection[ResourceDescriptor], root: str, location: str) -> None:
    """The root is how others refer to a model: it must not be able to say something else than the list."""
    if [subject.digest.get("sha256") for subject in subjects] != [root]:
        raise broken("its subject is not the root over its resources (6.5.1)", location)


def broken(why: str, location: str) -> StatementError:
    """The error for what no model signature says."""
    return StatementError("statement-invalid", f"not a model signature: {why}", location=location,
                          hint="sign the model again")
