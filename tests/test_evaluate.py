from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray
from sympy import Rational, Trace
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

import gru_codegen as gc
from gru_codegen.cell import B, D, H, hadamard, matrix, ones
from gru_codegen.evaluate import SYMBOLS, Evaluation, evaluate, evaluate_declaration
from gru_codegen.functions import sigmoid, tanh
from tests.derive.declarations import CELLS
from tests.kernels import by_hand

Array = NDArray[Any]

x, W, b = matrix("x", B, D), matrix("W", D, H), matrix("b", 1, H)
s, z, c, U = matrix("s", B, H), matrix("z", B, H), matrix("c", B, H), matrix("U", H, H)
SIZES = {B: 2, D: 4, H: 3}


# --- expressions ----------------------------------------------------------------------------------

FORMS = {
    "symbol": s,
    "ones": ones(B, H),
    "zeros": ZeroMatrix(B, H),
    "product": x * W,
    "product of three": x * W * U,
    "transposed product": x.T * s * U.T,
    "rational factors": -Rational(3, 2) * x * W,
    "sum": x * W - s / 3 + ones(B, 1) * b,
    "sum of weights": s * (U - U.T / 2),
    "elementwise product": hadamard(ones(B, H) - z, -s / 2, c),
    "row sum": s * ones(H, H),
    "function": tanh(x * W + s * U),
    "function of a function": hadamard(z, sigmoid(tanh(s) - c)),
    "transposed function": sigmoid(s).T * z,
}


def symbols(expression: Any) -> list[MatrixSymbol]:
    return sorted(expression.atoms(MatrixSymbol), key=str)


def entries(symbol: Any) -> Array:
    """The entries of a matrix symbol as SymPy's `as_explicit` names them."""
    explicit = symbol.subs(SIZES).as_explicit()
    return np.array(explicit.tolist(), dtype=object)


@pytest.mark.parametrize("name", FORMS)
def test_object_arrays_give_what_sympy_s_own_explicit_matrices_give(name: str) -> None:
    expression = FORMS[name]
    values = {**SIZES, **{symbol: entries(symbol) for symbol in symbols(expression)}}
    found = evaluate(expression, values, SYMBOLS)
    expected = expression.subs(SIZES).as_explicit()
    assert found.shape == expected.shape
    for index, entry in np.ndenumerate(found):
        assert sp.expand(entry - expected[index]) == 0


@pytest.mark.parametrize("name", FORMS)
def test_floats_are_what_the_symbols_become(name: str) -> None:
    expression, rng = FORMS[name], np.random.default_rng(0)
    values: dict[Any, Any] = dict(SIZES)
    substitution: dict[Any, float] = {}
    for symbol in symbols(expression):
        named = entries(symbol)
        values[symbol] = rng.standard_normal(named.shape)
        substitution |= dict(zip(named.flat, values[symbol].flat, strict=True))
    found = evaluate(expression, values)
    explicit = expression.subs(SIZES).as_explicit().subs(substitution)
    written_out = explicit.replace(sigmoid, lambda a: 1 / (1 + sp.exp(-a))).replace(tanh, sp.tanh)
    assert found == pytest.approx(np.array(written_out.tolist(), dtype=float), rel=1e-13)


def test_a_trace_is_a_number() -> None:
    left, right = np.arange(6.0).reshape(2, 3), np.full((2, 3), 2.0)
    cost = -Rational(1, 3) * Trace(s.T * z)
    assert evaluate(cost, {s: left, z: right}) == -10
    assert evaluate(Trace(s.T * s), {s: left}) == 55


def test_rational_factors_are_exact_in_exact_arithmetic() -> None:
    third = evaluate(s / 3, {s: np.array([[sp.Integer(1)]], dtype=object)}, SYMBOLS)
    assert third[0, 0] == Rational(1, 3)
    symbol = sp.Symbol("a")
    sizes = {B: 1, H: 1}
    values = {s: np.array([[symbol]], dtype=object), **sizes}
    whole = evaluate(ones(B, H) / 3 + s / 3, values, SYMBOLS)
    assert whole[0, 0] == symbol / 3 + Rational(1, 3)


