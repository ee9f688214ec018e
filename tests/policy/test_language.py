"""The policy language: how rules combine, that a child only tightens, and that what is misspelt is told where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import resources
from provenance.errors import ProvenanceError
from provenance.policy.evaluate import Evaluation
from provenance.policy.policy import CATALOGUE, Policy, lint, load_policy
from provenance.policy.rules import at_least, excused
from provenance.policy.verdict import Outcome, combine, worse
from provenance.statements.dataset import DATASET, Dataset
from provenance.statements.release import RELEASE
from provenance.statements.step import SLSA_PROVENANCE_V1
from provenance.workflows.inventory import inventory
from tests.policy.test_monotone import WORLDS, spoilt
from tests.policy.test_policy import CHILD, READ, ROW, document, write
from tests.world import NOW, World

OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "undetermined", "not_applicable")
BESIDE = {key: value for key, value in ROW.items() if key != "id"}


def rule(name: str = "our-rule", **fields: Any) -> dict[str, Any]:
    """A row with a rule of its own; `unless` and the like go where they are told."""
    return {**BESIDE, "id": name, "roles": ["data-supplier", "producer"], **fields}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


def asked(world: World, file: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    return world.asked(row["id"], write(file, document(row)))


def first(text: str, file: Path) -> tuple[str, str, str]:
    file.write_text(text, encoding="utf-8")
    found = lint(str(file))[0]
    why = found.message.removeprefix("the policy cannot be used: ")
    return found.location.removeprefix(f"{file}:"), why, found.hint


# --- what is misspelt -----------------------------------------------------------------------------------------------

TEXT = """\
apiVersion: open-provenance/v0.1
kind: Policy
metadata: {id: ours, version: 1.0.0, title: Ours, source: our rules}
requirements:
  - id: X-3
    title: Fresh
    source: section 1
    remedy: renew
    minBasis: stated
    minVoice: trusted
    roles: [producer]
    parameters:
      maxAgeDays: 30
