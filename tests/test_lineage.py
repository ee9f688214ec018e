"""From verified statements back to everything behind a model: joined by digests, and broken loudly.

LIN numbers are rows of an attack catalogue: what a store of evidence can be made to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles import verifier
from provenance.bundles.envelope import sha256
from provenance.bundles.trust import Principal
from provenance.bundles.verifier import Claim, VerifiedStatement
from provenance.lineage import LineageGraph, beginnings, step_of
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.lineage_document import lineage_document
from provenance.policy.policy import load_policy, policy_ids
from provenance.statements.assessment import Assessment
from provenance.statements.dataset import Dataset
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import Step
from tests.growth import calls
from tests.world import FACTS, NOW, TOP_RUNG, World, safetensors


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.new(tmp_path)


def graph_of(world: World) -> LineageGraph:
    return world.evaluation().graph("trusted")


def names(statements: Any) -> list[str]:
    return [step_of(statement).name for statement in statements]


# --- what a whole lineage tells -------------------------------------------------------------------------------------


def test_every_step_on_the_way_is_found_nearest_first(world: World) -> None:
    graph = graph_of(world)
    assert names(graph.steps) == ["train", "prepare"]
    assert names(graph.model_steps) == ["train"]
    assert names(graph.evaluations) == ["evaluate"]


def test_every_use_of_data_is_found(world: World) -> None:
    graph = graph_of(world)
    used = {(use.thing.name, use.role) for use in graph.data_uses}
    assert used == {("corpus", "training-data"), ("tales.txt", "raw-data")}
    assert not graph.gaps
    assert not graph.cycles
    assert not graph.missing_evidence


def test_a_join_by_the_folder_is_the_strongest(world: World) -> None:
    assert graph_of(world).weakest_edge == "name-bound"


def test_a_join_by_the_tensors_alone_says_so(world: World) -> None:
    world.change("train", outputs=world.described("tiny/model.safetensors"))
    graph = graph_of(world)
    assert names(graph.steps) == ["train", "prepare"]
    assert graph.weakest_edge == "tensor-root"


def test_the_weakest_join_is_found_however_far_back_and_is_told(world: World) -> None:
    world.hang_on_base()
    world.explain_base()
    world.change("train-base", outputs=world.described("base/model.safetensors"))
    assert graph_of(world).weakest_edge == "tensor-root"
    verdict = world.verdict()
    assert verdict["lineage"]["weakest"] == "tensor-root"
    told = {row["message"]: row["location"] for row in verdict["findings"] if row["code"] == "lineage-tensors-only"}
    assert told == {"base is known by its tensors alone: configuration, tokenizer and template may be others":
                    "train-base"}


def test_two_steps_that_claim_one_product_are_told_and_both_count(world: World) -> None:
    assert graph_of(world).claimed_twice == ()
    world.say("again", world.step("again", "train", "tiny", world.inputs(training_data="corpus", source="train.py")))
    graph = graph_of(world)
    assert graph.claimed_twice == (("tiny", ("again", "train")),)
    assert {"again", "train"} <= set(names(graph.steps))
    verdict = world.verdict("osaid-1.0")
    assert "lineage-claimed-twice" in {row["code"] for row in verdict["findings"]}
    assert verdict["result"] == "undetermined"  # the second does not say where its parameters began


def test_one_step_that_two_people_sign_claims_its_product_once(world: World) -> None:
    world.say("train-too", world.drafts["train"].claim, "elder")
    world.believe(*(world.principal(name, subjects=("*",)) for name in ("archive", "lab", "elder")))
    graph = graph_of(world)
    assert len(graph.model_steps) == 2
    assert graph.claimed_twice == ()


def test_from_merged_weights_back_through_adapter_and_bases_to_all_data_and_code(world: World) -> None:
    """LIN-OK-1: a fine-tuned base, an adapter trained on it, and both merged into the model."""
    for name, number in (("first", 1.0), ("tuned", 2.0)):
        world.write(f"{name}/model.safetensors", safetensors({"a": [number, 0.5], "b": [number]}))
    world.write("adapter/adapter_model.safetensors", safetensors({"lora": [0.25]}))
    for name in ("web", "chats", "taste"):
        world.write(f"{name}.txt", f"{name}\n")
        world.say(f"dataset-{name}", world.dataset(f"{name}.txt"))
        world.write(f"{name}.py", f"print('{name}')\n")
    random, base = {"kind": "random", "seed": 1}, {"kind": "base-model"}
    world.say("one", world.step("one", "train", "first", world.inputs(training_data="web.txt", source="web.py"),
                                initial_parameters=random))
    world.say("two", world.step("two", "fine-tune", "tuned", world.inputs(
        training_data="chats.txt", base_model="first", source="chats.py"), initial_parameters=base))
    world.say("three", world.step("three", "fine-tune", "adapter", world.inputs(
        training_data="taste.txt", base_model="tuned", source="taste.py"), initial_parameters=base))
    world.unsay("train")
    world.say("four", world.step("four", "merge", "tiny", world.inputs(
        base_model="tuned", model="adapter", source="network.py"), initial_parameters=base))
    graph = graph_of(world)
    assert names(graph.steps)[0] == "four"
    assert set(names(graph.steps)) == {"one", "two", "three", "four"}
    assert {use.thing.name for use in graph.data_uses} == {"web.txt", "chats.txt", "taste.txt"}
    assert {use.thing.name for use in graph.bases} == {"first", "tuned", "adapter"}
    assert (graph.gaps, graph.unexplained_bases, graph.cycles) == ((), (), ())
    document = world.verdict()["lineage"]
    code = {node["label"] for node in document["nodes"] if node["kind"] == "source"}
    assert code == {"web.py", "chats.py", "taste.py", "network.py"}
    assert not [gap for gap in document["gaps"] if "used as" in gap]
    world.change("one", initial_parameters=None)  # silence at the far end bounds the whole
    assert world.outcome("W-7") == "undetermined"


def test_a_model_that_nobody_made_has_no_edge(world: World) -> None:
    world.unsay("train")
    graph = graph_of(world)
    assert graph.weakest_edge is None
    assert graph.steps == ()


def test_two_corpora_may_come_of_one_text(world: World) -> None:
    """LIN-OK-2: a diamond is no cycle, and every step of it is walked once."""
    world.write("second/part.txt", "the end\n")
    inputs = world.inputs(raw_data="tales.txt", source="prepare.py", lockfile="uv.lock")
    world.say("again", world.step("again", "prepare", "second", inputs))
    world.say("dataset-second", world.dataset("second"))
    world.change("train", inputs=world.inputs(training_data="corpus second", source="train.py network.py",
                                              lockfile="uv.lock"))
    world.change("release", datasets=(*world.release.datasets, world.listing("second")))
    assert sorted(names(graph_of(world).steps)) == ["again", "prepare", "train"]
    assert world.verdict()["result"] == "pass"


def test_resharding_makes_no_step_its_own_maker(world: World) -> None:
    """The tensors are the same before and after: whoever hands them on did not make them."""
    world.write("base/all.safetensors", (world.model / "model.safetensors").read_bytes())
    world.change("train", outputs=world.described("base"))
    inputs = world.inputs(model="base", source="train.py", lockfile="uv.lock")
    world.say("cut", world.step("cut", "convert", "tiny", inputs, started_on="2026-11-20T11:00:00Z",
                                finished_on="2026-11-20T11:05:00Z"))
    graph = graph_of(world)
    assert sorted(names(graph.steps)) == ["cut", "prepare", "train"]
    assert not graph.cycles
    assert not graph.gaps
    verdict = world.verdict()
    assert verdict["result"] == "pass"
    assert not verdict["findings"]


def test_a_teacher_is_used_and_is_not_where_the_weights_began(world: World) -> None:
    world.hang_on_base()
    inputs = world.inputs(training_data="corpus", model="base", source="train.py network.py", lockfile="uv.lock")
    world.change("train", kind="train", initial_parameters={"kind": "random", "seed": 1}, inputs=inputs)
    graph = graph_of(world)
    assert [use.thing.name for use in graph.base_uses] == ["base"]
    assert beginnings(graph.model_steps[0]) == []
    assert graph.unexplained_bases == ()


def test_a_base_is_explained_by_what_made_weights_and_by_nothing_else(world: World) -> None:
    """A step that only fetched the base model does not say how it was trained."""
    world.hang_on_base()
    assert [use.thing.name for use in graph_of(world).unexplained_bases] == ["base"]
    world.say("fetch", world.step("fetch", "prepare", "base", world.inputs(raw_data="tales.txt", source="prepare.py")))
    assert [use.thing.name for use in graph_of(world).unexplained_bases] == ["base"]
    world.unsay("fetch")
    world.explain_base()
    assert graph_of(world).unexplained_bases == ()


def test_the_lineage_of_a_base_model_belongs_to_the_model(world: World) -> None:
    world.hang_on_base()
    world.explain_base()
    assert sorted(names(graph_of(world).steps)) == ["prepare", "train", "train-base"]
    assert world.verdict()["result"] == "pass"
    world.change("train-base", initial_parameters=None)
    assert world.outcome("W-7") == "undetermined"


# --- what a store can be made to say --------------------------------------------------------------------------------


def test_a_dangling_input_is_a_gap(world: World) -> None:
    """LIN-02."""
    world.unsay("dataset-raw")
    verdict = world.verdict()
    assert [use.thing.name for use in graph_of(world).gaps] == ["tales.txt"]
    assert ("lineage-gap", "prepare") in {(row["code"], row["location"]) for row in verdict["findings"]}
    assert "tales.txt, used as raw-data by step prepare, is attested by nobody" in verdict["lineage"]["gaps"]
    assert not verdict["passed"]


def test_a_cycle_ends_and_fails(world: World) -> None:
    """LIN-03: the preparation needs the model that is trained on what it makes."""
    world.change("prepare", inputs=world.inputs(raw_data="tales.txt", model="tiny", source="prepare.py",
                                                lockfile="uv.lock"))
    assert graph_of(world).cycles == ("train",) or graph_of(world).cycles == ("prepare",)
    verdict = world.verdict()
    assert verdict["result"] == "fail"
    assert "lineage-cycle" in {row["code"] for row in verdict["findings"]}


def test_a_chain_breaks_where_digests_differ(world: World) -> None:
    """LIN-08: the corpus that was trained on is not the one that was prepared."""
    world.write("corpus/part-1.txt", "another end\n")
    world.change("train", inputs=world.inputs(training_data="corpus", source="train.py network.py", lockfile="uv.lock"))
    graph = graph_of(world)
    assert names(graph.steps) == ["train"]
    assert [use.thing.name for use in graph.gaps] == ["corpus"]
    assert world.verdict()["ladder"]["shown"] is None


@pytest.mark.parametrize("policy", ["osaid-1.0", TOP_RUNG, "supply-chain-baseline"])
def test_a_training_that_names_no_data_shares_nothing_with_any_preparation(world: World, policy: str) -> None:
    """LIN-09: that every input is attested must not be true of no input."""
    world.change("train", inputs=world.inputs(source="train.py network.py", lockfile="uv.lock"))
    assert names(graph_of(world).silent_about_data) == ["train"]
    assert world.verdict(policy)["result"] == "undetermined"


def test_one_of_two_trainings_that_names_no_data_is_missed(world: World) -> None:
    """A first training without data would hide what the weights learned first behind the data of the second."""
    world.hang_on_base()
    world.explain_base()
    world.change("train-base", inputs=world.inputs(source="train.py", lockfile="uv.lock"))
    assert world.outcome("D-1") == "undetermined"
    assert world.outcome("X-2") == "undetermined"


def test_the_same_statement_twice_is_one_statement(world: World) -> None:
    """LIN-12."""
    world.sign()
    (world.evidence / "again.sigstore.json").write_bytes(world.file("train").read_bytes())
    assert names(graph_of(world).steps) == ["train", "prepare"]


def test_steps_whose_times_run_backwards_are_told_and_judged_all_the_same(world: World) -> None:
    """LIN-19, LIN-20: times are claims."""
    world.change("prepare", started_on="2026-11-20T11:00:00Z", finished_on="2026-11-20T10:59:00Z")
    verdict = world.verdict()
    assert {row["location"] for row in verdict["findings"] if row["code"] == "lineage-time"} == {"prepare", "train"}
    assert verdict["passed"]


@pytest.mark.parametrize("digest", [{}, {"sha1": "0" * 40}, {"md5": "0" * 32}, {"gitCommit": "0" * 40}])
def test_a_material_without_a_strong_digest_is_a_gap(world: World, digest: dict[str, str]) -> None:
    """LIN-22."""
    named = ResourceDescriptor("tales.txt", digest, annotations={"role": "raw-data"})
    world.change("prepare", inputs=(named, *world.inputs(source="prepare.py", lockfile="uv.lock")))
    assert [use.thing.name for use in graph_of(world).gaps] == ["tales.txt"]
    verdict = world.verdict("supply-chain-baseline")
    assert verdict["result"] == "undetermined"
    assert "tales.txt: used as raw-data, and nobody attests it" in verdict["openPoints"][0]


def test_an_evaluation_is_not_a_training(world: World) -> None:
    """LIN-25: the kind of a step is part of what is signed."""
    world.change("train", kind="evaluate", initial_parameters=None)
    graph = graph_of(world)
    assert graph.steps == ()
    assert world.outcome("W-7") == "undetermined"
    assert world.verdict()["ladder"]["shown"] == "g7-2026-open-weights"


@pytest.mark.parametrize("policy", ["g7-2026-open-source-ai", "osaid-1.0"])
def test_a_model_is_not_more_open_than_its_base(world: World, policy: str) -> None:
    """LIN-30: tuning open weights on a little open data makes no open source model of them."""
    world.hang_on_base()
    assert world.outcome("W-5", policy) == "pass"
    assert world.verdict(policy)["result"] == "undetermined"


def test_noise_of_a_stranger_changes_nothing(world: World) -> None:
    """LIN-OK-3."""
    before = [(row["id"], row["outcome"]) for row in world.verdict()["requirements"]]
    world.listed = sorted(set(world.drafts) - {"release"})
    world.say("noise", world.step("noise", "train", "tiny", world.inputs(training_data="prepare.py")), "stranger")
    world.say("slander", world.dataset("tales.txt", license="CC-BY-NC-4.0"), "stranger")
    world.say("gossip", replace(world.release, declarations={"freeOfCharge": False}), "stranger")
    verdict = world.verdict()
    assert [(row["id"], row["outcome"]) for row in verdict["requirements"]] == before
    assert verdict["passed"]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("order", ["a", "z"])
def test_one_of_two_statements_of_a_step_that_violates_is_not_outweighed(
    world: World, listed: bool, order: str
) -> None:
    """LIN-32: neither the first nor the last statement of a kind is the one that counts."""
    world.write("scraped.txt", "scraped\n")
    if not listed:
        world.listed = sorted(set(world.drafts) - {"release"})
    world.say(f"{order}-prepare", world.step(
        "prepare", "prepare", "corpus", world.inputs(raw_data="tales.txt scraped.txt", source="prepare.py"),
    ), "archive")
    for policy in ("osaid-1.0", "supply-chain-baseline"):
        verdict = world.verdict(policy)
        # What the release does not stand on neither helps nor hurts, and is told.
        assert verdict["passed"] is not listed
        assert ("evidence-unlisted" in {row["code"] for row in verdict["findings"]}) is not listed


def test_a_gap_of_a_step_that_no_release_stands_on_is_told(world: World) -> None:
    """To count it would reward whoever takes the step away."""
    world.unsay("dataset-raw", "prepare", "evaluate")
    world.listed = ["dataset-corpus", "model.sig", "train"]
    world.say("prepare", world.step(
        "prepare", "prepare", "corpus", world.inputs(raw_data="tales.txt", source="prepare.py", lockfile="uv.lock")
    ), "archive")
    verdict = world.verdict("g7-2026-open-weights")
    assert "evidence-unlisted" in {row["code"] for row in verdict["findings"]}
    assert verdict["passed"]


def test_a_shared_configuration_file_joins_no_two_models(world: World) -> None:
    world.write("other/config.json", (world.model / "config.json").read_bytes())
    world.write("other/model.safetensors", safetensors({"z": [9.0]}))
    world.say("other", world.step("other", "train", "other", world.inputs(training_data="corpus")))
    assert names(graph_of(world).steps) == ["train", "prepare"]


def test_a_shard_of_prepared_data_is_known_by_itself(world: World) -> None:
    world.change("train", inputs=world.inputs(training_data="corpus/part-0.txt corpus/part-1.txt",
                                              source="train.py network.py", lockfile="uv.lock"))
    graph = graph_of(world)
    assert names(graph.steps) == ["train", "prepare"]
    assert not graph.gaps
    assert world.verdict()["result"] == "pass"


def test_a_digest_in_capital_letters_is_never_a_second_thing(world: World) -> None:
    """LIN-31: the statement is refused as a whole, and missed."""
    corpus = world.described("corpus")
    shouted = tuple(replace(thing, digest={k: v.upper() for k, v in thing.digest.items()}) for thing in corpus)
    world.change("prepare", outputs=shouted)
    verdict = world.verdict()
    status = {row["file"]: (row["status"], row["code"]) for row in verdict["evidence"]}
    assert status["prepare.sigstore.json"] == ("INVALID", "statement-invalid")
    assert verdict["result"] == "undetermined"


# --- independence ---------------------------------------------------------------------------------------------------


def test_only_a_party_that_supplies_nothing_is_independent(world: World) -> None:
    world.believe(
        *(world.principal(name) for name in ("archive", "lab")),
        world.principal("elder", roles=("assessor",), party="Example Lab", subjects=("*",), predicate_types=("*",)),
        world.principal("gate", roles=("assessor",), subjects=("*",), predicate_types=("*",)),
    )
    world.say("by-elder", world.dataset("tales.txt"), "elder")
    world.say("by-gate", world.dataset("corpus"), "gate")
    graph = graph_of(world)
    voices = {s.principal.name: graph.voice(s) for s in graph.statements if s.principal}
    assert voices == {"archive": "trusted", "lab": "trusted", "elder": "trusted", "gate": "independent"}
    assert graph.independent == {world.digest("by-gate")}


def test_a_party_does_not_become_independent_when_its_other_statements_are_taken_away(world: World) -> None:
    world.believe(
        *(world.principal(name) for name in ("archive", "lab")),
        world.principal("elder", roles=("assessor",), party="Example Lab", subjects=("*",), predicate_types=("*",)),
    )
    world.say("by-elder", world.dataset("tales.txt"), "elder")
    world.lose("train", "model.sig", "release", "evaluate")
    assert not graph_of(world).independent


# --- growth ---------------------------------------------------------------------------------------------------------

LAB = Principal("lab", "Example Lab", ("producer", "assessor"), (), ("*",), ("*",))


def said(claim: Claim, statement: Statement, name: str) -> VerifiedStatement:
    """A statement as the Verifier makes it, without twenty thousand signatures."""
    return VerifiedStatement(verifier._SEAL, statement, claim, name, sha256(name.encode()), LAB)


def file(number: int, role: str = "") -> ResourceDescriptor:
    return ResourceDescriptor(f"f{number}", {"sha256": f"{number:064x}"}, annotations={"role": role} if role else {})


def chain(world: World, length: int) -> list[VerifiedStatement]:
    """As many steps, each of which needs the file of the one before, and another that nobody attests."""
    steps = []
    for number in range(length):
        last = number == length - 1
        inputs = (file(number, "training-data" if last else "raw-data"), file(length + number, "validation-data"),
                  file(0, "source"), file(0, "lockfile"))
        step = Step(f"s{number}", "train" if last else "prepare", ("python",),
                    world.described("tiny") if last else (file(number + 1),), inputs,
                    "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", "urn:x", {"kind": "random", "seed": 1})
        steps.append(said(step, Statement(step.outputs, "", {}), f"s{number}"))
    raw = Dataset((file(0),), FACTS)
    other = replace(world.release, subjects=(file(1 << 200),), evidence=())
    rest = {"raw": raw, "other": other}
    found = [*steps, *(said(claim, Statement(claim.subjects, "", {}), name) for name, claim in rest.items())]
    listed = tuple(ResourceDescriptor(one.file, {"sha256": one.sha256}) for one in found)
    release = replace(world.release, evidence=listed)
    return [*found, said(release, Statement(release.subjects, "", {}), "release")]


def walk(statements: Sequence[VerifiedStatement], model: Manifest) -> None:
    """Everything that a graph tells."""
    graph = LineageGraph(statements, model)
    assert not graph.cycles
    assert len(graph.steps) == len(graph.gaps) == len(statements) - 3
    assert len(graph.missing_evidence) == 0


def draw(statements: Sequence[VerifiedStatement], model: Manifest) -> None:
    """The document of a graph."""
    assert len(lineage_document(LineageGraph(statements, model), statements)["edges"]) > 3 * (len(statements) - 3)


def decide(statements: Sequence[VerifiedStatement], model: Manifest) -> None:
    """Every policy that is shipped, asked and told."""
    evaluation = Evaluation(Subject(model, tuple(statements), None, NOW))
    for name in policy_ids():
        assert [decision.to_dict() for decision in evaluation.decide(load_policy(name))]


def judge(statements: Sequence[VerifiedStatement], model: Manifest) -> None:
    """As many people as steps, each of whom judged the release, and a policy that asks for them."""
    release = statements[-1]
    found = [
        said(claim, Statement(claim.subjects, "", {}), f"a{number}") for number, claim in enumerate(
            Assessment(release.statement.subjects[:1], "yes-no", "yes", "read", "read",
                       (ResourceDescriptor("release", {"sha256": release.sha256}),), "2026-11-22T10:00:00Z",
                       "2027-11-22T10:00:00Z", "D-2") for _ in statements)
    ]
    evaluation = Evaluation(Subject(model, (*statements, *found), None, NOW))
    policy = load_policy("data-provenance-baseline")
    rows = [replace(row, roles=("producer", "assessor"), min_voice="trusted") for row in policy.requirements]
    assert [decision.to_dict() for decision in evaluation.decide(replace(policy, requirements=tuple(rows)))]


@pytest.mark.slow
@pytest.mark.parametrize(("work", "few"), [(walk, 2_000), (draw, 300), (decide, 100), (judge, 60)])
def test_ten_times_the_steps_need_about_ten_times_the_calls(world: World, work: Any, few: int) -> None:
    model = scan(world.model)
    decide(chain(world, 1), model)  # reads schemas and policies once
    work(chain(world, 2), model)
    short, long = (calls(partial(work, chain(world, length), model)) for length in (few, 10 * few))
    assert 6 < long / short < 11


def test_a_step_with_many_inputs_is_linear_too(world: World) -> None:
    model = scan(world.model)

    def ask(inputs: int) -> None:
        wide = Step("wide", "train", ("python",), world.described("tiny"),
                    tuple(file(number, "training-data") for number in range(inputs)),
                    "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", "urn:x", {"kind": "random", "seed": 1})
        graph = LineageGraph([said(wide, Statement(wide.outputs, "", {}), "wide")], model)
        assert len(graph.gaps) == inputs

    assert calls(partial(ask, 5_000)) < 11 * calls(partial(ask, 500))
