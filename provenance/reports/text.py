"""The verdict for a terminal, decision first: result, model, policy, rungs, counts; then what led to it.

Drawn with rich, from `Text` objects only: a string from the verdict is never read as markup. Neither the terminal nor
the environment is looked at; the caller says how wide it is and whether it takes colours (`NO_COLOR`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from provenance.reports import wording
from provenance.reports.escape import guard_lines, printable_tree

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLES = {"pass": "green", "fail": "bold red", "undetermined": "yellow", "other": "dim"}
_MOST_ROWS = 20
_MOST_ITEMS = 5
_NARROWEST = 60


def render_text(verdict: Mapping[str, Any], *, width: int = 100, color: bool = False) -> str:
    """The verdict as plain text of at most `width` columns (60 at least), with ANSI colours if `color`."""
    document = printable_tree(verdict)
    console = _console(max(width, _NARROWEST), color)
    with console.capture() as capture:
        for part in _parts(document):
            console.print(part)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return guard_lines("\n".join(lines).strip("\n") + "\n")


def _console(width: int, color: bool) -> Console:
    from io import StringIO

    from rich.console import Console

    # `_environ`: without it COLUMNS, TERM and the like would change the report.
    return Console(file=StringIO(), width=width, force_terminal=color, color_system="standard" if color else None,
                   no_color=not color, markup=False, highlight=False, emoji=False, legacy_windows=False,
                   force_jupyter=False, _environ={})


def _parts(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    yield from _decision(verdict)
    yield from _section("Score", _score(verdict))
    yield from _section("Requirements", _requirements(verdict))
    yield from _section("Waivers", _waivers(verdict))
    yield from _section("Coverage", _coverage(verdict))
    yield from _section("Open points", _listed(wording.why(verdict)))
    yield from _section("Next", _next(verdict))
    yield from _section("Evidence rejected", _rejected(verdict))
    yield from _section("Findings", _findings(verdict))
    yield from _section("Limits", [_text(" ".join(verdict["limits"]), style="dim", indent=2)])


def _section(title: str, rows: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """A title and its rows; nothing at all where there are no rows."""
    listed = list(rows)
    if listed:
        yield _text("")
        yield _text(title, style="bold")
        yield from listed


def _text(words: str, *, style: str = "", indent: int = 0) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(words, style=style, overflow="fold"), (0, 0, 0, indent)) if indent else Text(words, style=style)


def _columns(*columns: dict[str, Any], header: bool = False) -> Table:
    """A table without lines, two columns in from the left, so that no wrapped word stands at a line's start."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=header, pad_edge=True, padding=(0, 0, 0, 2), header_style="dim")
    for column in columns:
        title = Text(column.pop("title", ""))
        table.add_column(title, overflow="fold", **column)
    return table


