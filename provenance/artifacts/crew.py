"""The threads of one piece of work: files are spread over them, and a large file over those that have no other.

Hashing and reading release the interpreter's lock for all but the smallest files, for which threads cost more than they
bring: those are done one after the other by a single thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

SMALL = 1 << 16  # bytes; below this two threads take longer than one
Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int], None]  # called with a number of bytes, from any thread


class Cancelled(BaseException):
    """Raised inside worker threads once the user has interrupted the main thread."""


class Crew:
    """What a worker knows of the others: to be told of progress, and to ask whether somebody has nothing to do."""

    def __init__(self, progress: Progress | None = None, *, workers: int = 1) -> None:
        self.workers = workers
        self._progress = progress
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._busy = 0  # jobs that are not at their end, and helpers

    def advance(self, count: int) -> None:
        """To be called often: it ends the thread when the main thread was interrupted or another job failed.

        So neither Ctrl-C nor a full disk waits for the end of a terabyte.
        """
        if self._stop.is_set():
            raise Cancelled
        if self._progress is not None:
            self._progress(count)

    def spare(self, work: Callable[..., Any], *arguments: Any) -> Future[Any] | None:
        """Have somebody do this who has nothing else to do; None where everybody has."""
        with self._lock:
            if self._pool is None or self._busy >= self.workers:
                return None
            self._busy += 1
        future = self._pool.submit(work, *arguments)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Any]) -> None:
        with self._lock:
            self._busy -= 1

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Do these jobs, and return when all are done; the first failure ends the others."""
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            self._pool, self._busy = pool, len(jobs)
            futures = [pool.submit(job) for job in jobs]
            for future in futures:
                future.add_done_callback(self._done)
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._stop.set()
                raise
            finally:
                self._pool = None


def in_threads(
    work: Callable[[Item, Crew], Result],
    items: Iterable[Item],
    progress: Progress | None,
    *,
    size: Callable[[Item], int] = lambda _: SMALL + 1,
) -> list[Result]:
    """The results of `work` in the order of the items, computed on as many threads as there are cores.

    `size` tells the bytes behind an item: small ones are taken together, the largest are begun first. `work` gets the
    crew, and tells it of its progress.
    """
    items = list(items)
    crew = Crew(progress, workers=os.cpu_count() or 1)
    results: list[Any] = [None] * len(items)
    sizes = [size(item) for item in items]

    def job(places: Sequence[int]) -> None:
        for place in places:
            results[place] = work(items[place], crew)

    small = [place for place, count in enumerate(sizes) if count <= SMALL]
    large = sorted((place for place, count in enumerate(sizes) if count > SMALL), key=lambda place: -sizes[place])
    if not large:
        job(small)
        return results
    groups: list[Sequence[int]] = [[place] for place in large]
    crew.run([lambda places=places: job(places) for places in ([*groups, small] if small else groups)])  # type: ignore[misc]
    return results
