"""`provenance policy` as it is typed: what is printed, its schema, and the exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.policy.test_language import TEXT, rule
from tests.policy.test_policy import document, write
from tests.schemas.test_schemas import follows
from tests.world import World

LONG = """\
apiVersion: open-provenance/v0.1
kind: Policy
metadata: {id: ours, version: 1.0.0, title: Ours, source: our rules}
extends: supply-chain-baseline
effectiveOn: "2026-01-01"
requirements:
  - id: data-at-hand
    title: Each dataset is open, or says why it cannot be shared
    source: section 4
    remedy: publish a statement for every dataset
    minBasis: stated
    minVoice: trusted
    roles: [data-supplier, producer]
    severity: advisory
    forEach:
      thing: dataset
      require: {any: [{id: D-6}, {id: D-3}]}
"""


def test_lint_tells_every_fault_with_its_place_and_ends_with_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(TEXT.replace("X-3", "X-33") + "requirement: []\n")
    ran = run("policy", "lint", "ours.yaml")
    assert ran.code == 1
    assert "ours.yaml:14:1: " in ran.out
    assert "did you mean requirements?" in ran.out
    (tmp_path / "ours.yaml").write_text(TEXT.replace("X-3", "X-33"))
    ran = run("policy", "lint", "ours.yaml", "--format", "json")
    assert (ran.code, ran.json["findings"][0]["location"]) == (1, "ours.yaml:5:5")
    follows(ran.json, "output.schema.json")
    (tmp_path / "ours.yaml").write_text(TEXT)
    assert run("policy", "lint", "ours.yaml").code == 0


def test_show_resolves_a_policy_with_its_rules(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(LONG)
    ran = run("policy", "show", "ours.yaml", "--format", "json")
    follows(ran.json, "output.schema.json")
    assert ran.json["extends"] == ["supply-chain-baseline"]
    assert ran.json["requirements"][-1]["rule"]["forEach"]["thing"] == "dataset"
    text = run("policy", "show", "ours.yaml").out
    assert "in force from 2026-01-01" in text
    assert "for each dataset:" in text
    assert "advisory" in text


def test_parameters_are_shown_and_set_and_what_cannot_be_set_is_said(run: Run) -> None:
    shown = run("policy", "show", "procurement-public-sector", "--set", "maxAgeDays=30").out
    assert "parameter maxAgeDays=30 (integer)" in shown
    assert "parameter jurisdictions=EU (list)" in shown
    told = run("policy", "explain", "procurement-public-sector", "X-3", "--set", "deadline=2027-01-31").out
    assert "deadline: 2027-01-31" in told
    for words, why in ((["maxAgeDay=30"], "did you mean maxAgeDays?"), (["maxAgeDays"], "is not NAME=VALUE"),
                       (["maxAgeDays=400"], "may only tighten"), (["maxAgeDays=1", "maxAgeDays=2"], "give it once")):
        ran = run("policy", "show", "procurement-public-sector", *(word for each in words for word in ("--set", each)))
        assert (ran.code, why in ran.err) == (2, True)


def test_a_score_is_shown_explained_and_compared(run: Run) -> None:
    assert "Weights of the end model (end-model-weights), open where end-weights passes, partial where end-known" in (
        run("policy", "show", "osai-index-12").out)
    assert "score: Access: Licences" in run("policy", "explain", "osai-index-12").out
    ran = run("policy", "diff", "osai-index-12", "open-weights")
    assert (ran.code, "the score paper:" in ran.out) == (1, True)
    assert run("policy", "test", "osai-index-12").code == 0
    assert run("policy", "lint", "osai-index-12").code == 0


def test_a_score_ends_with_one_because_it_is_never_a_pass(run: Run, released: Path) -> None:
    ran = run("verify", "model", "--policy", "osai-index-12", "--trust", "trust.yaml", "--report", "report.html")
    assert ran.code == 1
    assert re.search(r"Score +between [0-9.]+ and [0-9.]+ of 12 points shown", ran.out)
    assert 'id="score"' in released.with_name("report.html").read_text(encoding="utf-8")


def test_explain_follows_its_schema_and_names_the_nearest_requirement(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(LONG)
    follows(run("policy", "explain", "ours.yaml", "--format", "json").json, "output.schema.json")
    assert "asks      each dataset is described" in run("policy", "explain", "osaid-1.0", "D-2").out
    ran = run("policy", "explain", "osaid-1.0", "D-22")
    assert (ran.code, "did you mean D-2?" in ran.err) == (2, True)


def test_diff_ends_with_one_where_policies_differ(run: Run) -> None:
    same, other = run("policy", "diff", "osaid-1.0", "osaid-1.0"), run("policy", "diff", "osaid-1.0", "open-weights")
    assert (same.code, other.code) == (0, 1)
    assert other.out.startswith("different: open-weights beside osaid-1.0") or other.out.startswith("looser: ")
    follows(run("policy", "diff", "osaid-1.0", "open-weights", "--format", "json").json, "output.schema.json")


def test_test_ends_with_one_where_a_case_is_not_as_expected(run: Run, tmp_path: Path) -> None:
    assert run("policy", "test", "osaid-1.0", "open-weights").code == 0
    write(tmp_path / "ours.yaml", document(rule(any=[{"id": "D-2"}, {"id": "D-3"}])))
    cases = [{"name": "one of two", "given": {"D-2": "fail", "D-3": "pass"}, "expect": {"result": "fail"}}]
    write(tmp_path / "ours.cases.yaml",
          {"apiVersion": "open-provenance/v0.1", "kind": "PolicyCases", "cases": cases})
    ran = run("policy", "test", "ours.yaml")
    assert ran.code == 1
    assert "one of two: NOT AS EXPECTED" in ran.out
    assert run("policy", "test", "ours.yaml", "--cases", "none.yaml").code == 2


def test_attack_follows_its_schema_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    world = World.new(tmp_path)
    world.sign()
    arguments = ("policy", "attack", "osaid-1.0", "--evidence", "world/tiny.provenance", "--trust", "world/trust.yaml",
                 "--as-of", "2026-11-23T12:00:00Z", "--limit", "40")
    ran = run(*arguments, "--format", "json")
    assert ran.code == 0
    follows(ran.json, "policy-attack.schema.json")
    assert run(*arguments).out.startswith("holds: 40 mutations, 0 harmful")
    assert world.verdict("osaid-1.0")["passed"]


def test_attack_wants_to_know_the_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    assert run("policy", "attack", "osaid-1.0", "--evidence", "evidence").code == 2
    assert run("policy", "attack", "osaid-1.0").code == 2


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "a\u202eb"])
def test_the_text_of_a_policy_cannot_speak_to_a_terminal(run: Run, tmp_path: Path, hostile: str) -> None:
    (tmp_path / "ours.yaml").write_text(json.dumps(document({**rule(all=[{"id": "D-2"}]), "title": hostile})))
    for command in ("show", "explain"):
        assert hostile not in run("policy", command, "ours.yaml").out


def test_the_policy_of_the_page_is_one_and_its_cases_come_out(run: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    policy, cases, *_ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "our-models.yaml").write_text(policy)
    (tmp_path / "our-models.cases.yaml").write_text(cases)
    assert run("policy", "lint", "./our-models.yaml").out == "No findings.\n"
    assert run("policy", "test", "./our-models.yaml").code == 0
    ran = run("policy", "diff", "supply-chain-baseline", "./our-models.yaml")
    assert (ran.code, ran.out.startswith("tighter: ")) == (1, True)
