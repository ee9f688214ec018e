"""Running a command as if nobody watched: its terminal, its signals and its exit code are its own.

While it runs, signals are taken one by one rather than by handlers, because only then is their sender known: what the
terminal sent has reached the command already (it is in the same process group), and what was sent to this process
alone is passed on. A command that is told twice to stop does not get to save its work.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import RunError

_PASSED_ON = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_FROM_A_PROCESS = 0  # SI_USER, sigaction(2): sent by kill, not by the terminal


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (128 + n for signal n), and the signals that came while it ran."""

    code: int
    signals: tuple[str, ...] = ()


def run(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdout: int | None = None
) -> Ended:
    """Run a command in a folder without a time limit and without a shell; RunError `command-not-found`.

    `stdout` is a descriptor for what it prints, where that is not this process's own standard output.
    """
    if threading.current_thread() is not threading.main_thread():  # signals go to the main thread only
        return Ended(_exit_code(_start(command, folder, environment, stdout).wait()))
    with _signals_noted() as early:
        process = _start(command, folder, environment, stdout)
        with _signals_held():
            return _attend(process, early)


def _start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], stdout: int | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(list(command), cwd=folder, env=dict(environment), stdout=stdout)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise RunError("command-not-found", f"cannot start the command: {reason}", location=command[0],
                       hint="check the name of the program, and that it can be executed") from err


@contextmanager
def _signals_noted() -> Iterator[list[signal.Signals]]:
    """Until the command runs, a signal is noted; one that is ignored (nohup) stays so, for the command too."""
    early = list[signal.Signals]()
    taken = {number: handler for number in _PASSED_ON
             if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    try:
        for number in taken:
            signal.signal(number, lambda received, _: early.append(signal.Signals(received)))
        yield early
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


@contextmanager
def _signals_held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _attend(process: subprocess.Popen[bytes], early: Sequence[signal.Signals]) -> Ended:
    """Wait for the end of the command, and pass on what was meant for it."""
    seen = list(early)
    for number in early:
        process.send_signal(number)
    while process.poll() is None:
        info = signal.sigtimedwait({*_PASSED_ON, signal.SIGCHLD}, 1.0)
        if info is None or info.si_signo == signal.SIGCHLD:
            continue
        seen.append(signal.Signals(info.si_signo))
        if info.si_code == _FROM_A_PROCESS:
            process.send_signal(info.si_signo)
    return Ended(_exit_code(process.returncode), tuple(number.name for number in seen))


def _exit_code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned
