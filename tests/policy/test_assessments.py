"""What a person found is evidence for a requirement that asks a person: stated, in the voice of its signer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.bundles.envelope import sign
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import Policy, load_policy
from tests.policy.people import asked, assess, people, policy
from tests.world import FAILED, OPEN, PASSED, World

INDEPENDENT = ("D-2", "independent", "assessor", False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World.new(tmp_path)
    people(made)
    return made


def test_an_independent_requirement_is_settled_by_an_independent_assessor(world: World) -> None:
    rules = policy(world, INDEPENDENT)
    assert asked(world, "D-2", rules)["outcome"] == OPEN
    file = assess(world)
    row = asked(world, "D-2", rules)
    assert (row["outcome"], row["basis"], row["voice"]) == (PASSED, "stated", "independent")
    assert row["signers"] == ["archive", "stranger"]
    assert "found adequate by a person" in row["reason"]
    assert world.digest(file.name.removesuffix(".sigstore.json")) in row["evidence"]


@pytest.mark.parametrize(("finding", "outcome"), [
    ("adequate", PASSED), ("yes", PASSED), ("partly-adequate", OPEN), ("cannot-tell", OPEN), ("inadequate", FAILED),
    ("no", FAILED),
])
def test_a_finding_has_the_meaning_of_its_scale(world: World, finding: str, outcome: str) -> None:
    assess(world, finding=finding)
    assert asked(world, "D-2", policy(world, INDEPENDENT))["outcome"] == outcome


def test_of_several_findings_the_worst_counts(world: World) -> None:
    assess(world, "a")
    assess(world, "b", finding="inadequate")
    assert asked(world, "D-2", policy(world, INDEPENDENT))["outcome"] == FAILED


def only_makers(world: World) -> None:
    """A trust file in which the assessor is nobody."""
    world.believe(world.principal("lab"), world.principal("archive"))


Flaw = Callable[[World], object]
FLAWS: dict[str, tuple[Flaw, str]] = {
    "by nobody whom the trust file lists": (lambda world: (only_makers(world), assess(world)), ""),
    "by a producer": (lambda world: assess(world, signer="lab"), "neither assessor nor buyer"),
    "by somebody in another role": (lambda world: (people(world, ("reproducer",)), assess(world)),
                                    "neither assessor nor buyer"),
    "by an assessor of the producer's own party": (
        lambda world: (people(world, assessors="Example Lab"), assess(world)), ""),
    "ended": (lambda world: assess(world, valid_until="2026-11-23T11:00:00Z"), "it was valid until"),
    "from the future": (lambda world: assess(world, assessed_on="2026-11-24T11:00:00Z"), "in the future"),
    "about other bytes": (lambda world: assess(world, about="prepare.py"), "neither this model nor data behind it"),
    "without a look at the release": (lambda world: assess(world, looked_at=["train"]), "did not look at a release"),
    "for another requirement": (lambda world: assess(world, requirement="K-5"), ""),
    "of a question": (lambda world: assess(world, requirement="", question="is it well described?"), ""),
    "about one of two datasets": (lambda world: assess(world, about="corpus"), ""),
    "about a dataset, for a requirement of the model": (
        lambda world: assess(world, about="corpus", requirement="K-5"), "K-5 asks about the model"),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_an_assessment_with_one_flaw_shows_nothing(world: World, flaw: str) -> None:
    spoil, told = FLAWS[flaw]
    rules = policy(world, INDEPENDENT)
    spoil(world)
    verdict = world.verdict(rules)
    assert verdict["requirements"][0]["outcome"] == OPEN
    findings = [row["message"] for row in verdict["findings"] if row["code"] == "assessment-without-effect"]
    assert len(findings) == bool(told)
    assert all(told in message for message in findings)


def test_a_requirement_that_asks_no_person_takes_the_word_of_none(world: World) -> None:
    assess(world)
    assert asked(world, "D-2", policy(world, ("D-2", "independent", "producer", False)))["outcome"] == OPEN


def test_a_requirement_that_must_be_recomputed_takes_nobodys_word(world: World) -> None:
    assess(world, requirement="D-1")
    rules = policy(world, ("D-1", "trusted", "assessor", False), basis="recomputed")
    assert asked(world, "D-1", rules)["outcome"] == OPEN


def test_a_good_finding_outweighs_no_failure(world: World) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    assess(world, requirement="W-3")
    assert asked(world, "W-3", policy(world, ("W-3", "trusted", "producer, assessor", False)))["outcome"] == FAILED


def test_a_buyers_counsel_settles_what_a_licence_leaves_open(world: World) -> None:
    people(world, ("buyer",))
    world.license("model-parameters-final", "openrail++")
    rules = policy(world, ("W-3", "trusted", "producer, buyer", False))
    assert asked(world, "W-3", rules)["outcome"] in (OPEN, FAILED)
    world.license("model-parameters-final", "LicenseRef-unheard-of")
    world.sign()
    assert asked(world, "W-3", rules)["outcome"] == OPEN
    assess(world, requirement="W-3", finding="yes")
    assert asked(world, "W-3", rules)["outcome"] == PASSED


def test_datasets_are_assessed_one_by_one_or_all_at_once(world: World) -> None:
    rules = policy(world, INDEPENDENT)
    world.change("train", inputs=world.inputs(training_data="corpus tales.txt", source="train.py"))
    assess(world, "one", about="tales.txt")
    # What a step made of other data is asked for there; the corpus was made of the tales.
    assert asked(world, "D-2", rules)["outcome"] == PASSED


def test_an_assessed_dataset_answers_for_no_requirement_of_the_model(world: World) -> None:
    rules = policy(world, ("W-3", "independent", "assessor", False))
    assess(world, about="tales.txt", requirement="W-3")
    assert asked(world, "W-3", rules)["outcome"] == OPEN


@pytest.mark.parametrize("lost", ["train", "dataset-raw", "evaluate", "model.sig", "release"])
def test_a_judgement_does_not_stand_without_the_evidence_that_was_looked_at(world: World, lost: str) -> None:
    rules = policy(world, INDEPENDENT)
    assess(world)
    assert asked(world, "D-2", rules)["outcome"] == PASSED
    world.lose(lost)
    assert asked(world, "D-2", rules)["outcome"] == OPEN


# --- several releases -----------------------------------------------------------------------------------------------

LICENSED = ("W-3", "trusted", "producer, buyer", False)


def another_release(world: World, licence: str, signer: str = "lab", **changes: Any) -> None:
    """A second release of the same bytes, which stands on all that the first stands on."""
    world._settle()
    rows = tuple(replace(row, license=licence) if row.component == "model-parameters-final" else row
                 for row in world.release.components)
    claim = replace(world.release, components=rows, evidence=world._list(), **changes)
    world.file("second").write_bytes(sign(claim.to_statement().to_bytes(), world.signers[signer]))


def counsel(world: World) -> str:
    """A model whose licence nobody knows, and a policy that asks a buyer's counsel about it."""
    people(world, ("buyer", "assessor"))
    world.license("model-parameters-final", "LicenseRef-unheard-of")
    return policy(world, LICENSED, INDEPENDENT)


