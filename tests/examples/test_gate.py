"""The two gates in `examples/gate` do what they say: a script from Python, and a workflow file for CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provenance.statements.reader import parse_yaml
from tests.cli.conftest import *  # noqa: F403  the fixtures of a user's terminal
from tests.cli.conftest import Run

GATE = Path(__file__).parents[2] / "examples" / "gate"
ROOT = GATE.parents[1]


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          text=True, capture_output=True, check=False)


def test_the_script_passes_a_released_model(released: Path, tmp_path: Path) -> None:
    done = python(tmp_path, str(GATE / "gate.py"), "model", "g7-2026-open-weights", "trust.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "rung shown: g7-2026-open-weights" in done.stdout


def test_the_script_names_what_is_open(released: Path, tmp_path: Path) -> None:
    done = python(tmp_path, str(GATE / "gate.py"), "model", "osaid-1.0", "trust.yaml")
    assert done.returncode == 1
    assert "open: " in done.stdout


def test_the_script_says_what_it_cannot_ask(released: Path, tmp_path: Path) -> None:
    done = python(tmp_path, str(GATE / "gate.py"), "model", "no-such-policy", "trust.yaml")
    assert done.returncode == 2
    assert "policy-not-found" in done.stderr


def workflow_step(name: str) -> tuple[dict[str, str], str]:
    """The environment of the job and the shell lines of one of its steps."""
    workflow: dict[str, Any] = parse_yaml((GATE / "gate-model.yml").read_bytes(), "gate-model.yml")
    job = workflow["jobs"]["gate"]
    return job["env"], next(step["run"] for step in job["steps"] if step.get("name") == name)


@pytest.mark.parametrize("spoilt", [False, True])
def test_the_workflow_gates_a_model(run: Run, released: Path, tmp_path: Path, spoilt: bool) -> None:
    shutil.copytree(released, tmp_path / "models" / "tiny")
    shutil.copytree(released.with_name("model.provenance"), tmp_path / "models" / "tiny.provenance")
    (tmp_path / "gate").mkdir()
    shutil.copy(tmp_path / "trust.yaml", tmp_path / "gate")
    if spoilt:
        (tmp_path / "models" / "tiny" / "config.json").write_text("{}")
    environment, lines = workflow_step("Judge the model")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "provenance"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m provenance "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-e", "-c", lines], cwd=tmp_path, text=True, capture_output=True, check=False,
                          env={**os.environ, **environment, "PATH": path, "PYTHONPATH": str(ROOT)})
    assert done.returncode == (1 if spoilt else 0), done.stdout + done.stderr
    assert (tmp_path / "report.html").is_file()
