"""An inventory as a table: for the terminal, for a spreadsheet (CSV), as one HTML file with filters, and as JSON.

A pure function of the document that `schemas/inventory.schema.json` describes. Every row says what it rests on: signed
evidence, or a declaration that nobody signed. Every string of it is treated as hostile; a spreadsheet would run what
begins like a formula (CWE-1236), so such a cell begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from provenance.errors import UsageError
from provenance.reports import WIDTH, wording
from provenance.reports.escape import guard_lines, printable, printable_tree

__all__ = ["INVENTORY_FORMATS", "render_inventory"]

Document = Mapping[str, Any]
Row = Mapping[str, Any]
INVENTORY_FORMATS = ("text", "json", "csv", "html")
NUMERALS = {0: "none", 1: "I", 2: "II", 3: "III"}
DECLARED = "declared only"
RESTS_ON = {"trusted": "signed evidence", "unsigned": DECLARED, "none": "nothing"}
UNREADABLE = "not read"
_NUMBERS = ("least", "most", "declared_least", "declared_most", "of")
TAKEN_OVER = "taken over"
# What spreadsheets take for the beginning of a formula; the wide forms count where Japanese is typed.
_FORMULA = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")


def render_inventory(
    inventory: Document, format: str, *, width: int = WIDTH  # noqa: A002  the command line's own word
) -> str:
    """The inventory in one of `INVENTORY_FORMATS`, text in so many columns; UsageError `usage` for another one."""
    from provenance.reports.inventory_table import render_table
    from provenance.reports.json_report import render_json

    renderers: dict[str, Callable[[Document], str]] = {
        "text": partial(render_table, width=width), "json": render_json, "csv": render_csv, "html": render_page,
    }
    if format not in renderers:
        raise UsageError("usage", f"there is no inventory format {format}",
                         hint=f"use one of {', '.join(INVENTORY_FORMATS)}")
    return renderers[format](inventory)


# --- words that the formats share ---------------------------------------------------------------------------


def rests_on(row: Row) -> str:
    """What a row rests on, in two words."""
    return UNREADABLE if row["error"] else RESTS_ON[row["voice"]]


def mof_words(row: Row) -> str:
    """`Class III (declared only)`; the class is never told without what it rests on."""
    if row["error"]:
        return ""
    name = f"Class {NUMERALS[row['mof_class']]}" if row["mof_class"] else "no class"
    return name if row["voice"] == "trusted" else f"{name} ({DECLARED})"


def progress_words(row: Row) -> str:
    """`III 6/6, II 7/10, I 8/14`: how many of the required components of each class are included."""
    if row["mof"] is None:
        return ""
    classes = row["mof"]["classes"]
    return ", ".join(f"{NUMERALS[each['class']]} {each['included']}/{each['required']}" for each in classes)


def rung_label(inventory: Document, policy: str | None) -> str:
    """The label of a rung; `none` where no rung is reached."""
    return next((rung["label"] for rung in inventory["ladder"] if rung["policy"] == policy), policy or "none")


def verdict_words(verdict: Mapping[str, Any]) -> str:
    """`✓ pass`, or `? undetermined, declares pass` where an unsigned voice says more than the evidence shows.

    Of a policy that keeps a score, the points: it never passes.
    """
    if "score" in verdict:
        return _points(verdict["score"])
    shown, declared = verdict["shown"], verdict["declared"]
    says_more = shown == "undetermined" and declared in ("pass", "fail")
    words = f"{wording.mark(shown)}, declares {wording.mark(declared).word}" if says_more else str(wording.mark(shown))
    return f"{words}, {', '.join(verdict['waived'])} waived" if verdict["waived"] else words


def _points(score: Document) -> str:
    """`4.5 to 9 of 12 points, declares 6`."""
    shown, declared = (wording.span(each) for each in (score, score["declared"]))
    return f"{shown} of {score['of']} points" + (f", declares {declared}" if declared != shown else "")


def blocker_words(blocker: Mapping[str, str]) -> str:
    """`osaid-1.0 W-2: licence not known`."""
    return f"{blocker['towards']} {blocker['requirement']}: {blocker['reason']}"


def next_words(row: Row) -> str:
    """The first step, towards what, and how many more; or why the row could not be read."""
    if row["error"]:
        return f"{row['error']['message']} [{row['error']['code']}]"
    if row["next"] is None:
        return ""
    steps = row["next"]["steps"]
    more = f" (and {len(steps) - 1} more)" if len(steps) > 1 else ""
    return f"{steps[0]}{more}, towards {row['next']['towards']}"


def summary(inventory: Document) -> Iterator[str]:
    """The lines above the table: how much there is, and how little of it is shown."""
    counts = inventory["counts"]
    classes = counts["mofClass"]
    yield f"{counts['models']:,} models, {counts['unreadable']:,} not read"
    readable = counts["models"] - counts["unreadable"]
    yield (f"{counts['informational']:,} of {readable:,} rest on declarations that nobody signed: they are "
           "informational, and nothing passes by them")
    if counts["takenOver"]:
        yield (f"{counts['takenOver']:,} rows are {TAKEN_OVER} from the state file of an earlier run: their models "
               "were not read again")
    told = ", ".join(f"{classes[str(number)]:,} in Class {NUMERALS[number]}" for number in (1, 2, 3))
    yield f"MOF 1.0, profile {inventory['profile']}: {told}, {classes['0']:,} in none"
    for rung in reversed(inventory["ladder"]):
        reached = counts["rungs"][rung["policy"]]
        yield f"{rung['label']}: shown by {reached['shown']:,}, declared by {reached['declared']:,}"
    for policy in inventory["policies"]:
        if "parameters" in policy:
            yield f"{policy['id']} is asked with {wording.parameters(policy['parameters'])}"
        if "dimensions" in policy:
            yield f"{policy['id']} keeps a score of {policy['dimensions']} points, which is never a pass"


# --- CSV ----------------------------------------------------------------------------------------------------


def render_csv(inventory: Document) -> str:
    """One line a model, every cell in quotes (RFC 4180, but with plain line ends)."""
    policies = inventory["policies"]
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    head = ["path", "name", "kind", "revision", "rests_on", "row", "mof_class", "mof_progress_iii", "mof_progress_ii",
            "mof_progress_i", "rung_shown", "rung_declared", *(f"verdict {policy['id']}" for policy in policies),
            *(f"score_{number} {policy['id']}" for policy in policies if "dimensions" in policy for number in _NUMBERS),
            "blockers", "next",
            "error"]
    writer.writerow([csv_cell(name) for name in head])
    for row in inventory["models"]:
        writer.writerow([csv_cell(text) for text in _csv_row(row, policies)])
    return guard_lines(out.getvalue())


def _csv_row(row: Row, policies: Sequence[Document]) -> list[str]:
    verdicts = row["verdicts"]
    blockers, rest = wording.limited([blocker_words(blocker) for blocker in row["blockers"]], 20)
    return [
        row["path"], row["name"], row["kind"], row["revision"], rests_on(row),
        TAKEN_OVER if row["taken_over"] else "read now", str(row["mof_class"]),
        *(f"{row['progress'][number]:g}" for number in ("3", "2", "1")),
        row["rung_shown"] or "none", row["rung_declared"] or "none",
        *(verdict_words(verdicts[policy["id"]]) for policy in policies),
        *(text for policy in policies if "dimensions" in policy for text in _numbers(verdicts[policy["id"]])),
        "; ".join([*blockers, *filter(None, [rest])]), "" if row["error"] else next_words(row),
        row["error"]["code"] if row["error"] else "",
    ]


def _numbers(verdict: Mapping[str, Any]) -> list[str]:
    """The points as `_NUMBERS` names them, for a spreadsheet to reckon with."""
    score = verdict.get("score")
    if score is None:
        return [""] * len(_NUMBERS)
    declared = score["declared"]
    return [f"{number:g}" for number in
            (score["least"], score["most"], declared["least"], declared["most"], score["of"])]


def csv_cell(text: str) -> str:
    """The text as a cell that a spreadsheet shows and does not run."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown


