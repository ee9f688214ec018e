"""What git says of the working folder: the commit, whether tracked files differ from it, and the remote.

`git` is asked with a short time limit and without what could run something or change the repository: no prompts, no
locks, no hooks, no file system monitor. Where there is no answer there is no fact, and the recorder says so.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from provenance.statements.statement import ResourceDescriptor
from provenance.workflows.recorder.cleaning import without_credentials

_SECONDS = 10
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SCP = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/\s]{2,}):(?P<path>[^\s]+)")


@dataclass(frozen=True)
class Checkout:
    """A commit, whether tracked files differ from it, and the remote as `git+URL` ("" where it has none to tell)."""

    commit: str
    is_dirty: bool
    remote: str

    def descriptor(self) -> ResourceDescriptor:
        """The checkout as a dependency; a git commit is weak and identifies nothing by itself."""
        return ResourceDescriptor("", {"gitCommit": self.commit}, self.remote,
                                  annotations={"role": "source-repository", "dirty": self.is_dirty})


def checkout_of(folder: Path) -> Checkout | None:
    """The checkout that holds the folder; None where there is none, or git is missing, too slow or unwilling."""
    commit = (_git(folder, "rev-parse", "--verify", "HEAD^{commit}") or "").strip()
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    if not _COMMIT.fullmatch(commit) or changes is None:
        return None
    return Checkout(commit, bool(changes.strip()), _public((_git(folder, "remote", "get-url", "origin") or "").strip()))


def _git(folder: Path, *arguments: str) -> str | None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments],  # noqa: S607  the user's git, as found on the user's PATH
            cwd=folder, env={**inherited, **quiet}, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _public(remote: str) -> str:
    """The remote as a URL that may be published; a path on this machine may not."""
    if "://" in remote:
        return "" if remote.startswith("file:") else "git+" + without_credentials(remote)
    found = _SCP.fullmatch(remote)
    return f"git+ssh://{found['host']}/{found['path'].lstrip('/')}" if found else ""
