"""The section with the picture: what reads what, and the way back of an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import Derivation, Unrolled
from gru_codegen.explain.model import Edge, Graph, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import says
from gru_codegen.notation import Notation, leaves

__all__ = ["graph_section"]

#: The picture has at most so many steps; more repeat the same.
_MOST_STEPS = 3


def graph_section(part: Part) -> Section:
    """Section with the unrolled graph of what reads what."""
    steps = min(part.steps or 2, _MOST_STEPS)
    weight = next(each.weight for each in (*part.gradients, *part.outside) if each.is_summed)
    graph = _graph(part.derivation, steps, weight)
    own = "of the loss of step 1"
    both = (
        f"errors of two kinds: its own, {own}, and later ones, of the losses after it, which come "
        "back through the states"
    )
    kinds = both if any(edge.path == "later" for edge in graph.edges) else f"its own error, {own}"
    first = (
        f"Of {part.steps} steps, these are the first {steps}. " if (part.steps or 2) > steps else ""
    )
    return Section(
        "graph",
        ("What reads what",),
        [
            says(
                f"{first}An arrow leads from a value to each one that is computed from it: that "
                "reads it. Backward, errors go against the arrows, from the loss of each step to "
                f"all that had a part in it. The use of {{weight}} at step 1 gets {kinds}.",
                weight=(weight,),
            ),
            graph,
        ],
    )


def _graph(derivation: Derivation, steps: int, weight: MatrixSymbol) -> Graph:
    unrolled = derivation.unroll(steps)
    reads, notation = _reads(derivation, unrolled)
    nodes: dict[Any, tuple[int, int]] = {}
    for symbol, read in reads.items():
        step = notation.steps[symbol][1]
        layers = [nodes[leaf][1] for leaf in read if leaf in nodes and nodes[leaf][0] == step]
        nodes[symbol] = (step, max(layers, default=-1) + 1)
    pairs = [(leaf, symbol) for symbol, read in reads.items() for leaf in read if leaf in nodes]
    own, later = _paths(reads, nodes, weight)
    paths: dict[Any, Literal["own", "later"]] = dict.fromkeys(own, "own")
    paths |= dict.fromkeys(later, "later")
    return Graph(nodes, [Edge(*pair, paths.get(pair, "")) for pair in pairs], notation)


def _reads(derivation: Derivation, unrolled: Unrolled) -> tuple[dict[Any, list[Any]], Notation]:
    """The symbols that each value reads; all that a loss computes at a step is one value, L_t."""
    outer = {equation.target for equation in derivation.loss.equations}
    of_loss = {e.target.name for e in derivation.equations if e.origin.target in outer}
    steps = unrolled.notation.steps
    losses = {t: MatrixSymbol(f"L_{t}", 1, 1) for t in range(1, unrolled.steps + 1)}

    def node(symbol: MatrixSymbol) -> MatrixSymbol:
        name, step = steps.get(symbol, ("", 0))
        return losses[step] if name in of_loss else symbol

    values = [*unrolled.forward, *zip(losses.values(), unrolled.costs, strict=True)]
    reads: dict[Any, list[Any]] = {}
    for symbol, value in values:
        read = reads.setdefault(node(symbol), [])
        new = dict.fromkeys(map(node, leaves(value)))
        read += [each for each in new if each not in (node(symbol), *read)]
    of_losses = {symbol: ("L", t) for t, symbol in losses.items()}
    return reads, replace(unrolled.notation, steps={**steps, **of_losses})


def _paths(
    reads: dict[Any, list[Any]], nodes: dict[Any, tuple[int, int]], weight: MatrixSymbol
) -> tuple[set[Any], set[Any]]:
    """The edges that errors come back by to the use of `weight` at step 1: its own, later ones."""
    reached = {s for s, read in reads.items() if weight in read and nodes[s][0] == 1}
    edges: set[Any] = set()
    for symbol, read in reads.items():
        for leaf in read:
            if leaf in reached:
                reached.add(symbol)
                edges.add((leaf, symbol))
    own = {edge for edge in edges if nodes[edge[1]][0] == 1}
    return own, edges - own
