"""Explaining, comparing, testing and attacking policies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance import resources
from provenance.errors import ProvenanceError
from provenance.policy.policy import CATALOGUE, policy_ids
from provenance.workflows.attacking import attack as attacking
from provenance.workflows.attacking.attack import attack, model_beside
from provenance.workflows.policy_diff import diff_policies
from provenance.workflows.policy_explain import explain_policy
from provenance.workflows.policy_test import has_cases, run_cases
from tests.policy.people import assess, people, policy, waive
from tests.policy.test_language import rule
from tests.policy.test_policy import CHILD, ROW, document, write
from tests.world import NOW, World


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World.new(tmp_path)
    world.sign()
    return world


# --- explain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", policy_ids())
def test_every_requirement_is_explained_in_words_and_not_by_its_id_alone(policy: str) -> None:
    for row in explain_policy(policy)["requirements"]:
        assert row["asks"][0]
        assert not any(name in row["asks"][0] for name in CATALOGUE)
        assert row["saidBy"].startswith("a signer that the trust file lists as ")
        assert row["next"]


def test_a_rule_is_explained_part_by_part(file: Path) -> None:
    either = {"any": [{"id": "D-6"}, {"statement": {"predicate": "urn:open-provenance:dataset:v0.1",
                                                  "field": "availability.reason", "stated": True}}]}
    row = rule(forEach={"thing": "dataset", "require": either}, unless={"id": "D-2"}, effectiveOn="2027-01-01")
    told = explain_policy(write(file, document(row)), "our-rule")["requirements"][0]
    assert told["asks"] == [
        "for each dataset:", "  any of:",
        "    D-6: each dataset itself can be had by anyone, under open terms",
        "    in each statement of type urn:open-provenance:dataset:v0.1, availability.reason is stated",
        "unless it is shown that:",
        "  D-2: each dataset is described: source, obtaining, selection, labelling and processing",
    ]
    assert told["decides"] == "from 2027-01-01; before that it is advice"


def test_a_requirement_that_a_policy_does_not_have_names_the_nearest() -> None:
    with pytest.raises(ProvenanceError) as raised:
        explain_policy("osaid-1.0", "D-22")
    assert (raised.value.code, raised.value.hint) == ("requirement-unknown", "did you mean D-2?")


# --- diff -----------------------------------------------------------------------------------------------------------


def compared(tmp_path: Path, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return diff_policies(write(tmp_path / "one.yaml", one), write(tmp_path / "other.yaml", other))


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({}, "same"),
        ({"title": "As fresh as bread"}, "reworded"),
        ({"minVoice": "independent"}, "tighter"), ({"minVoice": "unsigned"}, "looser"),
        ({"parameters": {"maxAgeDays": 30}}, "tighter"), ({"parameters": {"maxAgeDays": 400}}, "looser"),
        ({"roles": ["producer", "gate"]}, "looser"), ({"roles": ["gate"]}, "different"),
        ({"severity": "advisory"}, "looser"), ({"effectiveOn": "2027-01-01"}, "looser"),
        ({"waivable": True}, "looser"), ({"unless": {"id": "D-2"}}, "looser"),
        ({"minVoice": "independent", "parameters": {"maxAgeDays": 400}}, "different"),
    ],
)
def test_a_row_is_tighter_or_looser_than_another(tmp_path: Path, row: dict[str, Any], answer: str) -> None:
    found = compared(tmp_path, document(CHILD), document({**CHILD, **row}))
    assert (found["answer"], found["same"]) == (answer, answer == "same")


def test_what_is_added_is_tighter_and_what_is_removed_is_looser(tmp_path: Path) -> None:
    more = compared(tmp_path, document(ROW), document(ROW, CHILD))
    assert (more["answer"], [row["id"] for row in more["added"]]) == ("tighter", ["X-3"])
    less = compared(tmp_path, document(ROW, CHILD), document(ROW))
    assert (less["answer"], [row["id"] for row in less["removed"]]) == ("looser", ["X-3"])
    assert compared(tmp_path, document(ROW), document(CHILD))["answer"] == "different"


def test_a_policy_that_ends_earlier_is_tighter(tmp_path: Path) -> None:
    assert compared(tmp_path, document(ROW), document(ROW, expires="2027-01-01"))["answer"] == "tighter"
    assert compared(tmp_path, document(ROW, effectiveOn="2026-01-01"), document(ROW))["answer"] == "looser"


@pytest.mark.parametrize("policy", policy_ids())
def test_a_policy_is_the_same_as_itself(policy: str) -> None:
    assert diff_policies(policy, policy)["same"]


# --- test -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [name for name in policy_ids() if has_cases(name)])
def test_the_cases_of_a_shipped_policy_come_out(policy: str) -> None:
    done = run_cases(policy, now=NOW)
    assert [row["name"] for row in done["cases"] if not row["passed"]] == []


def test_cases_lie_beside_a_policy(world: World, file: Path) -> None:
    policy = write(file, document({**ROW, "roles": ["data-supplier", "producer"]}))
    model = {"model": "world/tiny", "trust": "world/trust.yaml", "asOf": "2026-11-23T12:00:00Z"}
    cases = [
        {"name": "the tales", **model, "expect": {"result": "pass", "requirements": {"D-2": "pass"}}},
        {"name": "nobody is believed", "model": "world/tiny", "expect": {"result": "undetermined"}},
        {"name": "wrong", "given": {"D-2": "fail"}, "expect": {"result": "pass"}},
    ]
    write(file.with_name("ours.cases.yaml"), {"apiVersion": "open-provenance/v0.1", "kind": "PolicyCases",
                                              "cases": cases})
    done = run_cases(policy, now=NOW)
    assert [row["passed"] for row in done["cases"]] == [True, True, False]
    assert done["cases"][2]["found"] == {"result": "fail"}
    assert not done["passed"]


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ({"given": {"D-22": "pass"}, "expect": {"result": "pass"}}, "policy-cases-invalid"),
        ({"given": {}, "expect": {"requirements": {"W-1": "pass"}}}, "policy-cases-invalid"),
        ({"given": {}, "expect": {}}, "policy-cases-invalid"),
        ({"given": {}, "model": "x", "expect": {"result": "pass"}}, "policy-cases-invalid"),
        ({"given": {"D-2": "passed"}, "expect": {"result": "pass"}}, "policy-cases-invalid"),
    ],
)
def test_a_case_that_could_not_fail_for_the_right_reason_is_refused(
    tmp_path: Path, file: Path, case: dict[str, Any], code: str
) -> None:
    cases = {"apiVersion": "open-provenance/v0.1", "kind": "PolicyCases", "cases": [{"name": "one", **case}]}
    write(tmp_path / "cases.yaml", cases)
    with pytest.raises(ProvenanceError) as raised:
        run_cases(write(file, document(ROW)), tmp_path / "cases.yaml", now=NOW)
    assert raised.value.code == code


def test_a_case_gives_values_to_the_parameters_of_a_policy(world: World, file: Path) -> None:
    world.sign()
    policy = write(file, document(ROW, extends="supply-chain-baseline"))
    model = {"model": "world/tiny", "trust": "world/trust.yaml", "asOf": "2026-11-23T12:00:00Z"}
    asked = (("as it is", {}, "pass"), ("typed", {"values": {"deadline": "2026-11-19"}}, "fail"),
             ("as a number", {"values": {"maxAgeDays": 1}}, "fail"))
    cases = [{"name": name, **model, **values, "expect": {"requirements": {"X-3": outcome}}}
             for name, values, outcome in asked]
    write(file.with_name("ours.cases.yaml"), {"apiVersion": "open-provenance/v0.1", "kind": "PolicyCases",
                                              "cases": cases})
    assert [row["found"]["requirements"]["X-3"] for row in run_cases(policy, now=NOW)["cases"]] == [
        "pass", "fail", "fail"]


@pytest.mark.parametrize(
    ("line", "place", "why", "hint"),
    [
        ("values: {maxAgeDay: 1}", "4:14", "has no parameter maxAgeDay", "did you mean maxAgeDays?"),
        ("values: {maxAgeDays: 366}", "4:14", "looser", "a value may only tighten"),
        ("values: {maxAgeDays: soon}", "4:14", "must be of type integer", "write a whole number"),
        ("valeus: {maxAgeDays: 1}", "4:5", "has no field valeus; did you mean values?", ""),
        ("given: {X-33: fail}", "4:13", "names X-33, which nothing asks", "did you mean X-3?"),
        ("given: {othewise: pass}", "4:13", "names othewise", "did you mean otherwise?"),
        ("expect: {requirements: {W-11: pass}}", "4:29", "names W-11", "did you mean W-1?"),
        ("expect: {result: passed}", "4:14", "must be one of", "did you mean pass?"),
        ("asOf: 2026-11-23", "4:5", "breaks the rule pattern", ""),
    ],
)
def test_what_is_misspelt_in_a_case_is_told_with_its_line_and_the_nearest_name(
    tmp_path: Path, line: str, place: str, why: str, hint: str
) -> None:
    rest = {"given": "given: {}", "expect": "expect: {result: pass}"}
    rest.pop(line.partition(":")[0], None)
    text = "kind: PolicyCases\ncases:\n  - name: one\n    " + "\n    ".join([line, *rest.values()])
    (tmp_path / "cases.yaml").write_text(f"{text}\napiVersion: open-provenance/v0.1\n")
    with pytest.raises(ProvenanceError) as raised:
        run_cases("supply-chain-baseline", tmp_path / "cases.yaml", now=NOW)
    assert raised.value.code == "policy-cases-invalid"
    assert raised.value.location == f"{tmp_path / 'cases.yaml'}:{place}"
    assert why in raised.value.message
    assert hint in f"{raised.value.message} {raised.value.hint}"


def test_a_policy_without_cases_is_an_error_and_not_a_success(file: Path) -> None:
    with pytest.raises(ProvenanceError) as raised:
        run_cases(write(file, document(ROW)), now=NOW)
    assert raised.value.code == "policy-cases-missing"


# --- attack ---------------------------------------------------------------------------------------------------------

KINDS = {"drop", "replay", "rename", "swap-signer", "age", "strip", "truncate", "relabel"}


def attacked(world: World, policy: str = "osaid-1.0", **options: Any) -> dict[str, Any]:
    return attack(policy, [world.evidence], model=world.model, trust=world.trust, as_of=NOW, **options)


def test_no_mutation_of_real_evidence_fools_a_shipped_policy(world: World) -> None:
    before = {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    found = attacked(world)
    assert (found["holds"], found["complete"], found["before"]["result"]) == (True, True, "pass")
    assert {row["kind"] for row in found["mutations"]} == KINDS
    assert found["counts"]["improved"] == 0
    assert found["counts"]["removals"] == 8 + 1 + 28
    through = {row["kind"] for row in found["mutations"] if row["letThrough"]}
    assert through == {"replay", "rename", "age"}  # shown twice, files renamed, and the time of the verdict
    assert {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()} == before


def test_taking_a_waiver_or_counter_evidence_away_never_improves_the_answer(tmp_path: Path) -> None:
    """A policy that passes by a waiver falls without it; what somebody found against the model hid nothing."""
    world = World.new(tmp_path)
    people(world)
    world.change("train", initial_parameters=None)
    rules = policy(world, ("W-1", "trusted", "producer", False), ("W-7", "trusted", "producer", True),
                   ("D-2", "trusted", "assessor", True))
    waive(world, rules, "W-7")
    waive(world, rules, "D-2", "waiver-d-2")
    waived = attacked(world, rules, limit=30)
    assert (waived["before"]["result"], waived["holds"]) == ("pass", True)
    lost = {row["target"]: row["letThrough"] for row in waived["mutations"] if row["kind"] == "drop"}
    assert not lost["waiver.sigstore.json"]
    assert not lost["waiver-d-2.sigstore.json"]
    world.file("waiver-d-2").unlink()
    assess(world, finding="inadequate")
    against = attacked(world, rules, limit=30)
    assert (against["before"]["result"], against["counts"]["improved"], against["holds"]) == ("fail", 0, True)


def test_an_attack_comes_out_the_same_every_time_but_for_the_key_of_the_stranger(world: World) -> None:
    assert json.dumps(attacked(world, limit=60)) == json.dumps(attacked(world, limit=60))


def test_an_attack_is_bounded_and_says_that_it_was(world: World) -> None:
    assert attacked(world, limit=5)["counts"]["tried"] == 5
    assert not attacked(world, limit=5)["complete"]
    assert attacked(world, out_of_time=lambda: True)["counts"]["tried"] == 0


def test_a_model_that_is_too_large_is_not_copied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attacking, "MAX_MODEL", 1)
    found = attacked(world, limit=20)
    assert (found["model"]["attacked"], found["complete"]) == (False, False)
    assert all("weights" not in row["what"] for row in found["mutations"])


@pytest.mark.parametrize(
    "bundle",
    ["", "[]", '{"dsseEnvelope": {"payload": 1}}', '{"dsseEnvelope": {"payload": "e30=", "signatures": "x"}}',
     '{"dsseEnvelope": {"payload": "W10=", "signatures": [1]}}',
     '{"dsseEnvelope": {"payload": "eyJzdWJqZWN0IjogWzFdfQ==", "signatures": [{"sig": 1}]}}'],
)
def test_evidence_that_is_none_is_mutated_as_far_as_it_goes(world: World, bundle: str) -> None:
    for file in world.evidence.iterdir():
        file.unlink()
    (world.evidence / "odd.sigstore.json").write_text(bundle)
    assert attacked(world)["holds"]


def test_a_judge_who_believes_everybody_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack would be worth nothing if it could not fail."""
    monkeypatch.setattr(attacking._Judge, "ask", _believing(attacking._Judge.ask))
    found = attacked(world, limit=60)
    assert not found["holds"]
    assert found["counts"]["harmful"] > 0


def _believing(ask: Any) -> Any:
    """A judge to whom every name among the evidence is believed."""

    def believing(self: Any, model: Any, files: Any, as_of: Any) -> Any:
        return replace(ask(self, model, files, as_of), believed=frozenset(files))

    return believing


def test_the_model_is_told_from_the_name_of_its_evidence() -> None:
    assert model_beside(Path("a/tiny.provenance")) == Path("a/tiny")
    with pytest.raises(ProvenanceError, match="which model"):
        model_beside(Path("evidence"))


def test_cases_of_shipped_policies_are_no_policies() -> None:
    assert [name for name in policy_ids() if "cases" in name] == []
    assert [name for name in resources.names("policies") if name.endswith(".cases.yaml")]
