"""What `derive` returns: every equation of the derivation, open to inspection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.cell import Cell
from gru_codegen.derive.calculus import LocalDerivative
from gru_codegen.derive.normal_form import NormalEquation
from gru_codegen.derive.unrolled import Unrolled
from gru_codegen.derive.writing import (
    Row,
    adjoint_rows,
    aligned,
    forward_rows,
    gradient_rows,
    listed,
    loss_row,
    normal_rows,
    text_lines,
)
from gru_codegen.losses import Loss
from gru_codegen.notation import TEXT, Notation, leaves

__all__ = ["AdjointEquation", "Derivation", "Gradient", "Shared"]


@dataclass(frozen=True)
class AdjointEquation:
    """dL/dv = 0 for one variable of the step: its adjoint as a sum over what reads it.

    Attributes
    ----------
    target: the adjoint, of the shape of `of`.
    of: the variable of the forward pass.
    carry: for a state, the adjoint that the next time step passes on; else None.
    terms: one proved local derivative for each equation of the step that reads `of`.
    expression: their sum, in natural order.
    """

    target: MatrixSymbol
    of: MatrixSymbol
    carry: MatrixSymbol | None
    terms: tuple[LocalDerivative, ...]
    expression: Any


@dataclass(frozen=True)
class Gradient:
    """The gradient of one weight: the sum over all time steps of `summand`."""

    target: MatrixSymbol
    weight: MatrixSymbol
    terms: tuple[LocalDerivative, ...]
    summand: Any


@dataclass(frozen=True)
class Shared:
    """A factor that more than one formula of the backward pass reads: computed once."""

    factor: Any
    readers: tuple[MatrixSymbol, ...]


@dataclass(frozen=True)
class Derivation:
    """The derivation of a cell's gradients, for a symbolic time step.

    Attributes
    ----------
    cell, loss: the declaration; the loss is already joined to the cell's output.
    equations: cell and loss in normal form, in the order of computation.
    adjoints: the adjoint equations in the order in which the backward pass computes them.
    carries: for each previous state and input its adjoint equation: what a step passes on.
    gradients: one for each weight, in the declared order.
    shared: the factors that several formulas read.
    notation: how all the symbols are ordered and written.
    seed: the adjoint of the output, with which the loss ends and the cell's adjoints begin.
    """

    cell: Cell
    loss: Loss
    equations: tuple[NormalEquation, ...]
    adjoints: tuple[AdjointEquation, ...]
    gradients: tuple[Gradient, ...]
    shared: tuple[Shared, ...]
    notation: Notation
    seed: MatrixSymbol

    def unroll(self, steps: int) -> Unrolled:
        """The same derivation written out for time steps 1 .. `steps`, with subscripts."""
        return Unrolled.of(self, steps)

    @property
    def forward_equations(self) -> tuple[NormalEquation, ...]:
        """What a forward pass computes: the declared equations, and the parts of them that the
        backward pass reads; read their `declared` side."""
        formulas = [a.expression for a in self.adjoints] + [g.summand for g in self.gradients]
        read = {symbol for formula in formulas for symbol in leaves(formula)}
        return tuple(e for e in self.equations if not e.named_here or e.target in read)

    @property
    def local_derivatives(self) -> tuple[LocalDerivative, ...]:
        """Every derivative that SymPy took, each proved when it was taken."""
        terms = [a.terms for a in self.adjoints] + [g.terms for g in self.gradients]
        return tuple(term for some in terms for term in some)

    # --- writing ----------------------------------------------------------------------------

    def __str__(self) -> str:
        factors = [self.notation.text(s.factor) for s in self.shared]
        width = max(map(len, factors), default=0)
        shared = [
            f"{factor:<{width}}   read by {self.notation.prose(listed(s.readers), TEXT)}"
            for factor, s in zip(factors, self.shared, strict=True)
        ]
        sections = {
            "Forward equations": self._lines(forward_rows(self)),
            "Normal form, which SymPy differentiates": self._lines(normal_rows(self)),
            "Loss": self._lines([loss_row(self)]),
            "Adjoint equations, for t = T .. 1": self._lines(adjoint_rows(self, self.adjoints)),
            "Gradients": self._lines(gradient_rows(self.gradients)),
            "Shared factors, each computed once": shared,
        }
        blocks = [f"{self.cell.title}, {self.loss.title}"]
        for heading, lines in sections.items():
            if lines:
                blocks.append("\n".join([heading, "", *(f"    {line}" for line in lines)]))
        return "\n\n".join(blocks)

    def _lines(self, rows: Sequence[Row]) -> list[str]:
        return list(text_lines([rows], self.notation))

    def _repr_latex_(self) -> str:
        """LaTeX for a notebook: every name that the formulas use is defined in it."""
        declared = {e.target for e in self.cell.equations}
        return aligned(
            (
                forward_rows(self),
                [row for row in normal_rows(self) if row.left not in declared],
                [loss_row(self)],
                adjoint_rows(self, self.adjoints),
                gradient_rows(self.gradients),
            ),
            self.notation,
        )
