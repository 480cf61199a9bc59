"""Those contenders that need NumPy alone, as they are prepared in a worker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from benchmarks.contenders import CONTENDERS, EVERYONE, contender, entrants, gemm_floor
from benchmarks.hand_written import sigmoid
from benchmarks.problem import Problem, disagreement, load, make_problem, save
from benchmarks.sizes import FAMILY, LAYOUTS, Size
from gru_codegen import passes

TINY = Size(3, 2, 4, 5)
OF_NUMPY = [name for name in ("fast", *EVERYONE) if contender(name).package == "numpy"]


@pytest.fixture(scope="module")
def problem() -> Problem:
    return make_problem("gru", TINY)


@pytest.mark.parametrize("name", OF_NUMPY)
def test_right(problem: Problem, name: str) -> None:
    one = contender(name)
    call, read = one.prepare(problem, "gru", **one.options)
    assert disagreement(read(call()), problem.truth, one.omits) < 1e-14


def test_the_gradients_of_the_hand_written_truth(problem: Problem) -> None:
    # It is what all others are held to, so it is held to a complex step in a random direction.
    from benchmarks import hand_written

    rng, h = np.random.default_rng(1), 1e-30
    direction = {name: rng.normal(size=W.shape) for name, W in problem.params.items()}
    states = [problem.states["S"].astype(complex)]
    p = {name: W + 1j * h * direction[name] for name, W in problem.params.items()}
    loss = 0j
    for x, y in zip(problem.x, problem.y, strict=True):
        S = states[-1]
        Z = hand_written.sigmoid(x @ p["Wz"] + S @ p["Wrecz"])
        R = hand_written.sigmoid(x @ p["Wr"] + S @ p["Wrecr"])
        CA = np.tanh(x @ p["Wca"] + (R * S) @ p["Wrecca"])
        states.append((1 - Z) * S + Z * CA)
        loss += ((states[-1] - y) ** 2).sum() / 2
    along = sum(np.vdot(problem.truth[name], direction[name]) for name in direction)
    assert loss.imag / h == pytest.approx(along, rel=1e-12)
    assert loss.real == pytest.approx(float(problem.truth["loss"]), rel=1e-14)


def test_the_products_of_the_floor_are_those_of_the_cell(problem: Problem) -> None:
    operands = gemm_floor.operands(problem)
    products = gemm_floor.multiply(operands, gemm_floor.empty_products(operands))
    H = TINY.H
    into = products.xW.reshape(TINY.T, TINY.B, 3 * H)
    Z = sigmoid(into[..., :H] + products.S_Wrec[..., :H])
    CA = np.tanh(into[..., 2 * H :] + products.RS_Wrec)
    S = (1 - Z) * operands.S_prev + Z * CA
    np.testing.assert_allclose(S[:-1], operands.S_prev[1:], rtol=1e-14)
    np.testing.assert_allclose(S[-1], problem.truth["S"], rtol=1e-14)
    # The adjoint of each state but the last, from what the step after it passes on.
    R = sigmoid(into[..., H : 2 * H] + products.S_Wrec[..., H:])
    dS = np.zeros_like(S)
    carry = np.zeros_like(S[0])
    for t in reversed(range(TINY.T)):
        dS[t] = S[t] - problem.y[t] + carry
        carry = dS[t] * (1 - Z[t]) + products.dRS[t] * R[t] + products.carry[t]
    expected = dS * Z * (1 - CA**2)
    np.testing.assert_allclose(operands.da_ca, expected, rtol=1e-12, atol=1e-15)


def test_the_flops_of_the_floor(problem: Problem) -> None:
    operands = gemm_floor.operands(problem)
    rows, H = TINY.T * TINY.B, TINY.H
    pairs = [
        (operands.x, 3 * H),
        *((operands.S_prev.reshape(rows, H), 2 * H), (operands.RS.reshape(rows, H), H)),
        *((operands.da_ca.reshape(rows, H), H), (operands.da_zr.reshape(rows, 2 * H), H)),
        *((operands.x, 3 * H), (operands.S_prev.reshape(rows, H), 2 * H)),
        (operands.RS.reshape(rows, H), H),
    ]
    assert sum(2 * left.size * columns for left, columns in pairs) == TINY.gemm_flops()


@pytest.mark.parametrize("cell", ["gru", *FAMILY])
def test_the_flops_of_a_cell_by_its_weights(cell: str) -> None:
    shapes = gc.load(gc.cells[cell], style="textbook").SHAPES
    weights = [shape for name, shape in shapes.items() if name.startswith("params.")]
    products = 2 * TINY.D * TINY.H * weights.count(("D", "H"))
    products += 3 * TINY.H**2 * weights.count(("H", "H"))
    assert TINY.gemm_flops(cell) == 2 * TINY.T * TINY.B * products


@pytest.mark.parametrize("cell", FAMILY)
def test_problems_of_the_family(cell: str) -> None:
    with_biases = make_problem(cell, TINY)
    biases = [name for name in with_biases.params if name.startswith("b")]
    assert set(biases) < set(with_biases.truth)
    without = make_problem(cell, TINY, biases=False)
    assert not set(biases) & set(without.truth)
    assert not any(without.params[name].any() for name in biases)


def test_disagreement() -> None:
    truth = {"loss": np.asarray(2.0), "W": np.array([4.0, 0.5])}
    right: dict[str, Any] = {"loss": 2, "W": np.array([4.0, 0.5])}
    assert disagreement(right, truth) == 0
    assert disagreement(right | {"W": np.array([4.0, 1.0])}, truth) == 0.125
    assert np.isnan(disagreement(right | {"loss": np.nan}, truth))
    assert disagreement({"loss": 2}, truth, {"W"}) == 0
    with pytest.raises(ValueError, match="does not return W"):
        disagreement({"loss": 2}, truth)
    with pytest.raises(ValueError, match=r"W has shape \(1,\), not \(2,\)"):
        disagreement(right | {"W": np.ones(1)}, truth)


def test_a_problem_in_another_dtype(problem: Problem, tmp_path: Any) -> None:
    save(problem, tmp_path / "problem")
    loaded = load(tmp_path / "problem", "float32")
    arguments = [loaded.x, loaded.y, *loaded.params.values(), *loaded.states.values()]
    assert {array.dtype.name for array in arguments} == {"float32"}
    assert {array.dtype.name for array in loaded.truth.values()} == {"float64"}


def test_names() -> None:
    assert contender("fast-any@rows").options["layout"] == "rows"
    assert "layout" not in contender("fast-any").options
    for wrong in ("slow", "floor@rows", "fast@"):
        with pytest.raises(KeyError):
            contender(wrong)


def test_every_layout_runs_and_the_default_is_one_of_them() -> None:
    assert set(LAYOUTS) == set(passes.LAYOUTS)
    assert passes.DEFAULT_LAYOUT in LAYOUTS
    assert contender("fast@folded").title == "fast, unrolled, folded"


def test_entrants() -> None:
    assert [one.name for one in entrants("lstm", ())] == [
        *(f"{kernel}@{layout}" for kernel in ("fast", "fast-any") for layout in LAYOUTS),
        "torch-nn",
    ]
    assert {name.partition("@")[0] for name in EVERYONE} == set(CONTENDERS)
    assert [one.name for one in entrants("rnn", ("floor", "fast@rows"))] == ["fast@rows"]
