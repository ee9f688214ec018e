"""Shards of a file: the digests of its consecutive ranges of one size (OMS v1.0, section 6.3.2).

They are computed while the engine reads the file, from the same buffer as every other digest, one after the other.
What is kept is the text of their digests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# More of one file than any bundle has room for: whoever signs for shards of one byte must not make a verifier hash a
# terabyte byte by byte.
MAX_SHARDS = 1 << 20


@dataclass(frozen=True, order=True, slots=True)
class Sharding:
    """How files are cut and what their ranges are digested with: one of `hashing.FILE_DIGESTS`, and bytes a range."""

    algorithm: str
    size: int


class ShardDigests:
    """The digests of the ranges of one file while it is read, in order."""

    def __init__(self, sharding: Sharding, new: Callable[[], Any]) -> None:
        self._size, self._new = sharding.size, new
        self._digest, self._left = new(), sharding.size
        self._done: list[str] = []

    def update(self, view: memoryview | bytes) -> None:
        """Take the next bytes of the file."""
        view = memoryview(view)
        while view:
            part = view[: self._left]
            self._digest.update(part)
            self._left -= len(part)
            view = view[len(part) :]
            if not self._left:
                self._done.append(self._digest.hexdigest())
                self._digest, self._left = self._new(), self._size

    def joined(self) -> str:
        """The digests of all ranges in hex, one after the other; of an empty file none."""
        unfinished = [self._digest.hexdigest()] if self._left < self._size else []
        return "".join([*self._done, *unfinished])


def are_worth_computing(sharding: Sharding, size: int) -> bool:
    """Whether a file of this many bytes has few enough of them."""
    return size <= sharding.size * MAX_SHARDS
