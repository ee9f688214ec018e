"""Values for the parameters of a shipped policy, without a file: they tighten it, and its digest binds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ProvenanceError, UsageError
from provenance.policy.policy import LADDER, lint, load_policy
from provenance.policy.requirement import leaves
from provenance.reports.inventory import render_inventory
from provenance.workflows.inventory import inventory
from provenance.workflows.next_steps import next_steps
from provenance.workflows.verify import verify
from tests.policy.people import people, waive
from tests.policy.test_language import rule
from tests.policy.test_policy import document, write
from tests.world import NOW, World

TENDER = "procurement-public-sector"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


def parameters(name: str, requirement: str, **settings: str) -> Any:
    policy = load_policy(name, settings)
    return next(row.parameters for row in policy.requirements if row.id == requirement)


def judged(world: World, policy: str, **settings: str) -> dict[str, Any]:
    world._settle()
    return dict(verify(world.model, policy, settings=settings, trust=world.trust, as_of=NOW, now=NOW).document)


@pytest.mark.parametrize(
    ("name", "requirement", "settings", "given"),
    [
        (TENDER, "X-3", {"maxAgeDays": "30"}, {"maxAgeDays": 30, "deadline": ""}),
        (TENDER, "X-3", {"deadline": "2027-01-31"}, {"maxAgeDays": 365, "deadline": "2027-01-31"}),
        (TENDER, "W-3", {"jurisdictions": "EU, US"}, {"jurisdictions": ["EU", "US"]}),
        ("redhat-direction", "S-2", {"components": "linux:any,vllm:0.6.1,llm-d:any"},
         {"components": {"linux": "any", "vllm": "0.6.1", "llm-d": "any"}}),
        ("redhat-direction", "D-4", {"dataLicense": "open"}, {"license": "open"}),
        ("sovereign-deployment", "J-2", {"jurisdictions": "DE", "operators": "Example Cloud"},
         {"jurisdictions": ["DE"], "operators": ["Example Cloud"]}),
    ],
)
def test_a_value_is_typed_as_people_write_it_and_reaches_the_row(
    name: str, requirement: str, settings: dict[str, str], given: dict[str, Any]
) -> None:
    assert parameters(name, requirement, **settings) == given


@pytest.mark.parametrize(
    ("settings", "why", "hint"),
    [
        ({"maxAgeDay": "30"}, "has no parameter maxAgeDay", "did you mean maxAgeDays?"),
        ({"maxAgeDays": "a month"}, "must be of type integer", "write a whole number"),
        ({"maxAgeDays": "366"}, "looser", "a value may only tighten"),
        ({"maxAgeDays": "-1"}, "must be a positive whole number", ""),
        ({"jurisdictions": "US"}, "looser", "a value may only tighten"),
        ({"requiredClass": "mof"}, "must be one of none", ""),
        ({"components": "linux"}, "must be of type map", "write NAME:VALUE,NAME:VALUE"),
        ({"components": "vllm:any"}, "looser", ""),
        ({"deadline": "31.1.2027"}, "must be a day", ""),
    ],
)
def test_a_value_that_cannot_be_used_or_asks_for_less_is_refused(
    settings: dict[str, str], why: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        load_policy(TENDER, settings)
    assert raised.value.location == "--set"
    assert why in raised.value.message
    assert hint in raised.value.hint


def test_a_value_belongs_to_the_digest_and_a_default_that_is_spelled_out_does_not() -> None:
    plain = load_policy(TENDER).digest
    digests = {load_policy(TENDER, {"maxAgeDays": days}).digest for days in ("30", "31")}
    assert len(digests | {plain}) == 3
    assert load_policy(TENDER, {"maxAgeDays": "365"}).digest == plain


def test_a_verdict_names_the_values_and_how_to_come_to_it_again(world: World) -> None:
    from provenance.reports import render

    verdict = judged(world, TENDER, deadline="2026-11-23", jurisdictions="EU,CH")
    assert verdict["policy"]["parameters"] == {"deadline": "2026-11-23", "jurisdictions": ["EU", "CH"]}
    assert verdict["passed"]
    for form in ("text", "md", "html"):
        assert "deadline=2026-11-23" in render(verdict, form)
    assert "--set jurisdictions=EU,CH" in render(verdict, "html")
    assert "parameters" not in judged(world, TENDER)["policy"]


def test_evidence_that_is_dated_after_the_deadline_is_too_late(world: World) -> None:
    verdict = judged(world, TENDER, deadline="2026-11-19")
    assert next(row["outcome"] for row in verdict["requirements"] if row["id"] == "X-3") == "fail"
    assert verdict["result"] == "fail"


def test_a_waiver_is_for_the_values_that_it_was_given_for(world: World) -> None:
    people(world)
    strict = {"maxAgeDays": "1"}
    waive(world, TENDER, "X-3", policy_digest=load_policy(TENDER, strict).digest)
    assert judged(world, TENDER, **strict)["counts"]["waived"] == 1
    (row,) = judged(world, TENDER, maxAgeDays="2")["waivers"]
    assert row["why"] == f"it is for another state of {TENDER}"


# --- several policies at once ---------------------------------------------------------------------------------------


def test_each_policy_takes_the_values_that_it_has_a_parameter_for(world: World) -> None:
    world._settle()
    asked = [TENDER, "osaid-1.0", "sovereign-deployment"]
    values = {"jurisdictions": "EU,CH", "deadline": "2026-11-19"}
    plans = next_steps(world.model, asked, settings=values, trust=world.trust, as_of=NOW)["plans"]
    told = {plan["policy"]: plan.get("parameters", {}) for plan in plans}
    both, one = {"deadline": "2026-11-19"}, {"jurisdictions": ["EU", "CH"]}
    assert told == {TENDER: {**both, **one}, "osaid-1.0": {}, "sovereign-deployment": {**both, **one}}
    table = inventory([world.model], asked, settings=values, trust=world.trust, as_of=NOW, now=NOW).document
    assert {policy["id"]: policy.get("parameters", {}) for policy in table["policies"]} == told
    for plan in plans:
        verdict = table["models"][0]["verdicts"][plan["policy"]]["shown"]
        assert (verdict, plan["digest"]) == (plan["result"], next(
            policy["digest"] for policy in table["policies"] if policy["id"] == plan["policy"]))
    assert table["models"][0]["verdicts"][TENDER]["shown"] == "fail"
    assert f"{TENDER} is asked with " in render_inventory(table, "text")


@pytest.mark.parametrize("asked", [[TENDER, "osaid-1.0"], ["osaid-1.0"], []])
def test_a_value_that_no_policy_takes_is_refused_with_the_nearest(world: World, asked: list[str]) -> None:
    for ask in (lambda: next_steps(world.model, asked, settings={"maxAgeDay": "3"}, as_of=NOW),
                lambda: inventory([world.model], asked, settings={"maxAgeDay": "3"}, now=NOW)):
        with pytest.raises(UsageError, match="no policy that is asked has a parameter maxAgeDay") as raised:
            ask()
        assert raised.value.location == "--set"
        assert raised.value.hint == ("did you mean maxAgeDays?" if TENDER in asked else "they take none")


def test_an_inventory_with_other_values_is_another_question(world: World, tmp_path: Path) -> None:
    world._settle()
    memory = tmp_path / "state.jsonl"
    inventory([world.model], [TENDER], resume=memory, now=NOW)
    with pytest.raises(UsageError, match="another question"):
        inventory([world.model], [TENDER], settings={"maxAgeDays": "30"}, resume=memory, now=NOW)


# --- the class that a tender asks for -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*(name for name, _ in LADDER), "mof-1.0-class-iii", "mof-1.0-class-i"])
def test_a_required_class_is_asked_for_as_a_whole(name: str) -> None:
    row = load_policy(TENDER, {"requiredClass": name}).requirements[-1]
    assert row.id == "required-class"
    assert {leaf.id for leaf in leaves(row)} == {row.id for row in load_policy(name).requirements}


def test_a_tender_passes_only_with_its_class(world: World) -> None:
    assert judged(world, TENDER, requiredClass=LADDER[3][0])["passed"]
    world.state("dataset-raw", availability={"class": "public", "locator": "https://example.org"})
    assert judged(world, TENDER)["passed"]
    verdict = judged(world, TENDER, requiredClass=LADDER[3][0])
    asked = next(row for row in verdict["requirements"] if row["id"] == "required-class")
    assert (verdict["result"], asked["outcome"]) == ("fail", "fail")
    assert "D-6" in asked["reason"]


def test_what_a_class_tightens_is_asked_beside_it() -> None:
    row = load_policy(TENDER, {"requiredClass": "g7-2026-open-weights"}).requirements[-1]
    assert sorted(leaf.parameters["license"] for leaf in leaves(row) if leaf.id == "C-1") == ["open", "stated"]


@pytest.mark.parametrize(
    ("passes", "why", "hint"),
    [
        ("osaid-1.1", "there is no policy osaid-1.1", "did you mean osaid-1.0?"),
        ("none", "there is no policy none", ""),
        ("osai-index-12", "cannot be asked for as a whole", "name its rows"),
        ("$other", "the policy has no parameter other", "it has none"),
        ("./theirs.yaml", "requirements/0/passes breaks the rule pattern", ""),
    ],
)
def test_a_class_that_there_is_not_is_told(file: Path, passes: str, why: str, hint: str) -> None:
    found = lint(write(file, document(rule(passes=passes))))[0]
    assert why in found.message
    assert hint in found.hint


def test_a_value_goes_through_a_policy_to_the_one_that_it_extends(file: Path) -> None:
    ours = write(file, document(rule(all=[{"id": "D-2"}]), extends=TENDER, values={"maxAgeDays": 90}))
    assert parameters(ours, "X-3") == {"maxAgeDays": 90, "deadline": ""}
    assert parameters(ours, "X-3", maxAgeDays="30")["maxAgeDays"] == 30
    with pytest.raises(ProvenanceError, match="looser"):
        load_policy(ours, {"maxAgeDays": "91"})
