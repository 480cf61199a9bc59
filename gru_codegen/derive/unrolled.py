"""A derivation written out for a fixed number of time steps, with subscripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import ZeroMatrix
from sympy.matrices.expressions.trace import Trace

from gru_codegen.derive.formulas import Formulas, Gradient
from gru_codegen.derive.writing import Row, aligned, text_lines
from gru_codegen.equations import is_timed
from gru_codegen.notation import Notation, Schema, leaves

__all__ = ["Definition", "Indexed", "Unrolled", "substitute"]

#: A symbol and what it equals.
Definition = tuple[MatrixSymbol, Any]


class Indexed:
    """The symbols of a derivation at time steps 1 .. `steps`, each with the number of its step.

    Attributes
    ----------
    symbols: for a symbol of the recurrences and a step the symbol that stands for it there.
    notation: how they are written, at ``step=0``.
    """

    def __init__(self, derivation: Formulas, steps: int) -> None:
        self.source, self.steps = derivation.notation, steps
        self.symbols = {
            (symbol, t): MatrixSymbol(f"{name}_{t + offset}", *symbol.shape)
            for t in range(1, steps + 1)
            for symbol, (name, offset) in self.source.steps.items()
        }
        # nothing comes back from beyond the last step
        self._last = {a.carry: ZeroMatrix(*a.carry.shape) for a in derivation.adjoints if a.carry}

    def at(self, expression: Any, t: int) -> Any:
        """`expression` of the recurrences as it is at step `t`."""
        now: dict[Any, Any] = {symbol: self.symbols[symbol, t] for symbol in self.source.steps}
        return substitute(expression, now | self._last if t == self.steps else now)

    @property
    def notation(self) -> Notation:
        """The notation of the indexed symbols: by step, then in the order of the recurrences."""
        times = range(1, self.steps + 1)

        def of(symbols: tuple[MatrixSymbol, ...], times: Sequence[int]) -> tuple[Any, ...]:
            by_step = [self.symbols.get((symbol, t), symbol) for t in times for symbol in symbols]
            return tuple(dict.fromkeys(by_step))

        steps = {
            indexed: (self.source.steps[symbol][0], t + self.source.steps[symbol][1])
            for (symbol, t), indexed in self.symbols.items()
        }
        source = self.source
        return Notation(
            of(source.given, times),
            of(source.computed, times),
            of(source.adjoints, times[::-1]),
            steps,
        )


@dataclass(frozen=True, repr=False)
class Unrolled:
    """The equations of time steps 1 .. T, each symbol with the number of its step.

    Attributes
    ----------
    steps: T.
    forward, backward: (symbol, expression) in the order of computation.
    before, behind: the same of what is computed of weights alone, before all steps, and of its
        adjoints, behind them.
    costs: what each step adds to the loss.
    gradients: for each weight its whole sum over the steps.
    notation: how the indexed symbols are written, at ``step=0``.
    """

    steps: int
    forward: tuple[Definition, ...]
    costs: tuple[Any, ...]
    backward: tuple[Definition, ...]
    gradients: dict[MatrixSymbol, Any]
    notation: Notation
    before: tuple[Definition, ...] = ()
    behind: tuple[Definition, ...] = ()

    @classmethod
    def of(cls, derivation: Formulas, steps: int) -> Unrolled:
        """Write `derivation` out for time steps 1 .. `steps`."""
        if steps < 1:
            raise ValueError(f"a derivation is unrolled for at least one step, not {steps}")
        indexed = Indexed(derivation, steps)
        index, at = indexed.symbols, indexed.at
        times = range(1, steps + 1)
        parts: dict[Any, Any] = {}  # a forward pass reads the parts that it has computed already
        equations = []
        for e in derivation.forward_equations:
            equations.append((e.target, substitute(e.declared, parts)))
            if e.named_here:
                parts[e.declared] = e.target
        before = [each for each in equations if not is_timed(each[0])]
        of_a_step = [each for each in equations if each not in before]
        forward = [(index[target, t], at(value, t)) for t in times for target, value in of_a_step]
        costs = [at(derivation.loss.cost, t) for t in times]
        zero: dict[Any, Any] = {}
        backward = []
        for t in reversed(times):
            for a in derivation.adjoints:
                formula = a.factored
                target, value = index[a.target, t], substitute(at(formula, t), zero)
                backward.append((target, value))
                if isinstance(value, ZeroMatrix):
                    zero[target] = value

        def whole(gradient: Gradient) -> Any:
            return substitute(
                _add([gradient.once, *(at(gradient.summand, t) for t in times)]), zero
            )

        return cls(
            steps,
            tuple(forward),
            tuple(costs),
            tuple(backward),
            {g.weight: whole(g) for g in derivation.gradients},
            indexed.notation,
            tuple(before),
            tuple((g.target, whole(g)) for g in derivation.outside),
        )

    def substituted(self, weight: MatrixSymbol | str) -> Any:
        """The gradient of `weight` in inputs, targets, first states and weights alone.

        Every intermediate is substituted, so this is for small T: its size grows quickly.
        """
        return self.in_full(self._gradient(weight))

    def symbols_substituted(self, weight: MatrixSymbol | str) -> int:
        """Number of symbols in `substituted`, without writing it."""
        return self.symbols_in_full(self._gradient(weight))

    def in_full(self, expression: Any) -> Any:
        """`expression` with every intermediate substituted."""
        return substitute(expression, self._values)

    def symbols_in_full(self, expression: Any) -> int:
        """Number of symbols in `in_full`, without writing it."""
        return sum(self._counts.get(leaf, 1) for leaf in leaves(expression))

    @property
    def _definitions(self) -> tuple[Definition, ...]:
        return (*self.before, *self.forward, *self.backward, *self.behind)

    @cached_property
    def _values(self) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        for symbol, expression in self._definitions:
            values[symbol] = substitute(expression, values)
        return values

    @cached_property
    def _counts(self) -> dict[Any, int]:
        counts: dict[Any, int] = {}
        for symbol, expression in self._definitions:
            counts[symbol] = sum(counts.get(leaf, 1) for leaf in leaves(expression))
        return counts

    def _gradient(self, weight: MatrixSymbol | str) -> Any:
        (gradient,) = [value for w, value in self.gradients.items() if w.name == str(weight)]
        return gradient

    # --- writing ----------------------------------------------------------------------------

    def forward_rows(self) -> list[list[Row]]:
        """Equations before all steps; for each time step its own; then the loss."""
        loss = sp.Add(*self.costs, evaluate=False) if self.steps > 1 else self.costs[0]
        before = [Row(*one) for one in self.before]
        of_steps = [*self._by_step(self.forward), [Row(Schema("L", "L"), loss)]]
        return [before, *of_steps] if before else of_steps

    def backward_rows(self) -> list[list[Row]]:
        """For each time step, the last one first, its adjoint equations; then those behind all."""
        behind = [Row(*one) for one in self.behind]
        return [*self._by_step(self.backward), *([behind] if behind else [])]

    def gradient_rows(self) -> list[Row]:
        """The gradient of every weight."""
        by_name = {symbol.name: symbol for symbol in self.notation.adjoints}
        return [Row(by_name[f"d{w.name}"], value) for w, value in self.gradients.items()]

    def _by_step(self, definitions: Sequence[Definition]) -> list[list[Row]]:
        def step(definition: Definition) -> int:
            return self.notation.steps[definition[0]][1]

        return [[Row(*one) for one in group] for _, group in groupby(definitions, key=step)]

    def _rows(self) -> list[list[Row]]:
        return [*self.forward_rows(), *self.backward_rows(), self.gradient_rows()]

    def __repr__(self) -> str:
        gradients = ", ".join(f"d{weight}" for weight in self.gradients)
        return f"<Unrolled: {self.steps} time steps, {gradients}>"

    def __str__(self) -> str:
        return "\n".join(text_lines(self._rows(), self.notation, step=0))

    def _repr_latex_(self) -> str:
        return aligned(self._rows(), self.notation, step=0)


def substitute(expression: Any, values: Mapping[Any, Any]) -> Any:
    """Replace what is in `values`, and drop what is zero.

    SymPy's own substitution would reorder sums and products.
    """
    if expression in values:
        return values[expression]
    if not any(isinstance(argument, _WRITTEN) for argument in expression.args):
        return expression
    arguments = [substitute(a, values) if isinstance(a, _WRITTEN) else a for a in expression.args]
    if isinstance(expression, MatAdd):
        return _add(arguments)
    if any(isinstance(argument, ZeroMatrix) for argument in arguments):  # 0 A, 0 o A, 0^T
        return ZeroMatrix(*expression.shape)
    if isinstance(expression, (HadamardProduct, MatMul)):
        arguments = _spliced(arguments, expression.func)
    return expression.func(*arguments)


_WRITTEN = (MatrixExpr, Trace)


def _add(terms: list[Any]) -> Any:
    nonzero = _spliced([term for term in terms if not isinstance(term, ZeroMatrix)], MatAdd)
    return MatAdd(*nonzero) if len(nonzero) > 1 else (*nonzero, *terms)[0]


def _spliced(operands: list[Any], operation: Any) -> list[Any]:
    """An operand that is itself such a sum or product stands for its own operands."""
    return [
        inner
        for operand in operands
        for inner in (operand.args if isinstance(operand, operation) else (operand,))
    ]
