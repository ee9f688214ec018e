"""Reproducing a model: recomputing what is attested of it, and making it again from its record."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.artifacts.manifest import scan
from provenance.bundles.envelope import sign
from provenance.bundles.oms import model_statement
from provenance.bundles.trust import read_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import ProvenanceError
from provenance.statements.artifact import describe
from provenance.statements.release import Release
from provenance.statements.reproduction import MEANING, Reproduction
from provenance.workflows import reproduce as workflow
from provenance.workflows import sandbox as sandboxes
from provenance.workflows.recorder.running import Ended
from provenance.workflows.reproduce import ReproductionReport, sign_reproduction
from provenance.workflows.reproducer.values import largest_differences

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
needs_sandbox = pytest.mark.skipif(sandboxes.find_sandbox() is None, reason="no sandbox can be used here")


@pytest.fixture
def trained(pipeline: Any) -> Any:
    """A pipeline whose training step was recorded."""
    pipeline.record()
    return pipeline


def told(report: ReproductionReport) -> list[tuple[str, str]]:
    """The differences by kind and name."""
    return [(difference.kind, difference.name) for difference in report.differences]


def follows_its_schema(report: ReproductionReport) -> bool:
    schema = json.loads((ROOT / "schemas" / "reproduction-report.schema.json").read_text())
    jsonschema.validate(report.to_dict(), schema)
    return True


def flip(path: Path, at: int = -1) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


# Checksums


def test_an_untouched_model_is_equal(trained: Any) -> None:
    report = trained.reproduce()
    assert (report.outcome, report.passed, report.meaning) == ("equal", True, MEANING["equal"])
    assert (report.mode, report.files, report.tensors, report.differences) == ("checksums", 2, 1, ())
    assert [item.label for item in report.compared] == ["train step train"]
    assert follows_its_schema(report)


def test_a_flipped_byte_is_told_by_file_and_tensor(trained: Any) -> None:
    flip(trained.model / "model.safetensors")
    report = trained.reproduce()
    assert (report.outcome, report.passed) == ("different", False)
    assert told(report) == [("file", "model.safetensors"), ("tensor", "w")]
    assert follows_its_schema(report)


def test_a_changed_file_beside_the_weights_leaves_the_tensors_equal_and_is_not_passed(trained: Any) -> None:
    trained.write("model/config.json", '{"trust_remote_code": true}')
    report = trained.reproduce()
    assert (report.outcome, report.passed, told(report)) == ("equal-in-tensors", False, [("file", "config.json")])


@pytest.mark.parametrize("spoil", [
    lambda model: (model / "extra.py").write_text("import os"),
    lambda model: (model / "link").symlink_to("/etc/hostname"),
], ids=["file", "link"])
def test_what_nobody_attested_is_told(trained: Any, spoil: Callable[[Path], object]) -> None:
    spoil(trained.model)
    report = trained.reproduce()
    assert report.outcome == "equal-in-tensors"
    assert len(report.differences) == 1


def test_a_missing_file_is_told(trained: Any) -> None:
    (trained.model / "config.json").unlink()
    assert told(trained.reproduce()) == [("file", "config.json")]


def test_truncated_weights_are_different(trained: Any) -> None:
    weights = trained.model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    report = trained.reproduce()
    assert report.outcome == "different"
    assert ("file", "model.safetensors") in told(report)


def test_what_a_hosting_site_adds_at_the_top_does_not_count(trained: Any) -> None:
    trained.write("model/.gitattributes", "*.safetensors filter=lfs")
    assert trained.reproduce().outcome == "equal"


def test_one_file_of_a_model_can_be_asked_about(trained: Any) -> None:
    report = trained.reproduce(trained.model / "model.safetensors", trained.bundle)
    assert (report.outcome, report.files) == ("equal", 1)
    assert [subject.name for subject in report.compared[0].subjects] == ["model/model.safetensors"]


def test_a_release_speaks_of_files_that_were_added_after_training(trained: Any) -> None:
    """The step attests what it made, the release what is published: the better fit decides."""
    trained.write("model/LICENSE", "Apache-2.0")
    assert trained.reproduce().outcome == "equal-in-tensors"
    release = Release(describe(scan(trained.model)), "model", "1", "ACME", "", (), (), (), (), {})
    publish(trained, release.to_statement().to_bytes(), "release.sigstore.json")
    report = trained.reproduce()
    assert (report.outcome, report.differences) == ("equal", ())
    assert [(item.label, item.comparison.outcome) for item in report.compared] == [
        ("release model", "equal"), ("train step train", "equal-in-tensors")]


def publish(pipeline: Any, statement: bytes, name: str, key: str = "acme") -> Path:
    path: Path = pipeline.bundle.with_name(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sign(statement, pipeline.signer(key)()))
    return path


def test_a_model_signature_is_recomputed_too(trained: Any) -> None:
    trained.bundle.unlink()
    publish(trained, model_statement(scan(trained.model)).to_bytes(), "model.sig")
    report = trained.reproduce()
    assert (report.outcome, report.compared[0].label) == ("equal", "model signature")
    assert (report.files, report.tensors) == (2, 0)
    flip(trained.model / "model.safetensors")
    report = trained.reproduce()
    assert (report.outcome, told(report)) == ("different", [("file", "model.safetensors")])


def test_evidence_that_lies_in_the_model_is_no_part_of_it(trained: Any) -> None:
    signature = sign(model_statement(scan(trained.model)).to_bytes(), trained.signer()())
    (trained.model / "model.sig").write_bytes(signature)
    (trained.model / "evidence").mkdir()
    trained.bundle.rename(trained.model / "evidence" / trained.bundle.name)
    report = trained.reproduce(trained.model, trained.model / "evidence")
    assert (report.outcome, len(report.compared)) == ("equal", 2)
    (trained.model / "evidence" / "payload.sigstore.json").write_text("no bundle at all")
    assert trained.reproduce(trained.model, trained.model / "evidence").outcome != "equal"


def test_without_a_trusted_statement_nothing_is_known(pipeline: Any) -> None:
    pipeline.add("stranger", trusted=False)
    pipeline.record(key="stranger")
    report = pipeline.reproduce()
    assert (report.outcome, report.passed, [f.code for f in report.findings]) == (
        "undetermined", False, ["evidence-none"])
    assert [(item.status, item.code) for item in report.rejected] == [("UNSUPPORTED", "signature-unknown-signer")]
    assert follows_its_schema(report)
    with pytest.raises(ProvenanceError) as raised:
        sign_reproduction(report, pipeline.signer(), pipeline.root / "out.sigstore.json")
    assert raised.value.code == "reproduction-undetermined"
    assert not (pipeline.root / "out.sigstore.json").exists()


@pytest.mark.parametrize("role", ["buyer", "reproducer", "data-supplier"])
def test_only_a_producer_says_what_a_model_is(pipeline: Any, role: str) -> None:
    pipeline.add("other", role)
    pipeline.record(key="other")
    assert pipeline.reproduce().outcome == "undetermined"


@pytest.mark.parametrize("part", ["model.safetensors", "#tensors"])
def test_a_right_folder_digest_does_not_carry_the_digest_of_something_else(trained: Any, part: str) -> None:
    """Whoever signs what was found would sign that these other weights came out equal."""
    model = scan(trained.model)
    wrong = {"tensorTree": "ab" * 32} if part == "#tensors" else {"sha256": "ab" * 32}
    subjects = tuple(replace(subject, digest=wrong) if subject.name.endswith(part) else subject
                     for subject in describe(model))
    trained.bundle.unlink()
    publish(trained, Release(subjects, "released").to_statement().to_bytes(), "release.sigstore.json")
    report = trained.reproduce()
    assert not report.passed
    assert any(name.endswith(part) for _, name in told(report))
    assert follows_its_schema(report)


def test_a_broken_bundle_is_listed_and_does_not_count(trained: Any) -> None:
    flip(trained.bundle, trained.bundle.read_bytes().index(b'"payload":"') + 100)
    report = trained.reproduce()
    assert report.outcome == "undetermined"
    assert [item.status for item in report.rejected] == ["INVALID"]


def test_a_base_model_in_the_evidence_is_not_taken_for_this_one(trained: Any) -> None:
    """Its files have the same names: only a statement that fits speaks of the model."""
    trained.write("corpus/text.txt", "another text of that length")
    trained.record(name="base", outputs=(Path("base"),), bundle=trained.bundle.with_name("base.sigstore.json"),
                   command=("python", "train.py", "corpus/text.txt", "base"))
    report = trained.reproduce()
    assert (report.outcome, [item.label for item in report.compared]) == ("equal", ["train step train"])


def test_less_evidence_never_makes_it_better(trained: Any) -> None:
    flip(trained.model / "model.safetensors")
    with_evidence = trained.reproduce()
    trained.bundle.unlink()
    assert not with_evidence.passed
    assert not trained.reproduce().passed


@pytest.mark.parametrize("path", ["nowhere", "corpus/text.txt/x"])
def test_a_model_that_is_not_there_is_an_error(trained: Any, path: str) -> None:
    with pytest.raises(ProvenanceError) as raised:
        trained.reproduce(trained.folder / path)
    assert raised.value.code in ("path-not-found", "input-unreadable")


# Signing


def test_what_was_found_can_be_signed_and_is_read_again(trained: Any) -> None:
    trained.add("auditor", "reproducer")
    signed = sign_reproduction(trained.reproduce(), trained.signer("auditor"), trained.root / "out.sigstore.json")
    verifier = Verifier(read_trust(trained.trust, NOW), NOW)
    seen = verifier.examine(signed.bundle.read_bytes(), signed.bundle.name)
    assert (seen.status, seen.sha256) == ("VALID", signed.sha256)
    assert seen.verified is not None
    assert isinstance(seen.verified.claim, Reproduction)
    assert seen.subjects == ("model", "model#tensors")
    facts = seen.verified.claim.facts
    assert (facts["mode"], facts["outcome"], facts["compared"]) == ("checksums", "equal", {"files": 2, "tensors": 1})
    assert facts["evidence"][0]["name"] == "train.sigstore.json"


def test_that_it_is_different_can_be_signed_too_and_speaks_of_what_was_attested(trained: Any) -> None:
    attested = scan(trained.model).digest
    flip(trained.model / "model.safetensors")
    output = trained.root / "out.sigstore.json"
    sign_reproduction(trained.reproduce(), trained.signer(), output)
    statement = json.loads(trained.payload(output))
    assert statement["predicate"]["outcome"] == "different"
    assert statement["subject"][0]["digest"] == attested


# Running a step again


@needs_sandbox
def test_a_step_that_is_run_again_gives_the_same_bytes(trained: Any) -> None:
    report = trained.rerun()
    assert (report.mode, report.outcome, report.passed) == ("rerun", "equal", True)
    assert (report.files, report.tensors, report.step_name) == (2, 1, "train")
    assert report.environment["sandbox"] in ("bubblewrap", "user-namespaces")
    assert report.environment["differs"] == []
    assert follows_its_schema(report)
    statement = report.to_statement().to_statement()
    assert statement.predicate["step"]["name"] == "train"


def test_running_a_step_needs_consent(trained: Any) -> None:
    assert refused(trained, allow_execute=False) == "execution-not-allowed"


def refused(pipeline: Any, **changes: Any) -> str:
    with pytest.raises(ProvenanceError) as raised:
        pipeline.rerun(**changes)
    assert raised.value.hint
    return raised.value.code


def test_the_step_of_a_stranger_is_not_run(pipeline: Any) -> None:
    pipeline.add("stranger", trusted=False)
    pipeline.record(key="stranger")
    assert refused(pipeline) == "step-not-found"


def test_the_step_of_a_trusted_party_that_is_no_producer_is_not_run(pipeline: Any) -> None:
    pipeline.add("buyer", "buyer")
    pipeline.record(key="buyer")
    assert refused(pipeline) == "step-not-found"


def test_without_a_sandbox_nothing_is_run(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandboxes, "find_sandbox", lambda: None)
    assert refused(trained) == "sandbox-unavailable"


def test_without_a_sandbox_a_step_is_run_when_that_is_spelled_out(
    trained: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sandboxes, "find_sandbox", lambda: None)
    trained.write_training("print('training')")
    trained.record()
    capfd.readouterr()
    report = trained.rerun(no_sandbox=True)
    assert (report.outcome, report.environment["sandbox"]) == ("equal", "none")
    assert capfd.readouterr() == ("", "training\n")


def test_a_command_without_its_secret_is_not_run(pipeline: Any) -> None:
    pipeline.record(command=("python", "train.py", "corpus/text.txt", "model", "--token", "secret"))
    assert refused(pipeline) == "command-redacted"


def test_two_steps_that_made_one_model_must_be_told_apart(trained: Any) -> None:
    trained.record(name="again", bundle=trained.bundle.with_name("again.sigstore.json"))
    assert refused(trained) == "step-ambiguous"
    assert refused(trained, step="other") == "step-not-found"
    assert trained.rerun(step="again", no_sandbox=True).step_name == "again"
    assert trained.rerun(step="train.sigstore.json", no_sandbox=True).step_name == "train"


def test_inputs_are_found_by_digest_wherever_they_lie(trained: Any) -> None:
    elsewhere = trained.root / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (trained.folder / "corpus" / "text.txt").rename(elsewhere / "deep" / "other-name")
    report = trained.rerun(inputs=[elsewhere, trained.folder / "train.py"], no_sandbox=True)
    assert report.outcome == "equal"


def test_an_input_of_the_right_name_and_other_bytes_is_not_taken(trained: Any) -> None:
    trained.write("corpus/text.txt", "In the beginninG")
    with pytest.raises(ProvenanceError) as raised:
        trained.rerun(no_sandbox=True)
    assert raised.value.code == "input-missing"
    assert "corpus/text.txt" in raised.value.message
    assert "train.py" not in raised.value.message


def test_an_input_behind_a_link_is_not_taken(trained: Any) -> None:
    text = trained.folder / "corpus" / "text.txt"
    text.rename(trained.root / "text")
    text.symlink_to(trained.root / "text")
    assert refused(trained, no_sandbox=True) == "input-missing"


def test_every_missing_input_is_named(trained: Any) -> None:
    with pytest.raises(ProvenanceError) as raised:
        trained.rerun(inputs=[], no_sandbox=True)
    assert "corpus/text.txt, train.py" in raised.value.message


def test_a_folder_of_inputs_that_is_not_there_is_an_error(trained: Any) -> None:
    assert refused(trained, inputs=[trained.root / "nowhere"], no_sandbox=True) == "path-not-found"


def test_a_script_that_can_be_executed_can_be_again(pipeline: Any) -> None:
    script = pipeline.write("run.sh", "#!/bin/sh\nmkdir model && cp corpus/text.txt model/text\n")
    script.chmod(0o755)
    pipeline.record(command=("./run.sh",), inputs=(("source", Path("run.sh")), ("training-data", Path("corpus"))))
    assert pipeline.rerun(no_sandbox=True).outcome == "equal"


def test_recorded_variables_are_given_to_the_command(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    script = "mkdir model && echo $OMP_NUM_THREADS $INHERITED > model/seen"
    pipeline.record(command=("sh", "-c", script))
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    monkeypatch.setenv("INHERITED", "no")
    assert pipeline.rerun(no_sandbox=True).outcome == "equal"


@pytest.mark.parametrize("confined", [pytest.param(True, marks=needs_sandbox), False])
def test_values_that_differ_are_told_with_the_largest_difference(pipeline: Any, confined: bool) -> None:
    pytest.importorskip("numpy")
    pipeline.write_training("import os; values[3] += 0.5 * (1 + int.from_bytes(os.urandom(3), 'big'))")
    pipeline.record()
    report = pipeline.rerun(no_sandbox=not confined)
    assert report.outcome == "different"
    (tensor,) = [row for row in report.differences if row.kind == "tensor"]
    assert tensor.name == "w"
    assert tensor.largest is not None
    assert tensor.largest > 0
    assert tensor.largest % 0.5 == 0
    assert follows_its_schema(report)


def test_a_file_that_differs_beside_equal_weights_is_told(pipeline: Any) -> None:
    pipeline.write_training("import uuid; (folder / 'log').write_text(str(uuid.uuid4()))")
    pipeline.record()
    report = pipeline.rerun(no_sandbox=True)
    assert (report.outcome, told(report)) == ("equal-in-tensors", [("file", "log")])


def test_a_command_that_fails_again_leaves_the_outcome_open(pipeline: Any) -> None:
    once = "test -e corpus/../unrecorded && mkdir model && cp corpus/text.txt model/"
    pipeline.write("unrecorded", "a file that was not declared")
    pipeline.record(command=("sh", "-c", once))
    report = pipeline.rerun(no_sandbox=True)
    assert (report.outcome, report.passed, [f.code for f in report.findings]) == (
        "undetermined", False, ["command-failed"])
    assert follows_its_schema(report)


@pytest.mark.parametrize("trick", ["ln -s /etc model", "true"], ids=["link", "nothing"])
def test_an_output_that_is_not_made_again_is_different(pipeline: Any, trick: str) -> None:
    script = f"if test -e unrecorded; then mkdir model && cp corpus/text.txt model/; else {trick}; fi"
    pipeline.write("unrecorded", "")
    pipeline.record(command=("sh", "-c", script))
    report = pipeline.rerun(no_sandbox=True)
    assert (report.outcome, told(report)) == ("different", [("file", "model")])


def test_the_original_is_not_needed_as_it_was_to_run_its_step_again(trained: Any) -> None:
    """What was attested is compared, whatever lies there now."""
    flip(trained.model / "model.safetensors")
    assert trained.rerun(no_sandbox=True).outcome == "equal"


def test_an_interrupted_run_is_interrupted(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "run", lambda *_, **__: Ended(130, ("SIGINT",)))
    with pytest.raises(KeyboardInterrupt):
        trained.rerun(no_sandbox=True)


def test_running_again_leaves_nothing_behind(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place = trained.root / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    trained.rerun(no_sandbox=True)
    assert list(place.iterdir()) == []


# How far values lie apart


def values(tmp_path: Path, name: str, dtype: str, raw: bytes, shape: list[int]) -> Path:
    header = json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(raw)]}}).encode()
    path = tmp_path / f"{name}.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + raw)
    return path


@pytest.mark.parametrize(("dtype", "first", "second", "largest"), [
    ("F32", struct.pack("<2f", 1, 2), struct.pack("<2f", 1, 2.25), 0.25),
    ("F64", struct.pack("<2d", 1, 2), struct.pack("<2d", 1, -2), 4.0),
    ("F16", struct.pack("<2e", 1, 2), struct.pack("<2e", 0.5, 2), 0.5),
    ("BF16", b"\x80\x3f\x00\x40", b"\x80\x3f\x80\x3f", 1.0),
    ("I8", b"\x01\x80", b"\x01\x7f", 255.0),
    ("U64", struct.pack("<2Q", 1, 2), struct.pack("<2Q", 1, 9), 7.0),
])
def test_the_largest_difference_is_computed_by_type(
    tmp_path: Path, dtype: str, first: bytes, second: bytes, largest: float
) -> None:
    pytest.importorskip("numpy")
    one, two = values(tmp_path, "one", dtype, first, [2]), values(tmp_path, "two", dtype, second, [2])
    assert largest_differences(one, two, ["w", "other"]) == {"w": largest}


@pytest.mark.parametrize(("dtype", "first", "second"), [
    ("F8_E4M3", b"\x01\x02", b"\x01\x03"), ("BOOL", b"\x00\x01", b"\x01\x01"),
    ("F32", struct.pack("<2f", 1, float("nan")), struct.pack("<2f", 1, 2)),
    ("F32", struct.pack("<2f", 1, float("inf")), struct.pack("<2f", 1, 2)),
])
def test_where_nothing_can_be_computed_nothing_is_claimed(
    tmp_path: Path, dtype: str, first: bytes, second: bytes
) -> None:
    pytest.importorskip("numpy")
    one, two = values(tmp_path, "one", dtype, first, [2]), values(tmp_path, "two", dtype, second, [2])
    assert largest_differences(one, two, ["w"]) == {}


def test_tensors_of_other_shapes_or_broken_files_are_not_compared(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    one = values(tmp_path, "one", "F32", bytes(8), [2])
    assert largest_differences(one, values(tmp_path, "two", "F32", bytes(8), [2, 1]), ["w"]) == {}
    (tmp_path / "broken.safetensors").write_bytes(b"\0")
    assert largest_differences(one, tmp_path / "broken.safetensors", ["w"]) == {}


def test_without_numpy_nothing_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    one = values(tmp_path, "one", "F32", bytes(8), [2])
    assert largest_differences(one, one, ["w"]) == {}
