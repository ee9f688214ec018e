"""`provenance store`: evidence is kept, found by the model that it speaks of, and judged from there."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.schemas.test_schemas import follows


def test_a_model_is_judged_by_what_a_store_has_of_it(run: Run, released: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    added = run("store", "add", "store", "model.provenance", "--format", "json")
    assert added.code == 0
    assert len(added.json["bundles"]) == 2
    found = run("store", "find", "store", "--model", "model", "--to", "taken")
    assert found.code == 0
    assert found.out.endswith("2 bundles, not verified\n")
    policy = ("--policy", "g7-2026-open-weights", "--trust", "trust.yaml")
    (tmp_path / "model.provenance").rename(tmp_path / "aside")
    assert run("verify", "model", *policy).code == 1
    assert run("verify", "model", *policy, "--evidence", "taken").code == 0


def test_bundles_are_found_by_type(run: Run, released: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    assert run("store", "add", "store", "model.provenance").code == 0
    kind = "urn:open-provenance:release:v0.1"
    (row,) = run("store", "find", "store", "--predicate-type", kind, "--format", "json").json["bundles"]
    assert row["predicateType"] == kind
    assert run("store", "find", "store", "--subject", "sha256:" + "0" * 64).out == "0 bundles, not verified\n"


def test_what_cannot_be_asked_is_2(run: Run, model: Path) -> None:
    assert "[path-not-found]" in run("store", "find", "none").err
    assert "[usage]" in run("store", "find", ".", "--model", "model", "--subject", "sha256:00").err
    assert "[store-unusable]" in run("store", "find", "nonsense://secret@x/y").err


def test_models_are_found_by_what_they_were_made_from(run: Run, released: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "data.txt").write_text("a text\n")
    recorded = run("record", "--step", "train", "--kind", "train", "--input", "training-data=data.txt", "--output",
                   "made", "--key", "lab.key", "--bundle", "train.sigstore.json", "--", "cp", "-r", "model", "made")
    assert recorded.code == 0, recorded.err
    assert run("store", "add", "store", "train.sigstore.json").code == 0
    ran = run("store", "made-from", "store", "data.txt")
    assert (ran.code, "model      made" in ran.out, "not verified" in ran.out) == (0, True, True)
    answer = run("store", "made-from", "store", "data.txt", "--format", "json").json
    follows(answer, "output.schema.json")
    assert {row["name"] for row in answer["made"]} == {"made"}
    assert "[usage]" in run("store", "made-from", "store", "md5:00").err
