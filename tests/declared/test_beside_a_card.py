"""A declared dataset counts where a verdict tells what is declared, and never where it tells what is shown."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.workflows.verify import verify
from tests.cli.conftest import Run, run
from tests.declared.documents import CARD, croissant
from tests.world import NOW, World

__all__ = ["run"]


def judged(world: World, *documents: Path) -> dict[str, Any]:
    world._settle()
    done = verify(world.model, "osaid-1.0", evidence=(world.evidence,), trust=world.trust, as_of=NOW, now=NOW,
                  documents=documents)
    return dict(done.document)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A model for which nobody signed what its corpus is: one file, made by nobody known."""
    made = World.new(tmp_path)
    made.write("poems.txt", "a rose is a rose\n")
    made.change("train", inputs=made.inputs(training_data="poems.txt", source="train.py", lockfile="uv.lock"))
    return made


def described(world: World, **changes: Any) -> Path:
    digest = hashlib.sha256((world.folder / "poems.txt").read_bytes()).hexdigest()
    told = croissant(name="poems", distribution=[{"name": "poems.txt", "sha256": digest}], **changes)
    told["rai:dataCollectionRawData"] = "all of them"
    return world.write("croissant.json", json.dumps(told))


def row(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in verdict["requirements"] if row["id"] == name)


def test_a_dataset_that_a_document_describes_is_declared_and_not_shown(world: World) -> None:
    before = row(judged(world), "D-2")
    after = row(judged(world, described(world)), "D-2")
    assert (before["outcome"], before["declares"]) == ("undetermined", "")
    assert (after["outcome"], "are described" in after["declares"]) == ("undetermined", True)


def test_no_document_changes_what_is_shown(world: World) -> None:
    document = described(world)
    before, after = judged(world), judged(world, document)
    for part in ("result", "passed", "counts", "coverage"):
        assert before[part] == after[part]
    assert before["ladder"]["shown"] == after["ladder"]["shown"]
    assert [row["outcome"] for row in before["requirements"]] == [row["outcome"] for row in after["requirements"]]


def test_what_was_read_and_what_was_not_is_told(world: World) -> None:
    bad = world.write("bom.xml", "<bom/>")
    told = {row["location"]: row for row in judged(world, described(world), bad)["findings"]}
    assert "unsigned" in told["croissant.json"]["message"]
    assert told["bom.xml"]["code"] == "declared-unsupported"


def test_the_command_says_in_every_line_that_nobody_signed_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(CARD)
    (tmp_path / "c.json").write_text(json.dumps(croissant(name="\x1b[31m::error::evil")))
    ran = run("declared", "README.md", "c.json")
    assert ran.code == 0
    first, *lines = ran.out.splitlines()
    assert "shows nothing" in first
    assert all("unsigned" in line for line in lines if line.startswith("  ") and "sha256:" not in line[:9])
    assert "\x1b" not in ran.out
    answer = run("declared", "README.md", "c.json", "--format", "json").json
    assert {line["voice"] for told in answer["documents"] for line in told["lines"]} == {"unsigned"}


def test_a_document_that_is_not_read_is_said_and_ends_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bom.xml").write_text("<bom/>")
    ran = run("declared", "bom.xml")
    assert (ran.code, "[declared-unsupported]" in ran.out) == (1, True)
    assert run("declared", "nothing.json").code == 2
