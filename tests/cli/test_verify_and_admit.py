"""`provenance verify` and `admit`, as a user types them; the exit code is the gate."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run

POLICY = "g7-2026-open-weights"


def test_a_released_model_passes(run: Run, released: Path) -> None:
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml")
    assert ran.code == 0, ran.out
    assert ran.out.startswith("✓ Passed")
    assert "Open Weights AI" in ran.out


def test_without_a_trust_file_nothing_passes(run: Run, released: Path) -> None:
    ran = run("verify", "model", "--policy", POLICY, "--format", "json")
    assert ran.code == 1
    assert ran.json["ladder"]["shown"] is None
    assert ran.json["ladder"]["declared"] == POLICY


def test_a_card_alone_is_only_declared(run: Run, model: Path) -> None:
    ran = run("verify", "model", "--policy", POLICY, "--format", "json")
    assert ran.code == 1
    assert ran.json["informational"] is True
    assert ran.json["ladder"]["declared"] == POLICY


def test_a_flipped_bit_fails_and_names_file_and_tensor(run: Run, released: Path) -> None:
    weights = released / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    assert (ran.code, ran.json["result"]) == (1, "fail")
    assert {(f["code"], f["location"]) for f in ran.json["findings"]} >= {
        ("file-mismatch", "model.safetensors"), ("tensor-mismatch", "b"),
    }


@pytest.mark.parametrize("name", ["evil.py", ".hidden/__init__.py", "notes.txt", ".gitignore/evil.py"])
def test_a_file_that_nobody_signed_is_not_passed(run: Run, released: Path, name: str) -> None:
    (released / name).parent.mkdir(exist_ok=True)
    (released / name).write_text("")
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    assert ran.code == 1
    assert name in [row["path"] for row in ran.json["coverage"]["uncovered"]]


def test_an_unsigned_sparse_terabyte_is_refused_by_its_name(run: Run, released: Path) -> None:
    with (released / "big.bin").open("wb") as file:
        file.truncate(1 << 40)
    assert run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml").code == 1


@pytest.mark.parametrize("spoil", ["link", "fifo"])
def test_what_is_not_a_regular_file_is_not_passed(run: Run, released: Path, spoil: str) -> None:
    if spoil == "link":
        (released / "x").symlink_to("config.json")
    else:
        os.mkfifo(released / "x")
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    assert ran.code == 1
    assert "x" in [row["path"] for row in ran.json["coverage"]["uncovered"]]


def test_missing_evidence_is_missed(run: Run, released: Path) -> None:
    (released.with_name("model.provenance") / "model.sig").unlink()
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    assert (ran.code, ran.json["result"]) == (1, "undetermined")
    assert "evidence-missing" in [finding["code"] for finding in ran.json["findings"]]


def test_the_same_question_gets_the_same_bytes(run: Run, released: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--as-of", "2027-01-01T00:00:00Z",
                  "--report", f"{name}.json", "--report", f"{name}.html", "--report", f"{name}.md")
        assert ran.code == 0
    for ending in ("json", "html", "md"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_a_time_in_the_past_is_said_in_the_first_line(run: Run, released: Path) -> None:
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--as-of", "2020-01-01T00:00:00Z")
    assert "2020-01-01" in ran.out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--policy", "osaid-1"), "policy-not-found"), (("--policy", "./none.yaml"), "policy-not-found"),
     (("--policy", POLICY, "--report", "r.pdf"), "usage"),
     (("--policy", POLICY, "--trust", "none.yaml"), "input-unreadable"),
     (("--policy", POLICY, "--evidence", "none"), "path-not-found"),
     (("--policy", POLICY, "--as-of", "noon"), "usage")],
)
def test_a_question_that_cannot_be_asked_is_an_error(
    run: Run, model: Path, arguments: tuple[str, ...], code: str
) -> None:
    ran = run("verify", "model", *arguments)
    assert ran.code == 2
    assert f"[{code}]" in ran.err


def test_an_unknown_policy_names_the_nearest(run: Run, model: Path) -> None:
    assert "did you mean osaid-1.0?" in run("verify", "model", "--policy", "osaid-1").err


def test_a_policy_in_the_working_folder_never_stands_in_for_a_shipped_one(
    run: Run, model: Path, tmp_path: Path
) -> None:
    (tmp_path / POLICY).write_text("kind: Policy")
    assert run("verify", "model", "--policy", POLICY).code == 1


@pytest.mark.parametrize(
    ("find", "replace", "told"),
    [("id: W-1", "id: W-11", "did you mean W-1?"), ("title:", "titel:", "did you mean title?"),
     ("minVoice: trusted", "minVoice: trused", "must be one of"),
     ("kind: Policy", "kind: Policy\nkind: Policy", "kind")],
)
def test_a_policy_author_learns_what_is_misspelt(
    run: Run, tmp_path: Path, find: str, replace: str, told: str
) -> None:
    shipped = Path(__file__).parents[2] / "policies" / "open-weights.yaml"
    (tmp_path / "ours.yaml").write_text(shipped.read_text().replace(find, replace, 1))
    ran = run("policy", "lint", "./ours.yaml")
    assert ran.code == 1
    assert told in ran.out


def admit(*more: str) -> tuple[str, ...]:
    return ("admit", "model", "--policy", POLICY, "--trust", "trust.yaml", "--key", "gate.key", "--to", "registry",
            *more)


def test_a_passing_model_is_admitted_whole(run: Run, released: Path, tmp_path: Path) -> None:
    ran = run(*admit())
    assert ran.code == 0, ran.err
    (entry,) = (tmp_path / "registry").iterdir()
    assert {path.name for path in entry.iterdir()} == {"model", "evidence", "verdict.json", "verdict.sigstore.json"}
    digest = run("digest", str(entry / "model"), "--format", "json").json
    assert digest["digest"]["dirHash"] == entry.name
    assert json.loads((entry / "verdict.json").read_bytes())["passed"] is True


def test_the_signed_verdict_names_policy_and_evidence(run: Run, released: Path, tmp_path: Path) -> None:
    run(*admit())
    (entry,) = (tmp_path / "registry").iterdir()
    statement = run("bundle", "inspect", str(entry / "verdict.sigstore.json"), "--format", "json").json["statement"]
    assert statement["predicate"]["verificationResult"] == "PASSED"
    assert statement["predicate"]["policy"]["digest"]["sha256"]
    assert len(statement["predicate"]["inputAttestations"]) == 3  # signature, release, trust file


def test_a_second_admission_finds_the_first(run: Run, released: Path, tmp_path: Path) -> None:
    run(*admit())
    assert "Already admitted" in run(*admit()).err
    assert len(list((tmp_path / "registry").iterdir())) == 1


def test_a_damaged_entry_is_not_taken_for_the_model(run: Run, released: Path, tmp_path: Path) -> None:
    run(*admit())
    (entry,) = (tmp_path / "registry").iterdir()
    (entry / "model" / "config.json").write_text("evil")
    ran = run(*admit())
    assert ran.code == 2
    assert "[registry-damaged]" in ran.err


@pytest.mark.parametrize("part", ["model", "verdicts"])
def test_a_link_in_an_entry_is_not_followed(run: Run, released: Path, tmp_path: Path, part: str) -> None:
    """Bytes behind a link could be changed later, and a verdict would be written outside of the registry."""
    run(*admit())
    (entry,) = (tmp_path / "registry").iterdir()
    outside = tmp_path / "outside"
    if part == "model":
        (entry / part).rename(outside)
    else:
        outside.mkdir()
    (entry / part).symlink_to(outside)
    before = sorted(path.name for path in outside.iterdir())
    ran = run(*admit())
    assert ran.code == 2
    assert "[registry-damaged]" in ran.err
    assert sorted(path.name for path in outside.iterdir()) == before


def test_an_entry_whose_files_somebody_else_can_change_is_not_taken_for_the_model(
    run: Run, released: Path, tmp_path: Path
) -> None:
    run(*admit())
    (entry,) = (tmp_path / "registry").iterdir()
    (tmp_path / "kept.json").hardlink_to(entry / "model" / "config.json")
    ran = run(*admit())
    assert ran.code == 2
    assert "[registry-damaged]" in ran.err


@pytest.mark.parametrize("shell", ["bash_source", "bash_complete", "fish_source"])
def test_the_variable_of_shell_completion_does_not_stand_in_for_the_verdict(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_PROVENANCE_COMPLETE", shell)
    assert run("verify", "model", "--policy", POLICY).code == 1


@pytest.mark.parametrize(("terminal", "columns"), [(True, 160), (True, 70), (False, 100)])
def test_the_report_is_as_wide_as_the_terminal(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, columns: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    lines = run("verify", "model", "--policy", POLICY, "-q").out.splitlines()
    assert columns - 30 < max(map(len, lines)) <= columns


def test_a_later_verdict_about_the_same_bytes_is_kept_too(run: Run, released: Path, tmp_path: Path) -> None:
    run(*admit())
    (entry,) = (tmp_path / "registry").iterdir()
    assert run("admit", "model", "--policy", "open-weights", "--trust", "trust.yaml", "--key", "gate.key", "--to",
               "registry").code == 0
    (verdict,) = (path for path in (entry / "verdicts").iterdir() if not path.name.endswith(".sigstore.json"))
    assert json.loads(verdict.read_bytes())["policy"]["id"] == "open-weights"


def test_a_leaving_of_a_killed_admission_is_cleared(run: Run, released: Path, tmp_path: Path) -> None:
    left = tmp_path / "registry" / ".staging-0123456789abcdef"
    (left / "model").mkdir(parents=True)
    left.with_name(left.name + ".lock").touch()
    assert run(*admit()).code == 0
    assert [path.name for path in (tmp_path / "registry").iterdir() if path.name.startswith(".")] == []


def test_a_release_that_lists_nothing_shows_no_lineage(run: Run, released: Path, tmp_path: Path) -> None:
    """What it does not stand on neither helps nor hurts."""
    (tmp_path / "empty").mkdir()
    run("attest", "release", "model", "--components", "components.yaml", "--key", "lab.key", "--evidence", "empty")
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--format", "json")
    assert ran.code == 0
    assert ran.json["ladder"]["shown"] == POLICY


def test_a_trust_file_that_came_with_the_model_is_refused(run: Run, released: Path) -> None:
    shutil.copy(released.with_name("trust.yaml"), released / "trust.yaml")
    ran = run("verify", "model", "--policy", POLICY, "--trust", "model/trust.yaml")
    assert ran.code == 2
    assert "[trust-invalid]" in ran.err


def test_an_empty_path_is_not_the_working_folder(run: Run, released: Path) -> None:
    assert run("verify", "", "--policy", POLICY).code == 2


def test_a_refused_model_changes_nothing(run: Run, released: Path, tmp_path: Path) -> None:
    run(*admit())
    before = sorted(path for path in (tmp_path / "registry").rglob("*"))
    (released / "config.json").write_text("{}")
    ran = run(*admit())
    assert ran.code == 1
    assert "Refused" in ran.err
    assert sorted(path for path in (tmp_path / "registry").rglob("*")) == before


def test_a_refusal_does_not_even_make_the_registry(run: Run, released: Path, tmp_path: Path) -> None:
    (released / "config.json").write_text("{}")
    assert run(*admit()).code == 1
    assert not (tmp_path / "registry").exists()


def test_repository_files_are_left_out_of_the_copy(run: Run, released: Path, tmp_path: Path) -> None:
    (released / ".gitattributes").write_text("*.safetensors lfs\n")
    (released / ".git").mkdir()
    (released / ".git" / "payload.py").write_text("evil")
    ran = run(*admit("--format", "json"))
    assert ran.code == 0
    assert ran.json["coverage"]["leftOut"] == [".git/payload.py", ".gitattributes"]
    (entry,) = (tmp_path / "registry").iterdir()
    assert {path.name for path in (entry / "model").rglob("*")} == {"README.md", "config.json", "model.safetensors"}


def test_the_admitted_copy_does_not_follow_its_source(run: Run, released: Path, tmp_path: Path) -> None:
    run(*admit())
    (entry,) = (tmp_path / "registry").iterdir()
    (released / "config.json").write_text("changed")
    assert (entry / "model" / "config.json").read_text() == '{"layers": 1}\n'


def test_a_wrong_key_admits_nothing(run: Run, released: Path, tmp_path: Path) -> None:
    (tmp_path / "gate.key").write_text("no key")
    assert run(*admit()).code == 2
    assert not (tmp_path / "registry").exists()


def test_a_registry_in_the_model_is_refused(run: Run, released: Path) -> None:
    ran = run("admit", "model", "--policy", POLICY, "--trust", "trust.yaml", "--key", "gate.key",
              "--to", "model/registry")
    assert ran.code == 2
    assert not (released / "registry").exists()


def test_the_evidence_may_lie_in_the_model(run: Run, released: Path) -> None:
    shutil.move(released.with_name("model.provenance"), released / "evidence")
    ran = run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--evidence", "model/evidence")
    assert ran.code == 0, ran.out
    (released / "evidence" / "payload.sigstore.json").write_text("not a bundle")
    assert run("verify", "model", "--policy", POLICY, "--trust", "trust.yaml", "--evidence", "model/evidence").code == 1
