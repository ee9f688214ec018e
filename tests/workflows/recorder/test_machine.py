"""What is seen of a machine, also where little can be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.workflows.recorder import git, interpreter, machine


def test_an_arm_processor_is_known_by_its_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "cpuinfo"
    information.write_text("processor : 0\nFeatures : fp asimd sve2\n\nprocessor : 1\nFeatures : fp\n")
    monkeypatch.setattr(machine, "_CPU_INFO", information)
    assert machine.hardware()["instructionSets"] == ["asimd", "sve2"]


def test_where_nothing_can_be_read_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(machine, "_MEMORY_INFO", tmp_path / "none")
    found = machine.hardware()
    assert found["instructionSets"] == []
    assert not {"processor", "memoryBytes"} & found.keys()
    assert found["usableCores"] >= 1


def test_without_git_there_is_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.checkout_of(tmp_path) is None


@pytest.mark.parametrize("answer", ["", "[]", "{", '{"packages": [["a", "b", "c"]]}'])
def test_a_python_that_answers_strangely_is_not_believed(tmp_path: Path, answer: str) -> None:
    program = tmp_path / "python3"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    assert interpreter.interpreter_of(str(program), {}) is None


def test_python_is_found_where_the_path_has_none(tmp_path: Path) -> None:
    import sys

    assert interpreter.program_of("python", tmp_path, {"PATH": str(tmp_path)}) == sys.executable
    assert interpreter.program_of("other", tmp_path, {"PATH": str(tmp_path)}) == "other"