"""
RULE = TEXT.replace("id: X-3", "id: fresh").partition("    parameters:")[0]


@pytest.mark.parametrize(
    ("text", "place", "why", "hint"),
    [
        (TEXT + "    waiveable: true\n", "14:5", "requirements/0 has no field waiveable; did you mean waivable?", ""),
        (TEXT.replace("X-3", "X-33"), "5:5", "the catalogue has no requirement X-33", "did you mean X-3?"),
        (TEXT.replace("maxAgeDays", "maxAge"), "13:7", "X-3 has no parameter maxAge", "did you mean maxAgeDays?"),
        (TEXT.replace(": 30", ": $days"), "13:7", "the policy has no parameter days", ""),
        (TEXT + "effectiveOn: '2026-02-30'\n", "14:1", "there is no day 2026-02-30", ""),
        (TEXT + "extends: osaid-1.1\n", "14:1", "there is no policy osaid-1.1", "did you mean osaid-1.0?"),
        (TEXT.replace("[producer]", "[producers]"), "11:13", "requirements/0/roles/0 must be one of producer", ""),
        (RULE + "    any: [{id: D-2}, {id: D-33}]\n", "12:23", "the catalogue has no requirement D-33",
         "did you mean D-3?"),
        (RULE + "    not: [{id: D-2}]\n", "12:5", "requirements/0 has no field not", ""),
        (RULE + "    atLeast: {count: 3, of: [{id: D-2}, {id: D-3}]}\n", "12:15",
         "it asks for more parts than there are", ""),
        (RULE + f"    statement: {{predicate: '{DATASET}x', field: name, stated: true}}\n", "12:17",
         f"this tool reads no predicate type {DATASET}x", f"did you mean {DATASET}?"),
        (TEXT.replace("minBasis: stated", "minBasis: state"), "9:5",
         "requirements/0/minBasis must be one of stated, recomputed; did you mean stated?", ""),
        (TEXT.replace("minVoice: trusted", "minVoice: trused"), "10:5",
         "requirements/0/minVoice must be one of unsigned, trusted, independent; did you mean trusted?", ""),
        (TEXT + "    severity: manditory\n", "14:5",
         "requirements/0/severity must be one of mandatory, advisory; did you mean mandatory?", ""),
        (TEXT.replace("X-3", "X3"), "5:5", "requirements/0/id breaks the rule pattern", "did you mean X-3?"),
        (TEXT.replace("X-3", "howFresh"), "5:5", "requirements/0/id breaks the rule pattern",
         "a rule of your own has a name in small letters, such as how-fresh"),
        (TEXT + "expires: 2027-1-1\n", "14:1", "expires breaks the rule pattern", "write a day as 2026-11-23"),
        (TEXT + "parameters: {Days: {type: integer, default: 1}}\n", "14:1", "parameters breaks the rule pattern",
         "a parameter has a name that begins with a small letter"),
        (TEXT + "parameters: {days: {type: interger, default: 1}}\n", "14:21",
         "parameters/days/type must be one of integer, string, boolean, list, map; did you mean integer?", ""),
        (RULE + "    anyOf: [{id: D-2}, {id: D-3}]\n", "12:5",
         "requirements/0 has no field anyOf; did you mean any?", ""),
        (RULE + "    forEach: {thing: datasets, require: {id: D-2}}\n", "12:15",
         "requirements/0/forEach/thing must be one of dataset, step, base-model; did you mean dataset?", ""),
        (RULE + f"    statement: {{predicate: '{DATASET}', field: licence, stated: true}}\n", "12:64",
         "no statement of this type has a field licence", "did you mean license?"),
        (RULE + f"    statement: {{predicate: '{DATASET}', field: availability.clas, stated: true}}\n", "12:64",
         "no statement of this type has a field clas", "did you mean class?"),
        (RULE + f"    statement: {{predicate: '{DATASET}', field: name, equal: x}}\n", "12:77",
         "requirements/0/statement has no field equal; did you mean equals?", ""),
        (RULE + "    passes: osaid-1.1\n", "12:5", "there is no policy osaid-1.1", "did you mean osaid-1.0?"),
        (RULE, "5:5", "fresh must have one of all, any, atLeast, forEach, statement, cel", ""),
        (RULE + "    all: [{id: D-2}]\n    cel: {predicate: x, expression: 'true'}\n", "", "it has all and cel", ""),
        (TEXT + "    all: [{id: D-2}]\n", "14:5", "X-3 is a requirement of the catalogue and has no all", ""),
        (RULE + "    all: [{id: D-2, minVoice: unsigned}]\n", "12:11", "D-2 is weaker than the row around it", ""),
        (TEXT + "effectiveOn: 2026-02-01\nexpires: 2026-02-01\n", "15:1", "it expires before it is in force", ""),
        (TEXT + "parameters: {days: {type: integer, default: 1}}\n", "14:14",
         "nothing in the policy takes the parameter days", "write $days where its value is to stand"),
        (TEXT + "extends: supply-chain-baseline\nvalues: {deadline: 2026-02-31}\n", "15:10",
         "X-3: deadline must be a day", ""),
        (TEXT + "extends: supply-chain-baseline\nvalues: {maxAgeDays: 400}\n", "15:10",
         "X-3 is looser than in the policy that it extends", "a child may only tighten"),
        (TEXT + "extends: redhat-direction\nvalues: {dataLicense: opn}\n", "15:10",
         "dataLicense must be one of stated, unrestricted, open; did you mean open?", ""),
        (TEXT.replace("X-3", "C-1").replace("maxAgeDays: 30", "license: opn"), "13:7",
         "C-1: license must be one of stated, open; did you mean open?", ""),
        (TEXT.replace("X-3", "W-3").replace("maxAgeDays: 30", "jurisdictions: [EU, UK]"), "13:7",
         "W-3: jurisdictions must be codes of places: UK is neither a code of ISO 3166-1 nor EU; did you mean GB?", ""),
        (RULE + f"    cel: {{predicate: '{DATASET}', expression: predicate.source.url == 'x'}}\n", "12:58",
         "no statement of this type has a field url", "did you mean uri?"),
        (RULE + f"    cel: {{predicate: '{DATASET}', expression: size(predicte.name) > 0}}\n", "12:58",
         "the expression sees no predicte", "did you mean predicate?"),
        (RULE + f"    cel: {{predicate: '{DATASET}', expression: signer.role == 'x'}}\n", "12:58",
         "a signer has no role", "did you mean roles?"),
        (RULE + "    all: [{minVoice: trusted}]\n", "12:11", "a part must have one of id, all", ""),
    ],
)
def test_what_is_misspelt_is_told_with_its_line_its_column_and_the_nearest_name(
    file: Path, text: str, place: str, why: str, hint: str
) -> None:
    if not place:
        file.write_text(text, encoding="utf-8")
        assert any(why in found.message for found in lint(str(file)))
        return
    told = first(text, file)
    assert told[0] == place
    assert told[1].startswith(why)
    assert told[2].startswith(hint)
    with pytest.raises(ProvenanceError) as raised:
        load_policy(str(file))
    assert raised.value.location == f"{file}:{place}"


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_document(file: Path) -> None:
    rows = [{**ROW, "id": "D-22"}, {**ROW, "id": "Z-1"}, {**CHILD, "parameters": {"maxAge": 1}}]
    found = lint(write(file, document(*rows)))
    assert [one.code for one in found] == ["requirement-unknown", "requirement-unknown", "policy-invalid"]
    assert [one.hint for one in found][::2] == ["did you mean D-2?", "did you mean maxAgeDays?"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(RULE) - 1), st.sampled_from([*"{}[]:-#'\" \n$&*!|", "id", "any: "])),
                min_size=1, max_size=4))
def test_whatever_is_typed_is_a_policy_or_told_to_be_none(file: Path, typed: list[tuple[int, str]]) -> None:
    text = RULE + "    any: [{id: D-2}, {all: [{id: D-6}]}]\n"
    for place, what in typed:
        text = text[:place] + what + text[place + 1:]
    file.write_text(text, encoding="utf-8")
    assert all(found.message and found.location for found in lint(str(file)))


# --- rules ----------------------------------------------------------------------------------------------------------


def lowered(outcome: Outcome) -> Sequence[Outcome]:
    """What an outcome may become where evidence is taken away: what passes or does not apply was shown by some."""
    return sorted({outcome, "fail", "undetermined"})


@pytest.mark.parametrize("outcomes", list(product(OUTCOMES, repeat=2)))
def test_no_rule_passes_where_less_is_shown(outcomes: tuple[Outcome, Outcome]) -> None:
    rules = (combine, lambda o: at_least(1, o), lambda o: at_least(2, o), lambda o: excused(*o), lambda o: worse(*o))
    for combined in rules:
        if combined(outcomes) != "pass":
            assert "pass" not in {combined(less) for less in product(*map(lowered, outcomes))}


@pytest.mark.parametrize(
    ("required", "excuse", "outcome"),
    [
        ("pass", "fail", "pass"), ("pass", "pass", "pass"), ("fail", "pass", "not_applicable"),
        ("undetermined", "pass", "not_applicable"), ("fail", "undetermined", "undetermined"),
        ("fail", "fail", "fail"), ("undetermined", "fail", "undetermined"),
        ("not_applicable", "fail", "not_applicable"),
    ],
)
def test_an_excuse_counts_only_where_it_is_shown(required: Outcome, excuse: Outcome, outcome: Outcome) -> None:
    assert excused(required, excuse) == outcome


def test_nothing_combines_to_a_pass() -> None:
    assert [combine([]), at_least(1, [])] == ["undetermined", "undetermined"]


def test_any_of_two_is_enough(world: World, file: Path) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    one = asked(world, file, rule(any=[{"id": "W-2"}, {"id": "D-2"}]))
    assert one["outcome"] == "pass"
    assert [part["outcome"] for part in one["parts"]] == ["fail", "pass"]
    assert asked(world, file, rule(all=[{"id": "W-2"}, {"id": "D-2"}]))["outcome"] == "fail"
    of = [{"id": "W-2"}, {"id": "D-2"}, {"id": "D-3"}]
    assert asked(world, file, rule(atLeast={"count": 2, "of": of}))["outcome"] == "pass"
    assert asked(world, file, rule(atLeast={"count": 3, "of": of}))["outcome"] == "fail"


EITHER = {"any": [{"id": "D-6"}, {"statement": {"predicate": DATASET, "field": "availability.reason", "stated": True}}]}


def test_for_each_asks_every_thing_by_itself(world: World, file: Path) -> None:
    """Of two datasets one is open and the other says why it is not: neither requirement holds of both."""
    world.state("dataset-corpus", availability={"class": "unshareable", "reason": "personal data"})
    assert asked(world, file, rule(**EITHER))["outcome"] == "undetermined"
    each = asked(world, file, rule(forEach={"thing": "dataset", "require": EITHER}))
    assert each["outcome"] == "pass"
    assert [part["title"] for part in each["parts"]] == ["dataset corpus", "dataset tales.txt"]
    world.state("dataset-corpus", availability={"class": "public", "locator": "https://example.org"})
    assert asked(world, file, rule(forEach={"thing": "dataset", "require": EITHER}))["outcome"] == "undetermined"


def test_what_is_said_of_one_dataset_is_not_said_of_another_that_bears_its_name(world: World, file: Path) -> None:
    """Each statement calls its dataset as the step calls the other one, so that each half of a rule finds one good."""
    place = {"id": "J-1", "parameters": {"jurisdictions": ["EU"]}}
    each = rule(forEach={"thing": "dataset", "require": {"any": [{"id": "D-6"}, place]}})
    closed = {"availability": {"class": "public", "locator": "https://example.org"}, "residency": "US"}
    for name, facts in (("dataset-corpus", {"name": "tales.txt", **closed}), ("dataset-raw", {"name": "corpus"})):
        stated = world.drafts[name].claim
        assert isinstance(stated, Dataset)
        world.change(name, facts={**stated.facts, **facts})
    assert asked(world, file, each)["outcome"] == "fail"


def test_for_each_of_nothing_is_undetermined(world: World, file: Path) -> None:
    row = rule(forEach={"thing": "base-model", "require": {"id": "D-2"}})
    assert asked(world, file, row)["outcome"] == "undetermined"


def test_an_excuse_that_is_shown_makes_a_requirement_not_apply(world: World, file: Path) -> None:
    world.state("dataset-corpus", availability={"class": "unshareable", "reason": "personal data"})
    told = {"predicate": DATASET, "field": "availability.class", "oneOf": ["open", "unshareable"]}
    row = {**ROW, "id": "D-6", "roles": ["data-supplier", "producer"], "unless": {"statement": told}}
    assert asked(world, file, row)["outcome"] == "not_applicable"
    told["oneOf"] = ["open"]
    assert asked(world, file, row)["outcome"] == "fail"


def test_an_excuse_may_not_be_weaker_than_what_it_excuses_from(file: Path) -> None:
    row = {**ROW, "id": "W-1", "minBasis": "recomputed", "unless": {"id": "D-2", "minBasis": "stated"}}
    assert "weaker" in lint(write(file, document(row)))[0].message


# --- what statements say --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predicate", "field", "comparison", "outcome"),
    [
        (DATASET, "license", {"equals": "CC0-1.0"}, "pass"),
        (DATASET, "license", {"oneOf": ["MIT", "CC-BY-4.0"]}, "fail"),
        (DATASET, "licenseNotes", {"equals": "CC0-1.0"}, "undetermined"),
        (DATASET, "availability.class", {"stated": True}, "pass"),
        (DATASET, "availability", {"equals": "open"}, "undetermined"),
        (DATASET, "license", {"atLeast": 3}, "undetermined"),
        (RELEASE, "declarations.freeOfCharge", {"equals": True}, "pass"),
        (RELEASE, "declarations.freeOfCharge", {"equals": 1}, "undetermined"),
        (SLSA_PROVENANCE_V1, "buildDefinition.buildType", {"stated": True}, "pass"),
        ("urn:open-provenance:reproduction:v0.1", "outcome", {"stated": True}, "undetermined"),
    ],
)
def test_a_field_of_signed_statements_can_be_asked_for(
    world: World, file: Path, predicate: str, field: str, comparison: dict[str, Any], outcome: str
) -> None:
    said = {"predicate": predicate, "field": field, **comparison}
    assert asked(world, file, rule(statement=said))["outcome"] == outcome


def test_a_field_that_a_stranger_states_shows_nothing(world: World, file: Path) -> None:
    world.change("dataset-raw", "stranger")
    said = {"predicate": DATASET, "field": "license", "equals": "CC0-1.0"}
    assert asked(world, file, rule(statement=said))["outcome"] == "undetermined"


# --- severity, days and parameters ----------------------------------------------------------------------------------


def test_what_is_advisory_is_told_and_decides_nothing(world: World, file: Path) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    advice = {**ROW, "id": "W-2", "severity": "advisory"}
    verdict = world.verdict(write(file, document({**ROW, "roles": ["data-supplier", "producer"]}, advice)))
    assert verdict["passed"]
    assert [(row["id"], row["outcome"], row.get("advisory")) for row in verdict["requirements"]] == [
        ("W-2", "fail", True), ("D-2", "pass", None)]
    assert verdict["openPoints"] == []
    assert not world.verdict(write(file, document(advice)))["passed"]  # advice alone shows nothing


@pytest.mark.parametrize(("day", "decides"), [("2026-11-23", True), ("2026-11-24", False)])
def test_a_requirement_decides_from_its_day_on(world: World, file: Path, day: str, decides: bool) -> None:
    world.license("model-parameters-final", "CC-BY-NC-4.0")
    row = {**ROW, "id": "W-2", "effectiveOn": day}
    verdict = world.verdict(write(file, document({**ROW, "roles": ["data-supplier", "producer"]}, row)))
    assert verdict["passed"] is not decides


@pytest.mark.parametrize(
    ("days", "usable"),
    [
        ({"effectiveOn": "2026-11-23", "expires": "2026-11-24"}, True),
        ({"effectiveOn": "2026-11-24"}, False), ({"expires": "2026-11-23"}, False),
    ],
)
def test_a_policy_is_used_only_on_its_days(world: World, file: Path, days: dict[str, str], usable: bool) -> None:
    policy = write(file, document({**ROW, "roles": ["data-supplier", "producer"]}, **days))
    if usable:
        assert world.verdict(policy)["passed"]
        return
    with pytest.raises(ProvenanceError) as raised:
        world.verdict(policy)
    assert raised.value.code == "policy-not-in-force"


def test_a_table_of_models_is_not_asked_by_a_policy_that_has_expired(world: World, file: Path) -> None:
    policy = write(file, document(ROW, expires="2026-01-01"))
    with pytest.raises(ProvenanceError) as raised:
        inventory([world.model], [policy], as_of=NOW, now=NOW)
    assert raised.value.code == "policy-not-in-force"


def test_advice_is_no_blocker(world: World, file: Path) -> None:
    policy = write(file, document({**ROW, "id": "W-2", "severity": "advisory"}, {**ROW, "id": "D-6"}))
    row = inventory([world.model], [policy], as_of=NOW, now=NOW).models[0]
    assert {blocker["requirement"] for blocker in row["blockers"]} == {"D-6"}


AGED = {"type": "integer", "default": 90}


def test_a_parameter_of_a_policy_stands_where_it_is_named(file: Path) -> None:
    row = {**CHILD, "parameters": {"maxAgeDays": "$days"}}
    policy = load_policy(write(file, document(row, parameters={"days": AGED})))
    assert policy.requirements[0].parameters == {"maxAgeDays": 90, "deadline": ""}
    assert policy.values == {"days": 90}


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        ({"type": "integer", "default": "90"}, "the default of days must be of type integer"),
        ({"type": "integer", "default": True}, "the default of days must be of type integer"),
        ({"type": "integer", "default": 90, "oneOf": [30, 60]}, "the default of days must be one of 30, 60"),
        ({"type": "string", "default": "ninety"}, "X-3: maxAgeDays must be a positive whole number"),
        ({"type": "number", "default": 90}, "must be one of integer"),
    ],
)
def test_a_parameter_keeps_to_its_type(file: Path, parameter: dict[str, Any], why: str) -> None:
    row = {**CHILD, "parameters": {"maxAgeDays": "$days"}}
    found = lint(write(file, document(row, parameters={"days": parameter})))
    assert any(why in one.message for one in found)


# --- extending ------------------------------------------------------------------------------------------------------


def shipped(patch: pytest.MonkeyPatch, **policies: Mapping[str, Any]) -> None:
    """Let these be the policies that are shipped."""
    texts = {}
    for name, policy in policies.items():
        texts[f"{name}.yaml"] = json.dumps({**policy, "metadata": {**policy["metadata"], "id": name}})
    patch.setattr(resources, "names", lambda kind: tuple(sorted(texts)))
    patch.setattr(resources, "read_text", lambda kind, name: texts[name] if kind == "policies" else READ(kind, name))


def test_a_child_gives_values_to_its_parent_and_only_tighter_ones(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped(monkeypatch, parent=document({**CHILD, "parameters": {"maxAgeDays": "$days"}}, parameters={"days": AGED}))
    child = document(ROW, extends="parent", values={"days": 30})
    ages = {row.id: dict(row.parameters) for row in load_policy(write(file, child)).requirements}
    assert ages["X-3"] == {"maxAgeDays": 30, "deadline": ""}
    wrong = ({"days": 91}, "X-3 is looser"), ({"dayz": 1}, "parent has no parameter dayz"), ({"days": "1"}, "of type")
    for values, why in wrong:
        assert why in lint(write(file, {**child, "values": values}))[0].message


@pytest.mark.parametrize(
    "change",
    [{"severity": "advisory"}, {"effectiveOn": "2027-01-01"}, {"waivable": True}, {"unless": {"id": "D-2"}}],
)
def test_a_child_may_not_make_advice_of_a_requirement_nor_put_it_off_nor_excuse_from_it(
    file: Path, change: dict[str, Any]
) -> None:
    row = {**CHILD, "id": "W-5", **change}
    assert "W-5 is looser" in lint(write(file, document(row, extends="supply-chain-baseline")))[0].message


def test_a_child_expires_with_its_parent(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped(monkeypatch, parent=document(ROW, effectiveOn="2026-06-01", expires="2027-01-01"))
    policy = load_policy(write(file, document(CHILD, extends="parent", effectiveOn="2026-01-01", expires="2030-01-01")))
    assert (policy.effective_on, policy.expires, policy.extends) == ("2026-06-01", "2027-01-01", ("parent",))


ROLES = st.sets(st.sampled_from(["producer", "data-supplier", "assessor"]), min_size=1)
ASKED = [name for name, check in CATALOGUE.items() if not check.parameters]


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of a policy: requirements and rules over them, some of them advice or excused."""
    found = []
    for index, name in enumerate(draw(st.lists(st.sampled_from(ASKED), min_size=1, max_size=4, unique=True))):
        row = {**ROW, "id": name, "minBasis": "stated", "minVoice": draw(st.sampled_from(["unsigned", "trusted"])),
               "roles": sorted(draw(ROLES)), "severity": draw(st.sampled_from(["mandatory", "mandatory", "advisory"]))}
        other = {"id": draw(st.sampled_from(ASKED))}
        form = draw(st.sampled_from(["plain", "any", "all", "forEach", "unless"]))
        if form in ("any", "all"):
            row = {**row, "id": f"rule-{index}", form: [{"id": name}, other]}
        elif form == "forEach":
            row = {**row, "id": f"rule-{index}", form: {"thing": "dataset", "require": {"any": [{"id": name}, other]}}}
        elif form == "unless":
            row["unless"] = other
        found.append(row)
    return found


