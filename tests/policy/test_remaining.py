"""What remains to be done, proved: whoever does what is told passes, and whoever leaves out any of it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from provenance.bundles.envelope import sign
from provenance.policy.acts import Act
from provenance.policy.checks import CATALOGUE
from provenance.policy.policy import load_policy
from provenance.policy.remaining import Remaining, remaining
from provenance.workflows.inventory import inventory
from provenance.workflows.trust_file import NewPrincipal
from tests.policy.test_policy import ROW, document, write
from tests.world import NOW, TOP_RUNG, Draft, World

BASELINE, SOVEREIGN, OSAID = "supply-chain-baseline", "sovereign-deployment", "osaid-1.0"
# Which bundle of the complete world an act would bring about.
BUNDLES: Mapping[Act, str] = {
    Act("train"): "train", Act("prepare"): "prepare", Act("evaluate"): "evaluate", Act("stack"): "stack",
    Act("dataset", "tales.txt"): "dataset-raw", Act("release"): "release", Act("signature"): "model.sig",
}
RULE = {key: value for key, value in ROW.items() if key != "id"} | {"id": "our-rule", "roles": ["producer"]}


def asked(world: World, policy: str = TOP_RUNG, *, trusting: bool = True) -> Remaining:
    return remaining(world.evaluation(trusting=trusting), load_policy(policy))


def passes(world: World, policy: str) -> bool:
    evaluation = world.evaluation()
    return evaluation.outcome(evaluation.decide(load_policy(policy))) == "pass" and evaluation.coverage.complete


def without(folder: Path, names: Iterable[str]) -> World:
    world = World.new(folder)
    world.unsay(*names)
    world._settle()
    return world


def do(world: World, acts: Iterable[Act], drafts: Mapping[str, Draft]) -> World:
    """Sign what the acts ask for, and nothing else: a release that is not asked for stays as it is."""
    names = [BUNDLES[act] for act in acts]
    world.drafts |= {name: drafts[name] for name in names}
    for name in names:
        world.file(name).write_bytes(sign(drafts[name].statement().to_bytes(), world.signers[drafts[name].signer]))
    if "release" in names:
        world.sign()
    return world


PROOFS: Sequence[tuple[str, str]] = (
    ("dataset-raw", TOP_RUNG), ("train", TOP_RUNG), ("prepare", TOP_RUNG), ("release", TOP_RUNG),
    ("evaluate", OSAID), ("dataset-raw evaluate", OSAID), ("train prepare dataset-raw evaluate", OSAID),
    ("stack", SOVEREIGN), ("release stack", SOVEREIGN), ("train", BASELINE), ("train dataset-raw", BASELINE),
    ("evaluate", "mof-1.0-class-ii"), ("prepare", "redhat-direction"),
)


@pytest.mark.parametrize(("lacking", "policy"), PROOFS, ids=lambda told: told.replace(" ", "+"))
def test_what_is_told_is_enough_and_none_of_it_can_be_left_out(tmp_path: Path, lacking: str, policy: str) -> None:
    drafts, names = World.new(tmp_path / "whole").drafts, lacking.split()
    told = asked(without(tmp_path / "told", names), policy)
    acts = [task.act for task in told.tasks]
    assert not told.blockers
    assert {BUNDLES[act] for act in acts} == {*names, "release"}
    assert passes(do(without(tmp_path / "done", names), acts, drafts), policy)
    for left in acts:
        rest = [act for act in acts if act != left]
        assert not passes(do(without(tmp_path / f"without-{left.kind}", names), rest, drafts), policy), left


def test_what_passes_leaves_nothing_to_do(world: World) -> None:
    assert asked(world) == Remaining(TOP_RUNG, (), ())


def test_every_requirement_of_the_catalogue_that_is_open_tells_what_would_settle_it(tmp_path: Path) -> None:
    """Asked of a model of which nobody says anything."""
    world = World.new(tmp_path)
    world.unsay(*[name for name in world.drafts if name != "stack"])
    for requirement, check in CATALOGUE.items():
        row = {**ROW, "id": requirement, "roles": list(check.roles), "minBasis": check.minimum.basis}
        told = asked(world, write(tmp_path / "one.yaml", document(row)))
        assert [task.requirements for task in told.tasks if requirement in task.requirements], requirement
        assert not told.blockers, requirement


def test_one_statement_about_a_dataset_answers_all_that_is_asked_of_it(world: World) -> None:
    world.state("dataset-raw", labelling=None, availability=None)
    (task, release) = asked(world).tasks
    assert task.act == Act("dataset", "tales.txt")
    assert set(task.requirements) == {"D-2", "D-3", "D-6"}
    assert set(task.roles) == {"data-supplier", "producer"}
    assert release.files == ("release.sigstore.json",)


def test_a_statement_that_only_a_supplier_may_sign_is_asked_of_a_supplier(world: World) -> None:
    world.state("dataset-raw", labelling=None, personalData=None)
    (task, _) = asked(world, "data-provenance-baseline").tasks
    assert task.roles == ("data-supplier",)
    assert "D-10" in task.requirements


def test_a_step_that_says_too_little_is_recorded_again(world: World) -> None:
    world.change("train", initial_parameters=None)
    assert [task.act for task in asked(world).tasks] == [Act("step", "train"), Act("release")]


# --- only the voice is lacking ----------------------------------------------------------------------------------------


def test_where_only_the_voice_is_lacking_the_next_step_is_a_signer_who_is_believed(world: World) -> None:
    everybody = [world.principal(name) for name in ("archive", "lab", "elder", "gate")]
    world.believe(*everybody[1:])
    (task,) = asked(world).tasks
    assert task.act.kind == "signer"
    assert task.files == ("dataset-corpus.sigstore.json", "dataset-raw.sigstore.json", "prepare.sigstore.json")
    assert "data-supplier" in task.roles
    assert not passes(world, TOP_RUNG)
    world.believe(*everybody)
    assert passes(world, TOP_RUNG)


def test_without_a_trust_file_the_signers_are_named_and_each_of_them_is_needed(world: World) -> None:
    told = asked(world, trusting=False)
    assert [task.act.kind for task in told.tasks] == ["signer", "signer"]
    for name in ("archive", "lab"):
        world.believe(world.principal(name))
        assert not passes(world, TOP_RUNG)
    world.believe(world.principal("archive"), world.principal("lab"))
    assert passes(world, TOP_RUNG)


def test_evidence_that_the_release_lists_is_to_be_brought_not_signed_anew(world: World) -> None:
    world._settle()
    kept = world.file("dataset-raw").read_bytes()
    world.lose("dataset-raw")
    assert [task.act for task in asked(world).tasks] == [Act("bundle", "dataset-raw.sigstore.json")]
    world.file("dataset-raw").write_bytes(kept)
    assert passes(world, TOP_RUNG)


# --- alternatives -----------------------------------------------------------------------------------------------------


def test_of_alternatives_the_one_that_needs_least_is_told(world: World, tmp_path: Path) -> None:
    world.unsay("evaluate")
    world.withhold("model-architecture")
    dear = {"all": [{"id": "C-4"}, {"id": "D-7"}]}
    policy = write(tmp_path / "ours.yaml", document({**RULE, "any": [dear, {"id": "A-1"}]}))
    assert [task.act for task in asked(world, policy).tasks] == [Act("release")]


def test_what_several_requirements_need_anyway_decides_between_alternatives(world: World, tmp_path: Path) -> None:
    """By itself the architecture is cheaper; where the evaluation must be recorded for another, it costs nothing."""
    world.unsay("evaluate", "stack")
    either = {**RULE, "any": [{"id": "S-1"}, {"id": "D-7"}]}
    policy = write(tmp_path / "ours.yaml", document(either, {**ROW, "id": "C-4"}))
    assert [task.act for task in asked(world, policy).tasks] == [Act("evaluate"), Act("release")]


def test_at_least_so_many_takes_the_cheapest_of_them(world: World, tmp_path: Path) -> None:
    world.unsay("evaluate")
    world.withhold("model-architecture")
    world.withhold("model-card")
    policy = write(tmp_path / "ours.yaml", document(
        {**RULE, "atLeast": {"count": 2, "of": [{"id": "C-4"}, {"id": "A-1"}, {"id": "K-1"}]}}))
    assert [task.act for task in asked(world, policy).tasks] == [Act("release")]


def test_sets_that_are_as_small_are_told_too(world: World, tmp_path: Path) -> None:
    world.unsay(*[name for name in world.drafts if name != "stack"])
    told = asked(world, write(tmp_path / "ours.yaml", document({**ROW, "id": "W-1", "minBasis": "recomputed"})))
    assert [task.act for task in told.tasks] == [Act("signature")]
    assert [[task.act for task in tie] for tie in told.ties] == [[Act("release")]]


# --- what no act lifts ------------------------------------------------------------------------------------------------


def test_a_licence_that_restricts_use_is_a_blocker_and_no_gap(world: World) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    told = asked(world)
    assert not told.tasks
    assert [blocker.requirements for blocker in told.blockers] == [("W-2", "W-3")]
    assert "open licence" in told.blockers[0].change


def test_a_branch_that_fails_blocks_nothing_while_another_can_be_shown(world: World, tmp_path: Path) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    world.withhold("model-architecture")
    policy = write(tmp_path / "ours.yaml", document({**RULE, "any": [{"id": "W-2"}, {"id": "A-1"}]}))
    told = asked(world, policy)
    assert not told.blockers
    assert [task.act for task in told.tasks] == [Act("release")]


def test_a_recall_is_a_blocker_though_every_requirement_is_met(world: World) -> None:
    world._settle()
    graph = world.evaluation().graph("trusted")
    world.revoke(artifacts=[str(next(iter(sorted(graph.data_uses[0].identities))))])
    told = asked(world)
    assert [blocker.requirements for blocker in told.blockers] == [("recall",)]
    assert not told.tasks


@pytest.mark.parametrize("spoil", ["changed", "added"])
def test_other_files_than_were_signed_are_the_only_thing_that_is_told(world: World, spoil: str) -> None:
    world._settle()
    name = "config.json" if spoil == "changed" else "evil.py"
    (world.model / name).write_text("{}")
    told = asked(world)
    assert not told.tasks
    (blocker,) = told.blockers
    assert name in blocker.change


# --- one answer everywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["gap", "blocker"])
def test_verify_and_inventory_tell_the_same_steps(world: World, spoil: str) -> None:
    if spoil == "gap":
        world.unsay("dataset-raw", "evaluate")
    else:
        world.license("model-parameters-final", "CC-BY-NC-4.0")
    verdict = world.verdict(OSAID)
    row = inventory([world.model], [OSAID], trust=world.trust, as_of=NOW, now=NOW).document["models"][0]
    assert row["next"] == {"towards": OSAID, "steps": [step["remedy"] for step in verdict["next"]]}
    assert bool(verdict["next"][0].get("blocks")) == (spoil == "blocker")


def test_a_signer_who_may_not_sign_for_all_is_not_asked_to(world: World, tmp_path: Path) -> None:
    """One of the two wants a supplier, the other a producer: no one of them may sign for both."""
    world.unsay("dataset-raw")
    rows = [{**ROW, "id": name, "roles": [role]} for name, role in (("D-2", "producer"), ("D-3", "data-supplier"))]
    told = asked(world, write(tmp_path / "ours.yaml", document(*rows)))
    assert [(task.act.kind, task.roles) for task in told.tasks if task.act.kind == "dataset"] == [
        ("dataset", ("producer",)), ("dataset", ("data-supplier",))]


def test_a_stranger_is_told_by_file_even_where_the_bundle_names_no_key(world: World) -> None:
    world.change("train", "stranger")
    world.believe(*(world.principal(name) for name in ("archive", "lab", "elder", "gate")))
    tasks = asked(world).tasks
    assert [task.files for task in tasks if task.act.kind == "signer"] == [("train.sigstore.json",)]
    world.believe(*(world.principal(name) for name in ("archive", "lab", "elder", "gate")),
                  NewPrincipal("stranger", "Example Lab", ("producer",), (world.folder / "stranger.key.pub",), ("*",)))
    assert passes(world, TOP_RUNG)


def test_a_blocker_says_what_would_have_to_be_otherwise(world: World) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    blocked = world.verdict()["next"][0]
    assert blocked["requirement"] == "W-2, W-3"
    assert blocked["remedy"].startswith("Blocked, nothing that is added lifts it (tiny/model.safetensors: CC-BY-NC-4.0")


def test_what_a_card_declares_is_to_be_said_in_a_signed_release(world: World) -> None:
    world.unsay(*world.drafts)
    world.signed = True
    verdict = world.verdict("g7-2026-open-weights")
    assert verdict["ladder"]["declared"] == "g7-2026-open-weights"
    assert [step["remedy"].split(":")[0] for step in verdict["next"]] == ["Publish a signed release statement"]


def test_a_policy_that_asks_nothing_of_this_model_is_no_gap_that_could_be_filled(world: World, tmp_path: Path) -> None:
    told = asked(world, write(tmp_path / "ours.yaml", document({**ROW, "id": "W-5"})))
    assert not told.tasks
    assert [blocker.requirements for blocker in told.blockers] == [("policy",)]


def test_what_only_a_person_may_judge_is_asked_of_a_person(world: World, tmp_path: Path) -> None:
    world.unsay("dataset-raw")
    judged = {**ROW, "id": "D-2", "roles": ["assessor"], "minVoice": "independent"}
    (task,) = asked(world, write(tmp_path / "ours.yaml", document(judged))).tasks
    assert (task.act, task.roles, task.voice) == (Act("assessment", "D-2"), ("assessor",), "independent")


def test_a_person_is_asked_where_a_row_takes_either_and_a_statement_would_need_a_release_beside_it(
    world: World, tmp_path: Path
) -> None:
    world.unsay("dataset-raw")
    judged = {**ROW, "id": "D-2", "roles": ["assessor", "data-supplier"]}
    told = asked(world, write(tmp_path / "ours.yaml", document(judged)))
    assert [task.act for task in told.tasks] == [Act("assessment", "D-2")]
    assert not told.ties
    beside = {**judged, "id": "D-3", "roles": ["data-supplier"]}
    told = asked(world, write(tmp_path / "both.yaml", document(judged, beside)))
    assert [task.act for task in told.tasks] == [Act("dataset", "tales.txt"), Act("release")]