def test_sigmoid_neither_overflows_nor_loses_its_tail() -> None:
    points = np.array([[-1e4, -745.0, -40.0, 0.0, 40.0, 1e4]])
    assert evaluate(sigmoid(s), {s: points})[0] == pytest.approx(
        [0, np.exp(-745.0), np.exp(-40.0), 0.5, 1, 1], rel=1e-15
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (U.I, r"^cannot evaluate Inverse: U\*\*\(-1\)$"),
        (H * s, "^cannot evaluate the factor H: it is not a rational number$"),
        (0.5 * s, "^cannot evaluate the factor 0.5000+: it is not a rational number$"),
        (Trace(s.T * s) + Trace(z.T * z), "^cannot evaluate Add: "),
    ],
)
def test_what_it_does_not_know_it_refuses(expression: Any, message: str) -> None:
    values = {symbol: np.ones((3, 3)) for symbol in symbols(expression)}
    with pytest.raises(TypeError, match=message):
        evaluate(expression, values)


# --- declarations ---------------------------------------------------------------------------------


def run(cell: gc.Cell, steps: int, seed: int = 0) -> tuple[Evaluation, dict[str, Any]]:
    """The declared equations and the L2 loss on random data, and the data."""
    rng = np.random.default_rng(seed)

    def draw(symbol: Any, *leading: int) -> Array:
        return rng.standard_normal((*leading, *(SIZES.get(n, 1) for n in symbol.shape)))

    data: dict[str, Any] = {
        "weights": {weight.name: draw(weight) for weight in cell.weights},
        "inputs": [draw(symbol, steps) for symbol in cell.inputs],
        "targets": draw(cell.outputs[0], steps),
        "states": {state.name: draw(state) for state in cell.states},
    }
    return evaluate_declaration(cell, gc.L2, **data), data


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_gru_against_one_written_by_hand(steps: int) -> None:
    found, data = run(gc.GRU, steps)
    params, (x,), s0 = by_hand.Params(**data["weights"]), data["inputs"], data["states"]["S"]
    outputs, state = by_hand.forward(params, x, s0)
    loss = by_hand.loss(params, x, data["targets"], s0)
    assert found.outputs == pytest.approx(outputs, rel=1e-13, abs=1e-15)
    assert found.states["S"] == pytest.approx(state, rel=1e-13, abs=1e-15)
    assert found.loss == pytest.approx(loss, rel=1e-13)


def test_every_state_is_carried() -> None:
    (cell,) = [cell for cell in CELLS if cell.name == "two-states"]
    whole, data = run(cell, 4)
    half = {"inputs": [array[:2] for array in data["inputs"]], "targets": data["targets"][:2]}
    first = evaluate_declaration(cell, gc.L2, **{**data, **half})
    rest = {"inputs": [array[2:] for array in data["inputs"]], "targets": data["targets"][2:]}
    second = evaluate_declaration(cell, gc.L2, **{**data, **rest, "states": first.states})
    assert set(whole.states) == {"S", "C"}
    for name, state in whole.states.items():
        assert second.states[name] == pytest.approx(state, rel=1e-14)
    assert np.concatenate([first.outputs, second.outputs]) == pytest.approx(whole.outputs)
    assert first.loss + second.loss == pytest.approx(whole.loss, rel=1e-14)


def test_past_its_length_a_sample_keeps_its_state_and_costs_nothing() -> None:
    (cell,) = [cell for cell in CELLS if cell.name == "two-states"]
    _, data = run(cell, 4)
    ended = np.arange(4)[:, None] >= np.array([2, 0])
    found = evaluate_declaration(cell, gc.L2, **data, ended=ended)
    cut = {"inputs": [array[:2] for array in data["inputs"]], "targets": data["targets"][:2]}
    short = evaluate_declaration(cell, gc.L2, **{**data, **cut})
    for name, state in found.states.items():
        assert (state[0] == short.states[name][0]).all()
        assert (state[1] == data["states"][name][1]).all()
    assert (found.outputs[:2, 0] == short.outputs[:, 0]).all()
    assert not found.outputs[ended].any()
    assert found.loss == pytest.approx(short.costs[:, 0].sum(), rel=1e-15)


def test_the_output_need_not_be_a_state() -> None:
    (cell,) = [cell for cell in CELLS if cell.name == "output-is-no-state"]
    found, data = run(cell, 2)
    gate = 1 / (1 + np.exp(-data["inputs"][0][-1] @ data["weights"]["Wf"]))
    assert found.outputs[-1] == pytest.approx(gate * np.tanh(found.states["C"]), rel=1e-13)


def test_a_bias_may_be_a_vector() -> None:
    (cell,) = [cell for cell in CELLS if cell.name == "biases"]
    found, data = run(cell, 2)
    vectors = {
        name: weight[0] if weight.shape[0] == 1 else weight
        for name, weight in data["weights"].items()
    }
    again = evaluate_declaration(cell, gc.L2, **{**data, "weights": vectors})
    assert np.array_equal(found.outputs, again.outputs)
    assert found.loss == again.loss
