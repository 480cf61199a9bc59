"""A derivation written out for a fixed number of time steps, with subscripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.cell import matrix
from gru_codegen.notation import LATEX, TEXT, Notation, Spelling

if TYPE_CHECKING:
    from gru_codegen.derive.derivation import Derivation

__all__ = ["Unrolled"]


@dataclass(frozen=True)
class Unrolled:
    """The equations of time steps 1 .. T, each symbol with the number of its step.

    Attributes
    ----------
    steps: T.
    forward, backward: (symbol, expression) in the order of computation.
    gradients: for each weight its whole sum over the steps.
    notation: how the indexed symbols are written.
    """

    steps: int
    forward: tuple[tuple[MatrixSymbol, Any], ...]
    backward: tuple[tuple[MatrixSymbol, Any], ...]
    gradients: dict[MatrixSymbol, Any]
    notation: Notation

    @classmethod
    def of(cls, derivation: Derivation, steps: int) -> Unrolled:
        """Write `derivation` out for time steps 1 .. `steps`."""
        if steps < 1:
            raise ValueError(f"a derivation is unrolled for at least one step, not {steps}")
        source = derivation.notation
        index: dict[tuple[MatrixSymbol, int], MatrixSymbol] = {}
        for t in range(1, steps + 1):
            for symbol, (name, offset) in source.steps.items():
                index[symbol, t] = matrix(f"{name}_{t + offset}", *symbol.shape)

        def at(expression: Any, t: int) -> Any:
            now: dict[Any, Any] = {symbol: index[symbol, t] for symbol in source.steps}
            if t == steps:  # nothing comes back from beyond the last step
                now |= {a.carry: ZeroMatrix(*a.carry.shape) for a in derivation.adjoints if a.carry}
            return _substitute(expression, now)

        forward = [
            (index[e.target, t], at(e.declared, t))
            for t in range(1, steps + 1)
            for e in derivation.forward_equations
        ]
        backward = [
            (index[a.target, t], at(a.expression, t))
            for t in range(steps, 0, -1)
            for a in derivation.adjoints
        ]
        gradients = {
            g.weight: _add([at(g.summand, t) for t in range(1, steps + 1)])
            for g in derivation.gradients
        }
        return cls(steps, tuple(forward), tuple(backward), gradients, _indexed(source, index))

    def substituted(self, weight: MatrixSymbol | str) -> Any:
        """The gradient of `weight` in inputs, targets, first states and weights alone.

        Every intermediate is substituted, so this is for small T: its size grows quickly.
        """
        (target,) = [w for w in self.gradients if w.name == str(weight)]
        values: dict[Any, Any] = {}
        for symbol, expression in (*self.forward, *self.backward):
            values[symbol] = _substitute(expression, values)
        return _substitute(self.gradients[target], values)

    def __str__(self) -> str:
        return "\n".join(f"{left} = {right}" for left, right in self.rows(TEXT))

    def _repr_latex_(self) -> str:
        rows = " \\\\\n".join(f"{left} &= {right}" for left, right in self.rows(LATEX))
        return f"$$\\begin{{aligned}}\n{rows}\n\\end{{aligned}}$$"

    def rows(self, spelling: Spelling) -> list[tuple[str, str]]:
        """(left side, right side) of every equation, then of every gradient."""

        def write(expression: Any) -> str:
            return self.notation.write(expression, spelling, step=0)

        rows = [(write(left), write(right)) for left, right in (*self.forward, *self.backward)]
        for weight, expression in self.gradients.items():
            rows.append((write(matrix(f"d{weight.name}", *weight.shape)), write(expression)))
        return rows


def _indexed(source: Notation, index: dict[tuple[MatrixSymbol, int], MatrixSymbol]) -> Notation:
    """The notation of the indexed symbols: by step, then in the order of `source`."""

    def of(symbols: tuple[MatrixSymbol, ...], reverse: bool = False) -> tuple[MatrixSymbol, ...]:
        times = sorted({t for _, t in index}, reverse=reverse)
        found = [index.get((symbol, t), symbol) for t in times for symbol in symbols]
        return tuple(dict.fromkeys(found))

    steps = {
        indexed: (source.steps[symbol][0], t + source.steps[symbol][1])
        for (symbol, t), indexed in index.items()
    }
    return Notation(of(source.given), of(source.computed), of(source.adjoints, True), steps)


def _substitute(expression: Any, values: dict[Any, Any]) -> Any:
    """Replace symbols without letting SymPy reorder sums and products; drop zero terms."""
    if isinstance(expression, MatrixSymbol):
        return values.get(expression, expression)
    if isinstance(expression, MatAdd):
        return _add([_substitute(term, values) for term in expression.args])
    if not expression.args or not hasattr(expression, "shape"):
        return expression
    arguments = [_substitute(a, values) if hasattr(a, "shape") else a for a in expression.args]
    return expression.func(*arguments)


def _add(terms: list[Any]) -> Any:
    kept = [term for term in terms if not isinstance(term, ZeroMatrix)]
    if not kept:
        return terms[0]
    return MatAdd(*kept) if len(kept) > 1 else kept[0]
