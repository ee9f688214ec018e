"""A proof is checked without the dataset and without Arrow, and holds for one record, place and root only."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from provenance import resources
from provenance.artifacts.dataset.arrow import arrow
from provenance.errors import ArtifactError, ProvenanceError
from provenance.workflows.dataset import check_proof, content_document, digest_dataset, prove_row

SCHEMA = {"columns": [{"name": "title", "type": "utf8"}, {"name": "words", "type": "int32"}]}


def valid(document: dict[str, Any], name: str) -> None:
    Draft202012Validator(json.loads(resources.read_text("schemas", f"{name}.schema.json"))).validate(document)


@pytest.fixture
def tales(tmp_path: Path) -> Path:
    """A folder with two splits as JSON Lines, and its schema beside it."""
    (tmp_path / "tales").mkdir()
    for name, count in (("train", 9), ("test", 2)):
        lines = [json.dumps({"title": f"{name} {at}", "words": at or None}) + "\n" for at in range(count)]
        (tmp_path / "tales" / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    return tmp_path / "tales"


def test_the_answer_of_digest_follows_its_schema_and_serves_as_a_schema(tales: Path, tmp_path: Path) -> None:
    content = digest_dataset(tales, tmp_path / "schema.json")
    document = content_document(content)
    valid(document, "dataset-content")
    valid(document["schema"], "dataset-columns")
    (tmp_path / "answer.json").write_text(json.dumps(document), encoding="utf-8")
    assert digest_dataset(tales, tmp_path / "answer.json").root == content.root


def test_progress_counts_the_bytes_of_all_files(tales: Path, tmp_path: Path) -> None:
    read, totals = list[int](), list[int]()
    digest_dataset(tales, tmp_path / "schema.json", progress=read.append, total=totals.append)
    size = sum(path.stat().st_size for path in tales.iterdir())
    assert (sum(read), totals) == (size, [size])


@pytest.fixture
def proof(tales: Path, tmp_path: Path) -> dict[str, Any]:
    return prove_row(tales, 4, split="train", schema=tmp_path / "schema.json").to_dict()


def test_a_proof_holds_for_its_record_and_root(proof: dict[str, Any], tales: Path, tmp_path: Path) -> None:
    valid(proof, "dataset-proof")
    root = digest_dataset(tales, tmp_path / "schema.json").root
    record = {"words": 4, "title": "train 4"}
    checked = check_proof(json.dumps(proof).encode(), root=f"datasetTree:{root}", record=record)
    assert checked.verified
    valid(checked.to_dict(), "dataset-check")
    assert [len(proof["record"]["path"]), len(proof["split"]["path"])] == [4, 1]


def test_a_proof_says_nothing_of_another_record_or_dataset(proof: dict[str, Any]) -> None:
    data = json.dumps(proof).encode()
    assert not check_proof(data, root="0" * 64).verified
    assert not check_proof(data, record={"title": "train 4", "words": 5}).verified
    checked = check_proof(data, root="0" * 64, record={"title": "x"})
    assert [finding.code for finding in checked.findings] == ["dataset-proof-invalid"] * 2
    valid(checked.to_dict(), "dataset-check")


@pytest.mark.parametrize(("change", "code"), [
    (lambda p: p.pop("schema"), "schema-mismatch"),
    (lambda p: p.update(kind="Proof"), "schema-mismatch"),
    (lambda p: p.update(schemaVersion="9"), "schema-mismatch"),
    (lambda p: p["record"].update(salt="00"), "schema-mismatch"),
    (lambda p: p["record"].update(row=-1), "schema-mismatch"),
    (lambda p: p["record"].update(row=1 << 60), "schema-mismatch"),
    (lambda p: p["record"].update(path=["0" * 64] * 65), "schema-mismatch"),
    (lambda p: p["record"].update(path=["0" * 63]), "schema-mismatch"),
    (lambda p: p["record"]["values"].update(words="4"), "dataset-value-invalid"),
    (lambda p: p["record"]["values"].update(extra=4), "dataset-value-invalid"),
    (lambda p: p["schema"]["columns"][0].update(type="string"), "dataset-schema-invalid"),
])
def test_a_document_that_is_no_proof_is_refused(change: Any, code: str, proof: dict[str, Any]) -> None:
    change(proof)
    with pytest.raises(ProvenanceError) as caught:
        check_proof(json.dumps(proof).encode())
    assert caught.value.code == code


def test_deeply_nested_types_in_a_proof_are_refused(proof: dict[str, Any]) -> None:
    kind: dict[str, Any] = {"type": "int8"}
    for _ in range(90):
        kind = {"type": "list", "item": kind}
    proof["schema"]["columns"][0] = {"name": "title", **kind}
    with pytest.raises(ProvenanceError) as caught:
        check_proof(json.dumps(proof).encode())
    assert caught.value.code == "dataset-schema-invalid"


def test_a_row_as_a_float_is_the_row(proof: dict[str, Any]) -> None:
    """To JSON Schema, 4.0 is an integer."""
    proof["record"]["row"] = 4.0
    assert check_proof(json.dumps(proof).encode()).verified


@pytest.mark.parametrize("more", [{"row": 4}, {"row": -1, "split": "train"}])
def test_a_row_needs_a_split_and_a_number(more: dict[str, Any], tales: Path, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError) as caught:
        prove_row(tales, schema=tmp_path / "schema.json", **more)
    assert caught.value.code == "usage"


@pytest.mark.parametrize(("split", "row"), [("valid", 0), ("test", 2)])
def test_a_row_that_is_not_there_is_an_error(split: str, row: int, tales: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        prove_row(tales, row, split=split, schema=tmp_path / "schema.json")
    assert caught.value.code == "dataset-row-missing"


def test_a_schema_that_is_not_there_or_no_json_is_an_error(tales: Path, tmp_path: Path) -> None:
    for name, text, code in (("none", None, "input-unreadable"), ("bad", "{", "dataset-schema-invalid"),
                             ("twice", '{"columns":[],"columns":[]}', "dataset-schema-invalid")):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(ArtifactError) as caught:
            digest_dataset(tales, tmp_path / name)
        assert caught.value.code == code


WITHOUT_ARROW = """
import json, sys
sys.modules.update(pyarrow=None, numpy=None, pandas=None)
from pathlib import Path
from provenance.errors import ArtifactError
from provenance.workflows.dataset import check_proof, digest_dataset, prove_row
folder, schema = Path(sys.argv[1]), Path(sys.argv[2])
proof = json.dumps(prove_row(folder, 1, split="test", schema=schema).to_dict()).encode()
assert check_proof(proof, root=digest_dataset(folder, schema).root).verified
try: digest_dataset(Path(sys.argv[3]))
except ArtifactError as err: print(err.code, err.hint)
"""


def test_text_is_read_and_a_proof_made_and_checked_without_arrow(tales: Path, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    arguments = [str(tales), str(tmp_path / "schema.json"), str(tmp_path / "a.parquet")]
    run = subprocess.run([sys.executable, "-c", WITHOUT_ARROW, *arguments], capture_output=True, text=True, check=False,
                         cwd=Path(__file__).resolve().parents[2])
    assert run.stdout == "extra-missing pip install 'open-provenance[data]'\n", run.stderr


def test_a_machine_of_the_other_byte_order_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow's buffers are hashed as they lie in memory."""
    pytest.importorskip("pyarrow")
    arrow.cache_clear()
    monkeypatch.setattr(sys, "byteorder", "big")
    with pytest.raises(ArtifactError) as caught:
        arrow()
    assert caught.value.code == "platform-unsupported"
