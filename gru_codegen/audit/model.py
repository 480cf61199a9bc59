"""The derived equations run on arrays, as they are and with one of them changed.

A fault of a backward pass is a change of the adjoint equations or of the gradients: a term that is
left out, a symbol of another step. What it gives is computed here from the derivation of any cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.audit.points import Point
from gru_codegen.derive import Derivation, LocalDerivative
from gru_codegen.equations import matrix
from gru_codegen.evaluate import evaluate
from gru_codegen.notation import Notation, leaves

__all__ = ["Change", "Forward", "Model", "Place", "Term"]

Array = NDArray[Any]
#: A term of a formula: the target of the formula, and the number of the term in it.
Place = tuple[MatrixSymbol, int]
#: What a read gives before the first step or after the last one: 0, or the step at the other end.
Beyond = Literal["zero", "around"]
#: The values of every step, by symbol.
Steps = list[dict[Any, Any]]
#: Backward passes that are remembered at a point.
MOST_KNOWN = 4


class Term(NamedTuple):
    """One summand of a formula, and the equation that it comes by; None for the cost."""

    expression: Any
    of: MatrixSymbol | None


class _Reading(NamedTuple):
    """A symbol as it is at another step, so many later; None is the last step of all."""

    symbol: MatrixSymbol
    offset: int | None
    beyond: Beyond = "zero"


@dataclass(frozen=True, eq=False)
class Change:
    """A fault of a backward pass.

    Attributes
    ----------
    text: what is wrong, in words.
    terms: what takes the place of terms; None is nothing.
    cut: the adjoints of states that nothing is carried to from the step after.
    kept: the gradients that are not summed over the steps, and the step that is left of each:
        0, the first, or -1, the last.
    loss_at_last: whether the cost of the last step alone reaches the states.
    """

    text: str
    terms: Mapping[Place, Any] = field(default_factory=dict)
    cut: frozenset[MatrixSymbol] = frozenset()
    kept: Mapping[MatrixSymbol, int] = field(default_factory=dict)
    loss_at_last: bool = False

    def meets(self, other: Change) -> bool:
        """Return whether the two change one thing."""
        return bool(
            self.terms.keys() & other.terms.keys()
            or self.cut & other.cut
            or self.kept.keys() & other.kept.keys()
            or (self.loss_at_last and other.loss_at_last)
        )


@dataclass(frozen=True, eq=False)
class Forward:
    """Every value of a forward pass, by step and symbol.

    Attributes
    ----------
    outputs: the first, (T, B, n).
    share: what the mean of a loss divides every number by, as a factor.
    known: backward passes that have been computed, by their changes.
    """

    steps: Steps
    outputs: Array
    loss: float
    share: float
    known: dict[tuple[Change, ...], tuple[Steps, dict[str, list[Array]]]] = field(
        default_factory=dict
    )


class Model:
    """A derivation whose equations can be evaluated, and changed.

    Attributes
    ----------
    terms: the terms of every adjoint equation and gradient, in the order of computation.
    notation: how all symbols are written, those of other steps too.
    products: of the forward pass that have names in the normal form alone, as RS.
    """

    def __init__(self, derivation: Derivation) -> None:
        derivation.require_in_steps("audit")
        self.derivation = derivation
        self.notation: Notation = derivation.notation
        self.carries = {a.target: a.carry for a in derivation.adjoints if a.carry}
        self.adjoints = [
            a.target for a in derivation.adjoints if a.of not in derivation.cell.inputs
        ]
        self.gradients = {g.target: g.weight.name for g in derivation.gradients}
        by_target = {each.target: each.terms for each in derivation.adjoints}
        by_target |= {each.target: each.terms for each in derivation.gradients}
        self.terms: dict[MatrixSymbol, tuple[Term, ...]] = {
            target: tuple(_flat(by_target[target])) for target in (*self.adjoints, *self.gradients)
        }
        self.products = {
            equation.target: equation.declared
            for equation in derivation.equations
            if equation.named_here and isinstance(equation.declared, HadamardProduct)
        }
        self._readings: dict[MatrixSymbol, _Reading] = {}

    def at(self, symbol: MatrixSymbol, offset: int, beyond: Beyond = "zero") -> MatrixSymbol:
        """The `symbol` as it is so many steps later, as a symbol of its own."""
        other = matrix(f"{symbol.name} {offset:+d} {beyond}", *symbol.shape)
        if other not in self._readings:
            self._readings[other] = _Reading(symbol, offset, beyond)
            name, at = self.notation.steps[symbol]
            steps = {**self.notation.steps, other: (name, at + offset)}
            self.notation = replace(self.notation, steps=steps)
        return other

    def at_last(self, symbol: MatrixSymbol) -> MatrixSymbol:
        """The `symbol` as it is at the last step, whatever the step."""
        other = matrix(f"{self.notation.steps[symbol][0]}_T", *symbol.shape)
        self._readings[other] = _Reading(symbol, None)
        return other

    def remark(self, expression: Any) -> str:
        """The values that symbols of other steps have where there is no such step."""
        remarks = dict.fromkeys(self._beyond(self._readings[s]) for s in leaves(expression)
                                if s in self._readings)  # fmt: skip
        return "".join(remarks)

    def _beyond(self, reading: _Reading) -> str:
        if reading.offset == -1 and reading.symbol in self.derivation.cell.states:
            instead = "0" if reading.beyond == "zero" else f"{reading.symbol}_T"
            return f", with {instead} for the initial state {reading.symbol}_0"
        around = reading.offset is not None and reading.beyond == "around"
        return ", and around at the ends of the sequence" if around else ""

    # --- forward ----------------------------------------------------------------------------

    def forward(self, point: Point) -> Forward:
        """Run the equations in normal form."""
        cell, loss = self.derivation.cell, self.derivation.loss
        current = {state: point.states[state.name] for state in cell.states}
        weights = {weight: point.weights[weight.name] for weight in cell.weights}
        sizes = {n: point.sizes[str(n)] for s in (*weights, *current, *cell.inputs, *cell.outputs)
                 for n in s.shape if n.is_Symbol}  # fmt: skip
        steps, total = [], 0.0
        for x, y in zip(point.x, point.y, strict=True):
            values: dict[Any, Any] = {**weights, **sizes, cell.inputs[0]: x, loss.target: y}
            values |= {before: current[state] for state, before in cell.states.items()}
            for equation in self.derivation.equations:
                for shift, above in loss.shifts.items():
                    if above in values and shift not in values:
                        largest = values[above].max(axis=1, keepdims=True)
                        values[shift] = np.broadcast_to(largest, values[above].shape)
                values[equation.target] = evaluate(equation.expression, values)
            current = {state: values[state] for state in cell.states}
            total += float(evaluate(loss.cost, values))
            steps.append(values)
        outputs = np.array([values[cell.outputs[0]] for values in steps])
        columns = loss.columns(outputs.shape[2])
        share = 1 / (columns * len(outputs) * outputs.shape[1]) if loss.mean else 1.0
        return Forward(steps, outputs, total * share, share)

    # --- backward ---------------------------------------------------------------------------

    def backward(self, forward: Forward, changes: Sequence[Change] = ()) -> dict[str, Array]:
        """The gradients by the name of their weight, as the changed equations give them."""
        terms = _together(change.terms for change in changes)
        picked = {self.gradients[t]: k for t, k in _together(c.kept for c in changes).items()}
        before = tuple(c for c in changes if c.cut or c.loss_at_last or self._of_adjoints(c))
        if before not in forward.known:
            adjoints = self._adjoints(forward, before)
            sums = {n: self._summands(t, {}, forward, adjoints) for t, n in self.gradients.items()}
            if len(forward.known) >= MOST_KNOWN:
                forward.known.clear()
            forward.known[before] = adjoints, sums
        adjoints, sums = forward.known[before]
        changed = {target for target, _ in terms} & {*self.gradients}
        sums = sums | {
            self.gradients[t]: self._summands(t, terms, forward, adjoints) for t in changed
        }
        return {
            name: forward.share * (parts[picked[name]] if name in picked else _sum(parts))
            for name, parts in sums.items()
        }

    def _of_adjoints(self, change: Change) -> bool:
        return any(target not in self.gradients for target, _ in change.terms)

    def _adjoints(self, forward: Forward, changes: Sequence[Change]) -> Steps:
        """The adjoints of every step."""
        terms = _together(change.terms for change in changes)
        cut = {target for change in changes for target in change.cut}
        last_only = any(change.loss_at_last for change in changes)
        states = self.derivation.cell.states
        before = {
            matrix(f"d{s.name}", *s.shape): matrix(f"d{p.name}", *p.shape)
            for s, p in states.items()
        }
        adjoints: Steps = [{} for _ in forward.steps]
        for t in reversed(range(len(adjoints))):
            values = _Values(self._readings, forward.steps, adjoints, t)
            later = adjoints[t + 1] if t + 1 < len(adjoints) else None
            for target in self.adjoints:
                total = self._total(target, terms, values)
                if target in self.derivation.seeds and last_only and later is not None:
                    total = np.zeros_like(total)
                if target in self.carries and target not in cut and later is not None:
                    total = total + later[before[target]]
                adjoints[t][target] = total
        return adjoints

    def _summands(
        self, target: MatrixSymbol, terms: Mapping[Place, Any], forward: Forward, adjoints: Steps
    ) -> list[Array]:
        """The terms of a gradient, of every step."""
        steps = range(len(adjoints))
        every = (_Values(self._readings, forward.steps, adjoints, t) for t in steps)
        return [self._total(target, terms, values) for values in every]

    def _total(self, target: MatrixSymbol, changed: Mapping[Place, Any], values: Any) -> Array:
        total: Any = None
        for number, term in enumerate(self.terms[target]):
            expression = changed.get((target, number), term.expression)
            if expression is not None:
                value = evaluate(expression, values)
                total = value if total is None else total + value
        if total is None:
            total = np.zeros([values[n] if n.is_Symbol else int(n) for n in target.shape])
        return total  # type: ignore[no-any-return]


class _Values(dict[Any, Any]):
    """The values at one step of the backward pass, those of other steps when they are asked for."""

    def __init__(
        self,
        readings: Mapping[MatrixSymbol, _Reading],
        steps: Sequence[Mapping[Any, Any]],
        adjoints: Sequence[Mapping[Any, Any]],
        t: int,
    ) -> None:
        super().__init__()
        self.readings, self.sources, self.t = readings, (steps, adjoints), t

    def __missing__(self, symbol: Any) -> Any:
        reading = self.readings.get(symbol)
        if reading is None:
            return self._at(symbol, self.t)
        last = len(self.sources[0]) - 1
        at = last if reading.offset is None else self.t + reading.offset
        if 0 <= at <= last:
            return self._at(reading.symbol, at)
        if reading.beyond == "around":
            return self._at(reading.symbol, at % (last + 1))
        sizes = self.sources[0][self.t]
        return np.zeros([sizes[n] if n.is_Symbol else int(n) for n in symbol.shape])

    def _at(self, symbol: Any, t: int) -> Any:
        steps, adjoints = self.sources
        return adjoints[t][symbol] if symbol in adjoints[t] else steps[t][symbol]


def _flat(terms: Iterable[LocalDerivative]) -> Iterable[Term]:
    for term in terms:
        summands = (
            term.expression.args if isinstance(term.expression, MatAdd) else (term.expression,)
        )
        for summand in summands:
            yield Term(summand, term.of)


def _together(mappings: Iterable[Mapping[Any, Any]]) -> dict[Any, Any]:
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _sum(parts: Sequence[Array]) -> Array:
    return np.sum(parts, axis=0)  # type: ignore[no-any-return]
