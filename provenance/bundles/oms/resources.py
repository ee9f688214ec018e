"""The rows of a signed list: their names, their digests, and the files that shards make up.

A row is (name, digest). Whatever holds for all rows is checked at one go: most signatures list a thousand of them.
"""

from __future__ import annotations

import hashlib
import re
from binascii import unhexlify
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from provenance.artifacts.names import problem_with_names
from provenance.bundles.oms.signature import LONE_FILE, ModelSignature, Serialization
from provenance.errors import StatementError
from provenance.statements.statement import ResourceDescriptor

_AT_ONE_GO = 1 << 10
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True)
class Rows:
    """A signed list: digests by their names, in the order in which they were signed, and how many rows gave them."""

    digests: Mapping[str, str]
    count: int
    location: str

    def require_order(self, key: Callable[[str], Any]) -> None:
        """Sorted by code points, as the specification says, or by `key`, as the reference implementation does."""
        names = list(self.digests)
        if len(names) != self.count or not (names == sorted(names) or names == sorted(names, key=key)):
            raise broken("its resources are not sorted by name without duplicates (5.2.1)", self.location)

    def root(self, length: int) -> str:
        """The root over the digests (6.5.1); StatementError where one of them is none of this many characters."""
        root, digests = hashlib.sha256(), iter(self.digests.values())
        while some := list(islice(digests, _AT_ONE_GO)):
            joined = "".join(some)
            try:
                together = unhexlify(joined)
            except ValueError:
                together = b""
            # What comes back is what went in only where all of it was lower-case hexadecimal.
            if together.hex() != joined or set(map(len, some)) != {length}:
                raise broken(f"a resource digest is not {length} lower-case hexadecimal characters (6.3.1)",
                             self.location)
            root.update(together)
        return root.hexdigest()

    def signature(
        self, subjects: tuple[ResourceDescriptor, ...], serialization: Serialization
    ) -> ModelSignature:
        """The files that the rows speak of."""
        resources: Mapping[str, str]
        sizes: Mapping[str, int] = {}
        if serialization.method == "shards":
            resources, sizes = self._joined(serialization.shard_size)
        else:
            resources = self.digests
        if resources.keys() != {LONE_FILE} and (problem := problem_with_names(resources)):
            raise broken(f"a resource name {problem} (6.1.2)", self.location)
        return ModelSignature(subjects, resources, serialization, sizes)

    def _joined(self, size: int) -> tuple[Mapping[str, str], Mapping[str, int]]:
        """The digests of the shards of each file, joined, and how large the file is.

        The last two numbers of a name count: a path may hold colons and numbers of its own.
        """
        ranges = defaultdict[str, list[tuple[int, int, str]]](list)
        numbers = _Numbers()  # nearly every number stands in the names of many shards
        for name, digest in self.digests.items():
            parts = name.rsplit(":", 2)
            first, after = (numbers[parts[1]], numbers[parts[2]]) if len(parts) == 3 else (-1, -1)
            if first < 0 or after < 0:
                raise broken("a resource is not named PATH:START:END, as shards are (6.3.2)", self.location)
            ranges[parts[0]].append((first, after, digest))
        digests, sizes = dict[str, str](), dict[str, int]()
        for path, rows in ranges.items():
            starts, ends, pieces = zip(*sorted(rows), strict=True)
            last = (len(rows) - 1) * size
            whole = starts == tuple(range(0, last + 1, size)) and starts[1:] == ends[:-1]
            if not whole or not last < ends[-1] <= last + size:
                raise broken("the shards of a file do not follow each other from its beginning to its end, each of "
                             "shard_size bytes but the last (6.3.2)", self.location)
            digests[path], sizes[path] = "".join(pieces), ends[-1]
        return digests, sizes


class _Numbers(dict[str, int]):
    """Numbers by their texts; -1 for what is none, or another spelling of one, of which Python reads many."""

    def __missing__(self, text: str) -> int:
        self[text] = number = int(text) if _NUMBER.fullmatch(text) else -1
        return number


def by_parts(name: str) -> list[str]:
    """Paths part by part, as the reference implementation sorts them."""
    return name.split("/")


def by_parts_and_ranges(name: str) -> tuple[list[str], int]:
    """Shards by path part by part, then by where they begin."""
    path, *ends = name.rsplit(":", 2)
    return path.split("/"), _Numbers()[ends[0]] if ends else 0


def require_root(subjects: Collection[ResourceDescriptor], root: str, location: str) -> None:
    """The root is how others refer to a model: it must not be able to say something else than the list."""
    if [subject.digest.get("sha256") for subject in subjects] != [root]:
        raise broken("its subject is not the root over its resources (6.5.1)", location)


def broken(why: str, location: str) -> StatementError:
    """The error for what no model signature says."""
    return StatementError("statement-invalid", f"not a model signature: {why}", location=location,
                          hint="sign the model again")
