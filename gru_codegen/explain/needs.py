"""Dependencies of a gradient: the adjoint equations it is computed from, directly or not."""

from __future__ import annotations

from dataclasses import dataclass

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import AdjointEquation, Derivation, Gradient, LocalDerivative, Unrolled
from gru_codegen.notation import leaves

__all__ = ["Part"]


@dataclass(frozen=True)
class Part:
    """The shown part of a derivation: all, or the dependencies of the gradient of `weight`."""

    derivation: Derivation
    weight: MatrixSymbol | None
    adjoints: tuple[AdjointEquation, ...]
    gradients: tuple[Gradient, ...]

    @classmethod
    def of(cls, derivation: Derivation, wrt: str | None) -> Part:
        """The part for the weight named `wrt`, or all."""
        if wrt is None:
            return cls(derivation, None, derivation.adjoints, derivation.gradients)
        (gradient,) = [g for g in derivation.gradients if g.weight.name == wrt]
        dependencies = _dependencies(derivation, gradient)
        adjoints = tuple(a for a in derivation.adjoints if a.target in dependencies)
        return cls(derivation, gradient.weight, adjoints, (gradient,))

    @property
    def local_derivatives(self) -> list[LocalDerivative]:
        """Derivatives that SymPy took for this part."""
        terms = [a.terms for a in self.adjoints] + [g.terms for g in self.gradients]
        return [term for of_one in terms for term in of_one]

    def needed_in(self, unrolled: Unrolled) -> set[MatrixSymbol]:
        """The adjoints of single time steps that belong to it."""
        if self.weight is None:
            return {symbol for symbol, _ in unrolled.backward}
        dependencies = set(leaves(unrolled.gradients[self.weight]))
        for symbol, expression in reversed(unrolled.backward):
            if symbol in dependencies:
                dependencies.update(leaves(expression))
        return dependencies


def _dependencies(derivation: Derivation, gradient: Gradient) -> set[MatrixSymbol]:
    """The adjoints of any time step that `gradient` depends on."""
    by_target = {a.target: a for a in derivation.adjoints}
    by_variable = {a.of: a for a in derivation.adjoints}
    carried = {
        a.carry: by_variable[derivation.cell.states[a.of]].target
        for a in derivation.adjoints
        if a.carry is not None
    }
    dependencies: set[MatrixSymbol] = set()
    reached = list(leaves(gradient.summand))
    while reached:
        symbol = reached.pop()
        target = carried.get(symbol, symbol)
        if target in by_target and target not in dependencies:
            dependencies.add(target)
            reached += leaves(by_target[target].expression)
    return dependencies
