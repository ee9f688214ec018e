"""Explanations and next steps as plain text: lines that are wrapped, names that stand at the left of what they name."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from provenance.policy.policy import LADDER
from provenance.reports import wording
from provenance.reports.escape import guard_lines, printable_tree

Document = Mapping[str, Any]


class Paragraph(NamedTuple):
    """What is wrapped when the width is known: `first` stands before it, `rest` before each further line."""

    text: str
    first: str
    rest: str
    end: str = ""  # of each line but the last


Line: TypeAlias = str | Paragraph

WIDTH = 80
_MOST = 20
_RUNGS = dict(LADDER)


def render_explanation(explanation: Document, width: int = WIDTH) -> str:
    """An explanation as text of at most `width` columns; as JSON it is `schemas/explanation.schema.json`."""
    return _finished(_explanation(printable_tree(explanation)), width)


def render_next(steps: Document, width: int = WIDTH) -> str:
    """The next steps as text of at most `width` columns; as JSON they are `schemas/next.schema.json`."""
    return _finished(_next(printable_tree(steps)), width)


def _finished(lines: Iterator[Line], width: int) -> str:
    wide = min(width, WIDTH)  # longer lines are hard to read
    wrapped = (part.rstrip() for line in lines for part in ([line] if isinstance(line, str) else _lines(line, wide)))
    return guard_lines("\n".join(wrapped).strip("\n") + "\n")


def _lines(paragraph: Paragraph, width: int) -> list[str]:
    text, first, rest, end = paragraph
    lines = textwrap.wrap(text, width - len(end), initial_indent=first, subsequent_indent=rest,
                          break_on_hyphens=False, break_long_words=not end) or [first]
    return [*(line + end for line in lines[:-1]), lines[-1]]


def _wrapped(text: str, first: str = "", rest: str | None = None) -> Iterator[Line]:
    """A paragraph; `first` stands before it, and what follows begins as far in unless `rest` says how."""
    yield Paragraph(text, first, " " * len(first) if rest is None else rest)


def _named(name: str, text: str, indent: int = 2) -> Iterator[Line]:
    yield from _wrapped(text, f"{' ' * indent}{name:<10}")


def _limited(rows: Sequence[Any]) -> tuple[Sequence[Any], list[str]]:
    kept, rest = wording.limited(rows, _MOST)
    return kept, [f"  {rest}"] if rest else []


# --- explain ----------------------------------------------------------------------------------------------------------


def _explanation(told: Document) -> Iterator[Line]:
    policy = told["policy"]
    word = "Passed" if told["passed"] else "Not passed" if told["result"] == "fail" else "Not passed (undetermined)"
    yield from _wrapped(f"{word}: {told['model']['name']}, judged by {policy['id']} {policy['version']} as of "
                        f"{told['asOf']}")
    if told["asked"]:
        for row in told["requirements"]:
            yield from _requirement(row)
    else:
        yield from _whole(told)
    yield from _steps(told["next"])
    yield ""
    yield from _wrapped("This explains what the verdict says; nothing was verified again.")


def _whole(told: Document) -> Iterator[Line]:
    yield ""
    yield "Why"
    for sentence in told["because"]:
        yield from _wrapped(sentence, "  - ")
    counts = {"pass": "pass", "fail": "fail", "undetermined": "undetermined", "notApplicable": "not applicable",
              "waived": "waived"}
    yield from _named("counts", ", ".join(f"{told['counts'][name]} {word}" for name, word in counts.items()))
    shown, declared = (wording.label_of(told, told["ladder"][name]) for name in ("shown", "declared"))
    yield from _named("rung", f"{shown} on evidence, {declared} as declared")
    if told["requirements"]:
        yield ""
        yield "What decides"
        rows, rest = _limited(told["requirements"])
        for row in rows:
            mark = wording.mark(row["outcome"])
            yield from _wrapped(f"{row['title']}: {row['reason']}", f"  {mark.sign} {row['id']:<6}")
        yield from rest
    lists = (("Waivers", [wording.waiver_words(row) for row in told["waivers"]]),
             ("Evidence that is missing", told["missing"]), ("Recalled", told["recalled"]),
             ("Evidence rejected", [f"{row['file']}: {row['reason']}" for row in told["rejected"]]))
    for title, lines in lists:
        kept, rest = _limited(lines)
        yield from ["", title] if lines else []
        for line in kept:
            yield from _wrapped(line, "  - ")
        yield from rest


def _requirement(row: Document) -> Iterator[Line]:
    yield ""
    yield from _wrapped(row["title"], f"{row['id']}  ")
    advice = " (advice, decides nothing)" if row["advisory"] else ""
    yield from _named("outcome", f"{wording.mark(row['outcome'])}{advice}")
    yield from _named("reason", row["reason"])
    yield from _named("asked", f"{row['shownBy']} (at least {row['minBasis']})")
    yield from _named("said by", f"{row['saidBy']} (at least {row['minVoice']})")
    yield from _named("source", row["source"])
    if row["rule"]:
        yield from _named("rule", row["rule"])
        yield from _parts(row["parts"], 4)
    items, rest = _limited(row["items"])
    for item in items:
        yield from _item(item)
    yield from rest
    if row["declares"]:
        yield from _named("declared", f"unsigned: {row['declares']}")
    if row["remedy"]:
        yield from _named("remedy", row["remedy"])


def _parts(parts: Sequence[Document], indent: int) -> Iterator[Line]:
    for part in parts:
        name = part["id"] or part["title"]
        yield from _wrapped(f"{name}: {part['reason']}", f"{' ' * indent}{wording.mark(part['outcome']).sign} ")
        yield from _parts(part.get("parts", ()), min(indent + 2, WIDTH // 2))


def _item(item: Document) -> Iterator[Line]:
    yield from _wrapped(wording.item_words(item), f"  {wording.mark(item['outcome']).sign} ")
    signers = f", by {', '.join(item['signers'])}" if item["signers"] else ""
    yield from _wrapped(f"{wording.shown_by(item)}{signers}", "    ")
    for evidence in item["evidence"][:_MOST]:
        name = evidence["file"] or "a file that nobody signed"
        yield from _wrapped(f"{name}  sha256:{evidence['sha256'][:12]}", "    on ")


def _steps(steps: Sequence[Document]) -> Iterator[Line]:
    if steps:
        yield ""
        yield f"What would change it, towards {steps[0]['towards']}"
    kept, rest = _limited(steps)
    for number, step in enumerate(kept, start=1):
        yield from _wrapped(step["remedy"], f"  {number}. ")
        yield from _wrapped(f"for {step['requirement']}", "     ")
    yield from rest


# --- next -------------------------------------------------------------------------------------------------------------


def _next(told: Document) -> Iterator[Line]:
    rung = _RUNGS.get(told["rungShown"], "none")
    yield from _wrapped(f"{told['model']['name']}: G7 rung shown {rung}, as of {told['asOf']}")
    if not told["trust"]:
        yield from _wrapped("No trust file was given: nobody is believed, whatever is signed.", "  ")
    for plan in told["plans"]:
        yield ""
        yield from _plan(plan)
    if all(plan["passed"] for plan in told["plans"]):
        yield ""
        yield "Nothing remains to be done."


def _plan(plan: Document) -> Iterator[Line]:
    if plan["passed"]:
        yield from _wrapped(f"{plan['policy']}: passed")
        return
    tasks = len(plan["tasks"])
    with_ = f", with {wording.parameters(plan['parameters'])}" if "parameters" in plan else ""
    yield from _wrapped(f"Towards {plan['policy']} ({plan['title']}){with_}, now {plan['result']}")
    for blocker in plan["blockers"]:
        yield from _wrapped(f"Blocked, nothing that is added lifts it. {blocker['change']}", "  ✗ ")
        yield from _answers(blocker)
    if tasks:
        yield from _wrapped(f"The smallest set that is enough: {tasks} {'act' if tasks == 1 else 'acts'}"
                            if not plan["blockers"] else "Beside that, no less than:", "  ")
    for number, task in enumerate(plan["tasks"], start=1):
        yield from _task(task, number)
    for tie in plan["ties"]:
        yield from _wrapped("; ".join(task["told"] for task in tie), "  or as few: ")


def _task(task: Document, number: int) -> Iterator[Line]:
    yield from _wrapped(task["told"], f"  {number}. ")
    if task["command"]:
        yield from _command(task["command"])
    if task["roles"]:
        alone = task["voice"] == "independent"
        party = ", of a party that neither made the model nor supplied its data" if alone else ""
        yield from _wrapped(f"by a {' or '.join(task['roles'])} whom the trust file lists{party}", "     ")
    yield from _answers(task)


def _command(command: str) -> Iterator[Line]:
    """Lines that a shell reads as one; not broken where the break could fall between quotes."""
    quotes = "'" in command or '"' in command
    yield f"     $ {command}" if quotes else Paragraph(command, "     $ ", "         ", end=" \\")


def _answers(told: Document) -> Iterator[Line]:
    by_reason: dict[str, list[str]] = {}
    for answer in told["answers"]:
        by_reason.setdefault(answer["reason"], []).append(answer["requirement"])
    kept, rest = _limited(list(by_reason.items()))
    for reason, names in kept:
        yield from _wrapped(f"{', '.join(names)}: {reason}", "     - ")
    yield from rest
