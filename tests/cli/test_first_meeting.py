"""What somebody meets who does not know the tool yet: each mistake is told in words, with what to do next."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import click
import pytest

import provenance
from provenance.cli import cli
from provenance.policy import acts
from provenance.policy.requirement import CATALOGUE
from tests.cli.conftest import Run
from tests.world import safetensors


@pytest.fixture
def things(run: Run, tmp_path: Path) -> None:
    """A model, a key pair, an empty folder, a text, and JSON that breaks off."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(safetensors({"a": b"\0" * 8}))
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hi\n")
    (tmp_path / "bad.json").write_text('{"a":')
    run("keygen", "lab.key", "--no-passphrase")
    run("trust", "init", "trust.yaml")


MISTAKES = [
    ("trust add trust.yaml --name b --party B", "'--role'. Choose from: producer, data-supplier,", "--help` explains"),
    ("record --step a/b --kind prepare --output x --key lab.key -- true", "where: --step", "for example train"),
    ("store add text.txt model", "cannot make the folder", "name a folder"),
    ("store find nope", "there is no such folder", "check the path"),
    ("store add empty nope", "there is no such evidence", "check the path"),
    ("bundle inspect text.txt", "not strict JSON", "check that this is the right file"),
    ("bundle verify model/model.safetensors", "nothing says whose signature", "--public-key"),
    ("admit model --policy osaid-1.0 --trust trust.yaml --key lab.key --to text.txt", "where: text.txt",
     "name a folder"),
    ("policy lint bad.json", "there is no policy bad.json", "write ./bad.json"),
    ("policy lint ./none.yaml", "cannot read the policy", "check the path"),
    ("trust revoke trust.yaml --artifact nope", "it is not ALGORITHM:HEX", "write sha256:HEX"),
    ("licence empty/", "Is a directory", "check the path"),
    ("explain text.txt", "not strict JSON", "`provenance verify` wrote with --format json --output FILE"),
]


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize(("command", "told", "hint"), MISTAKES)
def test_a_mistake_is_told_with_what_to_do_next(run: Run, command: str, told: str, hint: str) -> None:
    ran = run(*command.split())
    assert ran.code == 2
    assert ran.out == ""
    assert told in ran.err
    assert hint in ran.err.splitlines()[-1]
    assert "\\n" not in ran.err


@pytest.mark.usefixtures("things")
def test_the_first_bundle_makes_the_folder_of_its_store(run: Run) -> None:
    run("sign", "model", "--key", "lab.key")
    assert run("store", "add", "new/store", "model.provenance").code == 0
    assert "1 bundles" in run("store", "find", "new/store").out


def test_no_hint_leaves_something_out() -> None:
    """Three dots cannot be typed: a hint is complete, or in words."""
    found = [
        f"{path.name}:{node.value.lineno}" for path in Path(provenance.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "hint" and "..." in ast.unparse(node.value)
    ]
    assert found == []
    assert [row.id for row in CATALOGUE.values() if "..." in row.remedy] == []


def commands() -> list[str]:
    """Every command that an act or a remedy names."""
    named = [acts.words(acts.Act(kind, "D-2"))[1] for kind in acts._WORDS]
    named += ["provenance " + row.remedy.partition(": provenance ")[2].partition(", and ")[0]
              for row in CATALOGUE.values() if ": provenance " in row.remedy]
    return sorted({command for command in named if command})


@pytest.mark.parametrize("command", commands())
def test_a_command_that_is_named_as_a_remedy_is_complete(command: str) -> None:
    """It is parsed by the command itself: an option that is misspelled or missing is a usage error."""
    words = shlex.split(command.replace("TIME", "2030-01-01T00:00:00Z").replace("ROLE", "producer")
                        .replace("--kind KIND", "--kind merge"))[1:]
    found: click.Command | None = cli
    while isinstance(found, click.Group):
        name, found, words = found.resolve_command(click.Context(found), words)
    assert found is not None
    assert found.make_context(name, words).params
