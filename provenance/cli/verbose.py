"""What `-v` says: the work of this tool, on standard error."""

from __future__ import annotations

import logging
import sys

from provenance.reports.escape import printable


def say_more() -> None:
    """What this tool logs, to standard error; not what libraries do: clients log the headers that they sign."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("provenance").setLevel(logging.DEBUG)


class _Printable(logging.Formatter):
    """One line for each record: names of files stand in them."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in visible characters."""
        return printable(super().format(record))
