"""The lineage as a drawing: what became what, who vouches for it, and where the chain breaks.

graphlay finds places and routes (behind `_layout`, so that another library could); the cards, icons and marks are
ours (`templates/lineage.svg.j2`, filled in with autoescape). The SVG needs no script and no font, and takes its
colours from the page's custom properties where there are any. The same lineage gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.reports import wording
from provenance.reports.escape import printable, printable_tree

# What is larger is read as a list; a picture of it would be a carpet, and would take a hostile statement's time.
MOST_NODES, MOST_EDGES = 120, 300
NO_LINEAGE = "No lineage: no statement says what this model was made from."
TOO_LARGE = "The lineage has {nodes:,} things and {edges:,} links, too many for a picture; the list has them."

_WIDTH, _HEIGHT = 184.0, 68.0  # of a card
_LABEL_SIGN = 5.6  # the width of a sign of an edge's label at its font size, on the generous side
_MARGIN = 14.0
_CORNER = 9.0
_Point = tuple[float, float]


@dataclass(frozen=True)
class Card:
    """A node in its place (upper left corner), with its texts cut to the card's width."""

    x: float
    y: float
    kind: str
    title: str
    below: str
    by: str
    state: str


@dataclass(frozen=True)
class Link:
    """An edge as an SVG path, the triangle at its end, and its label with the label's middle and width."""

    path: str
    tip: str
    label: str
    x: float
    y: float
    width: float
    strength: str


@dataclass(frozen=True)
class Drawing:
    """Everything that the template draws, and the sentence for those who do not see it."""

    width: float
    height: float
    cards: tuple[Card, ...]
    links: tuple[Link, ...]
    told: str


def lineage_svg(lineage: Mapping[str, Any]) -> str:
    """The lineage of a verdict as one SVG element, or, where there is nothing to draw, as an HTML paragraph."""
    from provenance.reports.html import environment

    return environment().get_template("picture.html.j2").render(picture=drawing(lineage))


def drawing(lineage: Mapping[str, Any]) -> Drawing | str:
    """Cards and links in their places, or a sentence on why there is no picture."""
    nodes, edges = _drawable(printable_tree(lineage))
    if not nodes:
        return NO_LINEAGE
    if len(nodes) > MOST_NODES or len(edges) > MOST_EDGES:
        return TOO_LARGE.format(nodes=len(nodes), edges=len(edges))
    places, routes = _best_layout(len(nodes), [(start, end, _label_width(edge)) for start, end, edge in edges])
    left, top, right, bottom = _bounds(places, routes, [_label_width(edge) for *_, edge in edges])
    cards = tuple(_card(node, (x - left, y - top)) for node, (x, y) in zip(nodes, places, strict=True))
    links = tuple(_link(edge, route, (left, top)) for (*_, edge), route in zip(edges, routes, strict=True))
    return Drawing(round(right - left, 1), round(bottom - top, 1), cards, links, _told(nodes, edges))


_Edge = tuple[int, int, Mapping[str, Any]]


def _drawable(lineage: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[_Edge]]:
    """The nodes, and the edges between them by place; an edge from or to nothing cannot be drawn."""
    nodes = list({node["id"]: node for node in lineage["nodes"]}.values())
    place = {node["id"]: index for index, node in enumerate(nodes)}
    ends = ((edge["from"], edge["to"], edge) for edge in lineage["edges"])
    return nodes, [(place[start], place[end], edge) for start, end, edge in ends if start in place and end in place]


# An edge's points, and the middle of its label.
_Route = tuple[list[_Point], _Point | None]