@st.composite
def families(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of a parent, and those of a child that tightens some of them and adds others."""
    parent = draw(rows())
    child = []
    for row in parent:
        if "unless" in row and draw(st.booleans()):
            child.append({key: value for key, value in row.items() if key != "unless"})
        elif row["id"] in CATALOGUE and draw(st.booleans()):
            voice = draw(st.sampled_from([row["minVoice"], "trusted"]))
            child.append({**row, "severity": "mandatory", "minVoice": voice,
                          "roles": sorted(draw(st.sets(st.sampled_from(row["roles"]), min_size=1)))})
    taken = {row["id"] for row in parent}
    child += [row for row in draw(rows()) if row["id"] not in taken]
    return parent, child or [{**rule("rule-own"), "any": [{"id": "D-2"}, {"id": "W-2"}]}]


def outcome(policy: Policy, evaluation: Evaluation) -> str:
    return evaluation.outcome(evaluation.decide(policy))


@settings(max_examples=80)
@given(families(), st.sampled_from(sorted(WORLDS)), st.data())
def test_a_child_passes_nothing_that_its_parent_does_not(
    family: tuple[list[dict[str, Any]], list[dict[str, Any]]], name: str, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        shipped(patch, parent=document(*family[0]), child=document(*family[1], extends="parent"))
        parent, child = load_policy("parent"), load_policy("child")
    subject = spoilt(name)[0].whole
    dropped = data.draw(st.sets(st.sampled_from(range(len(subject.statements))), max_size=3))
    kept = tuple(s for i, s in enumerate(subject.statements) if i not in dropped)
    evaluation = Evaluation(replace(subject, statements=kept))
    if outcome(child, evaluation) == "pass":
        assert outcome(parent, evaluation) == "pass"


@settings(max_examples=80)
@given(rows(), st.sampled_from(sorted(WORLDS)), st.data())
def test_taking_evidence_away_passes_no_policy_of_this_language(
    asked_for: list[dict[str, Any]], name: str, data: st.DataObject
) -> None:
    """Rules and excuses included, and also where the policy does not ask that all evidence be there (X-1)."""
    with pytest.MonkeyPatch.context() as patch:
        shipped(patch, ours=document(*asked_for))
        policy = load_policy("ours")
    subject = spoilt(name)[0].whole
    dropped = data.draw(st.sets(st.sampled_from(range(len(subject.statements))), min_size=1, max_size=3))
    kept = tuple(s for i, s in enumerate(subject.statements) if i not in dropped)
    if outcome(policy, Evaluation(replace(subject, statements=kept))) == "pass":
        assert outcome(policy, Evaluation(subject)) == "pass"


