"""`provenance assess` and `provenance waive`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.policy.people import POLICY, ROW

LATER = "2099-01-01T00:00:00Z"
ASSESS = ("assess", "model", "--requirement", "D-5", "--finding", "adequate", "--rationale", "it is all there",
          "--method", "read it", "--valid-until", LATER, "--key", "board.key")
WAIVE = ("waive", "model", "--policy", "ours.yaml", "--requirement", "W-7", "--reason", "it will come",
         "--expires", LATER, "--key", "board.key")


@pytest.fixture
def ours(run: Run, released: Path, tmp_path: Path) -> Path:
    """The released model, a policy that asks for an assessor and lets W-7 be waived, and a board that may do both."""
    rows = (("W-1", "W-1", "recomputed", "trusted", "producer", "false"),
            ("W-7", "W-7", "stated", "trusted", "producer", "true"),
            ("D-5", "D-5", "stated", "independent", "assessor", "false"))
    (tmp_path / "ours.yaml").write_text(POLICY + "".join(ROW % row for row in rows))
    assert run("keygen", "board.key", "--no-passphrase").code == 0
    added = run("trust", "add", "trust.yaml", "--name", "board", "--party", "Buyer", "--role", "assessor", "--role",
                "approver", "--public-key", "board.key.pub", "--subject", "*")
    assert added.code == 0
    return released


def verify(run: Run) -> dict[str, str]:
    ran = run("verify", "model", "--policy", "ours.yaml", "--trust", "trust.yaml", "--format", "json")
    return {row["id"]: row["outcome"] for row in ran.json["requirements"]} | {"code": str(ran.code)}


def test_an_assessment_and_a_waiver_are_written_beside_the_evidence_and_count(run: Run, ours: Path) -> None:
    assert verify(run) == {"W-1": "pass", "W-7": "undetermined", "D-5": "undetermined", "code": "1"}
    ran = run(*ASSESS, "--format", "json")
    assert ran.code == 0
    assert ran.json["predicateType"] == "urn:open-provenance:assessment:v0.1"
    assert verify(run)["D-5"] == "pass"
    assert run(*WAIVE).code == 0
    assert verify(run) == {"W-1": "pass", "W-7": "waived", "D-5": "pass", "code": "0"}
    written = sorted(path.name.rpartition("-")[0] for path in ours.with_name("model.provenance").glob("*-*.json"))
    assert written == ["assessment-d-5", "waiver-our-rules-w-7"]
    shown = run("verify", "model", "--policy", "ours.yaml", "--trust", "trust.yaml").out
    assert "Passed, 1 requirement waived" in shown


def test_a_model_that_is_admitted_with_a_waiver_says_so_in_its_summary(run: Run, ours: Path) -> None:
    run(*ASSESS)
    run(*WAIVE)
    ran = run("admit", "model", "--policy", "ours.yaml", "--trust", "trust.yaml", "--to", "registry",
              "--key", "gate.key")
    assert ran.code == 0, ran.err
    (summary,) = ours.parent.glob("registry/**/verdict.sigstore.json")
    said = run("bundle", "inspect", str(summary), "--format", "json").json["statement"]["predicate"]
    assert said["verifiedLevels"] == [
        "urn:open-provenance:policy:our-rules", "urn:open-provenance:policy:g7-2026-open-weights",
        "urn:open-provenance:waived:W-7"]


def test_a_shipped_policy_lets_be_waived_what_it_says_and_nothing_else(run: Run, ours: Path) -> None:
    """The released model has no attested step: X-3 passes on its release, C-6 is undetermined."""

    def outcome(name: str, *more: str) -> str:
        ran = run("verify", "model", "--policy", "supply-chain-baseline", *more, "--trust", "trust.yaml", "--format",
                  "json")
        assert ran.code == 1  # W-5 is open all the same
        return next(row["outcome"] for row in ran.json["requirements"] if row["id"] == name)

    waive = [word if word != "ours.yaml" else "supply-chain-baseline" for word in WAIVE]
    assert "[requirement-not-waivable]" in run(*[word if word != "W-7" else "W-5" for word in waive]).err
    assert outcome("C-6") == "undetermined"
    assert run(*[word if word != "W-7" else "C-6" for word in waive]).code == 0
    assert outcome("C-6") == "waived"
    assert outcome("C-6", "--set", "maxAgeDays=30") == "undetermined"
    assert run(*[word if word != "W-7" else "C-6" for word in waive], "--set", "maxAgeDays=30").code == 0
    assert outcome("C-6", "--set", "maxAgeDays=30") == "waived"
    assert ours.is_dir()


def test_two_people_do_not_overwrite_each_other(run: Run, ours: Path) -> None:
    run(*ASSESS)
    run(*[word if word != "adequate" else "inadequate" for word in ASSESS])
    assert len(list(ours.with_name("model.provenance").glob("assessment-*"))) == 2
    assert verify(run)["D-5"] == "fail"


def test_a_release_stands_on_nothing_that_people_say_of_it(run: Run, ours: Path) -> None:
    run(*ASSESS)
    run(*WAIVE)
    run("attest", "release", "model", "--components", "components.yaml", "--key", "lab.key")
    inspected = run("bundle", "inspect", "model.provenance/release.sigstore.json", "--format", "json").json
    assert [item["name"] for item in inspected["statement"]["predicate"]["evidence"]] == ["model.sig"]
    assert ours.is_dir()


@pytest.mark.parametrize(("change", "code"), [
    ({"D-5": "Q-9"}, "requirement-unknown"), ({"adequate": "good"}, "usage"),
    ({LATER: "2020-01-01T00:00:00Z"}, "usage"), ({"model": "run.py"}, "evidence-none"),
    ({"board.key": "nobody.key"}, "input-unreadable"),
])
def test_an_assessment_that_cannot_be_signed_is_said_and_nothing_is_written(
    run: Run, ours: Path, change: dict[str, str], code: str
) -> None:
    ran = run(*[change.get(word, word) for word in ASSESS])
    assert ran.code == 2
    assert f"[{code}]" in ran.err
    assert not list(ours.parent.rglob("assessment-*"))


def test_an_assessment_needs_a_requirement_or_a_question(run: Run, ours: Path) -> None:
    words = [word for word in ASSESS if word not in ("--requirement", "D-5")]
    assert "[usage]" in run(*words).err
    assert run(*words, "--question", "is it fair?", "--bundle", "fair.sigstore.json").code == 0
    document = run("bundle", "inspect", "fair.sigstore.json", "--format", "json").json
    assert document["statement"]["predicate"]["question"] == "is it fair?"
    assert ours.is_dir()


@pytest.mark.parametrize(("change", "code"), [
    ({"W-7": "W-1"}, "requirement-not-waivable"), ({"W-7": "W-2"}, "requirement-unknown"),
    ({LATER: "2020-01-01T00:00:00Z"}, "usage"), ({"ours.yaml": "theirs"}, "policy-not-found"),
])
def test_what_cannot_be_waived_is_said_and_nothing_is_written(
    run: Run, ours: Path, change: dict[str, str], code: str
) -> None:
    ran = run(*[change.get(word, word) for word in WAIVE])
    assert ran.code == 2
    assert f"[{code}]" in ran.err
    assert not list(ours.parent.rglob("waiver-*"))


def test_a_waiver_binds_the_digest_that_the_policy_shows(run: Run, ours: Path) -> None:
    digest = json.loads(run("policy", "show", "ours.yaml", "--format", "json").out)["digest"]["sha256"]
    run(*WAIVE, "--bundle", "w.sigstore.json")
    predicate = run("bundle", "inspect", "w.sigstore.json", "--format", "json").json["statement"]["predicate"]
    assert predicate["policy"] == {"id": "our-rules", "digest": {"sha256": digest}}
    assert ours.is_dir()
