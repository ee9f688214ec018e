"""`provenance record` and `reproduce`, as a user types them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.workflows.sandbox import find_sandbox
from tests.cli.conftest import Ran, Run

TRAIN = """import pathlib, struct, json, sys
text = pathlib.Path("corpus.txt").read_bytes()
header = json.dumps({"w": {"dtype": "U8", "shape": [len(text)], "data_offsets": [0, len(text)]}}).encode()
folder = pathlib.Path("model")
folder.mkdir(exist_ok=True)
(folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + text)
print("trained")
"""


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "corpus.txt").write_bytes(b"in the beginning")
    run("keygen", "lab.key", "--no-passphrase")
    run("keygen", "audit.key", "--no-passphrase")
    run("trust", "init", "trust.yaml")
    run("trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer", "--public-key",
        "lab.key.pub", "--subject", "*")
    return tmp_path


def record(run: Run, *command: str, more: tuple[str, ...] = ()) -> Ran:
    return run("record", "--step", "train", "--kind", "train", "--initial", "random", "--seed", "seed=1",
               "--input", "training-data=corpus.txt", "--input", "source=train.py", "--output", "model",
               "--key", "lab.key", *more, "--", *command)


def test_a_recorded_step_is_reproduced_by_its_checksums(run: Run, folder: Path) -> None:
    ran = record(run, sys.executable, "train.py")
    assert ran.code == 0, ran.err
    assert (folder / "model.provenance" / "train.sigstore.json").is_file()
    ran = run("reproduce", "model", "--trust", "trust.yaml")
    assert ran.code == 0
    assert ran.out.startswith("Equal: bit for bit")


def test_json_names_the_bundle_and_what_came_out(run: Run, folder: Path) -> None:
    document = record(run, sys.executable, "train.py", more=("--format", "json")).json
    assert document["kind"] == "Recorded"
    assert document["outputs"][0]["name"] == "model"


def test_the_exit_code_is_that_of_the_command_and_nothing_is_signed(run: Run, folder: Path) -> None:
    ran = record(run, sys.executable, "-c", "raise SystemExit(7)")
    assert ran.code == 7
    assert not (folder / "model.provenance").exists()


def test_a_command_that_makes_nothing_cannot_be_attested(run: Run, folder: Path) -> None:
    ran = record(run, sys.executable, "-c", "pass")
    assert ran.code == 2
    assert "[output-missing]" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("--input", "training-dat=corpus.txt"), "did you mean training-data?"), (("--input", "corpus.txt"), "NAME=VALUE"),
     (("--seed", "x"), "NAME=VALUE"), (("--key", "none.key"), "keygen")],
)
def test_a_slip_is_told_before_the_command_runs(
    run: Run, folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    ran = record(run, sys.executable, "train.py", more=arguments)
    assert ran.code == 2
    assert told in ran.err
    assert not (folder / "model").exists()


def test_a_changed_weight_is_different_and_named(run: Run, folder: Path) -> None:
    record(run, sys.executable, "train.py")
    weights = folder / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    ran = run("reproduce", "model", "--trust", "trust.yaml")
    assert ran.code == 1
    assert ran.out.startswith("Different")
    assert "tensor w" in ran.out


def test_without_trusted_evidence_nothing_is_known(run: Run, model: Path, folder: Path) -> None:
    ran = run("reproduce", "model", "--trust", "trust.yaml", "--key", "audit.key", "--bundle", "r.sigstore.json")
    assert ran.code == 1
    assert ran.out.startswith("Undetermined")
    assert not (folder / "r.sigstore.json").exists()


def test_running_again_needs_consent(run: Run, folder: Path) -> None:
    record(run, sys.executable, "train.py")
    ran = run("reproduce", "model", "--trust", "trust.yaml", "--rerun", "--inputs", ".")
    assert ran.code == 2
    assert "[execution-not-allowed]" in ran.err
    assert run("reproduce", "model", "--trust", "trust.yaml", "--allow-execute").code == 2


@pytest.mark.skipif(find_sandbox() is None, reason="this system offers no sandbox")
def test_a_step_runs_again_bit_for_bit_and_the_result_is_signed(run: Run, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([sys.executable, "-m", "provenance", "record", "--step", "train", "--kind", "train",
                           "--initial", "random", "--seed", "seed=1", "--input", "training-data=corpus.txt", "--input",
                           "source=train.py", "--output", "model", "--key", "lab.key", "--", "python", "train.py"],
                          cwd=folder, check=False, capture_output=True, text=True,
                          env={**os.environ, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "trained\n"
    ran = run("reproduce", "model", "--trust", "trust.yaml", "--rerun", "--allow-execute", "--inputs", ".",
              "--key", "audit.key", "--bundle", "again.sigstore.json")
    assert ran.code == 0, ran.out + ran.err
    statement = run("bundle", "inspect", "again.sigstore.json", "--format", "json").json["statement"]
    assert statement["predicate"]["outcome"] == "equal"
