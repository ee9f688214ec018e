"""Licences as documents of other formats state them: several of one part, and the two that SPDX has for a package.

SPDX tells what a package says of itself (declared) from what the author of the document holds to govern it (concluded).
An absent one is as good as NOASSERTION: nothing is said. NONE says that no licence was found. Where the two differ, a
document only should say why, in prose; so both apply, whoever is right, and NONE beside a licence leaves it unknown.
"""

from __future__ import annotations

from collections.abc import Iterable

NO_ASSERTION, NONE, UNREADABLE = "NOASSERTION", "NONE", "unknown"


def joined_licence(licences: Iterable[str]) -> str | None:
    """Several licences as one expression: with AND the worst of them counts, and an odd one leaves all unknown."""
    unique = list(dict.fromkeys(licences))
    if len(unique) <= 1:
        return unique[0] if unique else None
    return " AND ".join(f"({each})" if " " in each else each for each in unique)


def spdx_licence(*said: object) -> str | None:
    """The licence of a package by everything that is declared or concluded of it; None where nothing is said."""
    texts = [text_of(each) for each in said if each is not None]
    return joined_licence(text for text in texts if text not in ("", NO_ASSERTION))


def text_of(value: object) -> str:
    """A licence as it is written; `unknown` for what is no text, because a licence that cannot be read may restrict."""
    return value.strip() if isinstance(value, str) else UNREADABLE
