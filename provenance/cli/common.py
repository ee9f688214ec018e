"""What the commands share: options, keys and passphrases, progress, output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.exit import emit
from provenance.errors import UsageError
from provenance.reports.escape import guard_lines, json_text

if TYPE_CHECKING:
    from rich.progress import TaskID

PASSPHRASE = "PROVENANCE_KEY_PASSPHRASE"  # noqa: S105  the name of a variable
Command = TypeVar("Command", bound=Callable[..., Any])


class _NamedPath(click.Path):
    """A path that is not empty: an unset variable must not mean the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse the empty text."""
        if value == "":
            self.fail("an empty path", param, ctx)
        return super().convert(value, param, ctx)


class _PathOrAddress(_NamedPath):
    """The same, or an address of the Hub, which stays text: as a path it would lose a slash."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text of an address, else a path."""
        if isinstance(value, str) and value.startswith("hf://"):
            return value
        return super().convert(value, param, ctx)


EXISTING = _NamedPath(path_type=Path)
PATH_OR_ADDRESS = _PathOrAddress(path_type=Path)


def common_options(function: Command) -> Command:
    """`--format`, `--output`, `-v` and `-q`; the command gets them as one `Shown` in `shown`."""
    to_file = click.option("--output", "output_file", type=EXISTING, metavar="FILE",
                           help="Write there instead of printing.")
    return display_options(to_file(function))


def display_options(function: Command) -> Command:
    """The same without `--output`, for a command that means something else by it."""

    @click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True,
                  help="What to print.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more about the work on standard error.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
    @wraps(function)
    def wrapped(*args: Any, output_format: str, verbose: bool, quiet: bool, output_file: Path | None = None,
                **kwargs: Any) -> Any:
        if verbose:
            from provenance.cli.verbose import say_more

            say_more()
        return function(*args, shown=Shown(output_format, output_file, quiet), **kwargs)

    return wrapped  # type: ignore[return-value]


@dataclass(frozen=True)
class Shown:
    """How an answer is shown: its format, where it goes, and whether progress is drawn."""

    format: str
    output: Path | None
    quiet: bool

    def answer(self, document: Mapping[str, Any], text: Callable[[], str]) -> None:
        """Print or write the JSON document, or the text: on a terminal in as many columns as that has."""
        if self.format == "json":
            self.text(to_text(document))
            return
        content = guard_lines(text())
        if self._on_terminal:
            from provenance.reports.columns import fit

            content = guard_lines(fit(content, self.width))
        self.text(content)

    @property
    def _on_terminal(self) -> bool:
        return self.output is None and sys.stdout is not None and sys.stdout.isatty()

    @property
    def width(self) -> int:
        """How many columns a text has: those of the terminal where it goes to one, so that no line is broken twice."""
        from provenance.reports import WIDTH

        if not self._on_terminal:
            return WIDTH
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
        except (OSError, ValueError):
            return WIDTH

    def text(self, content: str) -> None:
        """Print or write finished text."""
        if self.output is None:
            emit(content)
        else:
            from provenance.files import write_whole

            write_whole(self.output, content.encode("utf-8", "backslashreplace"))

    @contextmanager
    def progress(self, what: str) -> Iterator[tuple[Callable[[int], None] | None, Callable[[int], None] | None]]:
        """`(progress, total)` for the hashing engine: a bar with rate and time left on a terminal, else nothing."""
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            yield None, None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                   TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task: TaskID = bar.add_task(what, total=None)
            yield (lambda count: bar.advance(task, count)), (lambda count: bar.update(task, total=count))


def to_text(document: Mapping[str, Any]) -> str:
    """JSON as every command prints it: sorted, indented, one newline at the end."""
    return json_text(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def now() -> datetime:
    """The clock; only commands look at it, and hand the time in."""
    return datetime.now(UTC)


def as_of_option(function: Command) -> Command:
    """`--as-of`, as a time in UTC."""
    return click.option("--as-of", callback=moment, metavar="TIME",
                        help="Judge as of this time (2026-11-23T12:00:00Z) instead of now.")(function)


def moment(_: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A time in UTC from what was typed; usage error where it is none."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as err:
        raise click.BadParameter("write it as 2026-11-23T12:00:00Z", param=parameter) from err


def trust_options(help: str, *, required: bool = False) -> Callable[[Command], Command]:  # noqa: A002  click's word
    """`--trust`, and what the file must live up to; the command gets one `TrustSource` in `trust` (None: no file)."""

    def decorate(function: Command) -> Command:
        @click.option("--trust", type=EXISTING, required=required, metavar="FILE", help=help)
        @click.option("--trust-state", type=EXISTING, metavar="FILE",
                      help="Remember the newest version of the trust file there, and refuse an older one.")
        @click.option("--trust-key", type=EXISTING, metavar="FILE",
                      help="Public key that must have signed the trust file, in a bundle beside it.")
        @wraps(function)
        def wrapped(*args: Any, trust: Path | None, trust_state: Path | None, trust_key: Path | None,
                    **kwargs: Any) -> Any:
            if trust is None and (trust_state or trust_key):
                raise UsageError("usage", "there is no trust file to hold to this",
                                 location="--trust-state, --trust-key", hint="give --trust")
            source = None
            if trust is not None:
                from provenance.bundles.trust import TrustSource

                source = TrustSource(trust, trust_state, trust_key)
            return function(*args, trust=source, **kwargs)

        return wrapped  # type: ignore[return-value]

    return decorate


def passphrase(prompt: str, *, confirm: bool = False) -> bytes | None:
    """The passphrase from the environment, or asked for on a terminal; None where there is neither."""
    if PASSPHRASE in os.environ:
        return os.environ[PASSPHRASE].encode("utf-8")
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    text: str = click.prompt(prompt, hide_input=True, err=True, confirmation_prompt=confirm)
    return text.encode("utf-8")


def settings_option(function: Command) -> Command:
    """`--set`: values of the policy's parameters as typed; the command gets them by name in `settings`."""

    @click.option("--set", "given", multiple=True, metavar="NAME=VALUE",
                  help="A parameter of the policy (`policy show` names them); it may only tighten.")
    @wraps(function)
    def wrapped(*args: Any, given: tuple[str, ...], **kwargs: Any) -> Any:
        found = pairs(given, "--set")
        settings = dict(found)
        if len(settings) != len(found):
            raise UsageError("usage", "one parameter has two values", location="--set", hint="give it once")
        return function(*args, settings=settings, **kwargs)

    return wrapped  # type: ignore[return-value]


def pairs(values: tuple[str, ...], option: str, names: frozenset[str] | None = None) -> list[tuple[str, str]]:
    """`NAME=VALUE` arguments as pairs; UsageError when one is not, or its name is not among `names`."""
    found = []
    for value in values:
        name, sign, rest = value.partition("=")
        if not sign or not name or not rest:
            raise UsageError("usage", f"{value} is not NAME=VALUE", location=option, hint="write NAME=VALUE")
        if names is not None and name not in names:
            import difflib

            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(sorted(names))}"
            raise UsageError("usage", f"there is no {name}", location=option, hint=hint)
        found.append((name, rest))
    return found
