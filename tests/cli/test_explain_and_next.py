"""`provenance next` and `explain`, as a user types them: what is lacking, doing it, and why a verdict is what it is."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from provenance import resources
from tests.cli.conftest import Run

RUNG = "g7-2026-open-source-ai"


def test_what_next_tells_is_what_passes(run: Run, released: Path) -> None:
    (released.with_name("model.provenance") / "release.sigstore.json").rename("release.sigstore.json")
    ran = run("next", "model", "--policy", "g7-2026-open-weights", "--trust", "trust.yaml")
    assert ran.code == 0, ran.err
    assert "The smallest set that is enough: 1 act" in ran.out
    assert "provenance attest release MODEL" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    Path("release.sigstore.json").rename(released.with_name("model.provenance") / "release.sigstore.json")
    assert run("verify", "model", "--policy", "g7-2026-open-weights", "--trust", "trust.yaml").code == 0


def test_without_a_policy_the_next_rung_is_told_and_without_trust_whom_to_list(run: Run, released: Path) -> None:
    schema = json.loads(resources.read_text("schemas", "next.schema.json"))
    told = run("next", "model", "--trust", "trust.yaml", "--format", "json").json
    jsonschema.Draft202012Validator(schema).validate(told)
    assert told["rungShown"] == "g7-2026-open-weights"
    assert [plan["policy"] for plan in told["plans"]] == [RUNG]
    alone = run("next", "model", "--policy", "g7-2026-open-weights", "--policy", RUNG, "--format", "json").json
    jsonschema.Draft202012Validator(schema).validate(alone)
    assert [task["act"] for task in alone["plans"][0]["tasks"]] == ["signer"]
    assert [plan["policy"] for plan in alone["plans"]] == ["g7-2026-open-weights", RUNG]


def test_a_verdict_is_explained_whatever_it_is_and_without_model_or_evidence(run: Run, released: Path) -> None:
    ran = run("verify", "model", "--policy", RUNG, "--trust", "trust.yaml", "--format", "json", "--output", "v.json")
    assert ran.code == 1
    released.rename("gone")
    whole, one = run("explain", "v.json"), run("explain", "v.json", "D-2", "--format", "json")
    assert (whole.code, one.code) == (0, 0)
    assert whole.out.startswith("Not passed (undetermined): model, judged by g7-2026-open-source-ai")
    assert one.json["asked"] == "D-2"
    wrong = run("explain", "v.json", "D-99")
    assert wrong.code == 2
    assert "did you mean D-" in wrong.err


def test_next_and_inventory_take_values_for_the_parameters_of_a_policy(run: Run, released: Path) -> None:
    asked = ("model", "--policy", "supply-chain-baseline", "--trust", "trust.yaml")
    for verb in ("next", "inventory"):
        assert "maxAgeDays=30" in run(verb, *asked, "--set", "maxAgeDays=30").out
        wrong = run(verb, *asked, "--set", "maxAgeDay=30")
        assert (wrong.code, "did you mean maxAgeDays?" in wrong.err) == (2, True)
