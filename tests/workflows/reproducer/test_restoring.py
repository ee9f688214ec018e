"""Restoring inputs: what a statement asks for is put back exactly, or refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from provenance.artifacts.manifest import scan
from provenance.errors import RunError
from provenance.statements.artifact import describe
from provenance.statements.statement import ResourceDescriptor
from provenance.statements.step import Step
from provenance.workflows.reproducer.restoring import restore

TEXT = hashlib.sha256(b"text").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def step(*inputs: ResourceDescriptor) -> Step:
    return Step("train", "train", ("true",), (), inputs, "", "", "urn:x")


def wanted(name: str, digest: dict[str, str], role: str = "training-data") -> ResourceDescriptor:
    return ResourceDescriptor(name, digest, annotations={"role": role})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.txt").write_text("text")
    (folder / "b.txt").write_text("other")
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def refusal(made: Step, source: Path, work: Path) -> str:
    with pytest.raises(RunError) as raised:
        restore(made, [source], work)
    assert raised.value.code == "input-missing"
    return raised.value.message


def test_one_file_in_two_roles_is_restored_once(source: Path, work: Path) -> None:
    restore(step(wanted("a.txt", {"sha256": TEXT}), wanted("a.txt", {"sha256": TEXT}, "source")), [source], work)
    assert (work / "a.txt").read_text() == "text"


def test_a_name_that_leaves_the_folder_is_refused(source: Path, work: Path) -> None:
    for name in ("../a.txt", "/etc/passwd", "C:/a.txt", "a/../../b"):
        assert "does not say which file" in refusal(step(wanted(name, {"sha256": TEXT})), source, work)
    assert list(work.iterdir()) == []


def test_an_input_without_a_digest_of_a_file_is_refused(source: Path, work: Path) -> None:
    assert "does not say which file" in refusal(step(wanted("a.txt", {"gitCommit": "a" * 40})), source, work)
    assert "does not say which file" in refusal(step(wanted("folder", {"dirHash": TEXT})), source, work)


def test_one_name_for_two_files_is_refused(source: Path, work: Path) -> None:
    asked = step(wanted("a.txt", {"sha256": TEXT}), wanted("a.txt", {"sha256": OTHER}, "source"))
    assert "one name to two different things" in refusal(asked, source, work)


def test_a_folder_whose_list_of_files_is_not_complete_is_refused(source: Path, work: Path) -> None:
    """A file that is left off the list would be missing in silence."""
    parts = [wanted(part.name, dict(part.digest)) for part in describe(scan(source), "corpus")]
    restore(step(*parts), [source], work)
    assert sorted(path.name for path in (work / "corpus").iterdir()) == ["a.txt", "b.txt"]
    assert "are not all of it" in refusal(step(*parts[:-1]), source, work / "second")


def test_a_file_where_a_folder_is_to_be_is_an_error(source: Path, work: Path) -> None:
    asked = step(wanted("a", {"sha256": TEXT}), wanted("a/b", {"sha256": OTHER}, "source"))
    assert "one name to two different things" in refusal(asked, source, work)


def test_many_missing_files_are_counted(source: Path, work: Path) -> None:
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(12)]
    asked = step(*(wanted(f"{number:02}", {"sha256": digest}) for number, digest in enumerate(digests)))
    assert refusal(asked, source, work).endswith("08, 09 and 2 more")


def test_progress_counts_what_is_copied(source: Path, work: Path) -> None:
    read: list[int] = []
    totals: list[int] = []
    parts = describe(scan(source / "a.txt"), "a.txt", role="training-data")
    restore(step(*parts), [source], work, read.append, totals.append)
    assert (sum(read), totals) == (4, [4])
