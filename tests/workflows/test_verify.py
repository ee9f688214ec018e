"""The verdict document: complete, true to its schema, the same every time, and of use to whoever reads it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from provenance import resources
from provenance.artifacts.manifest import scan
from provenance.errors import CODES, ProvenanceError
from provenance.policy.policy import LADDER, load_policy, policy_ids
from provenance.reports.wording import rejected
from provenance.statements.reader import to_json
from provenance.statements.statement import Statement
from provenance.workflows.verify import LIMITS, Verification, verify
from tests.policy.test_requirements import CASES
from tests.world import NOW, PASSABLE, TOP_RUNG, World, safetensors

SCHEMA = Draft202012Validator(json.loads(resources.read_text("schemas", "verdict.schema.json")))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.new(tmp_path)


def ask(world: World, policy: str = TOP_RUNG, **changes: Any) -> Verification:
    """The workflow itself, with the world's evidence and trust file unless told otherwise."""
    if not world.signed:
        world.sign()
    given: dict[str, Any] = {"evidence": (world.evidence,), "trust": world.trust, "as_of": NOW, "now": NOW, **changes}
    return verify(world.model, policy, **given)


# --- the document ---------------------------------------------------------------------------------------------------


def test_a_verdict_names_everything_that_went_into_it(world: World) -> None:
    verdict = world.verdict()
    manifest = scan(world.model)
    assert manifest.weights
    assert verdict["asOf"] == "2026-11-23T12:00:00Z"
    assert verdict["model"] == {
        "name": "tiny", "digest": manifest.digest, "files": 3, "bytes": manifest.size,
        "weights": {"digest": {"tensorTree": manifest.weights.root}, "tensors": 2, "parameters": 3},
    }
    assert verdict["policy"]["digest"] == {"sha256": load_policy(TOP_RUNG).digest}
    assert verdict["trust"]["principals"] == 4
    assert {row["sha256"] for row in verdict["evidence"]} == {world.digest(name) for name in world.drafts}
    assert verdict["limits"] == list(LIMITS)


@pytest.mark.parametrize("policy", PASSABLE)
def test_a_requirement_of_a_verdict_names_its_evidence_and_signers(world: World, policy: str) -> None:
    known = {world.digest(name) for name in world.drafts}
    for row in world.verdict(policy)["requirements"]:
        assert row["evidence"]
        assert set(row["evidence"]) <= known
        assert set(row["signers"]) <= {"archive", "lab"}
        assert row["voice"] == "trusted"
        assert row["remedy"] == ""


@pytest.mark.parametrize("case", CASES[::4], ids=str)
def test_a_verdict_follows_its_schema_whatever_the_world(world: World, case: Any) -> None:
    case.spoil(world)
    verdict = world.verdict()
    SCHEMA.validate(verdict)
    assert {row["code"] for row in verdict["findings"]} <= set(CODES)
    assert sum(verdict["counts"].values()) == len(verdict["requirements"])
    assert len(verdict["openPoints"]) == min(3, verdict["counts"]["fail"] + verdict["counts"]["undetermined"])
    assert verdict["passed"] is (verdict["result"] == "pass")
    nodes = {node["id"] for node in verdict["lineage"]["nodes"]}
    assert all({edge["from"], edge["to"]} <= nodes for edge in verdict["lineage"]["edges"])
    assert bool(verdict["next"]) != verdict["passed"]


def test_a_verdict_without_a_trust_file_or_evidence_follows_the_schema_too(world: World) -> None:
    SCHEMA.validate(world.verdict(trusting=False))
    world.unsay(*list(world.drafts))
    SCHEMA.validate(world.verdict())


# --- the same every time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", policy_ids())
def test_the_same_question_gets_the_same_bytes(world: World, policy: str) -> None:
    assert to_json(world.verdict(policy)) == to_json(world.verdict(policy))


@pytest.mark.parametrize("case", CASES[1::9], ids=str)
def test_a_flawed_world_gets_the_same_bytes_too(world: World, case: Any) -> None:
    case.spoil(world)
    assert to_json(world.verdict()) == to_json(world.verdict())


def test_neither_place_nor_order_nor_time_of_files_is_in_a_verdict(world: World, tmp_path: Path) -> None:
    first = to_json(world.verdict())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in sorted(world.folder.rglob("*"), reverse=True):
        target = elsewhere / path.relative_to(world.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copyfile(path, target)
            os.utime(target, (1, 1))
    world.folder = elsewhere
    assert to_json(world.verdict()) == first
    assert str(tmp_path).encode() not in first


ELSEWHERE = """
import sys
from datetime import datetime
from pathlib import Path
from provenance.statements.reader import to_json
from provenance.workflows.verify import verify
model, evidence, trust, now = *map(Path, sys.argv[1:4]), datetime.fromisoformat(sys.argv[4])
for policy in sys.argv[5:]:
    done = verify(model, policy, evidence=(evidence,), trust=trust, as_of=now, now=now)
    sys.stdout.buffer.write(to_json(done.document))
"""


def test_another_process_says_the_same(world: World) -> None:
    """Sets are walked in another order in every process; here one with many of them, each in a flawed world."""
    world.hang_on_base("CC-BY-NC-4.0")
    world.explain_base()
    world.change("prepare", inputs=world.inputs(raw_data="tales.txt", model="tiny base", source="run.py network.py"))
    world.change("release", datasets=())
    world.sign()
    world.write("tiny/a.py", "")
    world.write("tiny/b.py", "")
    paths = (world.model, world.evidence, world.trust)
    command = [sys.executable, "-c", ELSEWHERE, *map(str, paths), NOW.isoformat(), *policy_ids()]
    root = Path(__file__).resolve().parents[2]
    said = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}, check=True,
                       capture_output=True).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert len(said.pop()) > 10_000


