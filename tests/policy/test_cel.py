"""Expressions in CEL: true passes, false fails, everything else is undetermined, and what one may cost is bounded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ProvenanceError
from provenance.policy import cel
from provenance.policy.policy import lint, load_policy
from provenance.statements.dataset import DATASET
from tests.policy.test_language import asked, rule
from tests.policy.test_policy import document, write
from tests.world import World

PREDICATE = {"license": "MIT", "languages": ["de", "fr"], "size": 3, "none": None}
FACTS = {"predicate": PREDICATE, "signer": {"party": "Lab"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ours.yaml"


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("predicate.license == 'MIT'", "pass"),
        ("predicate.license == 'GPL'", "fail"),
        ("predicate.languages.exists(l, l == 'de') && signer.party == 'Lab'", "pass"),
        ("predicate.licence == 'MIT'", "undetermined"),
        ("!(predicate.licence == 'GPL')", "undetermined"),
        ("predicate.none.deeper == 1", "undetermined"),
        ("predicates.license == 'MIT'", "undetermined"),
        ("predicate.size / 0 == 1", "undetermined"),
        ("9223372036854775807 + predicate.size > 0", "undetermined"),
        ("predicate.size", "undetermined"),
        ("'true'", "undetermined"),
        ("predicate.license.matches('(')", "undetermined"),
        ("predicate.languages[7] == 'de'", "undetermined"),
        ("predicate.license > 3", "undetermined"),
    ],
)
def test_only_true_passes_and_only_false_fails(expression: str, outcome: str) -> None:
    assert cel.problem_with(expression) == ""
    assert cel.ask(expression, FACTS)[0] == outcome


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "no CEL"), ("a ==", "no CEL"), ("a" * 501, "501 characters"), ("(" * 65 + "1" + ")" * 65, "too deep"),
        ("!" * 70 + "true", "too deep"), ("!has(predicate.license)", "a missing field is undetermined"),
        ("has // \n (predicate.x)", "a missing field"), ("predicate.a.map(x, x) == []", "neither map nor filter"),
        ("predicate.a.exists(x, predicate.a.all(y, x == y))", "one loop"),
    ],
)
def test_what_could_cost_too_much_or_asks_for_absence_is_refused(expression: str, why: str) -> None:
    assert why in cel.problem_with(expression)


@pytest.mark.parametrize("value", [list(range(1001)), "x" * 10_001, [[0] * 999] * 21])
def test_a_statement_that_is_too_large_is_not_asked_about(value: Any) -> None:
    assert cel.ask("true", {"predicate": {"value": value}})[0] == "undetermined"


@pytest.mark.parametrize(
    ("expression", "seen"),
    [
        ("predicate.source.uri == 'predicte.x' && size(signer.roles) > 0",
         {("predicate", "source.uri"), ("signer", "roles")}),
        ("predicate.languages.exists(tag, tag.startsWith(\"d\\\"e.f\"))", {("predicate", "languages")}),
        ("predicate.name.size() > 1 && predicate.rows[0].x == 1u", {("predicate", "name"), ("predicate", "rows")}),
        ("'roles' in signer && int('1') == 1 && true", {("signer", "")}),
        ("subject.name == nam", {("subject", "name"), ("nam", "")}),
    ],
)
def test_what_an_expression_looks_at_is_what_is_not_quoted_called_or_a_variable(
    expression: str, seen: set[tuple[str, str]]
) -> None:
    assert set(cel.names(expression)) == seen


def test_what_is_wrong_with_an_expression_is_told_with_its_place(file: Path) -> None:
    row = rule(cel={"predicate": DATASET, "expression": "predicate.license =="})
    found = lint(write(file, document(row)))
    assert [(one.code, one.location.rpartition(":")[0]) for one in found] == [("policy-invalid", f"{file}:1")]
    assert "it is no CEL" in found[0].message


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("predicate.license == 'CC0-1.0' && signer.party == 'Text Archive'", "pass"),
        ("predicate.license == 'MIT'", "fail"), ("predicate.period.start == '2020'", "undetermined"),
    ],
)
def test_an_expression_is_asked_of_every_signed_statement(
    world: World, file: Path, expression: str, outcome: str
) -> None:
    assert asked(world, file, rule(cel={"predicate": DATASET, "expression": expression}))["outcome"] == outcome


def test_without_the_extra_a_policy_with_an_expression_is_refused_and_no_other(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cel", None)
    cel._compiled.cache_clear()
    with pytest.raises(ProvenanceError) as raised:
        load_policy(write(file, document(rule(cel={"predicate": DATASET, "expression": "1 == 2"}))))
    assert raised.value.code == "extra-missing"
    assert load_policy("osaid-1.0")
