"""Memory that files are read into: one buffer a thread, and a ring of them where others hash what was read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from provenance.artifacts.blocks import Block
from provenance.artifacts.crew import Crew
from provenance.artifacts.tensors import CHUNK

if TYPE_CHECKING:
    from concurrent.futures import Future

_RING = 4  # buffers that are in the hands of others while the next is read
_own = threading.local()


def own_buffer() -> memoryview:
    """One buffer a thread: making and clearing a new one for each file costs more than hashing a small one."""
    if not hasattr(_own, "buffer"):
        _own.buffer = memoryview(bytearray(CHUNK))
    buffer: memoryview = _own.buffer
    return buffer


class Ring:
    """Buffers for blocks whose chunks somebody else hashes, where somebody has nothing to do; otherwise one buffer."""

    def __init__(self, crew: Crew) -> None:
        self._crew, self._next = crew, 0
        self._buffers: list[memoryview] = [own_buffer()]
        self._given: list[tuple[Future[Any], Callable[[], None]] | None] = [None] * _RING

    def buffer(self) -> memoryview:
        """A buffer that nobody uses."""
        self._settle(self._next)
        if self._next == len(self._buffers):
            self._buffers.append(memoryview(bytearray(CHUNK)))
        return self._buffers[self._next]

    def hand_on(self, take: Callable[[Block, memoryview], None], block: Block, view: memoryview) -> None:
        """Have the block taken by somebody who has nothing to do, or take it now."""
        future = self._crew.spare(take, block, view)
        if future is None:
            take(block, view)
            return
        self._given[self._next] = future, lambda: take(block, view)
        self._next = (self._next + 1) % _RING

    def finish(self) -> None:
        """Wait for those who were given something."""
        for place in range(_RING):
            self._settle(place)

    def _settle(self, place: int) -> None:
        given, self._given[place] = self._given[place], None
        if given is None:
            return
        future, now = given
        if future.cancel():  # nobody began it
            now()
        else:
            future.result()