def test_the_clock_is_not_in_a_verdict(world: World) -> None:
    later = NOW.replace(year=2027, month=1)
    first, second = (dict(ask(world, as_of=NOW, now=now).document) for now in (NOW, later))
    assert second.pop("asOfInThePast")
    assert not first.pop("asOfInThePast")
    assert [row["code"] for row in second.pop("findings")] == ["as-of-in-the-past"]
    assert first.pop("findings") == []
    assert first == second


# --- where evidence lies --------------------------------------------------------------------------------------------


def test_the_evidence_beside_the_model_is_found_without_being_named(world: World) -> None:
    assert ask(world, evidence=()).passed


def test_a_model_signature_in_the_model_is_evidence_and_not_model(world: World) -> None:
    world.sign()
    world.file("model.sig").rename(world.model / "model.sig")
    assert ask(world).passed


def test_a_trust_file_in_the_model_or_the_evidence_is_not_found(world: World) -> None:
    world.sign()
    shutil.copyfile(world.trust, world.evidence / "trust.yaml")
    done = ask(world, trust=None)
    assert done.document["trust"] is None
    assert not done.passed


def test_evidence_in_two_places_is_one_body_of_evidence(world: World, tmp_path: Path) -> None:
    world.sign()
    other = tmp_path / "other"
    other.mkdir()
    for name in ("train", "release"):
        world.file(name).rename(other / world.file(name).name)
    assert not ask(world).passed
    assert ask(world, evidence=(world.evidence, other)).passed


