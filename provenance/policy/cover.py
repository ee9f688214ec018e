"""The smallest set of things that settles every question, where each question is settled by any one of several sets.

Finding it is hard in general (it holds the hitting set problem), and easy for what policies ask: most questions have
one way. The search is exact while it is short, and the best that was found after that; the same questions get the same
answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

Thing = TypeVar("Thing")

MOST_SETS = 4
_MOST_STEPS = 5_000
_DEEPEST = 100  # with more open questions than these nothing is searched: each is settled after the other


def cover(questions: Iterable[Sequence[Iterable[Thing]]]) -> list[frozenset[Thing]]:
    """The smallest sets that hold a way of every question, the first of them the one nearest to the ways told first.

    At most `MOST_SETS`, all of one size; one empty set where nothing is asked.
    """
    distinct = dict.fromkeys(tuple(frozenset(way) for way in ways) for ways in questions)
    forced = frozenset().union(*(ways[0] for ways in distinct if len(ways) == 1))
    search = _Search([ways for ways in distinct if len(ways) > 1])
    search.go(0, forced)
    return search.found


class _Search(Generic[Thing]):
    """A branch-and-bound search; `found` are the smallest sets so far."""

    def __init__(self, questions: Sequence[Sequence[frozenset[Thing]]]) -> None:
        self.questions, self.steps = questions, 0
        self.most = _MOST_STEPS if len(questions) <= _DEEPEST else 0
        self.found: list[frozenset[Thing]] = []

    def go(self, index: int, have: frozenset[Thing]) -> None:
        """Settle the questions from `index` on, beside what is there already."""
        self.steps += 1
        if self.found and (len(have) > len(self.found[0]) or self.steps > self.most):
            return
        if index >= min(len(self.questions), _DEEPEST):
            for ways in self.questions[index:]:
                have |= _nearest(ways, have)[0]
            self._keep(have)
            return
        for way in _nearest(self.questions[index], have):
            self.go(index + 1, have | way)

    def _keep(self, have: frozenset[Thing]) -> None:
        if not self.found or len(have) < len(self.found[0]):
            self.found = [have]
        elif len(have) == len(self.found[0]) and len(self.found) < MOST_SETS and have not in self.found:
            self.found.append(have)


def _nearest(ways: Sequence[frozenset[Thing]], have: frozenset[Thing]) -> list[frozenset[Thing]]:
    """The ways, those that add least first; one that adds nothing is enough."""
    ordered = sorted(ways, key=lambda way: len(way - have))
    return ordered[:1] if ordered[0] <= have else ordered
