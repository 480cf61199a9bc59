"""The gradients that a derivation gives, as numbers.

SymPy's part of a derivation, every local derivative, is proved when it is taken. That each adjoint
collects them all, and each gradient all steps, is seen here: the formulas are evaluated as they
stand, without the program and the kernel, and compared with differences of the declared loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sympy.matrices.expressions.matadd import MatAdd

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, H
from gru_codegen.derive import Derivation
from gru_codegen.evaluate import evaluate, evaluate_declaration
from gru_codegen.losses import Loss
from gru_codegen.pipeline import check
from tests.cells.sample import IN_PYTHON
from tests.derive.declarations import CELLS, LOSSES
from tests.shares import in_turn

Array = NDArray[Any]
ALL = {**IN_PYTHON, **{cell.name: cell for cell in CELLS}}
PAIRS = [
    *(pytest.param(cell, gc.L2, id=name) for name, cell in ALL.items()),
    *(pytest.param(ALL["minimal-gated"], loss, id=loss.name) for loss in LOSSES),
]
STEPS, SIZES = 3, {B: 2, D: 3, H: 4}
FORMS: list[dict[str, Any]] = [
    {"style": "textbook"},
    {"layout": "rows", "unroll": 2},
    {"layout": "columns", "unroll": 2},
    {"layout": "folded"},
]


class Problem:
    """Random data for a cell: weights by name, x, y, and the first states by name."""

    def __init__(self, cell: Cell) -> None:
        rng = np.random.default_rng(0)

        def draw(symbol: Any, *leading: int) -> Array:
            return rng.standard_normal((*leading, *(SIZES.get(n, 1) for n in symbol.shape))) / 2

        self.weights = {weight.name: draw(weight) for weight in cell.weights}
        self.inputs = [draw(symbol, STEPS) for symbol in cell.inputs]
        self.targets = draw(cell.outputs[0], STEPS)
        self.states = {state.name: draw(state) for state in cell.states}


def differences(cell: Cell, loss: Loss, problem: Problem) -> dict[str, Array]:
    """The gradient of each weight by central differences of the declared loss."""

    def value(name: str, weight: Array) -> float:
        weights = {**problem.weights, name: weight}
        run = evaluate_declaration(
            cell, loss, weights, problem.inputs, problem.targets, problem.states
        )
        return float(run.loss)

    def entries(name: str, weight: Array, h: float = 1e-5) -> Iterator[float]:
        for index in np.ndindex(*weight.shape):
            step = np.zeros_like(weight)
            step[index] = h
            yield (value(name, weight + step) - value(name, weight - step)) / (2 * h)

    return {
        name: np.reshape([*entries(name, weight)], weight.shape)
        for name, weight in problem.weights.items()
    }


def gradients(derivation: Derivation, problem: Problem) -> dict[str, Array]:
    """The gradient of each weight by the derivation's own formulas: normal form, adjoints, sums."""
    cell = derivation.cell
    given = {**SIZES, **{weight: problem.weights[weight.name] for weight in cell.weights}}
    states = {state: problem.states[state.name] for state in cell.states}
    steps = []
    for t in range(STEPS):
        values: dict[Any, Any] = {before: states[s] for s, before in cell.states.items()}
        values |= {x: array[t] for x, array in zip(cell.inputs, problem.inputs, strict=True)}
        values[derivation.loss.target] = problem.targets[t]
        for equation in derivation.equations:
            values[equation.target] = evaluate(equation.expression, given | values)
        states = {state: values[state] for state in cell.states}
        steps.append(values)

    total = {name: np.zeros_like(weight) for name, weight in problem.weights.items()}
    carried = {state: np.zeros_like(array) for state, array in states.items()}
    for values in reversed(steps):
        values |= {a.carry: carried[a.of] for a in derivation.adjoints if a.carry is not None}
        for adjoint in derivation.adjoints:
            values[adjoint.target] = evaluate(adjoint.expression, given | values)
            for state, before in cell.states.items():
                if adjoint.of == before:
                    carried[state] = values[adjoint.target]
        for gradient in derivation.gradients:
            total[gradient.weight.name] += evaluate(gradient.summand, given | values)
    return total


def worst(found: dict[str, Array], expected: dict[str, Array]) -> float:
    """The largest difference, relative to the largest entry of its array."""
    assert found.keys() == expected.keys()
    return max(
        float(np.abs(found[name] - expected[name]).max() / (np.abs(expected[name]).max() or 1))
        for name in expected
    )


@pytest.mark.parametrize(("cell", "loss"), PAIRS)
def test_the_formulas_give_the_gradients(cell: Cell, loss: Loss) -> None:
    problem = Problem(cell)
    found = gradients(gc.derive(cell, loss), problem)
    assert worst(found, differences(cell, loss, problem)) < 1e-8


def faults(derivation: Derivation) -> Iterator[Derivation]:
    """The derivation with each term of each adjoint left out in turn."""
    for place, adjoint in enumerate(derivation.adjoints):
        terms = adjoint.expression.args if isinstance(adjoint.expression, MatAdd) else ()
        for term in terms:
            rest = [other for other in terms if other is not term]
            short = MatAdd(*rest) if len(rest) > 1 else rest[0]
            adjoints = list(derivation.adjoints)
            adjoints[place] = replace(adjoint, expression=short)
            yield replace(derivation, adjoints=tuple(adjoints))


def test_a_term_short_in_any_adjoint_is_seen() -> None:
    problem, derivation = Problem(gc.GRU), gc.derive(gc.GRU)
    expected = differences(gc.GRU, gc.L2, problem)
    wrong = [worst(gradients(fault, problem), expected) for fault in faults(derivation)]
    # dx is read by no gradient, so its three terms are checked where gradients of inputs are
    unseen = [error for error in wrong if error < 1e-4]
    assert len(wrong) == 2 + 2 + 5 + 3
    assert len(unseen) == 3


@pytest.mark.parametrize(("name", "form"), in_turn([c.name for c in CELLS], FORMS), ids=str)
def test_the_kernel_has_the_same_gradients(name: str, form: Any) -> None:
    report = check(gc.load(ALL[name], **form), ALL[name])
    assert report, str(report)
