"""The picture of what reads what, on a grid: a step is a column, and looks as every other step.

A narrow screen has the same picture on its side: a step is a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from gru_codegen.explain.html.formulas import formula
from gru_codegen.explain.html.markup import element
from gru_codegen.explain.model import Edge, Graph
from gru_codegen.notation import LATEX, TEXT

__all__ = ["graph", "lanes"]

#: The paths of errors, and what the key says of them.
_PATHS = {"own": "own error, of step 1", "later": "what later steps pass back"}

#: The height of a node, the space around the picture, and that between two steps.
_HEIGHT, _MARGIN, _BETWEEN = 38, 4, 40
#: The way from one layer up to the next, and the space between two that lie side by side.
_LAYER, _SPACE = 66.0, 24

#: So far a picture is made smaller for a narrow screen; beyond that it is scrolled.
_SMALLEST = 0.6

Point = tuple[float, float]


def graph(block: Graph) -> str:
    """The picture for wide and for narrow screens, and its key."""
    paths = [path for path in _PATHS if any(edge.path == path for edge in block.edges)]
    key = (element("span", _PATHS[path], class_=f"key {path}") for path in paths)
    caption = element("figcaption", *key) if paths else ""
    pictures = (_Picture(block, upright).drawn() for upright in (True, False))
    shown = element("div", *pictures, class_="scroll", role="group", aria_label="Graph", tabindex=0)
    return element("figure", shown, caption)


def lanes(block: Graph) -> Mapping[Any, int]:
    """The lane of each node within its step, such that no edge of a step runs through a node.

    A value that is read more than one layer on keeps its lane free up to there.
    """
    found: dict[Any, int] = {}
    taken: set[tuple[int, int, int]] = set()  # step, layer, lane
    for node, (step, layer) in sorted(block.nodes.items(), key=lambda item: item[1]):
        own = [e for e in block.edges if node in (e.start, e.end) and _is_within(e, block)]
        before = sorted((e.start for e in own if e.end == node), key=lambda n: -block.nodes[n][1])
        wanted = (*(found[each] for each in before), *range(len(block.nodes)))
        found[node] = next(lane for lane in wanted if (step, layer, lane) not in taken)
        last = max((block.nodes[e.end][1] for e in own if e.start == node), default=layer)
        taken |= {(step, passed, found[node]) for passed in range(layer, max(last, layer + 1))}
    return found


def _is_within(edge: Edge, block: Graph) -> bool:
    """True for an edge from a step to itself."""
    return block.nodes[edge.start][0] == block.nodes[edge.end][0]


class _Picture:
    """The graph, its steps in columns and its layers upwards, or in rows and to the right."""

    def __init__(self, block: Graph, upright: bool) -> None:
        self.graph, self.upright, self.lanes = block, upright, lanes(block)
        widths: dict[int, float] = {}  # of each layer
        for node, (_, layer) in sorted(block.nodes.items(), key=lambda item: item[1][1]):
            width = 9 * LATEX.width(block.notation.write(node, LATEX, 0)) + 14
            widths[layer] = max(_HEIGHT, width, widths.get(layer, 0))
        self.widths = dict.fromkeys(widths, max(widths.values())) if upright else widths
        #: The middle of each layer, in the direction of the layers.
        self.layers = {0: 0.0}
        for before, layer in pairwise(self.widths):
            widest = (self.widths[before] + self.widths[layer]) / 2
            self.layers[layer] = self.layers[before] + (_LAYER if upright else widest + _SPACE)
        self.lane = self.widths[0] + 40 if upright else 58.0
        self.depth = self.layers[max(self.layers)]
        self.step = (max(self.lanes.values()) + 1) * self.lane + _BETWEEN

    def drawn(self) -> str:
        places = {node: self.place(node) for node in self.graph.nodes}
        width = max(x + self.width(node) / 2 for node, (x, _) in places.items()) + _MARGIN
        height = max(y for _, y in places.values()) + _HEIGHT / 2 + _MARGIN
        name = "wide" if self.upright else "narrow"
        return element(
            "svg",
            element("defs", *(self.arrow(path) for path in ("", *_PATHS))),
            *(
                self.edge(edge)
                for path in ("", *_PATHS)
                for edge in self.graph.edges
                if edge.path == path
            ),
            *map(self.node, self.graph.nodes),
            viewBox=f"0 0 {width:g} {height:g}",
            style=f"max-width:{1.2 * width:g}px;min-width:{_SMALLEST * width:g}px",
            role="img",
            aria_label=f"What reads what: {'; '.join(self.words())}",
            class_=name,
        )

    def words(self) -> Iterator[str]:
        """The picture for those who do not see it."""
        for node, edges in self.graph.reads():
            readers = ", ".join(self.name(edge.end) for edge in edges)
            yield f"{self.name(node)} is read by {readers}"

    def name(self, node: Any) -> str:
        return self.graph.notation.write(node, TEXT, 0)

    # --- nodes ------------------------------------------------------------------------------

    def width(self, node: Any) -> float:
        return self.widths[self.graph.nodes[node][1]]

    def place(self, node: Any) -> Point:
        """The middle of a node."""
        step, layer = self.graph.nodes[node]
        aside, along = (step - 1) * self.step + self.lanes[node] * self.lane, self.layers[layer]
        x, y = (aside, self.depth - along) if self.upright else (along, aside)
        return x + self.widths[0] / 2 + _MARGIN, y + _HEIGHT / 2 + _MARGIN

    def node(self, node: Any) -> str:
        (x, y), width = self.place(node), self.width(node)
        corner = {"x": f"{x - width / 2:g}", "y": f"{y - _HEIGHT / 2:g}"}
        size = {"width": f"{width:g}", "height": _HEIGHT}
        written = element("div", formula(node, self.graph.notation, 0))
        return element("rect", rx=_HEIGHT / 2, **corner, **size) + element(
            "foreignObject", written, **corner, **size
        )

    # --- edges ------------------------------------------------------------------------------

    def arrow(self, path: str) -> str:
        return element(
            "marker",
            element("path", d="M0 0 8 4 0 8z", class_=f"head {path}".rstrip()),
            id=self.arrow_id(path),
            viewBox="0 0 8 8",
            refX=7,
            refY=4,
            markerWidth=9,
            markerHeight=9,
            markerUnits="userSpaceOnUse",
            orient="auto",
        )

    def arrow_id(self, path: str) -> str:
        return "-".join(["arrow", "wide" if self.upright else "narrow", *([path] if path else [])])

    def edge(self, edge: Edge) -> str:
        return element(
            "path",
            d=self.curve(edge),
            class_=f"edge {edge.path}".rstrip(),
            marker_end=f"url(#{self.arrow_id(edge.path)})",
        )

    def curve(self, edge: Edge) -> str:
        """From border to border: along a lane within a step, and across from step to step."""
        within = _is_within(edge, self.graph)
        points = self.along(edge) if within else self.across(edge)
        start, first, second, end = (f"{x:.4g} {y:.4g}" for x, y in points)
        return f"M{start}C{first} {second} {end}"

    def along(self, edge: Edge) -> tuple[Point, ...]:
        """The control points of an edge within a step: it stays in its lane to the last layer."""
        first, last = (
            (_HEIGHT if self.upright else self.width(node)) / 2 for node in (edge.start, edge.end)
        )
        start, end = self.moved(edge.start, first), self.moved(edge.end, -last)
        bend = self.moved(edge.start, self.between(edge.start, edge.end) - 0.4 * _LAYER)
        return start, bend, self.moved(edge.end, -0.8 * _LAYER), end

    def across(self, edge: Edge) -> tuple[Point, ...]:
        """The control points of an edge to the next step; it avoids the nodes of the first lane."""
        half = (self.widths[0] if self.upright else _HEIGHT) / 2
        start, end = self.moved(edge.start, 0, half), self.moved(edge.end, 0, -half)
        back = self.between(edge.end, edge.start)
        detour = 0.8 * min(back, _LAYER) if self.lanes[edge.end] else 0
        first = self.moved(edge.start, 0, half + 0.8 * _BETWEEN)
        return start, first, self.moved(edge.end, detour, -half - 0.6 * _BETWEEN), end

    def between(self, start: Any, end: Any) -> float:
        """The way from the layer of one node to that of another."""
        first, last = (self.layers[self.graph.nodes[node][1]] for node in (start, end))
        return last - first

    def moved(self, node: Any, along: float, aside: float = 0) -> Point:
        """A point so far from a node, in the direction of the layers and across it."""
        x, y = self.place(node)
        return (x + aside, y - along) if self.upright else (x + along, y + aside)
