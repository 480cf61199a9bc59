"""The functions that a module is called by, and several inputs among their arguments."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline, stages
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix
from gru_codegen.emit.entry_points import Interface, arguments_of
from gru_codegen.equations import size
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.ir import Var
from gru_codegen.modules import load_source

P = size("P")
FORMS: list[dict[str, Any]] = [
    {"style": "textbook"},
    {"layout": "rows"},
    {"layout": "columns"},
    {"layout": "folded", "unroll": 3},
    {"layout": "blocked"},
]


def interface(*inputs: str, labels: bool = False, counts: bool = False) -> Interface:
    variables = tuple(Var(name, ("B", "D"), "input", timed=True) for name in inputs)
    return Interface(variables, ("T", "B", "H"), labels, counts, "State")


# --- as data --------------------------------------------------------------------------------------


def test_the_only_input_is_called_x_and_several_as_the_cell_calls_them() -> None:
    assert arguments_of(["u"]) == {"u": "x"}
    assert arguments_of(["u", "v"]) == {"u": "u", "v": "v"}


def test_a_signature_has_a_line_for_each_argument() -> None:
    forward, *_ = interface("x").entry_points()
    assert forward.signature.splitlines() == [
        "def forward(",
        "    params: Params,",
        "    x: Any,",
        "    s0: Any = None,",
        "    *,",
        "    lengths: Any = None,",
        "    workspace: Workspace | None = None,",
        ") -> tuple[Array, State]:",
    ]


def test_what_entry_points_run_and_return() -> None:
    found = {each.name: (each.phases, each.results) for each in interface("x").entry_points()}
    assert found == {
        "forward": (("forward",), ("outputs", "state")),
        "loss": (("forward", "loss"), ("loss",)),
        "loss_and_gradients": (("forward", "loss", "backward"), ("loss", "gradients", "state")),
        "all_gradients": (
            ("forward", "loss", "backward", "inputs"),
            ("loss", "params", "x", "s0", "outputs", "state"),
        ),
        "vjp": (("forward",), ("outputs", "state", "pullback")),
    }


def test_credit_is_there_if_it_is_asked_for() -> None:
    *others, credit = interface("x").entry_points(credit=True)
    assert [each.name for each in others] == [e.name for e in interface("x").entry_points()]
    assert credit.signature.splitlines() == [
        "def credit(",
        "    params: Params,",
        "    x: Any,",
        "    y: Any,",
        "    s0: Any = None,",
        "    *,",
        "    loss_weights: Any = None,",
        "    lengths: Any = None,",
        "    full: bool = False,",
        "    workspace: Workspace | None = None,",
        ") -> Credit:",
    ]


def test_several_inputs_stand_in_signatures_types_and_docstrings() -> None:
    forward, loss, _, every, vjp = interface("u", "v").entry_points()
    assert "\n    u: Any,\n    v: Any,\n    s0: Any = None,\n" in forward.signature
    assert "\n    u: Any,\n    v: Any,\n    y: Any,\n    s0: Any = None,\n" in loss.signature
    assert "Callable[..., tuple[Params, Any, Any, State]]" in vjp.signature
    assert every.results == ("loss", "params", "u", "v", "s0", "outputs", "state")
    assert "(d_params, d_u, d_v, d_s0)" in vjp.doc
    assert "for u (T, B, D) and v (T, B, D)" in " ".join(forward.doc.split())


def test_the_loss_says_what_targets_are_and_what_a_mean_is_over() -> None:
    _, loss, *_ = interface("x").entry_points()
    assert "the targets y (T, B, H): a float" in loss.doc
    assert "mean" not in loss.doc
    _, loss, *_ = interface("x", labels=True, counts=True).entry_points()
    assert "the labels y (T, B): a float" in loss.doc
    assert "The mean is over all numbers that y holds" in loss.doc


def test_no_line_of_a_docstring_is_too_long() -> None:
    for each in interface(*(f"input_{letter}" for letter in "abcdef")).entry_points():
        lines = f'    """{each.doc}"""'.splitlines()
        assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_module_says_what_its_entry_points_return(form: dict[str, Any]) -> None:
    kernel = gc.load(gc.cells["lstm"], **form)
    names = ["forward", "loss", "loss_and_gradients", "all_gradients", "vjp"]
    assert list(kernel.ENTRY_POINTS) == names
    assert kernel.ENTRY_POINTS["loss_and_gradients"] == kernel.Result._fields
    assert kernel.ENTRY_POINTS["all_gradients"] == kernel.AllGradients._fields
    assert set(kernel.ENTRY_POINTS) <= set(kernel.__all__)
    assert all(hasattr(kernel, name) for name in kernel.__all__)


# --- two inputs -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cell() -> Cell:
    """A cell with two inputs, of sizes of their own; the second is read at two places."""
    x, u, S_prev = matrix("x", B, D), matrix("u", B, P), matrix("S_prev", B, H)
    W, V, U = matrix("W", D, H), matrix("Wu", P, H), matrix("U", H, H)
    G, S = matrix("G", B, H), matrix("S", B, H)
    return Cell(
        name="two",
        title="cell with two inputs",
        source="a test",
        inputs=(x, u),
        weights=(W, V, U),
        states={S: S_prev},
        equations=(
            Equation(G, sigmoid(x * W + u * V), "gate"),
            Equation(S, hadamard(G, tanh(S_prev * U + u * V)), "state"),
        ),
    )


@pytest.fixture(params=FORMS, ids=str)
def kernel(cell: Cell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(stages, "require_generable", lambda _: None)
    return gc.load(cell, **request.param)


def test_every_check_of_a_kernel_is_one_of_both_inputs(kernel: ModuleType, cell: Cell) -> None:
    report = pipeline.check(kernel, cell)
    assert report, report


FAULTS = {
    "the gradient of the second input doubled": (
        "return gradients, d_x, d_u,",
        "return gradients, d_x, 2 * d_u,",
    ),
    "the same of all gradients": (
        "gradients, d_x, d_u, first[0].copy(), outputs",
        "gradients, d_x, 2 * d_u, first[0].copy(), outputs",
    ),
    "padding of the second input read": ("u = _zeroed(u, w.ended)", "pass"),
    "a second input of any type": ('u = _cast_input("u", u, dtype)', "u = np.asarray(u)"),
    "a second input that is changed": (
        "return params, x, u, w",
        "u *= 1.5; return params, x, u, w",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_is_done_with_the_second_input_is_seen(
    cell: Cell, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "require_generable", lambda _: None)
    source = gc.generate(cell, style="textbook")
    old, new = FAULTS[fault]
    assert source.count(old) == 1
    assert not gc.verify(load_source(source.replace(old, new), "two"))


def drawn(kernel: ModuleType) -> tuple[Any, ...]:
    """Params, both inputs, y and s0."""
    rng, T = np.random.default_rng(0), kernel.UNROLL or 4
    shapes = [(T, 3, 2), (T, 3, 6), (T, 3, 5), (3, 5)]
    params = kernel.init_params(2, 5, p_size=6, rng=rng)
    return (params, *(rng.normal(size=shape) for shape in shapes))


def test_both_inputs_have_gradients(kernel: ModuleType) -> None:
    params, x, u, _, s0 = drawn(kernel)
    lengths = [len(x), 1, 0]
    outputs, _, pullback = kernel.vjp(params, x, u, s0, lengths=lengths)
    given = np.random.default_rng(1).normal(size=outputs.shape)
    d_params, d_x, d_u, d_s0 = pullback(given)
    step = 1e-20j
    for place, gradient in enumerate((d_x, d_u, d_s0)):
        moved = [x + 0j, u + 0j, s0 + 0j]
        v = np.random.default_rng(2).normal(size=gradient.shape)
        moved[place] += step * v
        wide = type(params)(*(weight + 0j for weight in params))
        stepped, _ = kernel.forward(wide, *moved, lengths=lengths)
        assert (stepped * given).sum().imag / 1e-20 == pytest.approx((gradient * v).sum())
    assert d_params._fields == params._fields


def test_padding_of_neither_input_is_read(kernel: ModuleType) -> None:
    params, x, u, y, s0 = drawn(kernel)
    lengths = [len(x), 1, 0]
    expected = kernel.loss_and_gradients(params, x, u, y, s0, lengths=lengths)
    for array in (x, u, y):
        array[1:, 1], array[:, 2] = np.nan, np.nan
    found = kernel.loss_and_gradients(params, x, u, y, s0, lengths=lengths)
    assert found.loss == expected.loss
    for one, other in zip(found.gradients, expected.gradients, strict=True):
        assert one.tolist() == other.tolist()


def test_the_input_that_does_not_fit_is_named(kernel: ModuleType) -> None:
    params, x, u, *_ = drawn(kernel)
    wrong = {
        "x: expected shape (T, B, D)": [(x[..., :1], u), (x[0], u), (None, u)],
        "u: expected shape (T, B, P)": [(x, u[..., :1]), (x, u[0]), (x, u[:, :1]), (x, u[:1])],
    }
    for message, pairs in wrong.items():
        for pair in pairs:
            with pytest.raises((ValueError, TypeError)) as raised:
                kernel.forward(params, *pair)
            assert str(raised.value).startswith((message, f"{message[0]}: it is missing"))
