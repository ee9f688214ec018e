"""The benchmark is sound: every goal has a race, and the page says of each figure what is true of it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from admission import without_trees
from bench import lacking
from goals import GOALS, MEMORY_AIM, Goal
from hub import listing
from measuring import Sample, sample, started
from page import Run, page, word
from profiles import row, sampled
from races import Command, commands
from workloads import MODELS, Place

GOAL = Goal("A: verify", "A", "ours", "theirs", 0.9, 0.8)
RUN = Run(
    measured={("A", "ours"): Sample(1.0, 2.0, 108), ("A", "theirs"): Sample(2.0, 8.0, 58),
              ("A", "verify"): Sample(1.0, 1.0, 1008)},
    bare=8, ours={("A", "ours")}, missing=["dvc"], machine="a machine", size="small", rounds=5, starts=15, before="0.1",
    after="2.0",
)


def script(name: str, *line: str, **more: object) -> Command:
    return replace(Command("A", name, [sys.executable, *line]), **more)  # type: ignore[arg-type]


@pytest.fixture
def races(tmp_path: Path) -> list[Command]:
    return commands(Place(tmp_path, tmp_path / "bin", 4))


def test_every_goal_has_a_race(races: list[Command]) -> None:
    keys = {command.key for command in races}
    assert [goal for goal in GOALS if not {(goal.workload, goal.ours), (goal.workload, goal.theirs)} <= keys] == []


def test_every_command_is_named_once(races: list[Command]) -> None:
    assert len({command.key for command in races}) == len(races)


def test_every_workload_has_a_goal_that_must_be_reached() -> None:
    assert {goal.workload for goal in GOALS if goal.must is not None} == {*MODELS, "E", "H", "J", "P"}


def test_an_aim_is_never_easier_than_what_must_be() -> None:
    assert [goal for goal in GOALS if goal.must is not None and (goal.aim is None or goal.aim > goal.must)] == []


@pytest.mark.parametrize(("value", "must", "aim", "said"), [
    (0.8, 0.9, 0.8, "aim met"),
    (0.9, 0.9, 0.8, "met"),
    (1.8, 0.9, 0.8, "**not met**: 2.00 times what it must be"),
    (0.5, None, 0.5, "aim met"),
    (0.6, None, 0.5, "**not met**: 1.20 times the aim"),
    (9.9, None, None, ""),
])
def test_the_word_beside_a_figure_is_true(value: float, must: float | None, aim: float | None, said: str) -> None:
    assert word(value, must, aim) == said


def test_a_ratio_is_ours_by_theirs_in_what_the_goal_measures() -> None:
    assert RUN.ratio(GOAL) == 0.5
    assert RUN.ratio(replace(GOAL, measure="cpu")) == 0.25
    assert RUN.ratio(replace(GOAL, measure="peak")) == 2.0  # above a bare interpreter


def test_a_race_that_was_not_run_has_no_ratio() -> None:
    assert RUN.ratio(replace(GOAL, theirs="nobody")) is None


def test_only_our_commands_are_held_to_the_goal_of_memory() -> None:
    assert RUN.worst_memory() == (("A", "ours"), 100)


def test_the_page_names_what_is_missing_and_profiles_what_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("page.GOALS", (GOAL, replace(GOAL, title="A: missed", must=0.4, aim=0.3)))
    text = page(RUN, lambda goal: f"| profile of {goal.title} |")
    assert "| A: verify | ours | theirs | 0.50 | 0.25 | 0.90 | 0.80 | aim met |" in text
    assert "| 0.40 | 0.30 | **not met**: 1.25 times what it must be |" in text
    assert "- dvc: not installed" in text
    assert "profile of A: missed" in text
    assert "profile of A: verify" not in text
    assert f"| A: ours | | 100 | | 200 | {MEMORY_AIM} | met |" in text


def test_a_page_on_which_all_is_met_has_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("page.GOALS", (GOAL,))
    assert "profile" not in page(RUN, lambda goal: pytest.fail("nothing is to be profiled"))


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(SystemExit, match="ends with 3: why"):
        sample(script("fails", "-c", "import sys; print('why', file=sys.stderr); sys.exit(3)"), os.environ)


def test_a_command_that_measures_itself_is_taken_at_its_word() -> None:
    measured = sample(script("itself", "-c", "print(1.5, 2.5)", measures=True), os.environ)
    assert (measured.wall, measured.cpu) == (1.5, 2.5)
    assert measured.peak > 1


def test_a_race_whose_program_or_package_is_not_there_is_left_out(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path, 4)
    assert lacking(script("both", needs=("sh", "no-such"), packages=("json", "none_such")), place) == [
        "no-such", "none_such"]


def test_what_is_fresh_is_removed_before_each_run(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    code = f"import os, sys; sys.exit(len(os.listdir({str(tmp_path)!r})))"
    sample(script("fresh", "-c", code, fresh=(tmp_path / "folder", tmp_path / "file", tmp_path / "none")), os.environ)


def test_the_memory_of_whoever_starts_a_command_is_not_its_own() -> None:
    held = bytearray(300 << 20)
    assert started([sys.executable, "-c", "pass"], os.environ)[-1] < 100
    del held


def test_the_profile_says_where_the_time_went(tmp_path: Path) -> None:
    busy = tmp_path / "busy.py"
    busy.write_text("import json\nfor _ in range(300):\n    json.loads(json.dumps(list(range(5000))))\n")
    seen = sampled(script("busy", str(busy)), tmp_path / "profile.json", os.environ)
    assert max(seen["spent"], key=seen["spent"].get) == "json"
    assert row(GOAL, seen).startswith("| A: verify | ours | ")


def test_evidence_without_tensors_says_nothing_of_them() -> None:
    file = {"name": "a", "digest": {"sha256": "00"}}
    trees = [{"name": "a#tensors", "digest": {kind: "00"}} for kind in ("tensorTree", "tensorTreeBlake3")]
    assert without_trees({"subject": [file, *trees], "predicate": {"inputs": [*trees]}}) == {
        "subject": [file], "predicate": {"inputs": []}}


def test_the_hub_lists_every_file_with_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"abc")
    rows = json.loads(json.dumps(listing(tmp_path)))
    assert [(row["path"], row["size"], row["lfs"]["oid"][:8]) for row in rows] == [("a/b", 3, "ba7816bf")]
