"""Write what the documentation repeats of the program: the command line, policies, what README's session prints.

`python docs/build.py` writes all of it; with `--check` it only compares, and ends with 1 where one is out of date. The
session makes new keys each time, so digests and times that depend on them are left out of the comparison.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import policy_pages
from click.testing import CliRunner

DOCS = Path(__file__).resolve().parent
README = DOCS.parent / "README.md"
_SESSION = re.compile(r"<!-- session: .*? -->\n```sh\n(.*?)```", re.DOTALL)
_PRINTED = re.compile(r"(<!-- printed -->\n```text\n)(.*?)(```)", re.DOTALL)
_CHANGING = re.compile(r"(Trust file|As of) .*")
HEAD = """\
# The command line

Written by `make docs` from the help of each command; do not edit.
Exit codes: 0 passed, 1 not passed, 2 the tool could not do its job, 130 interrupted
([ADR 0006](adr/0006-exit-codes.md)).
"""


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The path of a command and of every visible one below it, in the order of its help."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from commands(child, (*path, name))


def help_of(root: click.Command, path: tuple[str, ...]) -> str:
    """What `--help` prints for a command, 100 columns wide wherever it is run."""
    result = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}).invoke(
        root, [*path[1:], "--help"], prog_name=path[0], terminal_width=100, color=False)
    if result.exit_code != 0:
        raise SystemExit(f"{' '.join(path)} --help ends with {result.exit_code}: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def cli_page() -> str:
    """The whole page, one section a command."""
    from provenance.cli import cli

    sections = [f"## `{' '.join(path)}`\n\n```text\n{help_of(cli, path)}\n```\n"
                for path in commands(cli, ("provenance",))]
    return "\n".join([HEAD, *sections])


def readme() -> str:
    """README with what its session prints now, when it is pasted into an empty folder."""
    text = README.read_text(encoding="utf-8")
    lines = _SESSION.search(text)
    if lines is None:
        raise SystemExit("README.md has no session")
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": search, "REPO": str(DOCS.parent), "COLUMNS": "100", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["/bin/bash", "-e", "-c", lines[1]], cwd=folder, env=environment, text=True,
                              capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"README's session ends with {done.returncode}: {done.stderr}")
    return _PRINTED.sub(lambda found: found[1] + done.stdout + found[3], text)


def is_current(page: Path, text: str) -> bool:
    """Whether the page says it already, but for what is new in each session."""
    if not page.is_file():
        return False
    return _CHANGING.sub("", page.read_text(encoding="utf-8")) == _CHANGING.sub("", text)


def main(arguments: list[str]) -> int:
    """Write or check every page; 1 where a check finds a difference."""
    pages = {DOCS / "cli.md": cli_page(), **policy_pages.pages(DOCS), README: readme()}
    stale = [page for page, text in pages.items() if not is_current(page, text)]
    if "--check" in arguments:
        for page in stale:
            print(f"{page.relative_to(DOCS.parent)} is out of date: run `make docs`")
        return int(bool(stale))
    for page in stale:
        page.parent.mkdir(exist_ok=True)
        page.write_text(pages[page], encoding="utf-8")
        print(f"wrote {page.relative_to(DOCS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
