"""`provenance export in-toto`, and `provenance record` beside in-toto-run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from provenance import resources

ROOT = Path(__file__).resolve().parents[2]


def provenance(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "provenance", *arguments], cwd=folder, text=True, capture_output=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT), "PROVENANCE_KEY_PASSPHRASE": "x"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A key, and a trust file that knows it."""
    for arguments in (["keygen", "lab.key"], ["trust", "init", "trust.yaml"],
                      ["trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer",
                       "--public-key", "lab.key.pub", "--subject", "*"]):
        assert provenance(*arguments, folder=tmp_path).returncode == 0, arguments
    return tmp_path


def record(folder: Path, script: str) -> list[str]:
    (folder / "step.py").write_text(script)
    return [sys.executable, "-m", "provenance", "record", "--step", "make", "--kind", "prepare", "--input",
            "source=step.py", "--output", "made.txt", "--key", "lab.key", "--", sys.executable, "step.py"]


def test_a_recorded_step_is_exported_as_a_link(folder: Path) -> None:
    subprocess.run(record(folder, "open('made.txt', 'w').write('1')"), cwd=folder, check=True, capture_output=True,
                   env={**os.environ, "PYTHONPATH": str(ROOT), "PROVENANCE_KEY_PASSPHRASE": "x"})
    arguments = ["export", "in-toto", "--evidence", "made.txt.provenance", "--trust", "trust.yaml", "--key", "lab.key",
                 "--output", "links", "--format", "json"]
    done = provenance(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.Draft202012Validator(json.loads(resources.read_text("schemas", "output.schema.json"))).validate(document)
    (row,) = document["links"]
    link = json.loads((folder / row["file"]).read_bytes())["signed"]
    assert (row["step"], list(link["products"]), list(link["materials"])) == ("make", ["made.txt"], ["step.py"])
    assert "1 in, 1 out" in provenance(*arguments[:-2], folder=folder).stdout


def test_nothing_to_export_is_said(folder: Path) -> None:
    (folder / "empty").mkdir()
    done = provenance("export", "in-toto", "--evidence", "empty", "--trust", "trust.yaml", "--key", "lab.key",
                      "--output", "links", folder=folder)
    assert (done.returncode, "evidence-none" in done.stderr) == (2, True)
    assert not (folder / "links").exists()


@pytest.mark.slow
def test_a_step_is_not_ended_after_ten_seconds_as_in_toto_run_does(folder: Path) -> None:
    done = subprocess.run(record(folder, "import time; time.sleep(11); open('made.txt', 'w').write('1')"), cwd=folder,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT), "PROVENANCE_KEY_PASSPHRASE": "x"})
    assert done.returncode == 0
    assert (folder / "made.txt.provenance" / "make.sigstore.json").is_file()


def test_output_is_streamed_and_the_exit_code_is_the_commands(folder: Path) -> None:
    """Its first line is there while the command still waits to be told to go on."""
    script = "import sys\nprint('begun', flush=True)\nsys.stdin.readline()\nprint('late', file=sys.stderr)\nsys.exit(7)"
    process = subprocess.Popen(record(folder, script), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": str(ROOT), "PROVENANCE_KEY_PASSPHRASE": "x"})
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    assert process.poll() is None
    out, err = process.communicate("go\n", timeout=60)
    assert (process.returncode, out) == (7, "")
    assert "late" in err
    assert not (folder / "made.txt.provenance").exists()