def test_a_release_that_nobody_looked_at_leaves_what_was_judged_as_it_was(world: World) -> None:
    rules = counsel(world)
    assess(world, "a", requirement="W-3", finding="yes")
    assess(world, "b")
    assert {row["outcome"] for row in world.verdict(rules)["requirements"]} == {PASSED}
    another_release(world, "Apache-2.0", version="2.0")
    assert {row["outcome"] for row in world.verdict(rules)["requirements"]} == {PASSED}


def test_a_release_that_nobody_looked_at_asks_its_own_questions(world: World) -> None:
    rules = counsel(world)
    assess(world, "a", requirement="W-3", finding="yes")
    another_release(world, "LicenseRef-unheard-of-too", version="2.0")
    row = asked(world, "W-3", rules)
    assert row["outcome"] == OPEN
    assert "whoever judged it has not seen all that this rests on" in row["reason"]
    another_release(world, "CC-BY-NC-4.0", version="2.0")
    assert asked(world, "W-3", rules)["outcome"] == FAILED


def test_who_looked_at_a_release_has_seen_it_whoever_else_signed_the_same(world: World) -> None:
    rules = counsel(world)
    assess(world, "a", requirement="W-3", finding="yes")
    people(world, ("buyer",))
    world.believe(*(world.principal(name, subjects=("*",), predicate_types=("*",)) for name in ("archive", "lab",
                  "elder")), world.principal("stranger", roles=("buyer",), predicate_types=("*",)))
    another_release(world, "LicenseRef-unheard-of", "elder")
    assert asked(world, "W-3", rules)["outcome"] == PASSED


