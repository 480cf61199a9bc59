"""The formulas of a derivation: equations, adjoint equations, gradients, shared factors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.cell import Cell
from gru_codegen.derive.calculus import LocalDerivative
from gru_codegen.derive.normal_form import NormalEquation
from gru_codegen.losses import Loss
from gru_codegen.notation import Notation, Shown, leaves, over_time

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
    """The gradient of one weight, or the adjoint of what is computed of weights alone.

    Attributes
    ----------
    terms: one proved local derivative for each equation that reads it.
    summand: what each time step adds; the derivatives of the equations of a step, in natural order.
    once: what is added behind all steps: the derivatives of equations outside the time loop.
    """

    target: MatrixSymbol
    weight: MatrixSymbol
    terms: tuple[LocalDerivative, ...]
    summand: Any
    once: Any
    notation: Notation | None = field(default=None, compare=False)

    @property
    def is_summed(self) -> bool:
        """Return whether time steps add anything to it, or nothing else does."""
        return not isinstance(self.summand, ZeroMatrix) or isinstance(self.once, ZeroMatrix)

    @property
    def total(self) -> Any:
        """The whole right side: the sum over all time steps, and what is added once."""
        return over_time(self.summand, self.once)

    def _sides(self) -> tuple[Any, Any]:
        return self.target, self.total


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
    cell, loss: the declaration; the loss is already joined to the cell's outputs.
    equations: cell and loss in normal form, in the order of computation.
    adjoints: the adjoint equations in the order in which the backward pass computes them.
    gradients: one for each weight, in the declared order.
    outside: the adjoints of what is computed of weights alone, in the order in which they are
        computed, behind all steps and before the gradients.
    shared: the factors that several formulas read.
    notation: how all the symbols are ordered and written.
    seeds: the adjoint of each output, with which the loss ends and the cell's adjoints begin.
    """

    cell: Cell
    loss: Loss
    equations: tuple[NormalEquation, ...]
    adjoints: tuple[AdjointEquation, ...]
    gradients: tuple[Gradient, ...]
    shared: tuple[Shared, ...]
    notation: Notation
    seeds: tuple[MatrixSymbol, ...]
    outside: tuple[Gradient, ...] = ()

    @property
    def sums(self) -> tuple[Gradient, ...]:
        """All that sums up over time: the adjoints outside the loop, then the gradients."""
        return (*self.outside, *self.gradients)

    @property
    def seeded(self) -> tuple[MatrixSymbol, ...]:
        """The variables that the seeds are the adjoints of: O for an output S, or the output."""
        variables = {adjoint.target: adjoint.of for adjoint in self.adjoints}
        return tuple(variables[seed] for seed in self.seeds)

    @property
    def seeds_of_loss(self) -> tuple[MatrixSymbol, ...]:
        """The adjoints of the outputs that the loss reads; those of others are 0."""
        return self.seeds[: len(self.loss.predictions)]

    @cached_property
    def of_loss(self) -> set[MatrixSymbol]:
        """The variables whose adjoints the loss gives, or a pullback: its own, and the outputs."""
        ours = {equation.target for equation in self.cell.equations}
        own = {e.target for e in self.equations if e.origin.target not in ours}
        return own.union(self.seeded)

    @property
    def forward_equations(self) -> tuple[NormalEquation, ...]:
        """Equations of a forward pass: those declared, and their parts that are read again.

        The backward pass reads the parts; read their `declared` side.
        """
        formulas = [a.expression for a in self.adjoints]
        formulas += [part for each in self.sums for part in (each.summand, each.once)]
        read = {symbol for formula in formulas for symbol in leaves(formula)}
        return tuple(e for e in self.equations if not e.named_here or e.target in read)

    @property
    def local_derivatives(self) -> tuple[LocalDerivative, ...]:
        """Every derivative that SymPy took, each proved when it was taken."""
        terms = [a.terms for a in self.adjoints] + [each.terms for each in self.sums]
        return tuple(term for of_one in terms for term in of_one)
