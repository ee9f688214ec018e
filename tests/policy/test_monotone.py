"""Less evidence never shows more: whatever is taken away, no policy turns to passed and no rung rises.

It holds for evidence that the release lists, which is how evidence that is taken away is missed. What no release lists,
and speaks against the model, can only lower what is shown; revocations come with the trust file, out of reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.bundles.verifier import VerifiedStatement
from provenance.policy.checks import CATALOGUE
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import LADDER, load_policy, policy_ids
from provenance.policy.verdict import combine
from tests.policy.test_requirements import CASES, asking, nothing
from tests.world import PASSABLE, World

Worlds = dict[str, Callable[[World], object]]


def closed_base(world: World) -> None:
    """A base model that explains itself, and is under a closed licence."""
    world.hang_on_base("LicenseRef-Llama-3.1")
    world.explain_base()


# Every world of the table of requirements, less those in which something was already taken away.
COMPLETE = "complete"
STRICT: dict[str, dict[str, object]] = {
    "D-3": {"unshareable": "refused"}, "D-4": {"license": "open"}, "K-3": {"document": "paper"},
    "K-4": {"license": "open"}, "S-2": {"components": {"vllm": "0.11"}}, "J-1": {"jurisdictions": ["EU"]},
    "J-2": {"jurisdictions": ["EU"], "operators": ["Example Lab"]},
}
ROWS = {name: asking(name, **STRICT.get(name, {})) for name in CATALOGUE}
WORLDS: Worlds = {str(case): case.spoil for case in CASES if "taken away" not in case.when}
WORLDS |= {COMPLETE: nothing, "a closed base model": closed_base}


@dataclass(frozen=True)
class Answers:
    """What is passed, and the height of the rung that is shown (0: none)."""

    passed: frozenset[str]
    rung: int


@dataclass(frozen=True)
class Spoilt:
    """A world that was signed and read once: its evidence, in the order of the files."""

    whole: Subject

    def rows(self, kept: Iterable[VerifiedStatement]) -> dict[str, str]:
        """What every row of the catalogue answers, at its minimum and with strict parameters, beside X-1.

        Every policy asks X-1: without a release nobody says what belongs to the model, and what is missing.
        """
        evaluation = Evaluation(Subject(self.whole.model, tuple(kept), self.whole.trust, self.whole.as_of))
        outcomes = {name: evaluation.decide(load_policy(policy))[0].outcome for name, policy in ROWS.items()}
        return {name: combine([outcome, outcomes["X-1"]]) for name, outcome in outcomes.items()}

    def with_only(self, kept: Iterable[VerifiedStatement]) -> Answers:
        evaluation = Evaluation(Subject(self.whole.model, tuple(kept), self.whole.trust, self.whole.as_of))
        passed = {name for name in policy_ids() if evaluation.outcome(evaluation.decide(load_policy(name))) == "pass"}
        heights = [height for height, (name, _) in enumerate(LADDER, 1) if name in passed]
        return Answers(frozenset(passed), max(heights, default=0))


@cache
def spoilt(name: str) -> tuple[Spoilt, Answers]:
    with TemporaryDirectory() as folder:
        world = World.new(Path(folder))
        WORLDS[name](world)
        made = Spoilt(world.evaluation().subject)
    return made, made.with_only(made.whole.statements)


@cache
def answers(name: str) -> dict[str, str]:
    world, _ = spoilt(name)
    return world.rows(world.whole.statements)


@settings(max_examples=150)
@given(st.sampled_from(sorted(WORLDS)), st.data())
def test_taking_evidence_away_shows_no_more(name: str, data: st.DataObject) -> None:
    world, before = spoilt(name)
    statements = world.whole.statements
    dropped = data.draw(st.sets(st.sampled_from(range(len(statements))), min_size=1)) if statements else set()
    after = world.with_only(s for i, s in enumerate(statements) if i not in dropped)
    assert after.passed <= before.passed
    assert after.rung <= before.rung


@settings(max_examples=150)
@given(st.sampled_from(sorted(WORLDS)), st.data())
def test_taking_evidence_away_lets_no_requirement_pass_that_did_not(name: str, data: st.DataObject) -> None:
    """Row by row, so that one that fails cannot hide behind another."""
    world, _ = spoilt(name)
    statements = world.whole.statements
    dropped = data.draw(st.sets(st.sampled_from(range(len(statements))), min_size=1)) if statements else set()
    before = answers(name)
    after = world.rows(s for i, s in enumerate(statements) if i not in dropped)
    assert [row for row, outcome in after.items() if outcome == "pass" != before[row]] == []


@pytest.mark.parametrize("index", range(8))
def test_taking_away_any_one_bundle_of_the_complete_world_shows_nothing(index: int) -> None:
    world, before = spoilt(COMPLETE)
    assert before == Answers(frozenset(PASSABLE), len(LADDER))
    after = world.with_only(s for i, s in enumerate(world.whole.statements) if i != index)
    assert after == Answers(frozenset(), 0)


@settings(max_examples=40)
@given(st.sampled_from(sorted(WORLDS)), st.permutations(range(12)))
def test_the_order_of_the_evidence_changes_nothing(name: str, order: list[int]) -> None:
    """Neither the first nor the last statement of a kind is the one that counts."""
    world, before = spoilt(name)
    statements = world.whole.statements
    assert world.with_only(statements[i] for i in order if i < len(statements)) == before
