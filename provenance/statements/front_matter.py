"""The YAML header of a card: what stands between two lines of `---` at the beginning of a Markdown file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from provenance.errors import StatementError
from provenance.statements.reader import parse_yaml

MAX_HEADER = 128 << 10
MAX_PARTS = 20_000  # lines, members of lists and the like: each costs a parser in Python a tenth of a millisecond
_FRONT_MATTER = re.compile(rb"\A---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)


@lru_cache(maxsize=8)
def front_matter(card: bytes, location: str) -> Mapping[str, Any]:
    """A card's header as a mapping, empty where there is none; StatementError `yaml-invalid`, `document-too-large`."""
    match = _FRONT_MATTER.match(card)
    if match and len(match[1]) > MAX_HEADER:
        raise StatementError("document-too-large", f"its header has {len(match[1])} bytes; the limit is {MAX_HEADER}",
                             location=location, hint="a card's header is a page, not a data file")
    if match and sum(map(match[1].count, (b"\n", b",", b"- ", b"[", b"{"))) > MAX_PARTS:
        raise StatementError("document-too-large", f"its header has more than {MAX_PARTS} parts", location=location,
                             hint="a card's header is a page, not a data file")
    facts = parse_yaml(match[1], location) if match else None
    return facts if isinstance(facts, dict) else {}
