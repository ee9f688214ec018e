"""`provenance licence`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from provenance.cli.common import Shown, common_options
from provenance.errors import UsageError
from provenance.reports.escape import printable

_LONGEST = 1 << 20  # bytes; the longest licence text that is matched has a tenth of it


@click.command()
@click.argument("expression")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(["code", "weights", "data", "document"]),
              help="Only for this kind of thing; all four.")
@click.option("--jurisdiction", "jurisdictions", multiple=True, metavar="XX",
              help="Where it is to be used: a code of ISO 3166-1, or EU; anywhere.")
@click.option("--name", metavar="TEXT", help="The `license_name` of a card that says `license: other`.")
@click.option("--link", metavar="URL", help="The `license_link` of such a card.")
@common_options
def command(
    expression: str, kinds: tuple[Any, ...], jurisdictions: tuple[str, ...], name: str | None, link: str | None,
    shown: Shown,
) -> None:
    """Explain a licence as somebody wrote it: what it is read as, what is known of it, and what it is open for.

    EXPRESSION is an SPDX expression, a Hugging Face key, a title or an address; the path of a file with a `/` in it, or
    `-` for standard input, is a whole text. An unknown licence is explained too: exit code 0.

    \b
    Example:
      provenance licence "apache-2.0 OR mit"
      provenance licence llama3.2 --kind weights --jurisdiction DE
      provenance licence other --name qwen-research --link https://example.org/LICENSE
      provenance licence ./LICENSE
    """
    from provenance.workflows.licence import KINDS, explain

    text = _content(expression)
    if (name is not None or link is not None) and (text is not None or expression.strip().lower() != "other"):
        raise UsageError("usage", "a name and a link say what `other` is", location="--name, --link",
                         hint="write `other` for the expression, or leave them out")
    document = explain(expression if text is None else text, whole_text=text is not None, name=name, link=link,
                       kinds=kinds or KINDS, jurisdictions=jurisdictions)
    shown.answer(document, lambda: "".join(f"{line}\n" for line in _lines(document)))


def _content(expression: str) -> str | None:
    """The content of standard input or of a file; None where the words themselves are meant.

    `MIT/X11` and an address have a `/` too: a file is what begins as a path does, or is there.
    """
    if expression == "-":
        return _text(sys.stdin.buffer.read(_LONGEST + 1), "standard input")
    if "/" not in expression or "://" in expression:
        return None
    path = Path(expression)
    if not expression.startswith(("/", "./", "../")) and not path.exists():
        return None
    try:
        with path.open("rb") as file:
            return _text(file.read(_LONGEST + 1), expression)
    except OSError as err:
        raise UsageError("input-unreadable", f"cannot read the licence: {err.strerror}", location=expression,
                         hint="check the path") from err


def _text(data: bytes, location: str) -> str:
    if len(data) > _LONGEST:
        raise UsageError("input-unreadable", "this is too long for a licence", location=location,
                         hint="name the file of the licence alone")
    return data.decode("utf-8", "replace")  # what is no UTF-8 is no text that is known


_HOW = {
    "expression": "an SPDX expression", "spelling": "a spelling in use", "address": "the address of its page",
    "name": "the card's license_name", "link": "the card's license_link", "text": "its whole text",
}


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    if document["expression"] is None:
        yield f"{printable(document['declared'] or 'nothing')}: unknown"
    else:
        yield (f"{printable(document['declared'])}: {printable(document['expression'])}, read from "
               f"{_HOW[document['how']]}")
    yield f"  {printable(document['reason'])}"
    for row in document["licences"]:
        yield from _licence(row)
    for name in document["exceptions"]:
        yield f"\nWITH {printable(name)}: an exception of the SPDX list, which only adds permissions"
    yield ""
    for row in document["kinds"]:
        yield from _category(f"as {row['kind']}", row)
    places = ", ".join(document["use"]["jurisdictions"])
    yield from _category(f"use in {places}" if places else "use anywhere", document["use"])
    if document["unknown"]:
        yield "\nNot known:"
        yield from (f"  {printable(line)}" for line in document["unknown"])
    yield f"\n{document['limit']}"


def _licence(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n{printable(row['id'])}  {printable(row['title'])}".rstrip()
    listed = ["every kind, as the OSI approved it"] if row["osiApproved"] else row["listedAsOpenFor"]
    yield f"  OSI            {'approved' if row['osiApproved'] else 'not approved'}"
    yield f"  FSF            {'free' if row['fsfLibre'] else 'not on its list'}"
    yield f"  open for       {', '.join(listed) or 'nothing that is listed'}"
    for code in row["restrictions"]:
        certain = "" if code["certain"] else ", which is not certain"
        yield f"  {code['code']:<14} {code['meaning']}{certain}"
    if row["jurisdictions"]:
        yield f"  withheld in    {', '.join(row['jurisdictions'])}"
    yield f"  basis          {printable(row['basis'])}"


def _category(label: str, row: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    yield f"{'  ' * depth}{label:<16} {row['status']:<13} {printable(row['reason'])}"
    if "operator" in row:
        told = "a choice: the best decides" if row["operator"] == "OR" else "all of them: the worst decides"
        yield f"{'  ' * depth}  {row['operator']}, {told}"
        for part in row["parts"]:
            yield from _category(printable(part["expression"]), part, depth + 1)
