"""On a terminal no line is wider than it is, and nothing that a pipe gets is missing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from provenance.cli.common import Shown
from provenance.reports.columns import fit
from tests.cli.conftest import Run
from tests.world import safetensors


@pytest.fixture
def evidence(run: Run, tmp_path: Path) -> None:
    """A signed model, a trust file with long scopes and a released one's parts."""
    (tmp_path / "model").mkdir()
    name = "layers." + "verylong" * 12 + ".weight"
    (tmp_path / "model" / "model.safetensors").write_bytes(safetensors({name: b"\0" * 8, "b": b"\1" * 8}))
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_bytes(safetensors({name: b"\2" * 8, "c": b"\1" * 8}))
    (tmp_path / "rows.csv").write_text("text\na\n")
    (tmp_path / "rows.json").write_text('{"columns": [{"name": "text", "type": "utf8"}]}')
    run("keygen", "lab.key", "--no-passphrase")
    run("trust", "init", "trust.yaml")
    run("trust", "add", "trust.yaml", "--name", "lab", "--party", "Laboratory " * 12, "--role", "producer",
        "--public-key", "lab.key.pub", "--subject", "model*")
    assert run("sign", "model", "--key", "lab.key").code == 0
    (tmp_path / "store").mkdir()
    assert run("store", "add", "store", "model.provenance").code == 0
    run("verify", "model", "--policy", "osaid-1.0", "--format", "json", "--output", "verdict.json")


COMMANDS = [
    "licence llama3.2", "licence mit --format json", "policy list", "policy show procurement-public-sector",
    "policy explain osaid-1.0", "policy explain osaid-1.0 D-2", "policy diff g7-2026-open-weights osaid-1.0",
    "policy test osaid-1.0", "trust show trust.yaml", "trust lint trust.yaml", "digest model", "diff model other",
    "dataset digest rows.csv --schema rows.json", "bundle inspect model.provenance/model.sig",
    "bundle verify model.provenance/model.sig --public-key lab.key.pub --model model", "store find store",
    "reproduce model --trust trust.yaml", "explain verdict.json", "explain verdict.json D-2",
    "next model --policy osaid-1.0 --trust trust.yaml --as-of 2026-11-23T12:00:00Z",
]


def words(text: str) -> str:
    """A text without white space, and without what joins the lines of a command."""
    return "".join(text.replace(" \\\n", "\n").split())


@pytest.mark.usefixtures("evidence")
@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, width: int,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.cwd() / "cache"))
    run(*command.split())  # so that the digest cache knows as much both times
    piped = run(*command.split())
    monkeypatch.setattr(Shown, "_on_terminal", True)
    monkeypatch.setattr(Shown, "width", width)
    told = run(*command.split())
    assert told.code == piped.code
    assert words(told.out) == words(piped.out) != ""
    if "json" not in command.split():
        assert [line for line in told.out.splitlines() if cell_len(line) > width] == []


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_width_is_that_of_the_terminal_itself() -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    subprocess.run([sys.executable, "-m", "provenance", "policy", "list"], stdout=theirs, check=True)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while part := os.read(ours, 4096):
            text += part
    os.close(ours)
    lines = text.decode().splitlines()
    assert max(map(cell_len, lines)) <= 60
    assert any(line.startswith(" ") for line in lines)


@pytest.mark.parametrize(("line", "fitted"), [
    ("short", "short"),
    ("says     one two three four", "says     one two\n         three four"),
    ("  one two three four five", "  one two three\n    four five"),
    ("one two three four five", "one two three four\n  five"),
    ("x" * 45, "x" * 18 + "\n  " + "x" * 18 + "\n  " + "x" * 9),
    ("名 " * 8, "名 名 名 名 名 名\n  名 名"),
])
def test_what_is_too_long_goes_on_below_where_it_began(line: str, fitted: str) -> None:
    assert fit(f"{line}\n", 20) == f"{fitted}\n"
