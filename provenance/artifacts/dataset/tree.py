"""The tree over records (RFC 6962, section 2.1) in bounded memory, and audit paths through it.

Leaves arrive in order and in batches; of a tree with n leaves only one node a level is kept. An audit path is
gathered on the way when the leaf that it belongs to is known beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

NODE_DOMAIN = b"\x01"
HASH = 32


def node(left: bytes, right: bytes) -> bytes:
    """H(0x01 || left || right)."""
    return hashlib.sha256(NODE_DOMAIN + left + right).digest()


class Tree:
    """A growing tree; with `target`, the index of a leaf, it remembers that leaf's audit path."""

    def __init__(self, target: int | None = None) -> None:
        self.count = 0
        self._target = target
        self._pending: list[bytes | None] = []  # by level: a node that waits for its right neighbour
        self._seen: list[int] = []  # by level: how many nodes there were
        self._siblings: dict[int, bytes] = {}

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        self.count += len(leaves)
        level, nodes = 0, leaves
        while nodes:
            if level == len(self._pending):
                self._pending.append(None)
                self._seen.append(0)
            nodes = self._take(level, nodes)
            level += 1

    def _take(self, level: int, nodes: Sequence[bytes]) -> list[bytes]:
        """Add nodes to a level; what they make on the level above."""
        if self._target is not None:
            place = (self._target >> level ^ 1) - self._seen[level]
            if 0 <= place < len(nodes):
                self._siblings[level] = nodes[place]
        self._seen[level] += len(nodes)
        waiting = self._pending[level]
        joined = b"".join(nodes) if waiting is None else waiting + b"".join(nodes)
        whole = len(joined) // (2 * HASH) * 2 * HASH
        self._pending[level] = joined[whole:] or None
        digest = hashlib.sha256
        return [digest(NODE_DOMAIN + joined[at : at + 2 * HASH]).digest() for at in range(0, whole, 2 * HASH)]

    def head(self) -> bytes:
        """The head over all leaves so far; of none, the hash of nothing."""
        head: bytes | None = None
        for waiting in self._pending:
            if waiting is not None:
                head = waiting if head is None else node(waiting, head)
        return hashlib.sha256(b"").digest() if head is None else head

    def path(self) -> tuple[bytes, ...]:
        """The audit path of the target (RFC 6962, section 2.1.1), from its sibling up."""
        if self._target is None or not self._target < self.count:
            raise IndexError("the tree has no such leaf")
        peak = self._peak(self._target)
        path = [self._siblings[level] for level in range(peak)]
        below: bytes | None = None
        for level, waiting in enumerate(self._pending):
            if waiting is None:
                continue
            if level < peak:
                below = waiting if below is None else node(waiting, below)
            elif level > peak:
                path.append(waiting)
            elif below is not None:
                path.append(below)
        return tuple(path)

    def _peak(self, target: int) -> int:
        """The level of the perfect subtree that holds the target."""
        start = 0
        for level in reversed(range(len(self._pending))):
            if self._pending[level] is not None:
                start += 1 << level
                if target < start:
                    return level
        raise IndexError(target)


def head_from_path(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The head that an audit path leads to (RFC 9162, section 2.1.3.2); None where the path has another shape.

    The shape is fixed by index and count: a path that is too long or too short is refused, so that one proof
    cannot be read as a proof of another place.
    """
    if not 0 <= index < count:
        return None
    at, last, head = index, count - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            head = node(sibling, head)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            head = node(head, sibling)
        at, last = at >> 1, last >> 1
    return head if last == 0 else None
