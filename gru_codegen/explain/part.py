"""The part of a derivation that is shown: for all weights or some, for any step or some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import AdjointEquation, Derivation, Gradient, LocalDerivative, Unrolled
from gru_codegen.derive.split import Split
from gru_codegen.explain.code import Code
from gru_codegen.notation import leaves

__all__ = ["Part"]

_Formula = TypeVar("_Formula", AdjointEquation, Gradient)


@dataclass(frozen=True)
class Part:
    """The shown part of a derivation.

    Attributes
    ----------
    weights: those whose gradients are shown, in the declared order.
    steps: the number of time steps that are written out; None for the recurrences alone.
    full: whether gradients are written with all computed names replaced, not adjoints alone.
    code: the module whose lines stand beside the equations, if any.
    """

    derivation: Derivation
    weights: tuple[MatrixSymbol, ...]
    steps: int | None = None
    full: bool = False
    code: Code | None = None

    @classmethod
    def of(
        cls,
        derivation: Derivation,
        wrt: Sequence[str] = (),
        steps: int | None = None,
        full: bool = False,
        code: Code | None = None,
    ) -> Part:
        """The part for the weights named in `wrt`, all if none is."""
        weights = tuple(w for w in derivation.cell.weights if not wrt or w.name in wrt)
        return cls(derivation, weights, steps, full, code)

    @property
    def is_all(self) -> bool:
        """True if nothing is left out."""
        return self.weights == tuple(self.derivation.cell.weights)

    @cached_property
    def gradients(self) -> tuple[Gradient, ...]:
        """The gradients of the weights."""
        return tuple(g for g in self.derivation.gradients if g.weight in self.weights)

    @cached_property
    def outside(self) -> tuple[Gradient, ...]:
        """The adjoints outside the time loop that they are computed from, directly or not."""
        return self._needed(self.derivation.outside)

    @property
    def sums(self) -> tuple[Gradient, ...]:
        """All that is shown that sums up over time."""
        return (*self.outside, *self.gradients)

    @cached_property
    def adjoints(self) -> tuple[AdjointEquation, ...]:
        """The adjoint equations that they are computed from, directly or not."""
        return self._needed(self.derivation.adjoints)

    def _needed(self, formulas: tuple[_Formula, ...]) -> tuple[_Formula, ...]:
        if self.is_all:
            return formulas
        return tuple(each for each in formulas if each.target in self._dependencies)

    @cached_property
    def _dependencies(self) -> set[MatrixSymbol]:
        return _dependencies(self.derivation, self.gradients)

    @property
    def local_derivatives(self) -> list[LocalDerivative]:
        """Derivatives that SymPy took for this part."""
        terms = [a.terms for a in self.adjoints] + [each.terms for each in self.sums]
        return [term for of_one in terms for term in of_one]

    @cached_property
    def unrolled(self) -> Unrolled:
        """The equations of the time steps that are written out."""
        assert self.steps is not None
        return self.derivation.unroll(self.steps)

    def split(self, step: int) -> Split:
        """The backward pass of a time step, by whose error it carries."""
        assert self.steps is not None
        return Split.of(self.derivation, self.steps, step)


def _dependencies(derivation: Derivation, gradients: Sequence[Gradient]) -> set[MatrixSymbol]:
    """The adjoints, of any time step or of none, that `gradients` depend on."""
    by_target = {a.target: (a.expression,) for a in derivation.adjoints}
    by_target |= {each.target: (each.summand, each.once) for each in derivation.outside}
    by_variable = {a.of: a for a in derivation.adjoints}
    carried = {
        a.carry: by_variable[derivation.cell.states[a.of]].target
        for a in derivation.adjoints
        if a.carry is not None
    }
    dependencies: set[MatrixSymbol] = set()
    shown = [part for gradient in gradients for part in (gradient.summand, gradient.once)]
    reached = [leaf for part in shown for leaf in leaves(part)]
    while reached:
        symbol = reached.pop()
        target = carried.get(symbol, symbol)
        if target in by_target and target not in dependencies:
            dependencies.add(target)
            reached += [leaf for part in by_target[target] for leaf in leaves(part)]
    return dependencies
