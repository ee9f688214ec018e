"""A sandbox for what evidence tells us to run: no network, no home, no keys, and one folder to write to.

Two tools can build it, and both get the same list of mounts: bubblewrap where it is installed, otherwise user
namespaces through util-linux `unshare` (Linux 5.12 or newer). Neither needs root. Where both fail there is no sandbox.

What is inside: `/usr` and what belongs to it, the few parts of `/etc` that programs need to start (never the whole: it
holds host keys), this Python, an empty `/tmp`, its own `/proc`, a minimal `/dev`, all read-only but `/tmp`, `/dev` and
the work folder. `/proc` too: `/proc/sys` asks for the user's number and for no capability, so a command of root's could
reach the host's settings. Processes of the host are invisible, those of the sandbox end with it, and no capability is
left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from provenance.errors import RunError
from provenance.workflows import sandbox_init

Kind = Literal["read-only", "writable", "tmpfs", "proc", "dev", "link"]
Tool = Literal["bubblewrap", "user-namespaces"]
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = ("alternatives", "fonts", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types",
        "nsswitch.conf", "os-release", "passwd", "protocols", "services", "timezone")
# Numeric libraries count processors there; another count gives another order of additions.
_PROCESSORS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
_BUBBLEWRAP: dict[Kind, str] = {"read-only": "--ro-bind", "writable": "--bind", "tmpfs": "--tmpfs", "proc": "--proc",
                                "dev": "--dev", "link": "--symlink"}


@dataclass(frozen=True)
class Mount:
    """One place inside: what is there, and from where (for a link: what it points at)."""

    kind: Kind
    target: str
    source: str = ""


@dataclass(frozen=True)
class Sandbox:
    """A tool that was found to work here."""

    tool: Tool
    program: str

    def arguments(self, command: Sequence[str], mounts: Sequence[Mount], work: Path, root: Path) -> list[str]:
        """The command line that runs the command behind these mounts; `root` is an empty folder to build upon."""
        if self.tool == "bubblewrap":
            options = [word for m in mounts for word in (_BUBBLEWRAP[m.kind], m.source, m.target) if word]
            closed = [word for path in ("/proc", "/") for word in ("--remount-ro", path)]
            return [self.program, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", *options, *closed,
                    "--chdir", str(work), "--", *command]
        triples = [word for mount in mounts for word in (mount.kind, mount.source, mount.target)]
        return [self.program, "--user", "--map-root-user", "--net", "--mount", "--ipc", "--uts", "--pid", "--fork",
                "--kill-child", "--", sys.executable, "-I", "-S", sandbox_init.__file__, str(root), str(work), *triples,
                sandbox_init.END, *command]


def find_sandbox() -> Sandbox | None:
    """The first tool that can really run `true` here; None where there is none."""
    candidates: tuple[tuple[Tool, str], ...] = (("bubblewrap", "bwrap"), ("user-namespaces", "unshare"))
    for tool, name in candidates:
        program = shutil.which(name)
        if program and _works(sandbox := Sandbox(tool, program)):
            return sandbox
    return None


def require_sandbox() -> Sandbox:
    """A sandbox that works here; RunError `sandbox-unavailable`."""
    found = find_sandbox()
    if found is None:
        raise RunError("sandbox-unavailable", "neither bubblewrap nor user namespaces can be used here",
                       location="sandbox", hint="install bubblewrap, or spell out --no-sandbox")
    return found


def run_sandboxed(
    command: Sequence[str],
    *,
    work: Path,
    environment: Mapping[str, str],
    visible: Sequence[Path] = (),
    sandbox: Sandbox | None = None,
) -> int:
    """Run a command in a sandbox whose only lasting place is `work`; its exit code (128 + n for signal n).

    `visible` are more paths to read. The command reads nothing from standard input, and what it prints goes to
    standard error, because standard output belongs to the report. RunError `sandbox-unavailable`.
    """
    chosen = sandbox or require_sandbox()
    folder = Path(os.path.realpath(work))
    with tempfile.TemporaryDirectory(prefix="provenance-root-") as root:
        arguments = chosen.arguments(command, mounts_for(folder, visible), folder, Path(root))
        done = subprocess.run(arguments, env=small_environment(environment), stdin=subprocess.DEVNULL, stdout=2,
                              start_new_session=True, check=False)
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def small_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """All that a command run again gets: the given variables, and places that exist in the sandbox."""
    folders = [f"{prefix}/bin" for prefix in (sys.prefix, sys.base_prefix)]
    path = ":".join(dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]))
    fixed = {"PATH": path, "HOME": "/tmp", "TMPDIR": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108  its own
    return {"LANG": "C.UTF-8", **environment, **fixed}


def mounts_for(work: Path, visible: Sequence[Path] = ()) -> tuple[Mount, ...]:
    """The one list of what is inside, in the order in which it is mounted."""
    return (
        Mount("tmpfs", "/tmp"),  # noqa: S108  a new one
        *(_system(path) for path in _SYSTEM if os.path.lexists(path)),
        *(_read_only(f"/etc/{name}") for name in _ETC if Path("/etc", name).exists()),
        *(_read_only(path) for path in _PROCESSORS if Path(path).is_dir()),
        Mount("proc", "/proc"),
        Mount("dev", "/dev"),
        *(_read_only(path) for path in _outermost([*_python(), *(str(path.absolute()) for path in visible)])),
        Mount("writable", str(work), str(work)),
    )


def _system(path: str) -> Mount:
    return Mount("link", path, str(Path(path).readlink())) if Path(path).is_symlink() else _read_only(path)


def _read_only(path: str) -> Mount:
    return Mount("read-only", path, path)


def _python() -> list[str]:
    """Where this Python lies, as it is spelled and as it really is: a virtual environment refers to both."""
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    return [place for prefix in prefixes for place in (prefix, os.path.realpath(prefix))]


def _outermost(paths: Sequence[str]) -> list[str]:
    """The paths without those that lie in another or in the system's folders, sorted."""
    there: list[str] = []
    for path in sorted(set(paths)):
        if Path(path).exists() and not any(Path(path).is_relative_to(seen) for seen in ("/usr", *there)):
            there.append(path)
    return there


def _works(sandbox: Sandbox) -> bool:
    with tempfile.TemporaryDirectory(prefix="provenance-probe-") as folder:
        work, root = Path(os.path.realpath(folder), "work"), Path(folder, "root")
        work.mkdir()
        root.mkdir()
        try:
            done = subprocess.run(
                sandbox.arguments(["true"], mounts_for(work), work, root), env=small_environment({}),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=30, start_new_session=True, check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0
