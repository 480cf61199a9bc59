"""The section on the ways by which an error goes back from a step to the one before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import AdjointEquation, Derivation
from gru_codegen.derive.sums import factored
from gru_codegen.derive.writing import Prose, Row
from gru_codegen.explain.model import Block, Equations, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import at, counted, says
from gru_codegen.notation import Schema, leaves

__all__ = ["ways_section"]

_DIRECTLY = "directly"
#: A longer formula does not stand within a sentence.
_LONGEST_INLINE = 40


def ways_section(part: Part) -> list[Section]:
    """Section on the terms of the adjoint of each previous state: one way each.

    None, if what is shown reads no such adjoint.
    """
    derivation = part.derivation
    previous = derivation.cell.states.values()
    blocks: list[Block] = []
    for adjoint in part.adjoints:
        if adjoint.of in previous and adjoint.terms:
            blocks += _ways(derivation, adjoint)
    return [Section("ways", ("The ways back through a step",), blocks)] if blocks else []


def _ways(derivation: Derivation, adjoint: AdjointEquation) -> Iterator[Block]:
    ways = _by_equation(derivation, adjoint)
    several = len(ways) > 1
    comes = f"is the sum of {counted(len(ways), 'way')}" if several else "comes by one way"
    yield says(
        f"What step `t` passes back to {{state}}, {{carry}}, {comes}:",
        state=(at(derivation, adjoint.of, "t"),),
        carry=(adjoint.target,),
    )
    rows = [
        Row(Schema(f"way {number}", rf"\text{{way }} {number}"), value, (words,))
        for number, (words, value) in enumerate(ways.items(), start=1)
    ]
    yield Equations([rows], derivation.notation)
    outside = (equation.target for equation in derivation.equations if not equation.is_timed)
    weights = {*derivation.cell.weights, *outside}
    for value in (ways[way] for way in ways if way == _DIRECTLY):
        factor = _direct(value, weights)
        if factor and len(derivation.notation.text(*factor)) <= _LONGEST_INLINE:
            yield says(
                "Directly, an error is multiplied by {factor} entry by entry, and by no weight: "
                "where that is near 1, it is carried over long distances.",
                factor=factor,
            )


def _by_equation(derivation: Derivation, adjoint: AdjointEquation) -> dict[str, Any]:
    """The terms of an adjoint by the declared equation that they come through, in words."""
    equation_of = {e.target: e for e in derivation.equations}
    known = frozenset(derivation.notation.adjoints)
    ways: dict[str, Any] = {}
    for term in reversed(adjoint.terms):
        equation = equation_of[term.of]
        directly = equation.origin.target in derivation.cell.states and not equation.named_here
        through = _DIRECTLY if directly else f"through the {equation.origin.meaning}"
        value = factored(derivation.notation.arrange(term.expression), known, derivation.notation)
        while through in ways:
            through += f", by {equation.target}"
        ways[through] = value
    return ways


def _direct(value: Any, weights: set[MatrixSymbol]) -> Prose:
    """The factor of the adjoint of the state on a way without a weight; none on others."""
    if not isinstance(value, HadamardProduct) or weights & set(leaves(value)):
        return ()
    _, *factors = value.args
    return (HadamardProduct(*factors) if len(factors) > 1 else factors[0],)
