"""Explain a licence: what somebody wrote is read as, what is known of it, and for which kind of thing it is open.

Nothing is guessed: what is not known is listed as such. The facts are the SPDX list's flags and our own
(`policy/licence_facts.yaml`), each with its basis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from provenance.artifacts.names import brief
from provenance.errors import UsageError
from provenance.policy import licences
from provenance.policy.expressions import Expression, parse
from provenance.policy.licences import Kind, Licence, LicenceFacts
from provenance.policy.places import problem_with_place

KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "use")
LIMIT = "Licences are compared with published facts about them; this is not legal advice."
_LONGEST_LINE = 300


def explain(
    declared: str, *, whole_text: bool = False, name: str | None = None, link: str | None = None,
    kinds: Sequence[Kind] = KINDS, jurisdictions: Sequence[str] = (),
) -> dict[str, Any]:
    """The explanation (`schemas/licence.schema.json`); an unknown licence is an answer, not an error.

    With `whole_text` what was declared is the content of a file. `name` and `link` are the `license_name` and
    `license_link` of a card. `jurisdictions` are ISO 3166-1 codes, or EU; UsageError for what is none.
    """
    places = [_place(text) for text in jurisdictions]
    read = _of_text(declared) if whole_text else licences.normalise(declared, name=name, link=link)
    tree = parse(read.expression or "").expression
    known = [licences.facts(each) for each in dict.fromkeys(tree.licences())] if tree else []
    return {
        "schemaVersion": "0.1", "kind": "LicenceExplanation", "declared": brief(read.declared),
        "expression": read.expression, "how": read.how, "reason": read.reason, "known": read.known,
        "licences": [_facts(each) for each in known],
        "exceptions": sorted(set(_exceptions(tree))) if tree else [],
        "kinds": [{"kind": kind, **_judged(tree, kind)} for kind in kinds],
        "use": {"jurisdictions": places, **_openness(licences.use_in(read.expression, places))},
        "unknown": list(_unknown(read, known)), "licenceData": licences.data_version(), "limit": LIMIT,
    }


def _of_text(text: str) -> Licence:
    """The licence of a whole file: by its text, or by its one line."""
    if found := licences.match_text(text):
        return Licence("a text", found, f"the text is that of {found}, and nothing else", "text")
    line = text.strip()
    if "\n" not in line and len(line) <= _LONGEST_LINE:
        return licences.normalise(line)
    return Licence("a text", None, "the text is not exactly one of the licence texts that are known here")


def _place(text: str) -> str:
    if why := problem_with_place(text.upper()):
        raise UsageError("usage", brief(why), location="--jurisdiction",
                         hint="write a code of ISO 3166-1, such as DE, or EU")
    return text.upper()


def _facts(known: LicenceFacts) -> dict[str, Any]:
    opened = {"data": known.open_data, "document": known.open_document, "weights": known.open_weights}
    return {
        "id": known.id, "title": known.title, "known": known.known, "reviewed": known.reviewed,
        "osiApproved": known.osi_approved, "fsfLibre": known.fsf_libre,
        "listedAsOpenFor": [kind for kind, is_open in opened.items() if is_open],
        "restrictions": [{"code": code.rstrip("?"), "certain": not code.endswith("?"),
                          "meaning": licences.RESTRICTIONS[code.rstrip("?")]} for code in known.restrictions],
        "jurisdictions": list(known.jurisdictions), "basis": known.basis,
    }


def _judged(node: Expression | None, kind: Kind) -> dict[str, Any]:
    """The category of an expression for one kind of thing, and below it that of each of its parts."""
    told = _openness(licences.category(node.text if node else None, kind))
    if node is None or not node.operator:
        return told
    parts = [{"expression": part.text, **_judged(part, kind)} for part in node.parts]
    return {**told, "operator": node.operator, "parts": parts}


def _openness(openness: licences.Openness) -> dict[str, Any]:
    return {"status": openness.status, "reason": openness.reason, "restrictions": list(openness.restrictions)}


def _exceptions(node: Expression) -> Iterator[str]:
    if node.exception:
        yield node.exception
    for part in node.parts:
        yield from _exceptions(part)


def _unknown(read: Licence, known: Sequence[LicenceFacts]) -> Iterator[str]:
    if read.expression is None:
        yield f"which licence it is: {read.reason}"
    for each in known:
        if not each.known:
            yield f"what {each.id} says: it is not on the SPDX list, and no fact about it is known here"
        elif not each.reviewed and not each.osi_approved:
            yield f"whether {each.id} restricts use: it is on the SPDX list, and its terms were not read for this tool"
        for code in each.restrictions:
            meaning = licences.RESTRICTIONS[code.rstrip("?")]
            if code.endswith("?"):
                yield f"whether this holds of {each.id}: {meaning} ({code})"
            elif code == "FOU":
                yield f"whether the uses that {each.id} excludes are proportionate: that is for a person to judge"
            elif code == "UPD":
                yield f"what {each.id} will say tomorrow: {meaning}"
