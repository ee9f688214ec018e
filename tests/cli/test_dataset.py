"""`provenance dataset`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SCHEMA = '{"columns": [{"name": "title", "type": "utf8"}, {"name": "words", "type": "int32"}]}'


@pytest.fixture
def tales(tmp_path: Path) -> Path:
    """`tales/` with two splits and a README, and `schema.json`."""
    (tmp_path / "schema.json").write_text(SCHEMA)
    (tmp_path / "tales").mkdir()
    (tmp_path / "tales" / "train.csv").write_text("words,title\r\n120,The Fox\r\n,\"The \x1b[31mCrow\"\r\n")
    (tmp_path / "tales" / "test.jsonl").write_text('{"title":"The Hare"}\n')
    (tmp_path / "tales" / "README.md").write_text("tales\n")
    return tmp_path / "tales"


def test_digest_prints_splits_shards_columns_and_the_root(run: Run, tales: Path) -> None:
    ran = run("dataset", "digest", "tales", "--schema", "schema.json")
    assert ran.code == 0
    document = run("dataset", "digest", "tales", "--schema", "schema.json", "--format", "json").json
    assert f"dataset tree  {document['digest']['datasetTree']}\n" in ran.out
    assert "split train: 2 records" in ran.out
    assert "title: utf8" in ran.out
    assert "left out: README.md\n" in ran.out
    assert ran.err == ""


def test_files_may_be_named_split_by_split(run: Run, tales: Path) -> None:
    whole = run("dataset", "digest", "tales", "--schema", "schema.json", "--format", "json").json
    named = run("dataset", "digest", "--files", "train=tales/train.csv", "--files", "test=tales/test.jsonl", "--schema",
                "schema.json", "--format", "json").json
    assert named["digest"] == whole["digest"]
    again = run("dataset", "digest", "--files", "train=tales/train.csv", "--files", "train=tales/train.csv", "--schema",
                "schema.json", "--format", "json", "--column", "words").json
    assert again["records"] == 4
    assert [column["name"] for column in again["schema"]["columns"]] == ["words"]


def test_a_record_is_proved_and_checked_on_its_own(run: Run, tales: Path, tmp_path: Path) -> None:
    digest = run("dataset", "digest", "tales", "--schema", "schema.json", "--format", "json").json["digest"]
    ran = run("dataset", "prove", "tales", "--schema", "schema.json", "--split", "train", "--row", "1",
              "--output", "proof.json")
    assert (ran.code, ran.out) == (0, "")
    assert "Fox" not in (tmp_path / "proof.json").read_text()
    for path in tales.iterdir():
        path.unlink()
    checked = run("dataset", "check", "proof.json", "--digest", digest["datasetTree"])
    assert checked.code == 0
    assert "is record 1 of the 2 in split train" in checked.out
    assert "\x1b" not in checked.out
    assert "Compare this root" in run("dataset", "check", "proof.json").out
    assert run("dataset", "check", "proof.json", "--format", "json").json["verified"] is True


def test_a_proof_that_does_not_hold_ends_with_1(run: Run, tales: Path, tmp_path: Path) -> None:
    run("dataset", "prove", "tales", "--schema", "schema.json", "--split", "train", "--row", "0",
        "--output", "proof.json")
    (tmp_path / "record.json").write_text('{"title": "The Fox", "words": 121}')
    for more in (["--digest", "0" * 64], ["--record", "record.json"]):
        ran = run("dataset", "check", "proof.json", *more)
        assert (ran.code, "does not hold" in ran.out) == (1, True)
    (tmp_path / "record.json").write_text('{"title": "The Fox", "words": 120}')
    assert run("dataset", "check", "proof.json", "--record", "record.json").code == 0
    proof = json.loads((tmp_path / "proof.json").read_text())
    proof["record"]["values"]["words"] = 121
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    assert run("dataset", "check", "proof.json").code == 1


@pytest.mark.parametrize(("arguments", "code"), [
    (("digest",), "usage"), (("digest", "tales", "--files", "a=b"), "usage"), (("digest", "--files", "a"), "usage"),
    (("digest", "none"), "path-not-found"), (("digest", "tales"), "dataset-schema-missing"),
    (("digest", "tales", "--schema", "none"), "input-unreadable"),
    (("prove", "tales", "--schema", "schema.json", "--row", "0"), "usage"),
    (("prove", "tales", "--schema", "schema.json", "--row", "-1"), "usage"),
    (("prove", "tales", "--schema", "schema.json", "--row", "9", "--split", "train"), "dataset-row-missing"),
    (("check", "none.json"), "input-unreadable"), (("check", "schema.json"), "schema-mismatch"),
    (("check", "tales/README.md"), "json-invalid"),
])
def test_what_cannot_be_done_ends_with_2_and_says_why(arguments: tuple[str, ...], code: str, run: Run,
                                                      tales: Path) -> None:
    ran = run("dataset", *arguments)
    assert ran.code == 2
    assert f"Error [{code}]" in ran.err
    assert "next:" in ran.err


def test_a_root_or_record_of_another_form_is_refused(run: Run, tales: Path, tmp_path: Path) -> None:
    run("dataset", "prove", "tales", "--schema", "schema.json", "--split", "test", "--row", "0",
        "--output", "proof.json")
    assert run("dataset", "check", "proof.json", "--digest", "ABC").code == 2
    (tmp_path / "record.json").write_text("[]")
    assert run("dataset", "check", "proof.json", "--record", "record.json").code == 2