# --- HTML ---------------------------------------------------------------------------------------------------


def render_page(inventory: Document) -> str:
    """One self-contained page: no script, and filters that are radio buttons and style rules."""
    import sys

    from provenance.reports.html import environment

    document = printable_tree(inventory)
    groups = list(_filters(document))
    page = environment().get_template("inventory.html.j2").render(
        v=document, i=sys.modules[__name__], groups=[group for group, _ in groups],
        marks=[" ".join(f"g{number}-{place[index]}" for number, (_, place) in enumerate(groups))
               for index in range(len(document["models"]))],
    )
    return guard_lines(page, colon="&#58;") + "\n"


Filter = tuple[Mapping[str, Any], Sequence[int]]


def _filters(inventory: Document) -> Iterator[Filter]:
    """Each filter with its options, and which option each row belongs to. Options are ours, never the evidence's."""
    rows = inventory["models"]
    yield _filter("Rests on", [*RESTS_ON.values(), UNREADABLE], [rests_on(row) for row in rows])
    classes = [f"Class {NUMERALS[number]}" if number else "no class" for number in (1, 2, 3, 0)]
    yield _filter("MOF class", classes, [f"Class {NUMERALS[row['mof_class']]}" if row["mof_class"] else "no class"
                                         for row in rows])
    labels = [*(rung["label"] for rung in reversed(inventory["ladder"])), "none"]
    for voice in ("shown", "declared"):
        yield _filter(f"Rung {voice}", labels, [rung_label(inventory, row[f"rung_{voice}"]) for row in rows])
    for policy in inventory["policies"]:
        if "dimensions" in policy:
            bands = [_band(row["verdicts"][policy["id"]]) for row in rows]
            yield _filter(f"{policy['id']}, points shown", [*_BANDS.values(), _NO_POINTS], bands)
            continue
        outcomes = [_told(row["verdicts"][policy["id"]]) for row in rows]
        yield _filter(policy["id"], ["pass", "fail", *(_open(declared) for declared in ("", "pass", "fail"))], outcomes)


