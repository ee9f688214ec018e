"""Licences: from what somebody wrote to an SPDX expression, and from that to "open for this kind of thing?".

    normalise(text)       what was declared -> Licence (an expression, or None and why not)
    facts(licence_id)     what is known of one licence, with the basis of it
    category(expr, kind)  open | restricted | undetermined, for code, weights, data, a document, or for use
    use_in(expr, places)  whether an expression restricts use in some jurisdictions
    match_text(text)      the licence of which this is the whole text

Unknown is never open, and nothing here raises on any input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from provenance.policy.expressions import Expression, parse, quoted
from provenance.policy.licence_facts import (
    RESTRICTIONS,
    LicenceFacts,
    by_address,
    by_spelling,
    data_version,
    facts,
    in_order,
    not_one_licence,
)
from provenance.policy.licence_texts import is_known_text, match_text
from provenance.policy.places import EU_MEMBERS, PLACES

__all__ = ["RESTRICTIONS", "How", "Kind", "Licence", "LicenceFacts", "Openness", "Status", "category",
           "data_version", "facts", "is_known_text", "match_text", "normalise", "use_in"]

Kind = Literal["code", "weights", "data", "document", "use"]
Status = Literal["open", "restricted", "undetermined"]
How = Literal["expression", "spelling", "address", "name", "link", "text", "unknown"]

_BLOCKING = frozenset({"NC", "RO", "MAU", "ND", "NDIST", "GEO", "OUT"})
_SHORT = 256
_RANK = {"restricted": 0, "undetermined": 1, "open": 2}
# Which facts open which kind. OSI approval opens everything: it is the strictest test here. Weights also open
# under the terms that licence_facts.yaml lists, because OSI approves licences and publishes no list of terms.
_OSI = ("osi_approved", "OSI-approved")
_DATA = ("open_data", "an open data licence")
_OPENED_BY: dict[Kind, tuple[tuple[str, str], ...]] = {
    "code": (_OSI,),
    "weights": (_OSI, ("open_weights", "listed as open terms for weights")),
    "data": (_OSI, _DATA),
    "document": (_OSI, ("open_document", "an open document licence"), _DATA),
    "use": (_OSI, ("fsf_libre", "free by the FSF's list"), ("reviewed", "known to restrict no use")),
}


@dataclass(frozen=True)
class Licence:
    """What was declared, the SPDX expression it is read as (None: unknown), and on how or why a sentence and a word."""

    declared: str
    expression: str | None
    reason: str
    how: How = "unknown"

    @property
    def known(self) -> bool:
        """Whether every licence in it is on the SPDX list or in our facts, as most LicenseRefs are not."""
        tree = parse(self.expression or "").expression
        return tree is not None and all(facts(each).known for each in tree.licences())


@dataclass(frozen=True)
class Openness:
    """Whether things of a kind are open, with the restriction codes of the choice that was taken."""

    status: Status
    restrictions: tuple[str, ...]
    reason: str
    jurisdictions: tuple[str, ...] = ()


# --- what was declared --------------------------------------------------------------------------------------


def normalise(text: object, *, name: str | None = None, link: str | None = None) -> Licence:
    """The licence that a declaration means; `name` and `link` are the card's, read only for `license: other`.

    A list is read only where all its entries mean the same: nobody has defined whether a list means all of
    them, a choice, or one for each part. What is not text is unknown. Never raises.
    """
    if isinstance(text, list | tuple):
        return _normalise_list(text, name, link)
    if not isinstance(text, str):
        return Licence("", None, "no licence is declared" if text is None else "the declaration is not text")
    return _normalise_other(text, name, link) if text.strip().lower() == "other" else _read(text)


def _normalise_list(entries: Sequence[object], name: str | None, link: str | None) -> Licence:
    texts = list(dict.fromkeys(entry for entry in entries if isinstance(entry, str)))
    declared = ", ".join(texts[:20])
    if not texts or len(texts) > 20 or not all(isinstance(entry, str) for entry in entries):
        return Licence(declared, None, "the list of licences is empty, too long or holds what is not text")
    read = [normalise(text, name=name, link=link) for text in texts]
    if len({each.expression for each in read}) == 1:
        return replace(read[0], declared=declared)
    return Licence(declared, None, f"the list of {len(texts)} licences does not say which applies to what")


def _normalise_other(text: str, name: str | None, link: str | None) -> Licence:
    by_name = _read(name, free=True).expression if isinstance(name, str) else None
    by_link = by_address(link) if isinstance(link, str) else None
    if by_name and by_link and by_name != by_link:
        return Licence(text, None, f"declared as 'other'; its name means {by_name}, its link {by_link}")
    if expression := by_name or by_link:
        source = f"the name {quoted(name or '')}" if by_name else "the link"
        return Licence(text, expression, f"declared as 'other'; read as {expression} only from {source}",
                       "name" if by_name else "link")
    return Licence(text, None, "declared as 'other'; neither name nor link is a licence that is known here")


def _read(text: str, *, free: bool = False) -> Licence:
    """One string; what is short is read once, however many policies ask: a release may have ten thousand rows."""
    return _read_once(text, free) if len(text) <= _SHORT else _understood(text, free)


@lru_cache(maxsize=1 << 16)
def _read_once(text: str, free: bool) -> Licence:
    return _understood(text, free)


def _understood(text: str, free: bool) -> Licence:
    """SPDX first, then spellings in use, then addresses; `free`: it is a free-text name."""
    words = text.strip(" \t\r\n")
    if not words:
        return Licence(text, None, "no licence is declared")
    if not (words.isascii() and words.isprintable()):
        return Licence(text, None, f"{quoted(words)} holds characters outside printable ASCII")
    if why := not_one_licence(words, free=free):
        return Licence(text, None, f"{quoted(words)} {why}")
    reading = parse(words)
    if reading.expression:
        how = "; ".join((f"the SPDX expression {reading.expression.text}", *reading.notes))
        return Licence(text, reading.expression.text, how, "expression")
    if expression := by_spelling(words):
        return Licence(text, expression, f"{quoted(words)} means {expression}", "spelling")
    if expression := by_address(words):
        return Licence(text, expression, f"{quoted(words)} means {expression}", "address")
    return Licence(text, None, f"{quoted(words)} is not known here; as SPDX, {reading.error}")


# --- what it allows -----------------------------------------------------------------------------------------


def category(expression: str | None, kind: Kind) -> Openness:
    """Whether things of this kind are open under an expression; `use` asks only that no use is restricted.

    A choice (`OR`) is as good as its best licence, a sum (`AND`) as bad as its worst; a listed exception only
    adds permissions. NC, RO, MAU, ND, NDIST, GEO and OUT restrict. FOU, UPD and what is not certain leave it
    undetermined, because whether safety terms are proportionate is for a person to judge. NAME is only noted.
    """
    if expression is None:
        return Openness("undetermined", (), "the licence is not known")
    reading = parse(expression)
    if reading.expression is None:
        return Openness("undetermined", (), reading.error)
    return _judge(reading.expression, kind)


def use_in(expression: str | None, places: Sequence[str]) -> Openness:
    """Whether a licence restricts use in these jurisdictions (none named: anywhere); one withheld elsewhere does not.

    A single licence only: in a sum or a choice, which part withholds it where is not told apart.
    """
    openness = category(expression, "use")
    withheld = set(openness.jurisdictions) if " " not in (expression or "") else set()
    codes = [code for code in openness.restrictions if code.rstrip("?") not in ("GEO", "NAME")]
    known = places and PLACES.issuperset(places)
    if not known or not withheld or "GEO" not in openness.restrictions or codes or withheld & _around(places):
        return openness
    told = f"{expression}: not granted in {', '.join(sorted(withheld))}, which is not asked for"
    return Openness("open", openness.restrictions, told, openness.jurisdictions)


def _around(places: Iterable[str]) -> set[str]:
    """The jurisdictions, and those around or inside them: what is withheld in the EU is withheld in Germany."""
    named = set(places)
    return named | ({"EU"} if named & EU_MEMBERS else set()) | (set(EU_MEMBERS) if "EU" in named else set())


def _judge(node: Expression, kind: Kind) -> Openness:
    if not node.operator:
        return _judge_one(facts(node.licence), kind)
    parts = [_judge(part, kind) for part in node.parts]
    if node.operator == "OR":
        best = max(parts, key=lambda part: (_RANK[part.status], -len(part.restrictions)))
        return replace(best, reason=f"of the licences to choose from, {best.reason}")
    worst = min(parts, key=lambda part: _RANK[part.status])
    return replace(
        worst,
        restrictions=in_order(code for part in parts for code in part.restrictions),
        jurisdictions=tuple(sorted({where for part in parts for where in part.jurisdictions})),
    )


def _judge_one(known: LicenceFacts, kind: Kind) -> Openness:
    blocking = [code for code in known.restrictions if code in _BLOCKING]
    doubtful = [code for code in known.restrictions if code not in _BLOCKING and code != "NAME"]
    opened_by = next((words for flag, words in _OPENED_BY[kind] if getattr(known, flag)), "")
    status: Status = "restricted" if blocking else "open" if opened_by and not doubtful else "undetermined"
    if blocking or doubtful:
        reason = ", ".join(f"{RESTRICTIONS[code.rstrip('?')]} ({code})" for code in blocking or doubtful)
        reason = f"{known.id}: {reason}"
    elif opened_by:
        reason = f"{known.id} is {opened_by}"
    else:
        why = f"on no list of open terms for {kind}" if known.known else "not known here"
        reason = f"{known.id} is {why}"
    return Openness(status, known.restrictions, reason, known.jurisdictions)
