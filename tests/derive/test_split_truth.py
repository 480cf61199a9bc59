"""Own and arriving error against difference quotients in a weight of one time step alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from sympy.matrices.expressions.matexpr import MatrixSymbol

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.derive.split import Error, Split
from gru_codegen.derive.unrolled import substitute
from gru_codegen.evaluate import evaluate
from gru_codegen.notation import RowFunction
from gru_codegen.readouts import linear
from tests.derive import declarations
from tests.derive.test_split import SIZES, STEPS, plain

Array = NDArray[Any]
#: The values of symbols; of sizes too.
Values = dict[Any, Any]

APART = 1e-5
OF_ROWS: dict[str, Callable[[Array], Array]] = {
    "softmax": lambda a: np.exp(a) / np.exp(a).sum(axis=1, keepdims=True),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}
TRIED = ("two-states", "one-product-two-gates", "peephole", "output-is-no-state")
CASES = [
    *((gc.cells[name], gc.L2) for name in ("gru", "lstm", "sru", "gru-reset-after")),
    (linear(gc.cells["lstm"]), gc.losses["cross-entropy"]),
    (linear(gc.GRU), gc.losses["bce"]),
    *((cell, gc.L2) for cell in declarations.CELLS if cell.name in TRIED),
]


class Run(NamedTuple):
    """The values of every step, the state before each, and the cost of each."""

    values: list[Values]
    costs: list[Any]


class Truth:
    """A cell on random numbers: each step has weights of its own, all the same to begin with."""

    def __init__(self, cell: Cell, loss: gc.Loss) -> None:
        self.cell, self.loss, self.bound = cell, loss, loss.of(cell.outputs)
        random = np.random.default_rng(5)

        def drawn(symbol: MatrixSymbol) -> Array:
            shape = [SIZES.get(str(n)) or int(n) for n in symbol.shape]
            return random.uniform(-1, 1, shape)

        self.sizes = {
            size: SIZES[str(size)]
            for symbol in (*cell.inputs, *cell.weights, *cell.states, self.bound.target)
            for size in symbol.shape
            if str(size) in SIZES
        }
        self.weights = {weight: drawn(weight) for weight in cell.weights}
        self.start = {before: drawn(before) for before in cell.states.values()}
        self.inputs = [{x: drawn(x) for x in cell.inputs} for _ in range(STEPS)]
        self.targets = []
        for _ in range(STEPS):
            y = np.abs(drawn(self.bound.target))
            self.targets.append(y / y.sum(axis=1, keepdims=True))

    def run(self, step: int = 0, moved: Mapping[MatrixSymbol, Array] | None = None) -> Run:
        """All steps; of the one with this number, from 1 on, what is `moved` has another value."""
        before, values, costs = dict(self.start), [], []
        for t in range(1, STEPS + 1):
            read = {**self.sizes, **self.weights, **before, **self.inputs[t - 1]}
            read |= (moved or {}) if t == step else {}
            read[self.bound.target] = self.targets[t - 1]
            for equation in self.cell.equations:
                read[equation.target] = evaluate(equation.expression, read)
            for shift, above in self.bound.shifts.items():
                largest = read[above].max(axis=1, keepdims=True)
                read[shift] = np.broadcast_to(largest, read[above].shape)
            for equation in self.bound.equations:
                read[equation.target] = evaluate(equation.expression, read)
            values.append(read)
            costs.append(evaluate(self.bound.cost, read))
            before = {old: read[state] for state, old in self.cell.states.items()}
        return Run(values, costs)

    def derivatives(self, symbol: MatrixSymbol, step: int) -> Array:
        """That of each cost with respect to what `step` reads as `symbol`: (STEPS, *shape)."""
        value = self.run().values[step - 1][symbol]
        found = np.zeros((*value.shape, STEPS))
        for place in np.ndindex(*value.shape):
            up, down = value.copy(), value.copy()
            up[place] += APART
            down[place] -= APART
            costs = [np.array(self.run(step, {symbol: moved}).costs) for moved in (up, down)]
            found[place] = (costs[0] - costs[1]) / (2 * APART)
        return np.moveaxis(found, -1, 0)

    def numbers(self, split: Split) -> Values:
        """The values that a split starts from: those of the forward pass, and the carries."""
        derivation = gc.derive(self.cell, self.loss)
        run = self.run()
        for read in run.values:
            for equation in derivation.equations:  # the parts that have names of their own
                read.setdefault(equation.target, evaluate(equation.expression, read))
        by_name = {
            (symbol.name, t): value
            for t, read in enumerate(run.values, start=1)
            for symbol, value in read.items()
        }
        for state, before in self.cell.states.items():
            by_name |= {(state.name, t - 1): run.values[t - 1][before] for t in range(1, STEPS + 1)}
        values: Values = {**self.sizes, **self.weights}
        for symbol, (name, t) in split.notation.steps.items():
            if (name, t) in by_name and symbol not in split.notation.adjoints:
                values[symbol] = by_name[name, t]
        following = split.step + 1
        for adjoint in derivation.adjoints:
            for symbol, (name, t) in split.notation.steps.items():
                if following > STEPS:
                    continue  # nothing arrives at the last step
                if adjoint.of in self.start and (name, t) == (adjoint.target.name, following):
                    arriving = self.derivatives(adjoint.of, following).sum(axis=0)
                    values[symbol] = arriving
        return values


def number(expression: Any, values: Values) -> Array:
    """The value of a formula of a split, its marks taken off."""
    bare = plain(expression)
    named = {f: MatrixSymbol(str(f), *f.shape) for f in bare.atoms(RowFunction)}
    of_rows = {symbol: OF_ROWS[f.name](values[f.argument]) for f, symbol in named.items()}
    return np.asarray(evaluate(substitute(bare, named), {**values, **of_rows}))


def gradients(error: Error, values: Values) -> dict[MatrixSymbol, Array]:
    """What each weight gets, by the lines of a box one after the other, and by hand."""
    known = dict(values)
    for symbol, value in error.adjoints:
        known[symbol] = number(value, known)
    found = {weight: number(value, known) for weight, value in error.gradients.items()}
    for weight, value in error.gradients.items():
        hand = number(error.by_hand(value, error.common), values)
        np.testing.assert_allclose(hand, found[weight], rtol=1e-11, atol=1e-14)
    return found


@pytest.mark.parametrize(("cell", "loss"), CASES, ids=lambda case: case.name)
def test_each_error_is_that_of_its_losses_at_its_use_of_the_weight(
    cell: Cell, loss: gc.Loss
) -> None:
    """dL_k/dW_(t) of a weight that step t has for itself: k = t is its own, k > t arrives."""
    truth = Truth(cell, loss)
    for step in range(1, STEPS + 1):
        split = Split.of(gc.derive(cell, loss), STEPS, step)
        values = truth.numbers(split)
        own, later, whole = (gradients(e, values) for e in (split.own, split.later, split.whole))
        for weight in cell.weights:
            of_costs = truth.derivatives(weight, step)
            assert not of_costs[: step - 1].any()
            for found, exact in (
                (own, of_costs[step - 1]),
                (later, of_costs[step:].sum(axis=0)),
                (whole, of_costs.sum(axis=0)),
            ):
                shown = found.get(weight, np.zeros(exact.shape))
                np.testing.assert_allclose(shown, exact, rtol=1e-7, atol=1e-9)
                assert (weight in found) == bool(exact.any()), f"{weight} at {step}"
