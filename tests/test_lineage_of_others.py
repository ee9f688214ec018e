"""Steps that other tools state lead on to what they used, and answer nothing that they do not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.policy.policy import policy_ids
from provenance.statements.statement import Statement
from provenance.statements.step import SLSA_PROVENANCE_V1
from provenance.workflows.verify import verify
from tests.world import NOW, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.new(tmp_path)


def by_another_builder(world: World, name: str) -> None:
    """Say a step as a builder says it that knows neither roles nor kinds of step."""
    step: Any = world.drafts[name].claim
    used = [{"uri": item.name, "digest": dict(item.digest)} for item in step.inputs if item.digest]
    predicate = {
        "buildDefinition": {"buildType": f"https://example.org/{name}", "externalParameters": {},
                            "resolvedDependencies": used},
        "runDetails": {"builder": {"id": "https://example.org/builder"}},
    }
    world.say(name, Statement(step.outputs, SLSA_PROVENANCE_V1, predicate), world.drafts[name].signer)


def steps(world: World) -> list[str]:
    return [statement.claim.name for statement in world.evaluation().graph("trusted").steps]  # type: ignore[union-attr]


def test_a_step_of_another_builder_is_a_step_of_the_lineage(world: World) -> None:
    by_another_builder(world, "prepare")
    assert steps(world) == ["train", "https://example.org/prepare"]


def test_the_lineage_goes_on_behind_it(world: World) -> None:
    by_another_builder(world, "train")
    assert steps(world) == ["https://example.org/train", "prepare"]


@pytest.mark.parametrize("step", ["prepare", "train"])
def test_what_it_does_not_say_is_undetermined(world: World, step: str) -> None:
    by_another_builder(world, step)
    assert world.outcome("X-2") == "undetermined"
    assert world.outcome("D-1") == "undetermined"
    assert world.outcome("C-6") == "undetermined"
    if step == "train":
        assert [world.outcome(name) for name in ("W-7", "C-2", "C-5")] == ["undetermined"] * 3


@pytest.mark.parametrize("step", ["prepare", "train"])
def test_taking_it_away_shows_no_more(world: World, step: str) -> None:
    """The release lists it, as it lists every other piece of evidence."""
    by_another_builder(world, step)
    world.sign()
    (world.folder / "tiny.provenance" / f"{step}.sigstore.json").unlink()
    for policy in policy_ids():
        verdict = verify(world.model, policy, trust=world.folder / "trust.yaml", as_of=NOW, now=NOW)
        assert verdict.document["requirements"]
        passed = {row["id"] for row in verdict.document["requirements"] if row["outcome"] == "pass"}
        assert passed.isdisjoint({"X-1", "X-2", "D-1", "C-6"})


def test_its_claimed_roles_are_none(world: World) -> None:
    """`annotations.role` is ours under our build types alone."""
    step: Any = world.drafts["train"].claim
    statement = step.to_statement()
    definition = {**statement.predicate["buildDefinition"], "buildType": "https://example.org/build"}
    predicate = {**statement.predicate, "buildDefinition": definition}
    world.say("train", Statement(step.outputs, statement.predicate_type, predicate))
    graph = world.evaluation().graph("trusted")
    assert [use.role for use in graph.uses_of(graph.steps[0])] == [""] * len(graph.uses_of(graph.steps[0]))
    assert graph.data_uses == tuple(use for use in graph.data_uses if use.step is not graph.steps[0])
    assert not graph.model_steps
