"""From a verdict to a page: one file per format, each a pure function of the verdict document.

    text.py         the terminal                    escape.py    one escape function for each sink
    markdown.py     job summaries, merge requests   wording.py   the words and numbers that all formats share
    html.py         people and paper: one file      picture.py   the lineage as a drawing
    json_report.py  programs: the document itself   templates/   what html.py and picture.py fill in

A renderer looks nothing up and keeps no time: the same verdict gives the same bytes. The verdict is what
`schemas/verdict.schema.json` describes; every string in it is treated as hostile.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from provenance.errors import UsageError, quoted

__all__ = ["FORMATS", "format_of", "render"]

WIDTH = 100  # columns of a text for which no terminal says how wide it is
FORMATS = ("text", "md", "html", "json")
_SUFFIXES = {".html": "html", ".md": "md", ".json": "json"}


def render(verdict: Mapping[str, Any], format: str, width: int = WIDTH) -> str:  # noqa: A002  the command line's word
    """The verdict in one of `FORMATS`, a text of so many columns; UsageError `usage` for another format."""
    if format == "text":
        from provenance.reports.text import render_text

        return render_text(verdict, width=width)
    if format == "md":
        from provenance.reports.markdown import render_markdown

        return render_markdown(verdict)
    if format == "html":
        from provenance.reports.html import render_html

        return render_html(verdict)
    if format == "json":
        from provenance.reports.json_report import render_json

        return render_json(verdict)
    raise UsageError("usage", f"there is no report format {format}", hint=f"use one of {', '.join(FORMATS)}")


def format_of(path: str | PurePath) -> str:
    """The format that a file's suffix asks for; UsageError `usage` for a suffix that stands for none."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError("usage", f"{quoted(suffix)} is the ending of no report", location=str(path),
                         hint=f"use one of {', '.join(_SUFFIXES)}")
    return _SUFFIXES[suffix]
