"""Less evidence never shows more, in graphs made up at random: row by row, policy by policy, rung by rung.

What speaks against a model and stands in no release can be withheld, and nobody would know: that is what the trust
file is for. Everything else that is taken away is missed. So where what is removed is neither a release of the model
nor the judgement of a person, no row turns to passed; and a row that turns to passed by another removal was held down
by what was removed, in its own words. A recall of data reaches a model through the steps that lead to it: where no
release lists those, and the policy asks for none, they are such evidence too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from provenance.bundles.envelope import sign
from provenance.policy import waivers
from provenance.policy.evaluate import Evaluation, decide
from provenance.policy.policy import LADDER, Policy, load_policy, policy_ids
from provenance.policy.requirement import Requirement
from provenance.policy.verdict import Decision, Item
from provenance.statements.dataset import DATASET
from provenance.workflows.verify import verify
from tests.policy.graphs import ASKED_OF_PEOPLE, Graph, Piece, graphs, scratch
from tests.policy.people import assess, people
from tests.policy.test_monotone import ROWS
from tests.world import NOW, World

GOOD = ("pass", "not_applicable", "waived")
PERSONS = ["producer", "data-supplier", "assessor", "buyer"]
EITHER = {"any": [{"id": "D-6"}, {"statement": {"predicate": DATASET, "field": "selection", "stated": True}}]}
RULES: dict[str, dict[str, Any]] = {
    "any-of": {"any": [{"id": "K-5"}, {"id": "D-5"}, {"id": "W-3"}]},
    "two-of": {"atLeast": {"count": 2, "of": [{"id": "D-2"}, {"id": "D-5"}, {"id": "W-3"}, {"id": "L-5"}]}},
    "each": {"forEach": {"thing": "dataset", "require": EITHER}},
}


@cache
def asked() -> tuple[Policy, ...]:
    """Every policy that is shipped, every row by itself, and one of rules and of rows that ask a person."""
    usual = {"title": "t", "source": "s", "remedy": "r", "minBasis": "stated", "minVoice": "trusted", "roles": PERSONS}
    rows = [{**usual, "id": name, "waivable": True} for name in ASKED_OF_PEOPLE]
    rows[1]["minVoice"] = "independent"
    rows[4]["parameters"] = {"opinion": "counsel"}
    rows[3]["roles"] = ["assessor"]
    rows += [{**usual, "id": name, **rule} for name, rule in RULES.items()]
    rows.append({**usual, "id": "D-6", "unless": {"id": "D-4"}})
    metadata = {"id": "people", "version": "1.0.0", "title": "People", "source": "a test"}
    file = scratch() / "people.yaml"
    file.write_text(json.dumps({"apiVersion": "open-provenance/v0.1", "kind": "Policy", "metadata": metadata,
                                "requirements": rows}))
    return tuple(load_policy(name) for name in (str(file), *ROWS.values(), *policy_ids()))


@dataclass(frozen=True)
class Answers:
    """What every row and policy says, and what belongs to the model as trusted voices tell it."""

    rows: dict[str, Decision]
    passed: frozenset[str]
    rung: int
    belongs: frozenset[str]
    missing: bool
    only_a_step_leads_to_a_recall: bool


def answers(graph: Graph, kept: Iterable[Piece]) -> Answers:
    evaluation = Evaluation(graph.subject(kept))
    told: dict[str, Decision] = {}

    def ask(row: Requirement) -> Decision:
        """Rows with one demand have one answer: policies share most of theirs."""
        key = repr(row.demand)
        if key not in told:
            told[key] = evaluation._decide(row, "independent")
        return replace(told[key], id=row.id)

    rows, passed = {}, set()
    for number, policy in enumerate(asked()):
        decisions = waivers.excused(decide(policy, NOW, ask), evaluation.waivers(policy))
        rows |= {f"{policy.id} {row.id} {row.demand}": decision
                 for row, decision in zip(policy.requirements, decisions, strict=True)}
        if evaluation.outcome(decisions) == "pass":
            passed.add(policy.id if policy.id != "one-row" else f"row {number}")
    heights = [height for height, (name, _) in enumerate(LADDER, 1) if name in passed]
    lineage = evaluation.graph("trusted")
    belongs = frozenset(statement.sha256 for statement in lineage.statements)
    return Answers(rows, frozenset(passed), max(heights, default=0), belongs, bool(lineage.missing_evidence),
                   bool(evaluation.recalled) and not lineage.releases)


def improved(before: Answers, after: Answers) -> dict[str, Decision]:
    """The rows that passed only after the removal, as they were before it."""
    return {name: row for name, row in before.rows.items()
            if row.outcome not in GOOD and after.rows[name].outcome in GOOD}


def against(row: Decision) -> Iterator[Item]:
    """What keeps a row from passing, in all of its parts."""
    for part in row.parts:
        yield from against(part)
    yield from (item for item in row.items if item.outcome not in GOOD)


def is_counted_by_itself(piece: Piece) -> bool:
    """Whether nothing need list it for it to count: a release, and what a person finds."""
    return piece.name.startswith(("release-", "assessment-")) and not piece.name.startswith("release-base")


def parts(data: st.DataObject, graph: Graph, *, listed_only: bool) -> list[Piece]:
    able = [piece for piece in graph.pieces if not (listed_only and is_counted_by_itself(piece))]
    gone = set(data.draw(st.sets(st.sampled_from([p.digest for p in able]), min_size=1))) if able else set()
    return [piece for piece in graph.pieces if piece.digest not in gone]


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
SETTINGS = settings(max_examples=40, suppress_health_check=SLOW, phases=set(Phase) - {Phase.explain})


@SETTINGS
@given(graphs(), st.data())
def test_what_is_taken_away_of_what_is_listed_is_missed(graph: Graph, data: st.DataObject) -> None:
    before, after = answers(graph, graph.pieces), answers(graph, parts(data, graph, listed_only=True))
    assert sorted(improved(before, after)) == []
    assert after.passed <= before.passed or before.only_a_step_leads_to_a_recall
    assert after.rung <= before.rung


@SETTINGS
@given(graphs(), st.data())
def test_what_is_taken_away_helps_only_where_it_spoke_against(graph: Graph, data: st.DataObject) -> None:
    before, after = answers(graph, graph.pieces), answers(graph, parts(data, graph, listed_only=False))
    lost = before.belongs - after.belongs
    for name, row in improved(before, after).items():
        assert before.missing or any(lost & set(item.evidence) for item in against(row)), name


@SETTINGS
@given(graphs(), st.data())
def test_the_order_of_evidence_changes_no_answer(graph: Graph, data: st.DataObject) -> None:
    one, other = answers(graph, graph.pieces), answers(graph, data.draw(st.permutations(graph.pieces)))
    assert {name: row.outcome for name, row in one.rows.items()} == {n: row.outcome for n, row in other.rows.items()}
    assert (one.passed, one.rung, one.belongs) == (other.passed, other.rung, other.belongs)


@settings(max_examples=5)
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_evidence_is_named_changes_no_byte(shuffled: Random) -> None:
    files = sorted(complete().evidence.iterdir())
    before = told(files)
    shuffled.shuffle(files)
    assert told(files) == before


@cache
def complete() -> World:
    """The complete world with people, and with a second release that stands on the first."""
    world = World.new(scratch())
    people(world)
    assess(world)
    second = replace(world.release, version="2.0", evidence=world._list())
    world.file("second").write_bytes(sign(second.to_statement().to_bytes(), world.signers["lab"]))
    return world


def told(files: Sequence[Path]) -> bytes:
    world = complete()
    done = verify(world.model, "osaid-1.0", evidence=files, trust=world.trust, as_of=NOW, now=NOW)
    return json.dumps(done.document).encode()
