"""The golden vectors of the dataset tree hold, for the project and for the slow reference alike."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.dataset.content import Content, read_content
from provenance.artifacts.dataset.encoding import decode_record, encode_column, encode_record
from provenance.artifacts.dataset.schema import Schema, parse_schema
from provenance.artifacts.dataset.splits import layout_from, layout_of
from provenance.artifacts.dataset.values import from_json, to_json
from provenance.errors import ProvenanceError
from provenance.workflows.dataset import check_proof

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "attestations" / "vectors" / "dataset"
TREES = sorted(path.stem for path in (VECTORS / "valid").glob("*.json")
               if path.stem != "encodings" and not path.stem.endswith(".proof"))
INVALID = sorted(path.stem for path in (VECTORS / "invalid").glob("*.json")
                 if not path.stem.endswith((".proof", ".schema")))


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_bytes())


def test_the_vectors_are_what_their_generator_makes() -> None:
    """The generator shares no code with the project: it is a second implementation."""
    run = subprocess.run([sys.executable, "tests/vectors/generate_dataset.py", "--check"], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("", 0), run.stderr


def test_every_value_has_the_encoding_of_the_vector_and_comes_back_from_it() -> None:
    for case in load("valid/encodings.json")["cases"]:
        schema = Schema.from_dict({"columns": [{"name": "a", **case["type"]}]})
        (kind,) = schema.types
        (plain,) = from_json(kind, [case["value"]])
        encoded = encode_record(schema, [plain])
        assert encoded.hex() == case["encoding"], case
        (decoded,) = decode_record(schema, encoded)
        assert from_json(kind, [to_json(kind, decoded)]) == [plain] or plain != plain
        assert encode_record(schema, from_json(kind, [to_json(kind, decoded)])) == encoded


def test_no_two_values_of_a_type_have_one_encoding_or_begin_alike() -> None:
    by_type: dict[str, list[str]] = {}
    for case in load("valid/encodings.json")["cases"]:
        by_type.setdefault(json.dumps(case["type"]), []).append(case["encoding"])
    for encodings in by_type.values():
        ordered = sorted(encodings)
        assert not any(right.startswith(left) for left, right in pairwise(ordered))


def content_of(vector: dict[str, Any], folder: Path) -> Content:
    """The records of a vector, through JSON Lines."""
    for split in vector["splits"]:
        lines = [json.dumps(record) + "\n" for record in split["records"]]
        (folder / f"{split['name']}.jsonl").write_text("".join(lines), encoding="utf-8")
    return read_content(layout_of(folder), Schema.from_dict(vector["schema"]))[0]


@pytest.mark.parametrize("name", TREES)
def test_records_have_the_digests_of_the_vector(name: str, tmp_path: Path) -> None:
    vector = load(f"valid/{name}.json")
    content = content_of(vector, tmp_path)
    assert content.schema.digest.hex() == vector["schemaDigest"]
    assert content.root == vector["root"]
    for split, expected in zip(content.splits, vector["splits"], strict=True):
        assert (split.name, split.records) == (expected["name"], len(expected["records"]))
        assert (split.head, split.digest) == (expected["head"], expected["digest"])
        assert [column.digest for column in split.columns] == expected["columns"]


def test_the_files_beside_a_vector_hold_its_records() -> None:
    vector = load("valid/tales.json")
    for file in vector["files"]:
        layout = layout_from({"train": [VECTORS / "valid" / file]})
        assert read_content(layout, Schema.from_dict(vector["schema"]))[0].root == vector["root"]


def test_vectors_that_differ_in_one_thing_differ_in_their_roots() -> None:
    vectors = {name: load(f"valid/{name}.json") for name in TREES}
    assert len({vector["root"] for vector in vectors.values()}) == len(vectors)
    assert vectors["three"]["splits"][0]["digest"] == vectors["split-renamed"]["splits"][0]["digest"]
    assert sorted(vectors["three"]["splits"][0]["columns"]) == sorted(vectors["swapped"]["splits"][0]["columns"])


@pytest.mark.parametrize("path", sorted((VECTORS / "valid").glob("*.proof.json")), ids=lambda path: path.stem)
def test_a_proof_of_the_vectors_holds(path: Path) -> None:
    document = json.loads(path.read_bytes())
    checked = check_proof(path.read_bytes(), root=document["dataset"]["digest"]["datasetTree"],
                          record=document["record"]["values"])
    assert checked.verified
    assert checked.proof.to_dict() == document


def refuse(vector: dict[str, Any]) -> str:
    """The code with which the file of a vector is refused; "" where it is not."""
    path = VECTORS / "invalid" / vector["file"]
    try:
        if path.name.endswith(".proof.json"):
            checked = check_proof(path.read_bytes())
            assert checked.verified is not bool(checked.findings)
            return checked.findings[0].code if checked.findings else ""
        if path.name.endswith(".schema.json"):
            parse_schema(path.read_bytes(), path.name)
            return ""
        schema = Schema.from_dict(load(vector["schema"])) if "schema" in vector else None
        read_content(layout_of(path), schema)
    except ProvenanceError as err:
        told = err.hint and (err.location.startswith(path.name) or err.code == "dataset-empty")
        return err.code if told else f"{err.code} without a place or a hint"
    return ""


@pytest.mark.parametrize("name", INVALID)
def test_what_is_invalid_is_refused_with_its_code(name: str) -> None:
    vector = load(f"invalid/{name}.json")
    assert refuse(vector) == vector["code"], vector["flaw"]


def test_every_file_of_the_vectors_has_an_expected_result() -> None:
    expected = {load(f"invalid/{name}.json")["file"] for name in INVALID} | {f"{name}.json" for name in INVALID}
    assert {path.name for path in (VECTORS / "invalid").iterdir()} == expected


def test_a_column_is_encoded_as_its_values_one_by_one() -> None:
    for case in load("valid/encodings.json")["cases"]:
        (kind,) = Schema.from_dict({"columns": [{"name": "a", **case["type"]}]}).types
        values = from_json(kind, [case["value"], None, case["value"]])
        assert [cell.hex() for cell in encode_column(kind, values)] == [case["encoding"], "00", case["encoding"]]


def test_the_numbers_of_the_page_are_those_of_its_vector() -> None:
    page = (ROOT / "attestations" / "dataset-tree.md").read_text(encoding="utf-8")
    vector = load("valid/example.json")
    (split,) = vector["splits"]
    named = {vector["schemaDigest"], vector["root"], split["head"], split["digest"]}
    named |= {*split["leaves"], *split["columns"]}
    assert set(re.findall(r"\b[0-9a-f]{64}\b", page)) == named
    schema = Schema.from_dict(vector["schema"])
    for record in split["records"]:
        values = [from_json(kind, [record[name]])[0] for name, kind in schema]
        assert encode_record(schema, values).hex() in page.replace(" ", "")
    proof = re.search(r"```json\n(\{\n.*?)```", page, re.DOTALL)
    assert proof is not None
    assert check_proof(proof[1].encode(), root=vector["root"]).verified
