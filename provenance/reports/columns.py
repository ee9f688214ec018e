"""A finished text fitted into the columns of a terminal: what is too long goes on below where it began.

The terminal would break it in the middle of a word and go on at the left, among the names. Nothing is lost: only
white space gives way, and a word that is longer than a line is cut where the line ends.
"""

from __future__ import annotations

import re

_GAP = re.compile(r"\s{2,}(?=\S)")
_NARROWEST = 20  # what is narrower than that is left to the terminal


def fit(text: str, width: int) -> str:
    """The text in lines of at most `width` columns; a line that fits stays as it is."""
    from rich.cells import cell_len

    if width < _NARROWEST:
        return text
    return "\n".join(line if cell_len(line) <= width else _folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    from io import StringIO

    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    # After a name and a gap the text goes on below itself, otherwise two columns further in than it began.
    starts = [gap.end() for gap in _GAP.finditer(line) if cell_len(line[: gap.end()]) <= width // 2]
    start = starts[-1] if starts else 0
    first = line[:start]
    indent = " " * (cell_len(first) + (0 if first.strip() else 2))
    console = Console(file=StringIO(), width=width, _environ={})
    parts = Text(line[start:]).wrap(console, width - len(indent), overflow="fold")
    return "\n".join((indent if number else first) + part.plain.rstrip() for number, part in enumerate(parts))