def _cell(words: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(words, style=style)


def _decision(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    if verdict["asOfInThePast"]:
        yield _text(wording.IN_THE_PAST.format(asOf=verdict["asOf"]), style="bold yellow")
    result, policy, model = wording.result(verdict), verdict["policy"], verdict["model"]
    yield _text(f"{result}: {model['name']}, judged by {policy['id']}", style=f"bold {_STYLES[result.key]}")
    if verdict["informational"]:
        yield _text(wording.INFORMATIONAL, style="yellow")
    facts = _columns({"style": "dim", "no_wrap": True}, {})
    for name, value in _facts(verdict):
        facts.add_row(_cell(name), _cell(value))
    yield facts


def _facts(verdict: dict[str, Any]) -> Iterator[tuple[str, str]]:
    policy, model, ladder, trust = verdict["policy"], verdict["model"], verdict["ladder"], verdict["trust"]
    digest = wording.short(wording.main_digest(model["digest"])) or "no digest: not every file was read"
    yield "Model", f"{model['name']}  {digest}  {model['files']:,} files, {wording.amount(model['bytes'])}"
    yield "Weights", "  ".join(filter(None, [wording.weights_sentence(verdict), _weights_digest(model)]))
    yield "Policy", f"{policy['title']} {policy['version']}  sha256:{policy['digest']['sha256'][:12]}"
    if "parameters" in policy:
        yield "Parameters", wording.parameters(policy["parameters"])
    if "score" in verdict:
        yield "Score", wording.score_sentence(verdict["score"])
    yield "Rung shown", wording.label_of(verdict, ladder["shown"])
    yield "Rung declared", wording.label_of(verdict, ladder["declared"])
    yield "Counts", wording.counts_sentence(verdict)
    yield "As of", verdict["asOf"]
    yield "Trust file", (
        f"version {trust['version']}, expires {trust['expires']}  sha256:{trust['digest']['sha256'][:12]}"
        if trust else "none: no signer is believed"
    )
    if wording.root_words(verdict):
        yield "Trust root", wording.root_words(verdict)


def _weights_digest(model: dict[str, Any]) -> str:
    return wording.short(wording.main_digest(model["weights"]["digest"])) if model["weights"] else ""


def _score(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    if "score" not in verdict:
        return
    table = _columns({"no_wrap": True}, {"no_wrap": True}, {})
    for group in verdict["score"]["groups"]:
        table.add_row(_cell(group["title"], "bold"), _cell(wording.points(group)), _cell(""))
        for row in group["dimensions"]:
            style = _STYLES[{"open": "pass", "closed": "fail"}.get(row["answer"], "undetermined")]
            table.add_row(_cell(row["title"]), _cell(wording.dimension_words(row), style), _cell(row["reason"]))
    yield table


def _requirements(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    declared = verdict["informational"]
    table = _columns({"title": "Id", "no_wrap": True, "min_width": 4}, {"title": "Outcome", "max_width": 15},
                     {"title": "Shown by", "max_width": 20}, {"title": "What was shown, or is missing"},
                     header=True)
    for row in verdict["requirements"]:
        found = wording.mark(row["outcome"], declared=declared)
        shown = "\n".join(filter(None, [wording.shown_by(row), ", ".join(row["signers"][:3])]))
        table.add_row(_cell(row["id"], "bold"), _cell(str(found), _STYLES[found.key]), _cell(shown), _said(row))
    yield table


def _said(row: dict[str, Any]) -> Text:
    said = _cell("")
    said.append(row["title"], style="bold")
    items, rest = wording.limited(wording.open_items(row), _MOST_ITEMS)
    if not items:
        said.append(f"\n{row['reason']}")
    for item in items:
        said.append(f"\n{wording.mark(item['outcome']).sign} {wording.item_words(item)}")
    said.append(f"\n{rest}" if rest else "")
    said.append(f"\n{wording.declares(row)}" if row["declares"] else "", style="italic")
    return said


def _waivers(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    rows, rest = wording.limited(verdict["waivers"], _MOST_ROWS)
    if rows:
        table = _columns({"max_width": 40}, {})
        for row in rows:
            said = _cell(wording.waiver_words(row), "" if row["effect"] == "waives" else "yellow")
            said.append(f"\nby {wording.approver_words(row)}")
            said.append(f": {row['reason']}" if row["reason"] else "")
            said.append(f"\nin its place: {row['compensatingMeasure']}" if row["compensatingMeasure"] else "")
            table.add_row(_cell(row["file"]), said)
        yield table
    yield from _rest(rest)


def _coverage(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    coverage = verdict["coverage"]
    mark = wording.mark("pass" if coverage["complete"] else "undetermined")
    yield _text(f"{mark.sign} {wording.coverage_sentence(verdict)}", style=_STYLES[mark.key], indent=2)
    rows, rest = wording.limited(coverage["uncovered"], _MOST_ROWS)
    if rows:
        table = _columns({"no_wrap": True}, {}, {})
        for row in rows:
            table.add_row(_cell(row["risk"], "bold"), _cell(row["path"]), _cell(row["code"], "dim"))
        yield table
    yield from _rest(rest)


def _listed(rows: Iterable[str]) -> Iterator[RenderableType]:
    table = _columns({"no_wrap": True}, {})
    for number, row in enumerate(rows, start=1):
        table.add_row(_cell(f"{number}."), _cell(row))
    if table.row_count:
        yield table


def _next(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    for towards, steps in wording.steps_forward(verdict):
        yield _text(f"Towards {towards}:", indent=2)
        table = _columns({"max_width": 16, "style": "bold"}, {})
        for requirement, remedy in steps:
            table.add_row(_cell(requirement), _cell(remedy))
        yield table


def _rejected(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    rows, rest = wording.limited(wording.rejected(verdict), _MOST_ROWS)
    if rows:
        table = _columns({"max_width": 40}, {"no_wrap": True}, {})
        for row in rows:
            table.add_row(_cell(row["file"]), _cell(row["status"], "red"), _cell(f"{row['reason']} ({row['code']})"))
        yield table
    yield from _rest(rest)


def _findings(verdict: dict[str, Any]) -> Iterator[RenderableType]:
    styles = {"error": "red", "warning": "yellow", "info": "dim"}
    # A file that nothing covers stands in the list above already.
    told = [row for row in verdict["findings"] if row["code"] not in ("file-not-covered", "as-of-in-the-past")]
    rows, rest = wording.limited(told, _MOST_ROWS)
    if rows:
        table = _columns({"no_wrap": True}, {})
        for row in rows:
            place = f"{row['location']}: " if row["location"] else ""
            hint = f" ({row['hint']})" if row["hint"] else ""
            table.add_row(_cell(row["severity"], styles[row["severity"]]), _cell(f"{place}{row['message']}{hint}"))
        yield table
    yield from _rest(rest)


def _rest(sentence: str) -> Iterator[RenderableType]:
    if sentence:
        yield _text(sentence, style="dim", indent=2)
