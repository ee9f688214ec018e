"""How every command ends: one place that turns answers and errors into exit codes.

0 passed, 1 not passed, 2 the tool could not do its job, 130 interrupted. A reader that closes the pipe early must not
change the code: the verdict is the code.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import TextIO

import click

from provenance.errors import ProvenanceError

PASSED, NOT_PASSED, FAILED, INTERRUPTED = 0, 1, 2, 130


def run(command: click.Command, arguments: Sequence[str] | None) -> None:
    """Run a command and leave the process with its exit code."""
    _open_missing_streams()
    _end_on_sigterm()
    # A shell that completes gives no arguments. With some, the variable of completion would stand in for the verdict:
    # the command would not run, and the exit code would be 0.
    variable = "" if (sys.argv[1:] if arguments is None else arguments) else None
    try:
        code = command.main(arguments, standalone_mode=False, prog_name="provenance", complete_var=variable) or PASSED
    except ProvenanceError as err:
        code = _tell(err.code, err.message, err.location, err.hint, as_json=_wants_json(arguments))
    except click.exceptions.Exit as err:
        code = err.exit_code
    except click.exceptions.NoArgsIsHelpError as err:
        click.echo(err.format_message(), err=True)
        code = FAILED
    except click.UsageError as err:
        told = " ".join(err.format_message().split())  # click writes choices on lines of their own
        code = _tell("usage", told, "", _help_hint(err), as_json=_wants_json(arguments))
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = INTERRUPTED
    except BrokenPipeError:
        code = FAILED
    except Exception as err:  # noqa: BLE001  the last net: a user never sees a traceback
        told = f"{type(err).__name__}: {err}"
        code = _tell("internal", f"a defect of this tool ({told})", "",
                     "please report it, with the command that you ran", as_json=_wants_json(arguments))
    leave(code if isinstance(code, int) else PASSED)


def leave(code: int) -> None:
    """Flush what can be flushed and exit; a closed pipe is not an error any more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _discard(stream)
    raise SystemExit(code)


def emit(text: str) -> None:
    """Print a report; when the reader has gone, carry on to the exit code."""
    try:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    except OSError:  # gone, or full: the verdict is the exit code all the same
        _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    """Let what can no longer be written go nowhere, so that closing the stream does not fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_missing_streams() -> None:
    """A process may be started with its streams closed; Python then has None where it writes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  for the process's life


def _end_on_sigterm() -> None:
    """End on SIGTERM as on Ctrl-C, with everything half-written taken away."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001  the signature of a handler
    raise KeyboardInterrupt


def _tell(code: str, message: str, location: str, hint: str, *, as_json: bool) -> int:
    # Not at the top: escaping compiles long patterns, and `--help` must not wait for them.
    from provenance.reports.escape import guard_lines, json_text, printable

    if as_json:
        document = {"schemaVersion": "0.1", "kind": "Error", "code": code, "message": message, "location": location,
                    "hint": hint}
        emit(json_text(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"))
    lines = [f"Error [{code}]: {message}"]
    lines += [f"  where: {location}"] * bool(location) + [f"  next:  {hint}"] * bool(hint)
    with contextlib.suppress(OSError):
        click.echo(guard_lines("\n".join(printable(line) for line in lines)), err=True)
    return FAILED


def _wants_json(arguments: Sequence[str] | None) -> bool:
    given = list(sys.argv[1:] if arguments is None else arguments)
    given = given[: given.index("--")] if "--" in given else given
    return "--format=json" in given or ("--format", "json") in pairwise(given)


def _help_hint(err: click.UsageError) -> str:
    return f"`{err.ctx.command_path} --help` explains" if err.ctx else "`provenance --help` explains"
