"""Cells of any sizes: which arguments tell them, and which parameters take them."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, size
from gru_codegen.errors import CellError
from gru_codegen.functions import sigmoid, tanh

P, Q = size("P"), size("Q")
FORMS = [("fast", None), ("fast", 2), ("textbook", None), ("textbook", 2)]
x = matrix("x", B, D)


def cell(name: str, weights: Any, states: Any, equations: Any, **more: Any) -> Cell:
    return Cell(
        name=name,
        title=f"cell called {name}",
        source="a test",
        weights=tuple(weights),
        states={state: matrix(f"{state}_prev", *state.shape) for state in states},
        equations=tuple(Equation(target, value, "variable") for target, value in equations),
        **{"inputs": (x,), **more},
    )


def square() -> Cell:
    """Input and state of one size, D."""
    S, S_prev = matrix("S", B, D), matrix("S_prev", B, D)
    W, Wrec, b = matrix("W", D, D), matrix("Wrec", D, D), matrix("b", 1, D)
    state = tanh(x * W + S_prev * Wrec + ones(B, 1) * b)
    return cell("square", (W, Wrec, b), (S,), ((S, state),))


def vectors() -> Cell:
    """No weight that is a matrix."""
    S, S_prev = matrix("S", B, D), matrix("S_prev", B, D)
    p, q = matrix("p", 1, D), matrix("q", 1, D)
    state = tanh(hadamard(ones(B, 1) * p, x) + hadamard(ones(B, 1) * q, S_prev))
    return cell("vectors", (p, q), (S,), ((S, state),))


def single() -> Cell:
    """One weight in all."""
    S, S_prev, W = matrix("S", B, H), matrix("S_prev", B, H), matrix("W", D, H)
    return cell("single", (W,), (S,), ((S, tanh(x * W + S_prev)),))


def projected() -> Cell:
    """An LSTM whose state is a projection (B, P) of what its cell state (B, H) puts out."""
    names = {"i": "IG", "f": "FG", "ca": "CA", "o": "OG"}
    S, S_prev, C, C_prev = (
        matrix("S", B, P),
        matrix("S_prev", B, P),
        matrix("C", B, H),
        matrix("C_prev", B, H),
    )
    project = matrix("Wproj", H, P)
    weights, equations, gates = [], [], {}
    for name, gate in names.items():
        W, Wrec, b = (
            matrix(f"W{name}", D, H),
            matrix(f"Wrec{name}", P, H),
            matrix(f"b{name}", 1, H),
        )
        weights += [W, Wrec, b]
        gates[name] = matrix(gate, B, H)
        function = tanh if name == "ca" else sigmoid
        equations.append((gates[name], function(x * W + S_prev * Wrec + ones(B, 1) * b)))
    equations.append((C, hadamard(gates["f"], C_prev) + hadamard(gates["i"], gates["ca"])))
    equations.append((S, hadamard(gates["o"], tanh(C)) * project))
    return cell("projected", (*weights, project), (S, C), equations)


def reconstruction() -> Cell:
    """Outputs of the size of the input."""
    S, S_prev, R = matrix("S", B, H), matrix("S_prev", B, H), matrix("R", B, D)
    W, Wrec, Wback = matrix("W", D, H), matrix("Wrec", H, H), matrix("Wback", H, D)
    equations = ((S, tanh(x * W + S_prev * Wrec)), (R, S * Wback))
    return cell("reconstruction", (W, Wrec, Wback), (S,), equations, output=R)


def layered() -> Cell:
    """Two more sizes, which no state has."""
    S, S_prev, A, K = (
        matrix("S", B, H),
        matrix("S_prev", B, H),
        matrix("A", B, P),
        matrix("K", B, Q),
    )
    Wa, Wk, W, Wrec = (
        matrix("Wa", D, P),
        matrix("Wk", P, Q),
        matrix("W", Q, H),
        matrix("Wrec", H, H),
    )
    equations = ((A, tanh(x * Wa)), (K, tanh(A * Wk)), (S, tanh(K * W + S_prev * Wrec)))
    return cell("layered", (Wa, Wk, W, Wrec), (S,), equations)


def one_input() -> Cell:
    """An input of one column, which no weight has the size of."""
    r, a, b = matrix("r", B, 1), matrix("a", 1, 1), matrix("b", 1, H)
    S, S_prev, Wrec = matrix("S", B, H), matrix("S_prev", B, H), matrix("Wrec", H, H)
    scaled = hadamard(r, ones(B, 1) * a) * b
    return cell("one_input", (a, b, Wrec), (S,), ((S, tanh(scaled + S_prev * Wrec)),), inputs=(r,))


def one_state() -> Cell:
    """States of one column."""
    S, S_prev, C, C_prev = (matrix(name, B, 1) for name in ("S", "S_prev", "C", "C_prev"))
    W, U, a = matrix("W", D, 1), matrix("U", D, 1), matrix("a", 1, 1)
    equations = (
        (C, sigmoid(x * W + hadamard(ones(B, 1) * a, S_prev))),
        (S, hadamard(C, C_prev) + x * U),
    )
    return cell("one_state", (W, U, a), (S, C), equations)


def one_number() -> Cell:
    """No size at all but that of the batch."""
    r, S, S_prev = matrix("r", B, 1), matrix("S", B, 1), matrix("S_prev", B, 1)
    a, b = matrix("a", 1, 1), matrix("b", 1, 1)
    state = hadamard(S_prev, ones(B, 1) * a) + hadamard(r, ones(B, 1) * b)
    return cell("one_number", (a, b), (S,), ((S, state),), inputs=(r,))


CELLS = {made.name: made for made in (square(), vectors(), single(), projected(), reconstruction())}
CELLS["layered"] = layered()
CELLS |= {made.name: made for made in (one_input(), one_state(), one_number())}


@pytest.mark.parametrize(("style", "unroll"), FORMS)
@pytest.mark.parametrize("name", CELLS)
def test_the_kernel_is_right(name: str, style: Any, unroll: int | None) -> None:
    readout = "linear" if unroll else "none"
    kernel = gc.load(CELLS[name], style=style, unroll=unroll, readout=readout)
    report = pipeline.check(kernel, CELLS[name])
    assert report, str(report)


def test_further_sizes_are_keywords() -> None:
    kernel = gc.load(CELLS["layered"], readout="linear")
    assert kernel.SIZES == ("B", "D", "H", "O", "P", "Q")
    for function in (kernel.init_params, kernel.Workspace):
        parameters = inspect.signature(function).parameters
        keywords = [p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert keywords[:3] == ["output_size", "p_size", "q_size"]


def test_the_shapes_are_stated_in_letters() -> None:
    kernel = gc.load(CELLS["projected"])
    assert kernel.SHAPES["s0.S"] == ("B", "P")
    assert kernel.SHAPES["s0.C"] == ("B", "H")
    assert kernel.SHAPES["y"] == kernel.SHAPES["outputs"] == ("T", "B", "P")
    assert kernel.SHAPES["params.Wproj"] == ("H", "P")


def test_a_wrong_state_of_a_further_size_is_named() -> None:
    kernel = gc.load(CELLS["projected"])
    params = kernel.init_params(2, 5, p_size=3)
    s0 = kernel.State(np.zeros((4, 5)), np.zeros((4, 5)))
    with pytest.raises(
        ValueError, match=r"^s0\.S: expected shape \(B, P\) = \(4, 3\), got \(4, 5\)$"
    ):
        kernel.forward(params, np.zeros((3, 4, 2)), s0)


def test_a_workspace_for_another_further_size_is_named() -> None:
    kernel = gc.load(CELLS["projected"])
    params = kernel.init_params(2, 5, p_size=3)
    workspace = kernel.Workspace(4, 2, 5, p_size=6)
    with pytest.raises(ValueError, match=r"made for \(B, D, H, P\) = \(4, 2, 5, 6\)"):
        kernel.forward(params, np.zeros((3, 4, 2)), workspace=workspace)


@pytest.mark.parametrize("make", ["init_params", "Workspace"])
def test_sizes_that_must_be_equal(make: str) -> None:
    sizes = (2, 3) if make == "init_params" else (4, 2, 3)
    with pytest.raises(
        ValueError, match=r"^hidden_size: .*a state of the size of its inputs, 2, got 3$"
    ):
        getattr(gc.load(CELLS["square"]), make)(*sizes)
    with pytest.raises(
        ValueError, match=r"^input_size: .*inputs of the size of its state, 3, got 2$"
    ):
        getattr(gc.load(gc.cells["sru"]), make)(*sizes)


def test_sizes_of_one_column_are_said_by_no_caller() -> None:
    kernel = gc.load(CELLS["one_number"])
    params = kernel.init_params(rng=0)
    assert [weight.shape for weight in params] == [(), ()]
    assert kernel.Workspace(4).sizes == kernel.Workspace.of(params, 4).sizes == (4, 1, 1)
    outputs, _ = kernel.forward(params, np.ones((3, 4, 1)), workspace=kernel.Workspace(4))
    assert outputs.shape == (3, 4, 1)
    assert gc.load(CELLS["one_state"]).init_params(2, rng=0).W.shape == (2, 1)


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        ("one_number", (2,), "input_size: this cell needs inputs of one column, 1, got 2"),
        ("one_number", (1, 3), "hidden_size: this cell needs a state of one column, 1, got 3"),
        ("one_state", (2, 3), "hidden_size: this cell needs a state of one column, 1, got 3"),
        ("one_input", (2, 3), "input_size: this cell needs inputs of one column, 1, got 2"),
    ],
)
def test_other_sizes_than_one_column(name: str, sizes: tuple[int, ...], message: str) -> None:
    kernel = gc.load(CELLS[name])
    for make in (kernel.init_params, partial(kernel.Workspace, 4)):
        with pytest.raises(ValueError, match=f"^{message}$"):
            make(*sizes)


def test_a_square_weight_has_one_vote_on_its_size() -> None:
    """Its two sides are no majority against two other weights."""
    S, S_prev = matrix("S", B, H), matrix("S_prev", B, H)
    Wrec, W, b = matrix("Wrec", H, H), matrix("W", D, H), matrix("b", 1, H)
    state = tanh(x * W + S_prev * Wrec + ones(B, 1) * b)
    kernel = gc.load(cell("voting", (Wrec, W, b), (S,), ((S, state),)))
    params = kernel.init_params(2, 5)._replace(Wrec=np.zeros((6, 6)))
    with pytest.raises(ValueError, match=r"^params\.Wrec: expected shape \(H, H\) = \(5, 5\)"):
        kernel.forward(params, np.zeros((3, 4, 2)))


# --- refusals -------------------------------------------------------------------------------------


def small(n: Any, columns: Any = H, **more: Any) -> Cell:
    """x (B, n) and a state of `columns`."""
    given = matrix("x", B, n)
    S, S_prev, W = matrix("S", B, columns), matrix("S_prev", B, columns), matrix("W", n, columns)
    return cell("small", (W,), (S,), ((S, tanh(given * W + S_prev)),), inputs=(given,), **more)


def test_an_input_size_of_another_name() -> None:
    with pytest.raises(CellError, match=r"^cell 'small': x is \(B, P\), and no size is called D"):
        gc.generate(small(P))


def test_a_hidden_size_of_another_name() -> None:
    with pytest.raises(CellError, match=r"^cell 'small': S is \(B, P\), and no size is called H"):
        gc.generate(small(D, P))


def test_a_size_called_as_the_time_steps() -> None:
    with pytest.raises(CellError, match="T is the number of time steps"):
        gc.generate(small(size("T")))


@pytest.mark.parametrize("name", ["batch", "Hidden"])
def test_a_size_whose_parameter_is_another_one(name: str) -> None:
    Wa, A, W = matrix("Wa", D, size(name)), matrix("A", B, size(name)), matrix("W", size(name), H)
    S, S_prev = matrix("S", B, H), matrix("S_prev", B, H)
    declared = cell("twice", (Wa, W), (S,), ((A, tanh(x * Wa)), (S, tanh(A * W + S_prev))))
    with pytest.raises(
        CellError, match=f"the size {name}.* would both be called {name.lower()}_size"
    ):
        gc.generate(declared)


def test_a_size_that_no_argument_tells() -> None:
    S, S_prev, W = matrix("S", B, H), matrix("S_prev", B, H), matrix("W", D, H)
    A, A_prev = matrix("A", B, P), matrix("A_prev", B, P)
    declared = cell("untold", (W,), (S, A), ((S, tanh(x * W + S_prev)), (A, tanh(A_prev))))
    with pytest.raises(CellError, match="no input and no weight has the size P"):
        gc.generate(declared)
