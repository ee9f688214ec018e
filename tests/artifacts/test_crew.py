"""Threads: results in order, small files together, interruptions and failures noticed, nobody idle for long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from provenance.artifacts.crew import SMALL, Crew, in_threads
from provenance.errors import RegistryError


def test_results_come_in_the_order_of_the_items() -> None:
    def work(item: int, _: Crew) -> int:
        time.sleep(0.001 * (5 - item))
        return item * item

    assert in_threads(work, range(5), None) == [0, 1, 4, 9, 16]
    assert in_threads(work, range(5), None, size=lambda item: SMALL + item) == [0, 1, 4, 9, 16]


def test_progress_of_all_threads_adds_up() -> None:
    lock, total = threading.Lock(), [0]

    def advance(count: int) -> None:
        with lock:
            total[0] += count

    in_threads(lambda item, crew: crew.advance(item), range(100), advance)
    assert total[0] == sum(range(100))


def test_small_files_are_taken_by_one_thread_and_the_largest_begun_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    order: list[int] = []
    in_threads(lambda item, _: order.append(item), [5, SMALL + 1, SMALL, SMALL + 9, 1], None, size=lambda item: item)
    assert order == [SMALL + 9, SMALL + 1, 5, SMALL, 1]


def test_small_files_alone_need_no_thread() -> None:
    threads = in_threads(lambda *_: threading.current_thread(), range(9), None, size=lambda _: 1)
    assert set(threads) == {threading.main_thread()}


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RegistryError("output-unwritable", "no space")])
def test_an_interruption_or_a_failure_stops_the_other_threads(
    failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread ends at its next report of progress, not at the end of its terabyte; what waits is never begun."""
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    begun, others = set[int](), threading.Event()

    def work(item: int, crew: Crew) -> None:
        begun.add(item)
        if item == 2:  # not the one that is asked for first
            others.wait(5)
            raise failure
        others.set()
        while True:
            crew.advance(1)
            time.sleep(0.001)

    with pytest.raises(type(failure)):
        in_threads(work, range(500), None)
    assert len(begun) < 50


def test_who_works_alone_has_nobody_to_help() -> None:
    assert Crew().spare(print) is None


def test_somebody_helps_only_where_somebody_has_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    seen: dict[str, object] = {}

    def lend(work: Callable[[], object], crew: Crew) -> None:
        seen["first"] = crew.spare(work)
        seen["second"] = crew.spare(work)

    done = threading.Event()
    try:
        def work(item: int, crew: Crew) -> None:
            lend(lambda: done.wait(5), crew)
            done.set()

        in_threads(work, range(1), None)
    finally:
        done.set()
    assert seen["first"] is not None  # the second worker
    assert seen["second"] is None  # there is no third
    busy = threading.Barrier(2, timeout=5)

    def both(item: int, crew: Crew) -> object:
        busy.wait()
        asked = crew.spare(print)
        busy.wait()
        return asked

    assert in_threads(both, range(2), None) == [None, None]
