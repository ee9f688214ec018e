"""A waiver excuses one requirement of one policy for one model until a day, shows nothing, and is always told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import PolicyError
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import LADDER, Policy, load_policy
from provenance.policy.waivers import excused
from provenance.reports import render
from provenance.reports.inventory import render_inventory
from provenance.statements.waiver import Waiver
from provenance.workflows.inventory import inventory
from tests.policy.people import asked, people, policy, waive
from tests.world import NOW, TOP_RUNG, World

ROWS = (
    ("W-1", "trusted", "producer", False), ("X-3", "trusted", "producer", True), ("W-7", "trusted", "producer", True),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A model whose evidence says nothing of its initial parameters: W-7 is undetermined."""
    made = World.new(tmp_path)
    people(made)
    made.change("train", initial_parameters=None)
    return made


@pytest.fixture
def rules(world: World) -> str:
    return policy(world, *ROWS)


def only(verdict: dict[str, Any]) -> dict[str, Any]:
    (row,) = verdict["waivers"]
    return dict(row)


def test_an_inventory_answers_as_a_verdict_does_and_names_what_is_waived(world: World, rules: str) -> None:
    def told() -> tuple[dict[str, Any], str]:
        document = inventory([world.model], [rules], trust=world.trust, now=NOW).document
        return document["models"][0]["verdicts"]["our-rules"], render_inventory(document, "csv")

    world.sign()
    assert told()[0] == {"shown": "undetermined", "declared": "undetermined", "passed": False, "waived": []}
    waive(world, rules, "W-7")
    verdict, table = told()
    assert verdict == {"shown": "pass", "declared": "undetermined", "passed": True, "waived": ["W-7"]}
    assert "pass, W-7 waived" in table


def test_a_waived_requirement_is_counted_told_and_passes_the_policy(world: World, rules: str) -> None:
    before = world.verdict(rules)
    assert (before["result"], before["counts"]["waived"], before["waivers"]) == ("undetermined", 0, [])
    waive(world, rules, "W-7", measure="kept apart")
    verdict = world.verdict(rules)
    assert (verdict["result"], verdict["passed"], verdict["counts"]["waived"]) == ("pass", True, 1)
    row = asked(world, "W-7", rules)
    assert row["outcome"] == "waived"
    assert row["reason"].startswith("waived by board until 2027-01-31T00:00:00Z: it will come; undetermined without")
    assert row["remedy"] == "do it"
    assert "board" in row["signers"]
    assert [only(verdict)[key] for key in ("effect", "requirement", "approver", "compensatingMeasure")] == [
        "waives", "W-7", "board", "kept apart"]
    assert next(entry for entry in verdict["evidence"] if entry["file"] == "waiver.sigstore.json")["used"]


def test_a_failure_can_be_waived_too(world: World, rules: str) -> None:
    world.change("train", started_on="2020-01-01T00:00:00Z", finished_on="2020-01-01T01:00:00Z",
                 initial_parameters={"kind": "random", "seed": 1})
    assert asked(world, "X-3", rules)["outcome"] == "fail"
    waive(world, rules, "X-3")
    assert "fail without the waiver" in asked(world, "X-3", rules)["reason"]
    assert world.verdict(rules)["passed"]


def test_a_requirement_that_passes_needs_no_waiver(world: World, rules: str) -> None:
    waive(world, rules, "X-3")
    verdict = world.verdict(rules)
    assert verdict["counts"]["waived"] == 0
    assert only(verdict)["effect"] == "not-needed"


