"""Each row of the catalogue is whole, no shipped policy asks less than its row, and each has its page."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.verifier import VOICES
from provenance.policy.assessments import PERSONS
from provenance.policy.checks import CATALOGUE
from provenance.policy.checks.base import Day, Names, Parameter, Places, Versions, version
from provenance.policy.policy import lint, load_policy, policy_ids
from provenance.policy.requirement import leaves
from provenance.policy.verdict import BASES

ROOT = Path(__file__).resolve().parents[2]
ROLES = {"producer", "data-supplier", "assessor", "reproducer", "approver", "buyer", "gate"}
FAMILIES = {"W": 7, "A": 1, "C": 6, "D": 10, "K": 5, "S": 2, "X": 3, "L": 5, "J": 5}


def test_the_catalogue_has_every_row_of_every_family() -> None:
    assert list(CATALOGUE) == [f"{family}-{n}" for family, count in FAMILIES.items() for n in range(1, count + 1)]


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_row_says_how_strong_its_evidence_must_be_who_may_speak_and_what_to_do(name: str) -> None:
    check = CATALOGUE[name]
    assert check.minimum.basis in BASES
    assert VOICES.index(check.minimum.voice) >= VOICES.index("trusted")
    assert check.roles
    assert set(check.roles) <= ROLES
    assert all((check.title, check.remedy, check.citation))
    assert (check.run.__doc__ or "").startswith(f"{name}: ")
    assert all(parameter.problem_with(parameter.default) == "" for parameter in check.parameters.values())


@pytest.mark.parametrize("name", policy_ids())
def test_a_shipped_policy_asks_no_less_than_the_catalogue(name: str) -> None:
    for row in (leaf for asked in load_policy(name).requirements for leaf in leaves(asked)):
        check = CATALOGUE[row.id]
        assert BASES.index(row.min_basis) >= BASES.index(check.minimum.basis)
        assert VOICES.index(row.min_voice) >= VOICES.index(check.minimum.voice)
        assert set(row.roles) <= set(check.roles) or set(row.roles) <= PERSONS


def test_nothing_of_what_the_law_asks_of_every_model_may_be_waived() -> None:
    assert not any(CATALOGUE[row.id].waivable for row in load_policy("eu-gpai-baseline").requirements)


@pytest.mark.parametrize("name", policy_ids())
def test_each_row_of_a_policy_cites_a_clause_and_not_only_a_text(name: str) -> None:
    policy = load_policy(name)
    assert all(re.search(r"[:,] ", row.source) or row.source.startswith("Provenance") for row in policy.requirements)


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "before", "looser"),
    [
        (Names(), [], ["EU"], True),
        (Names(), ["EU", "US"], ["EU"], True),
        (Names(), ["EU"], [], False),
        (Names(), ["EU"], ["EU", "US"], False),
        (Names(exceptions=True), ["driver"], [], True),
        (Names(exceptions=True), [], ["driver"], False),
        (Day(), "2027-01-31", "", False),
        (Day(), "", "2027-01-31", True),
        (Day(), "2027-02-01", "2027-01-31", True),
        (Day(), "2027-01-30", "2027-01-31", False),
        (Places(), ["EU"], [], True),
        (Places(), ["EU"], ["EU", "US"], True),
        (Places(), [], ["EU"], False),
        (Places(), ["EU", "US"], ["EU"], False),
        (Versions(), {}, {"vllm": "any"}, True),
        (Versions(), {"vllm": "any"}, {"vllm": "0.1"}, True),
        (Versions(), {"vllm": "0.9"}, {"vllm": "0.10"}, True),
        (Versions(), {"vllm": "0.10"}, {"vllm": "0.9"}, False),
        (Versions(), {"vllm": "1", "linux": "any"}, {"vllm": "1.0"}, False),
    ],
)
def test_what_asks_for_less_is_looser(parameter: Parameter, value: Any, before: Any, *, looser: bool) -> None:
    assert parameter.is_looser(value, before) is looser


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Names(), "EU"), (Names(), [1]), (Names(), [""]), (Names(), ["EU", "EU"]), (Names(), {"EU": 1}),
        (Names(), None), (Places(), "EU"), (Versions(), ["vllm"]), (Versions(), {"vllm": 1.1}),
        (Versions(), {"vllm": "newest"}), (Versions(), {"": "1"}), (Versions(), {1: "1"}), (Versions(), None),
        (Day(), "31.1.2027"), (Day(), "20270131"), (Day(), "2027-02-30"), (Day(), None), (Day(), 2027),
    ],
)
def test_a_value_of_another_type_cannot_be_used(parameter: Parameter, value: Any) -> None:
    assert parameter.problem_with(value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1", (1,)), ("1.0", (1,)), ("v0.11.0", (0, 11)), ("6.12.1-200.fc43", (6, 12, 1)), ("2.4.0+cu128", (2, 4)),
        ("0", ()), ("1.0rc1", None), ("1.0-beta", None), ("", None), ("latest", None), (None, None), (1.0, None),
        ("1.", None), ("1" * 40, None), ("\N{ARABIC-INDIC DIGIT ONE}.0", None),
    ],
)
def test_a_version_is_its_numbers_and_one_that_comes_before_a_version_is_none(text: Any, numbers: Any) -> None:
    assert version(text) == numbers


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("policy_pages", ROOT / "docs" / "policy_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.pages(ROOT / "docs"))


def test_every_page_of_a_policy_is_current_and_there_is_no_other(pages: dict[Path, str]) -> None:
    assert {path for path, text in pages.items() if path.read_text(encoding="utf-8") != text} == set()
    assert set((ROOT / "docs" / "policies").iterdir()) == {path for path in pages if path.parent.name == "policies"}


@pytest.mark.parametrize("name", policy_ids())
def test_a_page_names_every_requirement_with_its_clause_and_remedy(pages: dict[Path, str], name: str) -> None:
    text = pages[ROOT / "docs" / "policies" / f"{name}.md"]
    for row in load_policy(name).requirements:
        assert f"| **{row.id}** {row.title} | {row.source}" in text
        assert row.remedy.split(":")[0].split(", and")[0] in text


def test_the_readme_of_policies_names_every_one_and_its_example_can_be_used(tmp_path: Path) -> None:
    text = (ROOT / "policies" / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\(\.\./docs/policies/([a-z0-9.-]+)\.md\)", text))
    assert linked == set(policy_ids())
    [example] = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "ours.yaml"
    file.write_text(example, encoding="utf-8")
    assert lint(str(file)) == ()
    assert {row.id for row in load_policy(str(file)).requirements} >= {"J-1", "J-2", "X-1"}
