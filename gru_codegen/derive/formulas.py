"""The formulas of a derivation: equations, adjoint equations, gradients, shared factors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.cell import Cell
from gru_codegen.derive.calculus import LocalDerivative
from gru_codegen.derive.normal_form import NormalEquation
from gru_codegen.derive.shown import Shown
from gru_codegen.losses import Loss
from gru_codegen.notation import Notation, OverTime, leaves

__all__ = ["AdjointEquation", "Formulas", "Gradient", "Shared"]


@dataclass(frozen=True, repr=False)
class AdjointEquation(Shown):
    """dL/dv = 0 for one variable of the step: its adjoint as a sum over what reads it.

    Attributes
    ----------
    target: the adjoint, of the shape of `of`.
    of: the variable of the forward pass.
    carry: for a state, the adjoint that the next time step passes on; else None.
    terms: one proved local derivative for each equation of the step that reads `of`.
    expression: their sum, in natural order.
    factored: the same with the adjoints that its terms share taken out, as ``dS o (CA - S_prev)``;
        proved equal. That is the form in which code computes it.
    """

    target: MatrixSymbol
    of: MatrixSymbol
    carry: MatrixSymbol | None
    terms: tuple[LocalDerivative, ...]
    expression: Any
    factored: Any
    notation: Notation | None = field(default=None, compare=False)

    def _sides(self) -> tuple[Any, Any]:
        return self.target, self.factored


@dataclass(frozen=True, repr=False)
class Gradient(Shown):
    """The gradient of one weight: the sum over all time steps of `summand`."""

    target: MatrixSymbol
    weight: MatrixSymbol
    terms: tuple[LocalDerivative, ...]
    summand: Any
    notation: Notation | None = field(default=None, compare=False)

    def _sides(self) -> tuple[Any, Any]:
        return self.target, OverTime(self.summand)


@dataclass(frozen=True, repr=False)
class Shared(Shown):
    """A factor that more than one formula of the backward pass reads: computed once."""

    factor: Any
    readers: tuple[MatrixSymbol, ...]
    notation: Notation | None = field(default=None, compare=False)

    def _sides(self) -> tuple[Any]:
        return (self.factor,)

    def __str__(self) -> str:
        readers = ", ".join(map(self._writing.text, self.readers))
        return f"{super().__str__()}, read by {readers}"


@dataclass(frozen=True)
class Formulas:
    """All that a derivation of a cell's gradients found, for a symbolic time step.

    Attributes
    ----------
    cell, loss: the declaration; the loss is already joined to the cell's output.
    equations: cell and loss in normal form, in the order of computation.
    adjoints: the adjoint equations in the order in which the backward pass computes them.
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

    @property
    def forward_equations(self) -> tuple[NormalEquation, ...]:
        """Equations of a forward pass: those declared, and their parts that are read again.

        The backward pass reads the parts; read their `declared` side.
        """
        formulas = [a.expression for a in self.adjoints] + [g.summand for g in self.gradients]
        read = {symbol for formula in formulas for symbol in leaves(formula)}
        return tuple(e for e in self.equations if not e.named_here or e.target in read)

    @property
    def local_derivatives(self) -> tuple[LocalDerivative, ...]:
        """Every derivative that SymPy took, each proved when it was taken."""
        terms = [a.terms for a in self.adjoints] + [g.terms for g in self.gradients]
        return tuple(term for of_one in terms for term in of_one)