Flaw = Callable[[World, str], object]
FLAWS: dict[str, tuple[Flaw, str]] = {
    "expired": (lambda world, rules: waive(world, rules, "W-7", expires="2026-11-23T12:00:00Z"), "it expired"),
    "given in the future": (lambda world, rules: waive(world, rules, "W-7", approved_on="2026-11-23T12:00:01Z"),
                            "in the future"),
    "for another policy": (lambda world, rules: waive(world, rules, "W-7", policy_id="theirs", policy_digest="0" * 64),
                           "it is for another policy"),
    "for another state of the policy": (lambda world, rules: waive(world, rules, "W-7", policy_digest="0" * 64),
                                        "it is for another state of our-rules"),
    "for a policy of this name": (
        lambda world, rules: waive(world, policy(world, *ROWS[1:], name="theirs.yaml"), "W-7"), "another state"),
    "for other bytes": (lambda world, rules: waive(world, rules, "W-7", about="corpus"), "for other bytes"),
    "for a requirement that may not be waived": (lambda world, rules: waive(world, rules, "W-1"),
                                                 "does not let W-1 be waived"),
    "for a requirement that is not there": (lambda world, rules: waive(world, rules, "W-2"), "has no requirement W-2"),
    "by the producer": (lambda world, rules: waive(world, rules, "W-7", signer="lab"), "lab is no approver"),
    "by a producer who is approver too": (
        lambda world, rules: (people(world, board=("approver", "producer")), waive(world, rules, "W-7")),
        "board speaks for a producer"),
    "by an approver of the producer's party": (
        lambda world, rules: (people(world, party="Example Lab"), waive(world, rules, "W-7")),
        "board speaks for a producer, Example Lab"),
    "by an assessor": (lambda world, rules: waive(world, rules, "W-7", signer="stranger"), "stranger is no approver"),
    "by a stranger": (lambda world, rules: (waive(world, rules, "W-7", signer="stranger"), world.believe(
        world.principal("archive"), world.principal("lab"))), "nobody whom the trust file lists"),
    "by a revoked bundle": (lambda world, rules: (waive(world, rules, "W-7"), world.revoke(
        bundles=[world.digest("waiver")])), ""),
    "by a revoked key": (lambda world, rules: (waive(world, rules, "W-7"), world.revoke(
        keys=[_keyid(world)])), "the trust file revokes this key"),
}


def _keyid(world: World) -> str:
    entries = world.verdict()["evidence"]
    return str(next(e for e in entries if e["file"] == "waiver.sigstore.json")["signers"][0]["keyid"])


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_waiver_with_one_flaw_counts_for_nothing_and_is_told(world: World, rules: str, flaw: str) -> None:
    spoil, why = FLAWS[flaw]
    spoil(world, rules)
    verdict = world.verdict(rules)
    assert (verdict["passed"], verdict["counts"]["waived"]) == (False, 0)
    entry = next(entry for entry in verdict["evidence"] if entry["file"] == "waiver.sigstore.json")
    if why:
        assert (only(verdict)["effect"], why in only(verdict)["why"]) == ("none", True), only(verdict)["why"]
        told = [render(verdict, form) for form in ("text", "html", "md", "json")]
        assert all("waiver.sigstore.json" in page for page in told)
        # A bundle that is revoked by its digest is not even parsed: it stands among the rejected evidence.
    else:
        assert (entry["status"], entry["code"]) == ("INVALID", "signer-revoked")


@pytest.mark.parametrize("form", ["text", "html", "md", "json"])
def test_every_report_lists_and_counts_a_waiver(world: World, rules: str, form: str) -> None:
    waive(world, rules, "W-7", reason="released again in January", measure="kept apart")
    page = render(world.verdict(rules), form)
    flat = " ".join(page.split())
    for word in ("released again in January", "kept apart", "board", "waiver.sigstore.json"):
        assert word in flat
    assert ('"waived": 1' if form == "json" else "1 waived") in flat
    assert form == "json" or "1 requirement waived" in flat


def test_a_waiver_raises_no_rung_even_one_for_the_ladders_own_policy(world: World) -> None:
    before = world.verdict()["ladder"]
    for name, _ in LADDER:
        waive(world, name, "W-7", f"waiver-{name}")
    assert world.verdict()["ladder"] == before
    rows = [row for row in world.verdict(TOP_RUNG)["waivers"] if row["policy"] == TOP_RUNG]
    assert [row["why"] for row in rows] == ["the policy does not let W-7 be waived"]


