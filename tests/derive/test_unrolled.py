from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sympy.matrices.expressions.special import ZeroMatrix

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.evaluate import evaluate, evaluate_declaration
from gru_codegen.functions import tanh
from gru_codegen.notation import TEXT, leaves
from tests.cells.sample import IN_PYTHON
from tests.derive import declarations

Array = NDArray[Any]

SIZES = {"B": 2, "D": 3, "H": 4}
CELLS = [*IN_PYTHON.values(), *declarations.CELLS]


class Point:
    """Random values for everything that `steps` time steps of a cell are given."""

    def __init__(self, cell: Cell, steps: int) -> None:
        random = np.random.default_rng(7)

        def draw(symbol: Any, *leading: int) -> Array:
            shape = tuple(SIZES.get(str(n)) or int(n) for n in symbol.shape)
            return random.uniform(-1, 1, (*leading, *shape))

        self.cell, self.steps = cell, steps
        self.weights = {weight.name: draw(weight) for weight in cell.weights}
        (self.x,) = (draw(symbol, steps) for symbol in cell.inputs)
        self.y = draw(cell.outputs[0], steps)
        self.states = {state.name: draw(state) for state in cell.states}

    def loss(self) -> float:
        """By the declared equations."""
        weights = {name: np.squeeze(value) for name, value in self.weights.items()}
        run = evaluate_declaration(self.cell, gc.L2, weights, [self.x], self.y, self.states)
        return float(run.loss)

    def values(self, symbols: Any) -> dict[Any, Any]:
        """Of the symbols of an unrolled derivation that no equation computes, and of the sizes."""
        named: dict[str, Any] = dict(self.weights)
        for t in range(self.steps):
            named |= {f"x_{t + 1}": self.x[t], f"Y_{t + 1}": self.y[t]}
        named |= {f"{name}_0": value for name, value in self.states.items()}
        values = {symbol: named[symbol.name] for symbol in symbols if symbol.name in named}
        sizes = {size for symbol in values for size in symbol.shape if size.is_Symbol}
        return values | {size: SIZES[str(size)] for size in sizes}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
@pytest.mark.parametrize("steps", [1, 3])
def test_the_unrolled_equations_give_the_gradient_of_the_loss(cell: Cell, steps: int) -> None:
    unrolled, point = gc.derive(cell).unroll(steps), Point(cell, steps)
    equations = [*unrolled.forward, *unrolled.backward]
    read = [leaves(value) for _, value in equations] + [
        leaves(value) for value in unrolled.gradients.values()
    ]
    values = point.values({symbol for some in read for symbol in some})
    for symbol, expression in equations:
        zero = isinstance(expression, ZeroMatrix)
        values[symbol] = 0 if zero else evaluate(expression, values)
    loss = sum(evaluate(cost, values) for cost in unrolled.costs)
    assert loss == pytest.approx(point.loss(), rel=1e-12)

    random = np.random.default_rng(8)
    for weight in cell.weights:
        gradient = evaluate(unrolled.gradients[weight], values)
        direction = random.uniform(-1, 1, gradient.shape)
        origin, losses = point.weights[weight.name], []
        for step in (1e-5, -1e-5):
            point.weights[weight.name] = origin + step * direction
            losses.append(point.loss())
        point.weights[weight.name] = origin
        slope = (losses[0] - losses[1]) / 2e-5
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("cell", CELLS[:4], ids=lambda cell: cell.name)
def test_substituting_every_name_keeps_the_value(cell: Cell, steps: int) -> None:
    unrolled, point = gc.derive(cell).unroll(steps), Point(cell, steps)
    for weight in cell.weights:
        whole = unrolled.substituted(weight)
        assert unrolled.symbols_substituted(weight) == len(list(leaves(whole)))
        symbols = set(leaves(whole))
        given = point.values(symbols)
        assert symbols <= set(given)
        values = point.values({s for _, e in unrolled.forward for s in leaves(e)} | symbols)
        for symbol, expression in (*unrolled.forward, *unrolled.backward):
            values[symbol] = evaluate(expression, values)
        np.testing.assert_allclose(
            evaluate(whole, given), evaluate(unrolled.gradients[weight], values), atol=1e-13
        )


def test_the_text_of_an_unrolled_derivation() -> None:
    lines = str(gc.derive(gc.GRU).unroll(2)).splitlines()
    assert lines[:6] == [
        "Z_1       = sigmoid(x_1 Wz + S_0 Wrecz)",
        "R_1       = sigmoid(x_1 Wr + S_0 Wrecr)",
        "RS_1      = R_1 o S_0",
        "CA_1      = tanh(x_1 Wca + RS_1 Wrecca)",
        "S_1       = (1 - Z_1) o S_0 + Z_1 o CA_1",
        "O_1       = S_1",
    ]
    assert lines.index("") == lines.index("Z_2       = sigmoid(x_2 Wz + S_1 Wrecz)") - 1
    assert "L         = 1/2 tr(E_1^T E_1) + 1/2 tr(E_2^T E_2)" in lines
    assert "dS_2      = dO_2" in lines  # nothing comes back from beyond the last step
    assert "dS_1      = dO_1 + dS_prev_2" in lines
    assert lines.index("dE_2      = E_2") < lines.index("dE_1      = E_1")
    assert lines[-1] == "dWrecr    = S_0^T daR_1 + S_1^T daR_2"


def test_what_reaches_no_loss_is_zero() -> None:
    """C is read by the next step alone, so at T nothing comes back to it."""
    x, S, S_prev = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H)
    C, C_prev = matrix("C", B, H), matrix("C_prev", B, H)
    W, U, V = matrix("W", D, H), matrix("U", H, H), matrix("V1", H, H)
    cell = Cell(
        name="late",
        title="a state that is seen one step late",
        source="a test",
        inputs=(x,),
        weights=(W, U, V),
        states={S: S_prev, C: C_prev},
        equations=(
            Equation(S, tanh(x * W + C_prev * U), "state"),
            Equation(C, tanh(S_prev * V), "late state"),
        ),
        output=S,
    )
    derivation = gc.derive(cell)
    one, two = derivation.unroll(1), derivation.unroll(2)
    lines = str(one).splitlines()
    assert "dC_1      = 0" in lines
    assert "daC_1     = 0" in lines
    assert one.notation.text(one.substituted(V), 0) == "0"
    assert "C_0" in one.notation.text(one.substituted("U"), 0)
    assert (one.symbols_substituted(V), one.symbols_substituted(U)) == (0, 14)
    assert two.notation.write(two.substituted(V), TEXT, 0).startswith("S_0^T (")


def test_a_derivation_is_unrolled_for_at_least_one_step() -> None:
    with pytest.raises(ValueError, match="unrolled for at least one step, not 0"):
        gc.derive(gc.GRU).unroll(0)
