"""One expression of the Common Expression Language (extra `cel`), asked of one signed statement.

It sees `predicate` and `signer` and nothing else: no clock, no other statement, no model. Whatever goes wrong is
undetermined: a missing key, another type, an overflow, too much to look at. What it may cost is bounded by the length
of the expression, its one loop and the length of lists and texts; the interpreter has no bound of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from provenance.artifacts.names import brief
from provenance.errors import ProvenanceError
from provenance.policy.verdict import Outcome

LONGEST = 500  # characters
_LONGEST_LIST, _LONGEST_TEXT, _VALUES = 1000, 10_000, 20_000
# Sought in the whole text, also where it is quoted: to be too strict costs a name, to be fooled costs the bound.
_LOOP = re.compile(r"\b(?:all|exists|exists_one)\b")
_BUILDS = re.compile(r"\b(?:map|filter)\b")  # copies its list for each element: 71 s for two loops over 1,000
_HAS = re.compile(r"\bhas\b")
_TEXTS = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'""")
_CHAIN = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)(\s*\()?")
_VARIABLE = re.compile(r"\.(?:all|exists|exists_one)\(\s*(\w+)\s*,")
_KEYWORDS = frozenset(("true", "false", "null", "in", "int", "uint", "double", "string", "bool", "bytes", "list", "map",
                       "type", "null_type"))
SEEN = {"predicate": (), "signer": ("name", "party", "roles")}  # the fields of a predicate are those of its type
_NESTS = re.compile(r"[(\[{!-]")


def problem_with(expression: str) -> str:
    """Why an expression cannot be used, or ""."""
    if len(expression) > LONGEST:
        return f"it has {len(expression)} characters; at most {LONGEST} are read"
    if len(_LOOP.findall(expression)) > 1 or _BUILDS.search(expression):
        return "it may have one loop (all, exists or exists_one), and neither map nor filter"
    if len(_NESTS.findall(expression)) > 64:
        return "it is nested too deep"
    if _HAS.search(expression):
        return "it asks with has() whether something is there; a missing field is undetermined by itself"
    try:
        _compiled(expression)
    except ValueError as err:
        return f"it is no CEL: {brief(str(err))}"
    return ""


def names(expression: str) -> Iterator[tuple[str, str]]:
    """What an expression looks at: a name that it begins with, and the dotted fields behind it."""
    bare = _TEXTS.sub("''", expression)
    known = _KEYWORDS.union(_VARIABLE.findall(bare))
    for root, fields, call in _CHAIN.findall(bare):
        path = re.findall(r"\w+", fields)
        if root not in known and (path or not call):
            yield root, ".".join(path[:-1] if call else path)


def ask(expression: str, facts: Mapping[str, Any]) -> tuple[Outcome, str]:
    """True passes, false fails; everything else is undetermined."""
    if not _is_small(facts):
        return "undetermined", "holds more than an expression is asked about"
    try:
        answer = _compiled(expression).execute(dict(facts))
    except ProvenanceError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as err:  # noqa: BLE001  a panic of the interpreter is no Exception
        return "undetermined", f"leaves the expression open: {type(err).__name__}, {brief(str(err))}"
    if answer is True:
        return "pass", "makes the expression true"
    return ("fail", "makes the expression false") if answer is False else ("undetermined", "gives no true or false")


def _is_small(facts: Mapping[str, Any]) -> bool:
    waiting: list[Any] = [facts]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if isinstance(value, Mapping | list | tuple) and len(value) > _LONGEST_LIST:
            return False
        if seen > _VALUES or (isinstance(value, str) and len(value) > _LONGEST_TEXT):
            return False
        waiting += value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return True


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    try:
        from cel import compile as compiled
    except ImportError as err:
        raise ProvenanceError("extra-missing", "a policy with an expression in CEL needs the extra `cel`",
                              location="cel", hint="pip install 'open-provenance[cel]'") from err
    return compiled(expression)
