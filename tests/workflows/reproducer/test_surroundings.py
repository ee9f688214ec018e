"""Where a step ran again is compared with where it was recorded."""

from __future__ import annotations

from provenance.statements.statement import ResourceDescriptor
from provenance.statements.step import Step
from provenance.workflows.reproducer.surroundings import surroundings


def recorded(internal: dict[str, object], packages: list[object], program: str = "python") -> Step:
    environment = ResourceDescriptor("installed-packages", annotations={"role": "environment", "packages": packages})
    return Step("train", "train", (program,), (), (environment,), "", "", "urn:x", internal=internal)


def test_each_difference_is_a_sentence() -> None:
    internal: dict[str, object] = {"platform": {"system": "Plan 9"}, "hardware": {"processor": "Z80", "memoryBytes": 1}}
    packages: list[object] = [{"name": "pytest", "version": "0.1"}, {"name": "no-such-package", "version": "2"}, "odd"]
    differs = surroundings(recorded(internal, packages), None)["differs"]
    assert differs[0] == "system: recorded Plan 9, here Linux"
    assert differs[1].startswith("processor: recorded Z80, here ")
    assert differs[2].startswith("pytest: recorded 0.1, here ")
    assert differs[3] == "no-such-package: recorded 2, not installed here"
    assert len(differs) == 4


def test_what_was_not_recorded_and_what_cannot_be_seen_is_no_difference() -> None:
    found = surroundings(recorded({"hardware": "unknown"}, [{"name": "x", "version": "1"}], "no-such-program"), None)
    assert (found["differs"], found["sandbox"]) == ([], "none")
    assert "python" not in found["platform"]
