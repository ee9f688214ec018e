"""Two models side by side as one HTML file: the answer, the picture of the layers, then the lists.

A pure function of the diff document (`schemas/diff.schema.json`). As in `html.py`, nothing is loaded and nothing runs,
and every text passes `printable_tree` and then Jinja2's escaping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provenance.reports.escape import guard_lines, printable_tree

_LISTS = ("renamed", "changed", "uncompared", "removed", "added")


def render_diff(document: Mapping[str, Any], unchanged: str = "") -> str:
    """The diff as one self-contained page; `unchanged` names the unchanged layers in short."""
    from provenance import __version__
    from provenance.reports.html import environment
    from provenance.reports.layer_strip import STATES, strip

    cut, totals = _cut(document)
    unsaid = ("uncompared",) if document["valuesCompared"] else ("unchanged", "renamed")
    page = environment().get_template("diff.html.j2").render(
        d=printable_tree(cut), totals=totals, strip=strip(document), word=word(document),
        states=[state for state in STATES if state not in unsaid], percent=percent,
        unchanged=printable_tree(unchanged), tool=__version__,
    )
    return guard_lines(page, colon="&#58;") + "\n"


def _cut(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """The document with no list longer than a page shows, without its layers, and how long the lists were."""
    from provenance.reports.html import MOST_ROWS

    totals = {"metadata": len(document["metadata"] or ()), "files": 0}
    cut = {**document, "metadata": _first(document["metadata"], MOST_ROWS)}
    for side in ("first", "second"):
        cut[side] = {**document[side], "findings": document[side]["findings"][:MOST_ROWS]}
    if document["weights"]:
        totals |= {name: len(document["weights"][name]) for name in _LISTS}
        lists = {name: document["weights"][name][:MOST_ROWS] for name in _LISTS}
        cut["weights"] = {**document["weights"], **lists, "layers": []}
    if document["files"]:
        totals["files"] = len(document["files"]["different"])
        cut["files"] = {**document["files"], "different": document["files"]["different"][:MOST_ROWS]}
    return cut, totals


def _first(rows: Sequence[Any] | None, most: int) -> Sequence[Any] | None:
    return None if rows is None else rows[:most]


def word(document: Mapping[str, Any]) -> str:
    """The answer in a few words."""
    relation = document["relation"]
    return answer(document["same"], relation["kind"] if relation else "")


def answer(same: bool, kind: str) -> str:
    """The same for a relation of this kind."""
    return "Same" if same else "Not shown to be the same" if kind == "same-headers" else "Different"


def percent(part: int, whole: int) -> str:
    """A share that is only 0 % when it is nothing and only 100 % when it is all."""
    if part in (0, whole):
        return "100 %" if part else "0 %"
    told = f"{100 * part / whole:.1f}"
    return {"0.0": "under 0.1 %", "100.0": "over 99.9 %"}.get(told, f"{told} %")