@pytest.mark.parametrize(("voice", "roles"), [("independent", "producer, assessor"), ("trusted", "assessor")])
def test_what_a_producer_says_is_for_the_assessor_to_judge(world: World, voice: str, roles: str) -> None:
    rules = policy(world, ("K-5", voice, roles, False))
    assert asked(world, "K-5", rules)["outcome"] == OPEN
    assess(world, requirement="K-5")
    assert asked(world, "K-5", rules)["outcome"] == PASSED


@pytest.mark.parametrize("roles", ["producer, assessor", "assessor"])
def test_a_person_settles_nothing_that_nobody_states(world: World, roles: str) -> None:
    world.declare(usage=None)
    assess(world, requirement="K-5")
    assert asked(world, "K-5", policy(world, ("K-5", "trusted", roles, False)))["outcome"] == OPEN


def free_licence(world: World) -> None:
    """Everything is as it should be."""


def restricted_licence(world: World) -> None:
    """The licence forbids a use: only whoever sees the release knows."""
    world.license("model-parameters-final", "CC-BY-NC-4.0")


def silent_supplier(world: World) -> None:
    """A dataset is not described."""
    world.state("dataset-corpus", selection=None)


SPOILT = (free_licence, restricted_licence, silent_supplier)


@cache
def judged(spoil: Callable[[World], None]) -> tuple[Policy, Subject]:
    """A model that three good judgements were passed on, and a policy that asks for them."""
    with TemporaryDirectory() as folder:
        world = World.new(Path(folder))
        people(world, ("assessor", "buyer"))
        spoil(world)
        rules = policy(world, ("W-3", "trusted", "producer, buyer", False), ("D-2", "independent", "assessor", False),
                       ("D-5", "trusted", "producer, assessor", False))
        for name, requirement in (("a", "W-3"), ("b", "D-2"), ("c", "D-5")):
            assess(world, name, requirement=requirement)
        return load_policy(rules), world.evaluation().subject


def passes(rules: Policy, subject: Subject, kept: Iterable[int]) -> set[str]:
    some = tuple(subject.statements[i] for i in sorted(kept))
    evaluation = Evaluation(Subject(subject.model, some, subject.trust, subject.as_of))
    return {decision.id for decision in evaluation.decide(rules) if decision.outcome == "pass"}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SPOILT), st.data())
def test_taking_evidence_or_judgements_away_shows_no_more(
    spoil: Callable[[World], None], data: st.DataObject
) -> None:
    rules, subject = judged(spoil)
    everything = range(len(subject.statements))
    kept = data.draw(st.sets(st.sampled_from(everything)))
    assert passes(rules, subject, kept) <= passes(rules, subject, everything)


def test_the_judgements_of_that_property_are_needed() -> None:
    whole = {spoil.__name__: passes(*judged(spoil), range(len(judged(spoil)[1].statements))) for spoil in SPOILT}
    assert whole == {"free_licence": {"W-3", "D-2", "D-5"}, "restricted_licence": {"D-2", "D-5"},
                     "silent_supplier": {"W-3", "D-2", "D-5"}}


def test_without_the_voice_of_a_signer_an_assessment_is_declared_and_shows_nothing(world: World) -> None:
    rules = policy(world, ("D-2", "trusted", "assessor", False))
    assess(world)
    row: dict[str, Any] = world.verdict(rules, trusting=False)["requirements"][0]
    assert row["outcome"] == OPEN
