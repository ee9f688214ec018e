"""A verdict explained from its JSON alone, which comes from anywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance import resources
from provenance.errors import ProvenanceError
from provenance.reports.plain import render_explanation
from provenance.statements.reader import validate
from provenance.workflows.explain import explain
from tests.policy.people import people, policy, waive
from tests.policy.test_policy import ROW, document, write
from tests.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.new(tmp_path)


@pytest.fixture
def told(world: World, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The explanation of the verdict on the world by a policy, or of one requirement; it follows its schema."""

    def explained(asked: str = "osaid-1.0", requirement: str = "", **how: Any) -> dict[str, Any]:
        file = tmp_path / "verdict.json"
        file.write_text(json.dumps(world.verdict(asked, **how)))
        found = explain(file, requirement)
        validate(found, "explanation", "here")
        jsonschema.Draft202012Validator(json.loads(resources.read_text("schemas", "explanation.schema.json"))).validate(
            found)
        return found

    return explained


def refused(file: Path, requirement: str = "") -> ProvenanceError:
    with pytest.raises(ProvenanceError) as caught:
        explain(file, requirement)
    return caught.value


def test_a_passed_verdict_says_that_everything_is_shown(told: Callable[..., dict[str, Any]]) -> None:
    found = told()
    assert found["passed"]
    assert found["requirements"] == []
    assert found["because"][0].startswith("Every requirement that decides is shown")


def test_what_fails_is_told_before_what_is_not_shown(world: World, told: Callable[..., dict[str, Any]]) -> None:
    world.unsay("train")
    world.license("inference-code", "CC-BY-NC-4.0")
    found = told()
    assert found["requirements"][0]["id"] == "C-1"
    assert "C-1" in found["because"][0]
    assert "D-2" in found["because"][1]
    assert {row["outcome"] for row in found["requirements"]} == {"fail", "undetermined"}


def test_a_requirement_is_told_with_what_was_asked_and_by_which_file_in_whose_voice_it_was_shown(
    world: World, told: Callable[..., dict[str, Any]]
) -> None:
    found = told(requirement="D-2")
    (row,) = found["requirements"]
    assert "data-supplier or producer" in row["saidBy"]
    item = next(item for item in row["items"] if item["subject"] == "dataset tales.txt")
    assert (item["basis"], item["voice"], item["signers"]) == ("stated", "trusted", ["archive"])
    assert item["evidence"] == [{"sha256": world.digest("dataset-raw"), "file": "dataset-raw.sigstore.json",
                                 "predicateType": "urn:open-provenance:dataset:v0.1"}]
    assert world.digest("dataset-raw")[:12] in render_explanation(found)


def test_what_would_change_the_answer_is_told_for_the_requirement_that_was_asked_alone(
    world: World, told: Callable[..., dict[str, Any]]
) -> None:
    world.state("dataset-raw", labelling=None)
    world.withhold("model-architecture")
    assert {name for step in told(requirement="D-2")["next"] for name in step["requirement"].split(", ")} >= {"D-2"}
    assert len(told(requirement="A-1")["next"]) == 1
    assert "does not say: labelling" in render_explanation(told(requirement="D-2"))


