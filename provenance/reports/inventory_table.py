"""An inventory for a terminal: a summary, then one row a model, drawn with rich from `Text` objects only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from provenance.reports import WIDTH, wording
from provenance.reports.escape import guard_lines, printable_tree
from provenance.reports.inventory import (
    TAKEN_OVER,
    mof_words,
    next_words,
    progress_words,
    rests_on,
    rung_label,
    summary,
    verdict_words,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_MOST_SKIPPED = 20
_NARROWEST = 80


def render_table(inventory: Mapping[str, Any], *, width: int = WIDTH) -> str:
    """The inventory as plain text of at most `width` columns (80 at least)."""
    document = printable_tree(inventory)
    console = _console(max(width, _NARROWEST))
    with console.capture() as capture:
        for part in _parts(document):
            console.print(part)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return guard_lines("\n".join(lines).strip("\n") + "\n")


def _console(width: int) -> Console:
    from io import StringIO

    from rich.console import Console

    # `_environ`: without it COLUMNS, TERM and the like would change the report.
    return Console(file=StringIO(), width=width, force_terminal=False, color_system=None, no_color=True, markup=False,
                   highlight=False, emoji=False, legacy_windows=False, force_jupyter=False, _environ={})


def _parts(inventory: dict[str, Any]) -> Iterator[RenderableType]:
    if inventory["asOfInThePast"]:
        yield _text(wording.IN_THE_PAST.format(asOf=inventory["asOf"]))
    for line in summary(inventory):
        yield _text(line)
    yield _text(f"As of {inventory['asOf']}; {_believed(inventory)}")
    yield _text("")
    yield _table(inventory)
    skipped, rest = wording.limited(inventory["skipped"], _MOST_SKIPPED)
    if skipped:
        yield _text("")
        yield _text("Left out")
    for row in skipped:
        yield _text(f"  {row['path']}: {row['reason']}")
    if rest:
        yield _text(f"  {rest}")
    yield _text("")
    yield _text(f"Limits: {' '.join(inventory['limits'])}")


def _believed(inventory: Mapping[str, Any]) -> str:
    trust = inventory["trust"]
    if trust is None:
        return "no trust file: no signer is believed"
    return f"trust file version {trust['version']}, sha256:{trust['digest']['sha256'][:12]}"


def _table(inventory: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=True, pad_edge=True, padding=(0, 0, 1, 2))
    for title, ratio in (("Model", 4), ("Rests on", 2), ("MOF 1.0", 3), ("Rung", 4), ("Policies", 4), ("Next", 5)):
        if title != "Policies" or inventory["policies"]:
            table.add_column(_text(title), overflow="fold", ratio=ratio)
    for row in inventory["models"]:
        table.add_row(*_cells(inventory, row))
    return table


def _cells(inventory: Mapping[str, Any], row: Mapping[str, Any]) -> list[Text]:
    revision = f" at {row['revision'][:12]}" if row["revision"] else ""
    verdicts = [f"{name}: {verdict_words(verdict)}" for name, verdict in row["verdicts"].items()]
    rungs = [f"shown: {rung_label(inventory, row['rung_shown'])}",
             f"declared: {rung_label(inventory, row['rung_declared'])}"]
    cells = [
        [row["name"] + revision, row["path"]],
        [rests_on(row), f"({TAKEN_OVER})" if row["taken_over"] else ""],
        [mof_words(row), progress_words(row)],
        [] if row["error"] else rungs,
        [] if row["error"] else verdicts,
        [next_words(row)],
    ]
    if not inventory["policies"]:
        del cells[4]
    return [_text("\n".join(filter(None, lines))) for lines in cells]


def _text(words: str) -> Text:
    from rich.text import Text

    return Text(words, overflow="fold")