_BANDS = {0.75: "three quarters or more", 0.5: "half or more", 0.25: "a quarter or more", 0: "some"}
_NO_POINTS = "none"


def _band(verdict: Mapping[str, Any]) -> str:
    """Which part of all points is shown at least."""
    score = verdict.get("score", {"least": 0, "of": 1})
    if not score["least"]:
        return _NO_POINTS
    return next(band for part, band in _BANDS.items() if score["least"] >= part * score["of"])


def _told(verdict: Mapping[str, Any]) -> str:
    shown, declared = verdict["shown"], verdict["declared"]
    return _open(declared if declared in ("pass", "fail") else "") if shown == "undetermined" else str(shown)


def _open(declared: str) -> str:
    return f"undetermined, declares {declared}" if declared else "undetermined"


def _filter(title: str, options: Sequence[str], values: Sequence[str]) -> Filter:
    counted = [{"label": option, "count": values.count(option)} for option in options]
    return {"title": title, "options": counted}, [options.index(value) for value in values]


def components_by_status(row: Row) -> list[tuple[str, list[str]]]:
    """The components of MOF under the words for their status, each with its licence where one is written."""
    words = {"included": "included", "conditional": "included, under a licence made for something else",
             "invalid": "under a licence that does not count", "unlicensed": "without a licence",
             "missing": "not among the components"}
    found: dict[str, list[str]] = {}
    for component in row["mof"]["components"] if row["mof"] else ():
        licence = f" ({component['license']})" if component["license"] else ""
        found.setdefault(component["status"], []).append(component["name"] + licence)
    return [(words[status], found[status]) for status in words if status in found]
