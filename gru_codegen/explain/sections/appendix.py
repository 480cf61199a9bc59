"""The appendix: the Lagrangian and the normal form, on which the proof stands."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import Row, listed, normal_rows
from gru_codegen.explain.model import Block, Equations, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import formula, prose, says
from gru_codegen.notation import LATEX, TEXT, Schema

__all__ = ["appendix"]


def appendix(part: Part) -> Section:
    """Section on why the adjoint equations are right."""
    blocks = [*_lagrangian(part.derivation), *_normal_form(part.derivation)]
    return Section("lagrangian", ("Appendix: the Lagrangian and the normal form",), blocks)


def _lagrangian(derivation: Derivation) -> Iterator[Block]:
    cell, notation = derivation.cell, derivation.notation
    lagrangian = formula("L + sum_t sum_v <dv_t, F_v - v_t>")
    yield says(
        "Every equation `v_t = F_v(...)` of the normal form below is a constraint. It gets an "
        "adjoint `dv_t` of its own, of the shape of `v_t`, and the Lagrangian is"
    )
    yield Equations([[Row(formula("Lag"), lagrangian, prose("`<A, F> = tr(A^T F)`"))]], notation)
    yield says(
        "Since the constraints hold, `Lag = L` whatever the adjoints are. They are chosen such "
        "that `dLag/dv_t = 0` for every `v_t`; these are the adjoint equations. What is left of "
        "`dL/dW` is the derivative of `Lag` with respect to `W` where it stands in the equations; "
        "these are the gradients. That is back-propagation through time."
    )
    joints = [
        Schema(
            *(f"{s.symbol(p.name, False, 't', '')} = {notation.write(p, s)}" for s in (TEXT, LATEX))
        )
        for p in cell.states.values()
    ]
    carries = [a.target for a in derivation.adjoints if a.of in cell.states.values()]
    yield says(
        "Time steps are joined by constraints too: {joints}, with {carries} as adjoint: the carry, "
        "which step `t` passes on to step `t-1`.",
        joints=listed(joints),
        carries=listed(carries),
    )


def _normal_form(derivation: Derivation) -> Iterator[Block]:
    yield says(
        "SymPy's matrix calculus differentiates some forms rightly, refuses others and gets a few "
        "wrong without a word. So every equation is first brought into a form that it gets right: "
        "an elementwise function of one matrix, or a sum of matrices, matrix products and "
        "elementwise products with nothing nested in them. The outcome is proved equal to the "
        "declared equations."
    )
    yield Equations([normal_rows(derivation)], derivation.notation)
