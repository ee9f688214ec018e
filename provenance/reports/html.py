"""The verdict as one HTML file: for people, on a screen, a telephone and paper; decision first.

Nothing is loaded and nothing runs: no script, no font, no picture from elsewhere, and a Content Security Policy that
would forbid it. Jinja2 escapes every value (autoescape is on for every template, and no template switches it off),
after `printable_tree` has made what is invisible visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from provenance.reports import picture, wording
from provenance.reports.escape import guard_lines, printable_tree

if TYPE_CHECKING:
    from jinja2 import Environment

# Rows of a list and parts of a row: what keeps a verdict on 20,000 hostile files under 5 MB.
MOST_ROWS, MOST_ITEMS = 200, 20


def render_html(verdict: Mapping[str, Any]) -> str:
    """The verdict as one self-contained page."""
    document = printable_tree(verdict)
    page = environment().get_template("report.html.j2").render(
        v=document,
        result=wording.result(document),
        picture=picture.drawing(verdict["lineage"]),
        things=_things(document["lineage"]),
        places={entry["sha256"]: number for number, entry in enumerate(document["evidence"][:MOST_ROWS], start=1)},
    )
    return guard_lines(page, colon="&#58;") + "\n"


@cache
def environment() -> Environment:
    """Jinja2 over the templates of this package; a name that a template misspells is an error, not a blank."""
    from importlib.resources import files

    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files("provenance.reports") / "templates"
    made = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )
    made.globals |= {"w": wording, "most_rows": MOST_ROWS, "most_items": MOST_ITEMS}
    return made


def _things(lineage: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The lineage as a list: each node with the nodes that it was made from."""
    nodes = {node["id"]: node for node in lineage["nodes"]}
    made_from: dict[str, list[dict[str, Any]]] = {key: [] for key in nodes}
    for edge in lineage["edges"]:
        if edge["from"] in nodes and edge["to"] in nodes:
            made_from[edge["to"]].append({"role": edge["role"], "label": nodes[edge["from"]]["label"],
                                          "strength": edge["strength"]})
    return [{**node, "made_from": made_from[key]} for key, node in nodes.items()]
