"""The smallest set that settles every question, held against trying all of them."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from provenance.policy.cover import MOST_SETS, cover

WAY = st.frozensets(st.integers(0, 5), min_size=1, max_size=3)
QUESTIONS = st.lists(st.lists(WAY, min_size=1, max_size=3), max_size=5)


def smallest(questions: list[list[frozenset[int]]]) -> int:
    every = chain.from_iterable(combinations(range(6), size) for size in range(7))
    return next(len(chosen) for chosen in every
                if all(any(way <= set(chosen) for way in ways) for ways in questions))


@given(QUESTIONS)
def test_no_smaller_set_settles_every_question(questions: list[list[frozenset[int]]]) -> None:
    found = cover(questions)
    assert {len(chosen) for chosen in found} == {smallest(questions)}
    assert all(any(way <= chosen for way in ways) for chosen in found for ways in questions)
    assert len(set(found)) == len(found) <= MOST_SETS


@given(QUESTIONS)
def test_the_same_questions_get_the_same_sets(questions: list[list[frozenset[int]]]) -> None:
    assert cover(questions) == cover([list(ways) for ways in questions])


def test_of_sets_that_are_as_small_the_way_that_is_told_first_is_chosen() -> None:
    assert cover([["a", "b"]]) == [frozenset("a"), frozenset("b")]


def test_one_thing_that_settles_all_is_preferred_to_what_is_told_first() -> None:
    assert cover([["a", "x"], ["b", "x"], ["c", "x"]])[0] == frozenset("x")


def test_more_questions_than_are_searched_are_all_settled() -> None:
    questions = [[{f"a{n}"}, {f"b{n}"}] for n in range(2000)]
    assert all(chosen >= {f"a{n}"} or chosen >= {f"b{n}"} for chosen in cover(questions) for n in range(2000))