def _bounds(
    places: Sequence[_Point], routes: Sequence[_Route], labels: Sequence[float]
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of everything with a margin; a label may stick out at either side."""
    points = [*places, *((x + _WIDTH, y + _HEIGHT) for x, y in places), *(at for route, _ in routes for at in route)]
    sides = [(at[0] + half, at[1]) for (_, at), width in zip(routes, labels, strict=True) if at
             for half in (-width / 2, width / 2)]
    across, down = [x for x, _ in points + sides], [y for _, y in points]
    return min(across) - _MARGIN, min(down) - _MARGIN, max(across) + _MARGIN, max(down) + _MARGIN


def _best_layout(count: int, edges: Sequence[tuple[int, int, float]]) -> tuple[list[_Point], list[_Route]]:
    """From the top down, which suits telephones and paper, unless that is the wider one."""
    down, across = _layout(count, edges, "topbottom"), _layout(count, edges, "leftright")
    return down if _extent(down[0]) <= _extent(across[0]) else across


def _extent(places: Sequence[_Point]) -> float:
    return max(x for x, _ in places) - min(x for x, _ in places)


def _layout(count: int, edges: Sequence[tuple[int, int, float]], direction: str) -> tuple[list[_Point], list[_Route]]:
    """The one call of graphlay: upper left corners of the cards; for each edge its points and its label's middle."""
    import graphlay

    graph = graphlay.Graph()
    for index in range(count):
        graph.node(index, width=_WIDTH, height=_HEIGHT)
    for start, end, label in edges:
        size: dict[str, Any] = {"label_size": {"width": label, "height": 16.0}} if label else {}
        graph.edge(start, end, **size)
    gap = {"layer_gap": 58.0 if direction == "topbottom" else 120.0, "node_gap": 22.0}
    done = graphlay.layout(graph, options={"direction": direction, "spacing": gap})
    places = [(node["center"]["x"] - _WIDTH / 2, node["center"]["y"] - _HEIGHT / 2) for node in done.nodes]
    routes: list[_Route] = [([_point(at) for at in edge["points"]], _point(edge["label_anchor"])
                        if edge["label_anchor"] else None) for edge in done.edges]
    return places, routes


def _point(at: Mapping[str, float]) -> _Point:
    return float(at["x"]), float(at["y"])


def _card(node: Mapping[str, Any], place: _Point) -> Card:
    digest = wording.short(node["digest"].rpartition(":")[2]) if node["digest"] else "no digest"
    by = f", by {', '.join(node['signers'])}" if node["signers"] else ""
    return Card(round(place[0], 1), round(place[1], 1), node["kind"], _fit(node["label"], 17), _fit(digest, 14),
                _fit(node["kind"].replace("-", " ") + by, 29), node["state"])


def _fit(text: str, signs: int) -> str:
    """The text cut to a width in signs; the wide signs of East Asian writing, and all beside them, count twice.

    `unicodedata` would know better, and another Python would then cut elsewhere.
    """
    text = printable(text, longest=signs * 4)
    widths = [2 if sign >= "\u1100" and sign != "…" else 1 for sign in text]
    if sum(widths) <= signs:
        return text
    kept = next(place for place in range(len(text)) if sum(widths[: place + 1]) > signs - 1)
    return f"{text[:kept]}…"


def _label(edge: Mapping[str, Any]) -> str:
    """The role; and how the two are joined, unless it is by the strongest tie there is."""
    strength = "" if edge["strength"] == "name-bound" else f" ({edge['strength'].replace('-', ' ')})"
    return _fit(edge["role"], 24) + _fit(strength, 16)


def _label_width(edge: Mapping[str, Any]) -> float:
    label = _label(edge)
    return round(len(label) * _LABEL_SIGN + 12, 1) if label else 0.0


def _link(edge: Mapping[str, Any], route: _Route, origin: _Point) -> Link:
    points = [(round(x - origin[0], 1), round(y - origin[1], 1)) for x, y in route[0]]
    x, y = route[1] or route[0][len(route[0]) // 2]
    return Link(_rounded(points), _tip(points), _label(edge), round(x - origin[0], 1), round(y - origin[1], 1),
                _label_width(edge), edge["strength"])


def _rounded(points: Sequence[_Point]) -> str:
    """A polyline as a path with rounded corners."""
    path = [f"M{_xy(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        path.append(f"L{_xy(_towards(corner, before))}Q{_xy(corner)} {_xy(_towards(corner, after))}")
    return "".join([*path, f"L{_xy(points[-1])}"])


def _towards(start: _Point, end: _Point) -> _Point:
    """The point a corner's radius away from `start`, or half-way where that is nearer."""
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])
    part = min(_CORNER, length / 2) / length if length else 0.0
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _tip(points: Sequence[_Point]) -> str:
    """The triangle at the end of a route, pointing the way its last segment goes."""
    (x0, y0), (x, y) = points[-2], points[-1]
    length = max(((x - x0) ** 2 + (y - y0) ** 2) ** 0.5, 0.1)
    dx, dy = (x - x0) / length, (y - y0) / length
    corners = [(x, y), (x - 8 * dx - 4 * dy, y - 8 * dy + 4 * dx), (x - 8 * dx + 4 * dy, y - 8 * dy - 4 * dx)]
    return " ".join(_xy(corner) for corner in corners)


def _xy(point: _Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def _told(nodes: Sequence[Mapping[str, Any]], edges: Sequence[_Edge]) -> str:
    """The picture in words: how many things in which state, and each link."""
    states = ", ".join(f"{sum(node['state'] == state for node in nodes)} {state}"
                       for state in ("shown", "declared", "missing"))
    links = "; ".join(f"{_fit(nodes[start]['label'], 40)} to {_fit(nodes[end]['label'], 40)} as {edge['role']}"
                      for start, end, edge in edges[:40])
    return f"{len(nodes)} things: {states}. {links}"