def test_a_part_of_a_rule_can_be_asked_for_and_is_told_with_the_whole_rule(
    world: World, told: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    world.withhold("model-architecture")
    rule = {**{key: value for key, value in ROW.items() if key != "id"}, "id": "our-rule",
            "all": [{"id": "A-1"}, {"any": [{"id": "W-4"}, {"id": "K-1"}]}]}
    found = told(write(tmp_path / "ours.yaml", document(rule)), "W-4")
    (row,) = found["requirements"]
    assert (row["id"], row["rule"]) == ("our-rule", "all of")
    text = render_explanation(found)
    assert "? A-1:" in text
    assert "✓ W-4:" in text


def test_waivers_missing_evidence_and_recalls_are_told(world: World, told: Callable[..., dict[str, Any]]) -> None:
    people(world)
    ours = policy(world, ("K-1", "trusted", "producer", True), ("W-4", "trusted", "producer", False))
    world.withhold("model-card")
    waive(world, ours, "K-1")
    found = told(ours)
    assert found["passed"]
    assert [row["effect"] for row in found["waivers"]] == ["waives"]
    assert "Waived, not shown: K-1." in found["because"]
    world.lose("stack")
    world.revoke(artifacts=[f"dirHash:{world.verdict(ours)['model']['digest']['dirHash']}"])
    found = told(ours)
    assert found["missing"] == ["stack.sigstore.json"]
    assert found["recalled"] == ["tiny is recalled by the trust file"]
    assert "recalls" in found["because"][0]


def test_without_a_trust_file_the_voice_is_what_is_lacking(told: Callable[..., dict[str, Any]]) -> None:
    found = told(trusting=False)
    assert found["informational"]
    assert any("unsigned declarations" in sentence for sentence in found["because"])
    assert found["rejected"]


# --- documents that cannot be explained -------------------------------------------------------------------------------


@pytest.mark.parametrize(("requirement", "hint"), [("d-2", "D-2"), ("D-22", "D-2"), ("zzz", "it asks W-1")])
def test_an_unknown_requirement_is_told_with_the_nearest_right_name(
    world: World, tmp_path: Path, requirement: str, hint: str
) -> None:
    file = tmp_path / "verdict.json"
    file.write_text(json.dumps(world.verdict("osaid-1.0")))
    error = refused(file, requirement)
    assert error.code == "requirement-unknown"
    assert hint in error.hint


@pytest.mark.parametrize(("spoil", "code"), [
    (lambda verdict: {**verdict, "schemaVersion": "0.0"}, "schema-version"),
    (lambda verdict: {**verdict, "kind": "Inventory"}, "schema-mismatch"),
    (lambda verdict: {**verdict, "more": 1}, "schema-mismatch"),
    (lambda verdict: {key: value for key, value in verdict.items() if key != "ladder"}, "schema-mismatch"),
    (lambda verdict: [verdict], "schema-mismatch"),
    (lambda verdict: {**verdict, "passed": False}, "verdict-contradicts-itself"),
    (lambda verdict: {**verdict, "result": "undetermined"}, "verdict-contradicts-itself"),
    (lambda verdict: {**verdict, "informational": True}, "verdict-contradicts-itself"),
    (lambda verdict: {**verdict, "counts": {**verdict["counts"], "pass": 99}}, "verdict-contradicts-itself"),
    (lambda verdict: {**verdict, "coverage": {**verdict["coverage"], "complete": False}}, "verdict-contradicts-itself"),
    (lambda verdict: {**verdict, "requirements": [{**verdict["requirements"][0], "outcome": "fail"},
                                                  *verdict["requirements"][1:]],
                      "counts": {**verdict["counts"], "pass": verdict["counts"]["pass"] - 1, "fail": 1}},
     "verdict-contradicts-itself"),
])
def test_what_is_no_verdict_or_contradicts_itself_is_refused_with_what_to_do(
    world: World, tmp_path: Path, spoil: Callable[[dict[str, Any]], Any], code: str
) -> None:
    file = tmp_path / "verdict.json"
    file.write_text(json.dumps(spoil(world.verdict("osaid-1.0"))))
    error = refused(file)
    assert error.code == code
    assert error.hint


@pytest.mark.parametrize(("data", "code"), [
    (b"kind: Verdict", "json-invalid"), (b'{"kind": "Verdict", "kind": "Verdict"}', "json-invalid"),
    (b"[" * 5000, "document-too-deep"), (b"\xff", "json-invalid"), (b"null", "schema-mismatch"),
])
def test_what_is_not_strict_json_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "verdict.json").write_bytes(data)
    assert refused(tmp_path / "verdict.json").code == code


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "verdict.json")
    assert refused(tmp_path / "verdict.json").code == "path-not-found"


def test_text_of_a_verdict_cannot_move_the_cursor_or_begin_a_command(world: World, tmp_path: Path) -> None:
    verdict = world.verdict("osaid-1.0")
    verdict["requirements"][0]["reason"] = "\x1b[2Jgone\n::error ::hacked"
    (tmp_path / "verdict.json").write_text(json.dumps(verdict))
    text = render_explanation(explain(tmp_path / "verdict.json", verdict["requirements"][0]["id"]))
    assert "\x1b" not in text
    assert "\n::error" not in text


@pytest.mark.parametrize("requirement", ["", "D-2"])
def test_an_explanation_fits_a_terminal_of_80_columns(
    world: World, told: Callable[..., dict[str, Any]], requirement: str
) -> None:
    world.unsay("train")
    assert max(map(len, render_explanation(told(requirement=requirement)).splitlines())) <= 80
