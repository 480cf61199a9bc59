"""The section with the picture: what reads what, and the way back of an error."""

from __future__ import annotations

from typing import Any, Literal

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import Derivation
from gru_codegen.explain.model import Edge, Graph, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import says
from gru_codegen.notation import leaves

__all__ = ["graph_section"]

#: The picture has at most so many steps; more repeat the same.
_MOST_STEPS = 3


def graph_section(part: Part) -> Section:
    """Section with the unrolled graph of what reads what."""
    steps = min(part.steps or 2, _MOST_STEPS)
    weight = part.weights[0]
    return Section(
        "graph",
        ("What reads what",),
        [
            says(
                "Forward, each value is read by those that arrows lead to. Backward, an error goes "
                "the same ways against the arrows. The path of the error of step 1 to {weight} is "
                "its own error; what later steps pass back comes through the states.",
                weight=(weight,),
            ),
            _graph(part.derivation, steps, weight),
        ],
    )


def _graph(derivation: Derivation, steps: int, weight: MatrixSymbol) -> Graph:
    unrolled = derivation.unroll(steps)
    notation = unrolled.notation
    readers = {symbol: list(dict.fromkeys(leaves(value))) for symbol, value in unrolled.forward}
    nodes: dict[Any, tuple[int, int]] = {}
    for symbol, read in readers.items():
        step = notation.steps[symbol][1]
        layers = [nodes[leaf][1] for leaf in read if leaf in nodes and nodes[leaf][0] == step]
        nodes[symbol] = (step, max(layers, default=-1) + 1)
    reads = [(leaf, symbol) for symbol, read in readers.items() for leaf in read if leaf in nodes]
    own, later = _paths(unrolled.forward, nodes, weight)
    paths: dict[Any, Literal["own", "later"]] = dict.fromkeys(own, "own")
    paths |= dict.fromkeys(later, "later")
    edges = [Edge(*pair, paths.get(pair, "")) for pair in reads]
    return Graph(nodes, edges, notation)


def _paths(forward: Any, nodes: Any, weight: MatrixSymbol) -> tuple[set[Any], set[Any]]:
    """The edges that the error of step 1 and of later ones comes back by, to the use of `weight`
    at step 1."""
    values = dict(forward)
    users = {s for s, value in values.items() if weight in set(leaves(value)) and nodes[s][0] == 1}
    reached = set(users)
    edges: set[Any] = set()
    for symbol, value in forward:
        for leaf in dict.fromkeys(leaves(value)):
            if leaf in reached:
                reached.add(symbol)
                edges.add((leaf, symbol))
    own = {edge for edge in edges if nodes[edge[1]][0] == 1}
    return own, edges - own
