"""The Python that a command runs in: its version, and the packages that it would import.

Asked of that interpreter itself, from outside the working folder, so that nothing there is imported by the question.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import StatementError
from provenance.statements.reader import parse_json, to_json
from provenance.statements.statement import ResourceDescriptor

_SECONDS = 60
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_QUESTION = r"""
import importlib.metadata, json, platform, re
found = {}
for package in importlib.metadata.distributions():
    name = package.metadata["Name"]
    if name:
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), str(package.version))
print(json.dumps({"implementation": platform.python_implementation(), "version": platform.python_version(),
                  "packages": sorted(found.items())}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python by implementation and version, and its packages as sorted (name, version)."""

    version: str
    packages: tuple[tuple[str, str], ...]

    def descriptor(self) -> ResourceDescriptor:
        """The list of packages as a dependency, by the sha256 of its JSON."""
        rows = [{"name": name, "version": version} for name, version in self.packages]
        digest = hashlib.sha256(to_json(rows)).hexdigest()
        return ResourceDescriptor("installed-packages", {"sha256": digest}, media_type="application/json",
                                  annotations={"role": "environment", "packages": rows})


def program_of(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The program to start, as the shell would find it; `python` is this one where there is none on the path."""
    if "/" in command:
        return str(folder / command)
    found = shutil.which(command, path=environment.get("PATH"))
    if found is None and command in ("python", "python3"):
        return sys.executable
    return found or command


def interpreter_of(program: str, environment: Mapping[str, str]) -> Interpreter | None:
    """What the Python behind a program says of itself; None for other programs, or where it does not answer."""
    python = program if _PYTHON.fullmatch(Path(program).name) else _named_in_script(Path(program))
    if python is None:
        return None
    try:
        done = subprocess.run(
            [python, "-c", _QUESTION], cwd="/", env={**environment, "PYTHONSAFEPATH": "1"}, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=_SECONDS, check=False,
        )
        said = parse_json(done.stdout, python)
        packages = tuple((str(name), str(version)) for name, version in said["packages"])
        return Interpreter(f"{said['implementation']} {said['version']}", packages)
    except (OSError, subprocess.TimeoutExpired, StatementError, KeyError, TypeError, ValueError):
        return None


def _named_in_script(program: Path) -> str | None:
    """The Python that a script's first line names (`torchrun`, `accelerate`)."""
    try:
        with program.open("rb") as script:
            first = script.readline(512)
    except OSError:
        return None
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    return words[0] if words and _PYTHON.fullmatch(Path(words[0]).name) else None