def test_a_policy_in_which_everything_is_waived_is_not_passed(world: World) -> None:
    rules = policy(world, ("W-7", "trusted", "producer", True))
    waive(world, rules, "W-7")
    verdict = world.verdict(rules)
    assert (verdict["counts"]["waived"], verdict["result"], verdict["passed"]) == (1, "undetermined", False)


def test_coverage_and_recalls_cannot_be_waived(world: World, rules: str) -> None:
    waive(world, rules, "W-7")
    digest = world.verdict(rules)["model"]["digest"]["dirHash"]
    world.write("tiny/extra.py", "print()\n")
    assert not world.verdict(rules)["passed"]
    (world.model / "extra.py").unlink()
    assert world.verdict(rules)["passed"]
    world.revoke(artifacts=[f"dirHash:{digest}"])
    assert world.verdict(rules)["result"] == "fail"


def test_of_two_waivers_the_one_that_lasts_longer_is_named_and_both_are_listed(world: World, rules: str) -> None:
    waive(world, rules, "W-7", "waiver-a", expires="2026-12-31T00:00:00Z", reason="the shorter")
    waive(world, rules, "W-7", "waiver-b", reason="the longer")
    verdict = world.verdict(rules)
    assert "until 2027-01-31T00:00:00Z: the longer" in asked(world, "W-7", rules)["reason"]
    assert [row["effect"] for row in verdict["waivers"]] == ["waives", "waives"]


def test_a_waiver_beside_unsigned_declarations_leaves_them_informational(world: World, rules: str) -> None:
    waive(world, rules, "W-7")
    for name in ("release", "train", "prepare", "evaluate", "dataset-raw", "dataset-corpus", "model.sig",
                 "stack"):
        world.file(name).unlink()
    assert world.verdict(rules)["informational"]


def test_a_child_may_not_make_waivable_what_its_parent_does_not(world: World) -> None:
    text = Path(policy(world, ("W-1", "trusted", "producer", True), basis="recomputed")).read_text()
    child = world.write("child.yaml", text.replace("requirements:", "extends: supply-chain-baseline\nrequirements:"))
    with pytest.raises(PolicyError) as refused:
        load_policy(str(child))
    assert "looser" in refused.value.message


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_taking_evidence_or_waivers_away_passes_nothing_that_was_not_passed(data: st.DataObject) -> None:
    waived, whole = _waived()
    statements = whole.statements
    kept = data.draw(st.sets(st.sampled_from(range(len(statements)))))
    before, after = (_passes(waived, whole, some) for some in (range(len(statements)), kept))
    assert after <= before
    without = [i for i in kept if not isinstance(statements[i].claim, Waiver)]
    assert _passes(waived, whole, without) <= after


@cache
def _waived() -> tuple[Policy, Subject]:
    with TemporaryDirectory() as folder:
        world = World.new(Path(folder))
        people(world)
        world.change("train", initial_parameters=None)
        rules = policy(world, *ROWS, ("D-2", "trusted", "data-supplier", False), ("X-1", "trusted", "producer", True))
        waive(world, rules, "W-7", "waiver-a")
        waive(world, rules, "X-1", "waiver-b")
        waive(world, rules, "W-7", "waiver-c", expires="2026-12-31T00:00:00Z")
        return load_policy(rules), world.evaluation().subject


def _passes(chosen: Policy, whole: Subject, kept: Iterable[int]) -> bool:
    some = tuple(whole.statements[i] for i in sorted(kept))
    evaluation = Evaluation(Subject(whole.model, some, whole.trust, whole.as_of))
    return evaluation.outcome(excused(evaluation.decide(chosen), evaluation.waivers(chosen))) == "pass"
