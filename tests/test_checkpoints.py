"""Windows whose history is kept one at a time give what the whole sequence gives."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import checkpoints
from gru_codegen.cell import B as Batch
from gru_codegen.cell import Cell, Equation, matrix
from gru_codegen.cell import D as Columns
from gru_codegen.cell import H as Hidden
from gru_codegen.equations import hadamard, ones, size
from gru_codegen.functions import tanh

T, B, D, H, OUT = 23, 4, 3, 5, 2
X, U = matrix("x", Batch, Columns), matrix("u", Batch, size("P"))
W, WU = matrix("W", Columns, Hidden), matrix("Wu", size("P"), Hidden)
S, S_PREV = matrix("S", Batch, Hidden), matrix("S_prev", Batch, Hidden)
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"cell": "lstm", "style": "textbook", "readout": "linear"},
    "rows": {"cell": "gru", "layout": "rows", "loss": "l2-mean"},
    "columns": {"cell": "lstm", "readout": "linear", "loss": "l2-mean"},
    "folded": {"cell": "gru", "layout": "folded", "readout": "linear", "loss": "cross-entropy"},
}
OPTIONS = [(), ("lengths",), ("loss_weights",), ("lengths", "loss_weights"), ("by step",)]


@cache
def load(form: str) -> Any:
    choices = dict(FORMS[form])
    loss = gc.losses[choices.pop("loss", "l2")]
    return gc.load(gc.cells[choices.pop("cell")], loss=loss, **choices)


def drawn(kernel: Any, steps: int = T) -> tuple[Any, ...]:
    """Params, x, y and s0."""
    rng = np.random.default_rng(0)
    sizes = {"output_size": OUT} if "O" in kernel.SIZES else {}
    params = kernel.init_params(D, H, rng=rng, **sizes)
    x = rng.normal(size=(steps, B, D))
    y: Any = rng.normal(size=(steps, B, OUT if sizes else H))
    if kernel.LOSS == "cross-entropy":
        y = rng.integers(OUT, size=(steps, B)).astype(int)
    states = rng.normal(size=(2, B, H))
    return params, x, y, kernel.State(*states) if len(kernel.STATES) > 1 else states[0]


def options(names: tuple[str, ...], steps: int = T) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    weights = rng.uniform(size=(steps, B)) * (rng.uniform(size=(steps, B)) > 0.3)
    made = {"lengths": np.array([0, steps, 7, 15]), "loss_weights": weights}
    chosen = {name: made[name] for name in names if name in made}
    return {"loss_weights": weights[:, 0]} if "by step" in names else chosen


def assert_same(found: Any, right: Any) -> None:
    assert type(found) is type(right)
    assert type(found.loss) is type(right.loss)
    assert found.loss == pytest.approx(right.loss, rel=1e-13)
    state, last = (
        each if isinstance(each, tuple) else (each,) for each in (found.state, right.state)
    )
    for one, other in zip((*found.gradients, *state), (*right.gradients, *last), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("given", OPTIONS, ids="-".join)
@pytest.mark.parametrize("form", FORMS)
def test_windows_give_what_the_whole_gives(form: str, given: tuple[str, ...]) -> None:
    kernel = load(form)
    for arguments in (drawn(kernel), drawn(kernel)[:3]):
        right = kernel.loss_and_gradients(*arguments, **options(given))
        for window in (1, 5, 7, 22, 23, 100):
            found = gc.checkpointed(kernel, *arguments, window=window, **options(given))
            assert_same(found, right)


def test_weights_in_float32_stay_so() -> None:
    kernel = load("columns")
    params, *others = drawn(kernel)
    single = type(params)(*(each.astype(np.float32) for each in params))
    right = kernel.loss_and_gradients(single, *others[:2])
    found = gc.checkpointed(kernel, single, *others[:2], window=5)
    assert {each.dtype for each in found.gradients} == {np.dtype(np.float32)}
    for one, other in zip(found.gradients, right.gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_no_arguments_are_changed_and_lists_are_taken() -> None:
    kernel = load("rows")
    params, x, y, s0 = drawn(kernel)
    before = [each.copy() for each in (*params, x, y, s0)]
    found = gc.checkpointed(kernel, params, x.tolist(), y.tolist(), s0, window=4)
    gc.checkpointed(kernel, params, x, y, s0, window=4)
    assert_same(found, kernel.loss_and_gradients(params, x, y, s0))
    for one, other in zip(before, (*params, x, y, s0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_workspace_serves_all_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel: Any = gc.load(gc.GRU)
    made: list[Any] = []

    class Counted(kernel.Workspace):  # type: ignore[misc]
        def _allocate(self) -> None:
            made.append(self)
            super()._allocate()

    monkeypatch.setattr(kernel, "Workspace", Counted)
    gc.checkpointed(kernel, *drawn(kernel), window=5)
    assert len({id(each) for each in made}) == 1


def test_an_unrolled_kernel_runs_over_multiples_of_its_steps() -> None:
    kernel: Any = gc.load(gc.GRU, unroll=4)
    params, x, y, s0 = drawn(kernel, 12)
    lengths = np.array([0, 12, 7, 8])
    right = gc.load(gc.GRU).loss_and_gradients(params, x, y, s0, lengths=lengths)
    found = gc.checkpointed(kernel, params, x, y, s0, lengths=lengths)
    assert_same(kernel.Result(*right)._replace(gradients=kernel.Params(*right.gradients)), found)
    with pytest.raises(ValueError, match="x: this kernel is unrolled to T = 4: 11 steps"):
        gc.checkpointed(kernel, params, x[:11], y[:11])


@pytest.mark.parametrize("steps", [0, 1])
def test_hardly_any_steps(steps: int) -> None:
    kernel = load("columns")
    params, x, y, s0 = drawn(kernel, steps)
    assert_same(
        gc.checkpointed(kernel, params, x, y, s0), kernel.loss_and_gradients(params, x, y, s0)
    )


FAULTS: dict[str, tuple[Callable[..., dict[str, Any]], str]] = {
    "y too short": (lambda y, **_: {"y": y[:-1]}, "y: expected 23 time steps"),
    "x without a batch": (lambda x, **_: {"x": x[:, 0]}, "x: expected shape"),
    "lengths over T": (lambda **_: {"lengths": np.array([0, 24, 0, 0])}, "lengths: .* 0 to T = 23"),
    "lengths below 0": (lambda **_: {"lengths": np.array([0, -1, 0, 0])}, "lengths: .* got -1"),
    "lengths of another batch": (
        lambda **_: {"lengths": np.array([0, 1])},
        "lengths: expected shape",
    ),
    "lengths that are floats": (lambda **_: {"lengths": np.ones(4)}, "lengths: expected integers"),
    "loss weights too long": (
        lambda **_: {"loss_weights": np.ones(24)},
        "loss_weights: expected 23",
    ),
    "no window": (lambda **_: {"window": 0}, "window: expected a number of time steps"),
    "half a window": (lambda **_: {"window": 1.5}, "window: expected .*, got 1.5"),
    "a window of truth": (lambda **_: {"window": True}, "window: expected .*, got True"),
    "another state": (lambda **_: {"s0": np.zeros((B, 1))}, "s0: expected"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_refused_by_its_name(fault: str) -> None:
    kernel = load("rows")
    given = dict(zip(("params", "x", "y", "s0"), drawn(kernel), strict=True), window=5)
    change, said = FAULTS[fault]
    with pytest.raises((ValueError, TypeError), match=f"^{said}"):
        gc.checkpointed(kernel, **{**given, **change(**given)})


def test_a_kernel_of_the_forward_pass_alone_is_refused() -> None:
    expected = "^gru_forward has no all_gradients; make one without --only forward$"
    with pytest.raises(ValueError, match=expected):
        gc.checkpointed(gc.load("gru", only="forward"), *drawn(gc.load("gru")))


def test_a_kernel_that_cannot_be_cut_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel: Any = gc.load(gc.GRU)
    arguments = drawn(kernel)
    monkeypatch.delattr(kernel, "all_gradients")
    with pytest.raises(ValueError, match="no all_gradients; generate it again"):
        gc.checkpointed(kernel, *arguments)
    with pytest.raises(gc.VerificationError):
        gc.checkpointed(checkpoints, *arguments)


def test_it_takes_the_memory_of_a_window() -> None:
    """And of what is handed out, and of the states between windows."""
    kernel, steps = load("rows"), 2000
    arguments = drawn(kernel, steps)

    def peak(call: Callable[[], object]) -> int:
        tracemalloc.start()
        call()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    whole = peak(lambda: kernel.loss_and_gradients(*arguments))
    windows = peak(lambda: gc.checkpointed(kernel, *arguments, window=50))
    assert windows < whole / 15


def test_several_inputs_are_cut_each() -> None:
    cell = Cell(
        name="two",
        title="cell with two inputs",
        source="a test",
        inputs=(X, U),
        weights=(W, WU),
        states={S: S_PREV},
        equations=(Equation(S, tanh(X * W + U * WU + S_PREV), "state"),),
        output=S,
    )
    kernel: Any = gc.load(cell)
    rng = np.random.default_rng(0)
    params = kernel.init_params(D, H, p_size=OUT, rng=rng)
    x = kernel.Inputs(rng.normal(size=(T, B, D)), rng.normal(size=(T, B, OUT)))
    y, lengths = rng.normal(size=(T, B, H)), np.array([0, T, 7, 15])
    right = kernel.loss_and_gradients(params, x, y, lengths=lengths)
    assert_same(gc.checkpointed(kernel, params, x, y, window=6, lengths=lengths), right)
    short = x._replace(u=x.u[1:])
    with pytest.raises(ValueError, match=r"^x: expected the same number of time steps"):
        gc.checkpointed(kernel, params, short, y)


def test_constants_are_passed_on() -> None:
    C, keep = matrix("C", Batch, size("P")), matrix("keep", size("P"), size("P"))
    C_PREV, A = matrix("C_prev", Batch, size("P")), matrix("A", Hidden, Hidden)
    cell = Cell(
        name="fixed",
        title="cell with constants",
        source="a test",
        inputs=(X,),
        weights=(W,),
        states={S: S_PREV, C: C_PREV},
        equations=(
            Equation(S, tanh(X * W + S_PREV * A), "state"),
            Equation(C, tanh(C_PREV * keep), "memory"),
        ),
        constants={A: None, keep: None},
    )
    kernel: Any = gc.load(cell)
    rng = np.random.default_rng(0)
    params = kernel.init_params(D, H, p_size=OUT, rng=rng)
    given = kernel.Constants(rng.normal(size=(H, H)), rng.normal(size=(OUT, OUT)))
    x, y = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    right = kernel.loss_and_gradients(params, given, x, y)
    assert_same(gc.checkpointed(kernel, params, x, y, window=6, constants=given), right)
    with pytest.raises(TypeError, match="constants"):
        gc.checkpointed(kernel, params, x, y, window=6, constants=tuple(given))


def learned_number() -> Cell:
    x, W = matrix("x", Batch, Columns), matrix("W", Columns, Hidden)
    a = matrix("a", 1, 1)
    spread = hadamard(ones(Batch, 1) * a * ones(1, Hidden), S_PREV)
    return Cell(
        "one", "one", "a test", (x,), (W, a), {S: S_PREV}, (Equation(S, tanh(x * W + spread)),)
    )


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("case", ["plain", "weights that cancel in a window"])
def test_windows_of_a_mean_with_a_learned_number(window: int, case: str) -> None:
    kernel = gc.load(learned_number(), loss=gc.losses["l2-mean"])
    rng = np.random.default_rng(5)
    params = kernel.Params(rng.normal(size=(D, H)), np.array(0.7))
    x, y = rng.normal(size=(6, 2, D)), rng.normal(size=(6, 2, H))
    weights = np.array([[1, -1], [0.5, -0.5], [2, -2], [0, 1], [1, 2], [1, 1.0]])
    given: dict[str, Any] = {} if case == "plain" else {"loss_weights": weights}
    whole = kernel.loss_and_gradients(params, x, y, **given)
    found = gc.checkpointed(kernel, params, x, y, window=window, **given)
    assert np.allclose(found.loss, whole.loss, rtol=1e-12)
    for gradient, right in zip(found.gradients, whole.gradients, strict=True):
        assert isinstance(gradient, np.ndarray)
        assert np.allclose(gradient, right, rtol=1e-11, atol=1e-13)


def test_arguments_by_name() -> None:
    """Weights, inputs, constants and states as mappings, and states as a tuple in their order."""
    kernel = gc.load("gru-d", readout="linear")
    rng = np.random.default_rng(0)
    params = kernel.init_params(2, 3, output_size=1, rng=0)
    constants = kernel.Constants(*(rng.standard_normal(2) for _ in kernel.Constants._fields))
    x = kernel.Inputs(*(rng.random((7, B, 2)) for _ in kernel.Inputs._fields))
    widths = [
        2 if shape[-1] == "D" else 3 for name, shape in kernel.SHAPES.items() if "s0." in name
    ]
    s0 = kernel.State(*(rng.standard_normal((B, width)) for width in widths))
    y = rng.standard_normal((7, B, 1))

    def found(params: Any, constants: Any, x: Any, s0: Any) -> Any:
        return gc.checkpointed(kernel, params, x, y, s0, constants=constants, window=3)

    given = (params, constants, x, s0)
    whole = found(*given)
    by_name = [dict(reversed(each._asdict().items())) for each in given]
    for other in (found(*by_name), found(params, constants, x, tuple(s0))):
        assert other.loss == whole.loss
        for one, two in zip(other.gradients, whole.gradients, strict=True):
            np.testing.assert_array_equal(one, two)
    for argument, change in {"params": 0, "constants": 1, "x": 2, "s0": 3}.items():
        wrong = list(by_name)
        wrong[change] = {"Q": 1, **dict(list(by_name[change].items())[1:])}
        with pytest.raises(TypeError, match=rf"^{argument}: expected \w.* by name, got Q"):
            found(*wrong)
    with pytest.raises(TypeError, match=r"^params: expected a NamedTuple .*; got tuple"):
        found(tuple(params), constants, x, s0)
    with pytest.raises(TypeError, match=r"^s0: expected a State .*; got tuple"):
        found(params, constants, x, tuple(s0)[1:])