def test_a_model_that_is_one_file_is_judged_too(world: World) -> None:
    only = world.model / "model.safetensors"
    rows = tuple(row for row in world.release.components)
    world.change("release", subjects=world.described("tiny/model.safetensors"), components=rows)
    world.change("train", outputs=world.described("tiny/model.safetensors"))
    world.unsay("model.sig", "evaluate")
    assert world.verdict(model=only)["passed"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"policy": "osaid-1.1"}, "policy-not-found"),
        ({"trust": Path("no-such.yaml")}, "input-unreadable"),
        ({"evidence": (Path("no-such-folder"),)}, "path-not-found"),
        ({"model": Path("no-such-model")}, "path-not-found"),
    ],
)
def test_a_question_that_cannot_be_asked_is_an_error(world: World, change: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {"model": world.model, "policy": TOP_RUNG, "evidence": (world.evidence,),
                             "trust": world.trust, "as_of": NOW, "now": NOW}
    with pytest.raises(ProvenanceError) as raised:
        verify(**(given | change))
    assert raised.value.code == code


@pytest.mark.parametrize("junk", [b"", b"{}", b"[]", b"\xff", b"{" * 5000, b'{"mediaType":"x","mediaType":"y"}'])
def test_a_bundle_that_cannot_be_read_is_listed_as_rejected(world: World, junk: bytes) -> None:
    world.sign()
    (world.evidence / "junk.sigstore.json").write_bytes(junk)
    verdict = world.verdict()
    row = next(row for row in verdict["evidence"] if row["file"] == "junk.sigstore.json")
    assert row["status"] == "INVALID"
    assert row["code"] in CODES
    assert row["reason"]
    assert verdict["passed"]


def test_a_signed_predicate_that_breaks_its_schema_is_listed_as_rejected_and_supports_nothing(world: World) -> None:
    made = world.described("tiny/model.safetensors")
    broken = Statement(made, "https://slsa.dev/provenance/v1", {
        "buildDefinition": {"buildType": "https://example.org/build"}, "runDetails": {"builder": {"id": "https://x"}}})
    before = world.verdict()
    world.say("broken", broken)
    world.sign()
    verdict = world.verdict()
    row = next(row for row in verdict["evidence"] if row["file"] == "broken.sigstore.json")
    assert (row["status"], row["code"], row["voice"], row["used"]) == ("VALID", "schema-mismatch", "none", False)
    assert row in rejected(verdict)
    assert verdict["lineage"] == before["lineage"]
    assert not [item for item in verdict["requirements"] if row["sha256"] in str(item)]


@settings(max_examples=40)
@given(name=st.sampled_from(["train", "evaluate", "dataset-raw", "model.sig"]), data=st.data())
def test_a_listed_bundle_with_any_one_byte_changed_is_missed(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: Any
) -> None:
    """Even where the signature does not cover the byte: the release lists the bundle by the sha256 of its file."""
    world = World.new(tmp_path_factory.mktemp("flip"))
    raw = bytearray(world.file(name).read_bytes())
    index = data.draw(st.integers(0, len(raw) - 1))
    raw[index] ^= data.draw(st.integers(1, 255))
    world.file(name).write_bytes(bytes(raw))
    verdict = world.verdict()
    assert not verdict["passed"]
    assert verdict["ladder"]["shown"] is None


# --- what it says ---------------------------------------------------------------------------------------------------


def test_a_changed_file_is_named_with_its_tensor(world: World) -> None:
    world.sign()
    world.write("tiny/model.safetensors", safetensors({"a": [1.0, 2.5], "b": [3.0]}))
    verdict = world.verdict()
    told = {(row["code"], row["location"]) for row in verdict["findings"]}
    assert {("file-mismatch", "model.safetensors"), ("tensor-mismatch", "a")} <= told
    assert "model.safetensors" in verdict["openPoints"][0]


def test_missing_evidence_is_named(world: World) -> None:
    world.lose("dataset-raw")
    verdict = world.verdict()
    assert {row["location"] for row in verdict["findings"] if row["code"] == "evidence-missing"} == {
        "dataset-raw.sigstore.json"
    }
    assert {row["id"]: row["outcome"] for row in verdict["requirements"]}["D-2"] == "undetermined"


def test_the_rung_shown_and_the_rung_declared_are_two_answers(world: World) -> None:
    world.change("train", "stranger")
    verdict = world.verdict()
    assert verdict["ladder"]["shown"] is None
    assert verdict["ladder"]["declared"] == TOP_RUNG
    assert [rung["policy"] for rung in verdict["ladder"]["rungs"]] == [name for name, _ in LADDER]


def test_a_step_that_the_release_does_not_stand_on_raises_no_rung(world: World) -> None:
    world.change("train", "stranger")
    world.listed = sorted(set(world.drafts) - {"release", "train"})
    verdict = world.verdict()
    assert verdict["ladder"]["shown"] == "g7-2026-open-weights"
    assert verdict["ladder"]["declared"] == "g7-2026-open-weights"
    assert [rung["shown"] for rung in verdict["ladder"]["rungs"]] == ["pass", "pass", "undetermined", "undetermined"]


def test_a_passed_policy_names_what_the_next_rung_needs(world: World) -> None:
    world.unsay("train")
    verdict = world.verdict("g7-2026-open-weights")
    assert verdict["passed"]
    assert {row["towards"] for row in verdict["next"]} == {"g7-2026-open-source-ai"}
    assert all(row["remedy"] for row in verdict["next"])
    assert len({row["remedy"] for row in verdict["next"]}) == len(verdict["next"])


def test_failures_are_told_before_what_is_undetermined(world: World) -> None:
    world.license("inference-code", None)
    world.state("dataset-raw", license="CC-BY-NC-4.0")
    points = world.verdict()["openPoints"]
    assert points[0].startswith("D-6 ")
    assert points[1].startswith("C-1 ")


def test_the_lineage_of_a_verdict_leads_from_the_text_to_the_model(world: World) -> None:
    lineage = world.verdict()["lineage"]
    label = {node["id"]: node["label"] for node in lineage["nodes"]}
    edges = {(label[edge["from"]], label[edge["to"]], edge["role"]) for edge in lineage["edges"]}
    assert {
        ("tales.txt", "prepare", "raw-data"), ("prepare", "corpus", "output"), ("corpus", "train", "training-data"),
        ("train", "tiny", "output"), ("tiny", "evaluate", "evaluated"), ("train.py", "train", "source"),
    } <= edges
    assert {node["state"] for node in lineage["nodes"]} == {"shown"} | {"declared"}
    assert [node["label"] for node in lineage["nodes"] if node["state"] == "declared"] == ["tales"]
    assert lineage["gaps"] == []


def test_a_lineage_that_is_missing_says_so(world: World) -> None:
    world.unsay("train", "dataset-raw")
    assert "no attested step says how these weights were made" in world.verdict()["lineage"]["gaps"]


def test_what_is_only_declared_stands_beside_what_is_open(world: World) -> None:
    asked = {row["id"]: row for row in world.verdict(trusting=False)["requirements"]}
    assert asked["W-2"]["outcome"] == "undetermined"
    assert "Apache-2.0" in asked["W-2"]["declares"]
    assert {row["declares"] for row in world.verdict()["requirements"]} == {""}


def test_evidence_that_no_requirement_uses_is_listed_as_unused(world: World) -> None:
    world.write("other.txt", "other\n")
    world.listed = sorted(set(world.drafts) - {"release"})
    world.say("other", world.dataset("other.txt"), "lab")
    rows = {row["file"]: row["used"] for row in world.verdict()["evidence"]}
    assert rows == {name: name != "other.sigstore.json" for name in rows}


def test_a_copy_is_made_of_the_very_bytes_that_are_judged(world: World, tmp_path: Path) -> None:
    copied = tmp_path / "copy"
    copied.mkdir()
    done = ask(world, copy_into=copied)
    assert done.passed
    assert scan(copied).digest == scan(world.model).digest == done.model.digest
