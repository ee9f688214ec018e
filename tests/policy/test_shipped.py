"""What each shipped policy asks, row by row, what may be waived in it, and that its cases try every answer."""

from __future__ import annotations

import pytest

from provenance.policy.checks import CATALOGUE
from provenance.policy.policy import Policy, load_policy, policy_ids
from provenance.policy.requirement import leaves
from provenance.workflows.policy_test import run_cases
from tests.policy.people import people, waive
from tests.world import NOW, World

# Every policy judges a model by signed evidence, so it asks which model (W-1), and who signed and what is missing.
ALWAYS = {"W-1", "X-1", "X-2"}
BASED = {"W-5", "W-7"}  # where what a model was made from decides what it is
FREE = {"W-4"}  # the ladder: free of charge
OPEN_WEIGHTS = {"W-2", "W-3"}
RUNG_1 = {"C-1"} | FREE
RUNG_2 = RUNG_1 | OPEN_WEIGHTS
RUNG_3 = RUNG_2 | BASED | {"C-2", "C-3", "C-5", "D-1", "D-2", "D-3", "D-5"}
MOF_3 = {"A-1", "W-2", "K-1", "K-2", "K-3", "K-4"}
MOF_2 = MOF_3 | {"C-1", "C-2", "C-4", "D-7"}
OSAID = OPEN_WEIGHTS | BASED | {"A-1", "C-1", "C-2", "C-3", "C-4", "C-5", "D-1", "D-2", "D-3", "D-5"}
REDHAT = OPEN_WEIGHTS | {"W-5", "C-1", "S-1", "S-2"}
SUPPLY = {"X-3", "W-5", "C-6"}
GPAI = {"L-1", "L-2", "D-1", "D-3"}
ASKED = {
    "g7-2026-weights-available": RUNG_1,
    "g7-2026-open-weights": RUNG_2,
    "g7-2026-open-source-ai": RUNG_3,
    "g7-2026-open-source-ai-open-data": RUNG_3 | {"D-6"},
    "open-weights": OPEN_WEIGHTS | {"A-1", "C-1"},
    "open-weights-definition": OPEN_WEIGHTS | {"A-1", "C-2", "C-5", "D-2"},
    "redhat-minimum": REDHAT,
    "redhat-direction": REDHAT | BASED | {"C-2", "C-3", "C-5", "C-6", "D-1", "D-2", "D-4", "K-1", "K-2"},
    "osaid-1.0": OSAID,
    "mof-1.0-class-iii": MOF_3,
    "mof-1.0-class-ii": MOF_2,
    "mof-1.0-class-i": MOF_2 | {"D-6", "C-3", "W-6"},
    "fsf-free-ml": OSAID | {"D-6"},
    "osai-eu-2026": OSAID | {"D-6"},
    "osai-index-12": {"W-2", "W-3", "W-4", "W-5", "W-7", "A-1", "C-1", "C-2", "C-3", "C-5", "C-6", "D-2", "D-3", "D-6",
                      "K-1", "K-2", "K-3", "K-5", "L-1", "J-3"},
    "eu-gpai-oss-exemption": {"W-3", "W-4", "A-1", "K-5", "L-3", "L-4", "L-5"},
    "eu-gpai-baseline": GPAI,
    "data-provenance-baseline": {"D-1", "D-2", "D-4", "D-8", "D-9", "D-10"},
    "supply-chain-baseline": SUPPLY,
    "sovereign-deployment": SUPPLY | {"W-3", "S-1", "J-1", "J-2", "J-3", "J-4", "J-5"},
    "procurement-public-sector": SUPPLY | REDHAT | GPAI | {"K-1", "K-4", "K-5"},
}
PARAMETERS = {
    ("g7-2026-weights-available", "C-1"): {"license": "stated"},
    ("g7-2026-open-weights", "C-1"): {"license": "open"},
    ("g7-2026-open-source-ai", "D-3"): {"unshareable": "described"},
    ("mof-1.0-class-iii", "K-3"): {"document": "report-or-paper"},
    ("mof-1.0-class-i", "K-3"): {"document": "paper"},
    ("fsf-free-ml", "D-3"): {"unshareable": "refused"},
    ("osai-eu-2026", "D-3"): {"unshareable": "refused"},
    ("redhat-minimum", "S-2"): {"components": {"linux": "any", "vllm": "any", "llm-d": "any"}},
    ("eu-gpai-oss-exemption", "L-3"): {"opinion": "counsel"},
    ("eu-gpai-oss-exemption", "W-3"): {"jurisdictions": []},
    ("sovereign-deployment", "W-3"): {"jurisdictions": ["EU"]},
    ("procurement-public-sector", "W-3"): {"jurisdictions": ["EU"]},
}
WAIVABLE = {
    "redhat-minimum": {"S-2"},
    "redhat-direction": {"S-2", "C-6", "K-1", "K-2"},
    "data-provenance-baseline": {"D-8", "D-9"},
    "supply-chain-baseline": {"X-3", "C-6"},
    "sovereign-deployment": {"X-3", "C-6", "J-3", "J-4"},
    "procurement-public-sector": {"X-3", "C-6", "S-2", "K-1", "K-4", "K-5"},
}


def asked(policy: Policy) -> set[str]:
    return {leaf.id for row in policy.requirements for leaf in leaves(row)}


def test_every_shipped_policy_stands_in_the_table() -> None:
    assert set(ASKED) == set(policy_ids())


@pytest.mark.parametrize("name", ASKED)
def test_a_shipped_policy_asks_exactly_what_its_definition_lists(name: str) -> None:
    assert asked(load_policy(name)) == ASKED[name] | ALWAYS


@pytest.mark.parametrize(("name", "requirement"), PARAMETERS)
def test_what_a_policy_asks_for_is_set_as_its_definition_says(name: str, requirement: str) -> None:
    row = next(row for row in load_policy(name).requirements if row.id == requirement)
    assert row.parameters == PARAMETERS[name, requirement]


@pytest.mark.parametrize("name", policy_ids())
def test_what_may_be_waived_is_said_and_is_never_law_licence_identity_signature_or_a_definition(name: str) -> None:
    waivable = {row.id for row in load_policy(name).requirements if row.waivable}
    assert waivable == WAIVABLE.get(name, set())
    assert all(CATALOGUE[row].waivable for row in waivable)
    assert waivable.isdisjoint({"W-1", "W-2", "W-3", "W-5", "S-1", "D-4", "X-1", "X-2", "D-10"})
    assert not any(row.startswith("L-") for row in waivable)


@pytest.mark.parametrize("name", policy_ids())
def test_the_cases_of_a_policy_try_every_answer_that_it_can_give(name: str) -> None:
    cases = run_cases(name, now=NOW)["cases"]
    if load_policy(name).score:
        assert {(row["expected"].get("score") or {}).get("most") for row in cases} >= {0, 12}
        assert {row["found"]["result"] for row in cases if "result" in row["found"]} == {"undetermined"}
    else:
        assert {row["expected"].get("result") for row in cases} >= {"pass", "fail", "undetermined"}


def test_a_waiver_counts_for_a_shipped_policy_where_it_says_so(world: World) -> None:
    people(world)
    world.change("train", inputs=world.inputs(training_data="corpus", source="train.py network.py"))
    assert world.verdict("supply-chain-baseline")["result"] == "undetermined"
    waive(world, "supply-chain-baseline", "C-6")
    verdict = world.verdict("supply-chain-baseline")
    assert (verdict["result"], verdict["counts"]["waived"]) == ("pass", 1)
