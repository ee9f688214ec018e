"""A score: dimensions that are open, partial or closed, a range where something is not shown, and never a pass."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ProvenanceError
from provenance.policy.policy import lint, load_policy
from provenance.policy.score import Dimension, score_of, totals
from provenance.policy.verdict import Decision, Item, Outcome
from provenance.reports import render
from provenance.reports.inventory import INVENTORY_FORMATS, render_inventory
from provenance.statements.reader import deviations
from provenance.workflows.inventory import inventory
from provenance.workflows.policy_diff import diff_policies
from provenance.workflows.policy_explain import explain_policy
from tests.policy.people import assess, people
from tests.policy.test_policy import ROW, document, write
from tests.world import NOW, World

OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "undetermined", "not_applicable")
INDEX = "osai-index-12"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


def scored(world: World) -> dict[str, Any]:
    verdict = world.verdict(INDEX)
    assert (verdict["result"], verdict["passed"]) == ("undetermined", False)
    assert deviations(verdict, "verdict") == []
    return dict(verdict["score"])


def dimension(world: World, name: str) -> dict[str, Any]:
    return next(row for group in scored(world)["groups"] for row in group["dimensions"] if row["id"] == name)


# --- one dimension --------------------------------------------------------------------------------------------------


def decided(name: str, outcome: Outcome) -> Decision:
    return Decision(name, name, "", "", "stated", "trusted", ("producer",), (Item("", outcome, "so"),))


@pytest.mark.parametrize(
    ("full", "half", "answer", "least", "most"),
    [
        ("pass", "pass", "open", 1, 1), ("pass", "fail", "open", 1, 1),
        ("fail", "pass", "partial", 0.5, 0.5), ("fail", "fail", "closed", 0, 0),
        ("fail", "undetermined", "undetermined", 0, 0.5), ("fail", "not_applicable", "undetermined", 0, 0.5),
        ("undetermined", "pass", "undetermined", 0.5, 1), ("undetermined", "fail", "undetermined", 0, 1),
        ("undetermined", "undetermined", "undetermined", 0, 1), ("not_applicable", "fail", "undetermined", 0, 1),
    ],
)
def test_a_dimension_is_closed_only_where_that_is_shown(
    full: Outcome, half: Outcome, answer: str, least: float, most: float
) -> None:
    found = score_of([Dimension("d", "D", "G", "full", "half")], [decided("full", full), decided("half", half)])["d"]
    assert (found.answer, found.least, found.most) == (answer, least, most)


@pytest.mark.parametrize("half", OUTCOMES)
@pytest.mark.parametrize("full", OUTCOMES)
def test_a_row_that_no_longer_passes_never_raises_what_is_shown(full: Outcome, half: Outcome) -> None:
    def least(full: Outcome, half: Outcome) -> float:
        return score_of([Dimension("d", "D", "G", "full", "half")],
                        [decided("full", full), decided("half", half)])["d"].least

    weaker = [outcome for outcome in OUTCOMES if outcome != "pass"]
    assert all(least(one, half) <= least(full, half) for one in weaker)
    assert all(least(full, other) <= least(full, half) for other in weaker if half == "pass" or other == half)


def test_without_a_partial_row_a_dimension_is_open_or_closed() -> None:
    only = [Dimension("d", "D", "G", "full")]
    assert [score_of(only, [decided("full", outcome)])["d"].answer for outcome in ("pass", "fail", "undetermined")] == [
        "open", "closed", "undetermined"]


def test_where_all_evidence_is_in_doubt_no_point_counts_as_shown() -> None:
    both = [Dimension("a", "A", "G", "full"), Dimension("b", "B", "G", "none")]
    found = score_of(both, [decided("full", "pass"), decided("none", "fail")], "recalled")
    assert totals(found) == {"least": 0, "most": 1}


# --- the index ------------------------------------------------------------------------------------------------------


def test_the_index_has_twelve_dimensions_in_three_groups() -> None:
    groups = [each.group for each in load_policy(INDEX).score]
    assert {group: groups.count(group) for group in groups} == {"Availability": 5, "Documentation": 6, "Access": 1}


def test_everything_that_is_shown_counts_and_a_review_by_peers_is_for_an_assessor_to_say(world: World) -> None:
    found = scored(world)
    assert (found["of"], found["least"], found["most"]) == (12, 11.5, 12)
    people(world)
    assess(world, requirement="K-3")
    found = scored(world)
    assert (found["least"], found["most"]) == (12, 12)


def test_weights_behind_a_gate_are_partial(world: World) -> None:
    world.declare(freeOfCharge=False)
    assert dimension(world, "end-model-weights")["answer"] == "partial"


def test_a_closed_base_model_closes_nothing_that_is_known_of_it(world: World) -> None:
    world.hang_on_base("CC-BY-NC-4.0")
    assert dimension(world, "base-model-weights")["most"] == 0.5
    world.explain_base()
    assert dimension(world, "base-model-weights")["answer"] == "partial"


def test_what_is_declared_by_nobody_whom_one_believes_is_declared_and_not_shown(world: World) -> None:
    world.believe()
    found = scored(world)
    assert found["least"] == 0
    assert found["declared"]["least"] > 0


@pytest.mark.parametrize("lost", ["dataset-raw", "train", "model.sig", "stack"])
def test_taking_evidence_away_never_raises_what_is_shown(world: World, lost: str) -> None:
    before = scored(world)["least"]
    world.lose(lost)
    assert scored(world)["least"] == 0 < before


def test_a_file_that_nobody_signed_leaves_nothing_shown(world: World) -> None:
    world.sign()
    world.write("tiny/extra.py", "print(1)\n")
    assert scored(world)["least"] == 0


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_every_report_tells_the_score_with_its_denominator(world: World, form: str) -> None:
    told = " ".join(render(world.verdict(INDEX), form).split())
    assert "between 11.5 and 12 of 12 points shown" in told
    assert "Not passed (a score never is)" in told
    assert "Paper, reviewed by peers" in told
    assert "%" not in told.partition("<main>")[2 if form == "html" else 0].partition("Limits")[0]


def test_a_table_of_models_has_its_answer(world: World) -> None:
    world.sign()
    (row,) = inventory([world.model], [INDEX], trust=world.trust, as_of=NOW, now=NOW).models
    assert row["verdicts"][INDEX] == {
        "shown": "undetermined", "declared": "undetermined", "passed": False, "waived": [],
        "score": {"of": 12, "least": 11.5, "most": 12, "declared": {"least": 11.5, "most": 12}}}
    assert INDEX not in {blocker["towards"] for blocker in row["blockers"]}


@pytest.mark.parametrize("form", INVENTORY_FORMATS)
def test_a_table_tells_the_score_of_every_row_and_that_it_is_never_a_pass(world: World, form: str) -> None:
    world.sign()
    (world.model.parent / "torn.yml").write_text("release: {")
    paths = [world.model, world.model.parent / "torn.yml"]
    document = inventory(paths, [INDEX], trust=world.trust, as_of=NOW, now=NOW).document
    told = " ".join(render_inventory(document, form).split())
    if form == "json":
        assert [row["verdicts"][INDEX]["score"]["least"] for row in document["models"]] == [11.5, 0]
        assert document["policies"][0]["dimensions"] == 12
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(render_inventory(document, form))))
        assert [[row[f"score_{name} {INDEX}"] for name in ("least", "most", "of")] for row in rows] == [
            ["11.5", "12", "12"], ["0", "12", "12"]]
    else:
        assert "11.5 to 12" in told  # the cells of a text table stand beside each other
        assert "a score of 12 points, which is never a pass" in told


def test_a_page_filters_by_the_part_of_the_points_that_is_shown(world: World) -> None:
    world.sign()
    document = inventory([world.model], [INDEX], trust=world.trust, as_of=NOW, now=NOW).document
    page = render_inventory(document, "html")
    assert "three quarters or more (1)" in page
    assert "none (0)" in page


# --- the language ---------------------------------------------------------------------------------------------------

ADVICE = {**ROW, "severity": "advisory"}
SCORE = [{"title": "Data", "dimensions": [{"id": "data", "title": "Data", "open": "D-2"}]}]


def test_a_policy_of_ones_own_may_keep_a_score(world: World, file: Path) -> None:
    advice = {**ADVICE, "roles": ["data-supplier", "producer"]}
    verdict = world.verdict(write(file, document(advice, score=SCORE)))
    assert (verdict["passed"], verdict["score"]["least"], verdict["score"]["of"]) == (False, 1, 1)


@pytest.mark.parametrize(
    ("rows", "dimension", "why", "hint"),
    [
        ([ADVICE], {"open": "D-3"}, "the policy has no requirement D-3", "did you mean D-2?"),
        ([ADVICE], {"open": "D-2", "partial": "data-some"}, "the policy has no requirement data-some", "it has D-2"),
        ([ROW], {"open": "D-2"}, "D-2 decides, and a policy with a score never passes", "write `severity: advisory`"),
        ([ADVICE], {"open": "D-2", "parts": "D-2"}, "has no field parts; did you mean partial?", "see schemas"),
    ],
)
def test_what_is_wrong_with_a_score_is_told(
    file: Path, rows: list[Any], dimension: dict[str, str], why: str, hint: str
) -> None:
    score = [{"title": "Data", "dimensions": [{"id": "data", "title": "Data", **dimension}]}]
    (found,) = lint(write(file, document(*rows, score=score)))
    assert why in found.message
    assert found.hint.startswith(hint)


def test_a_dimension_stands_once(file: Path) -> None:
    with pytest.raises(ProvenanceError, match="a dimension stands twice: data"):
        load_policy(write(file, document(ADVICE, score=[*SCORE, *SCORE])))


def test_a_policy_that_extends_a_score_does_not_pass_either(world: World, file: Path) -> None:
    parent = write(file, document({**ROW, "roles": ["data-supplier", "producer"]}, extends=INDEX))
    verdict = world.verdict(parent)
    assert verdict["counts"]["fail"] == 0
    assert (verdict["result"], verdict["passed"]) == ("undetermined", False)


def test_the_score_belongs_to_the_digest_and_is_compared_and_explained(file: Path) -> None:
    one = write(file, document(ADVICE, score=SCORE))
    digest = load_policy(one).digest
    other = write(file.with_name("other.yaml"), json.loads(json.dumps(document(ADVICE, score=SCORE)).replace(
        '"title": "Data", "open"', '"title": "All data", "open"')))
    assert load_policy(other).digest != digest
    found = diff_policies(one, other)
    assert (found["same"], found["answer"]) == (False, "different")
    assert [row["field"] for row in found["score"]] == ["data"]
    assert explain_policy(one)["score"] == [
        {"id": "data", "title": "Data", "group": "Data", "open": "D-2"}]
