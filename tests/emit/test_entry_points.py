"""The functions that a module is called by, and several inputs among their arguments."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix
from gru_codegen.emit.entry_points import Interface, arguments_of
from gru_codegen.equations import size
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.ir import Var
from tests.planted import planted
from tests.shares import in_turn

P = size("P")
# Through a name of their own, because field names that are computed have no static type.
named_tuple: Callable[..., Any] = namedtuple
FORMS: list[dict[str, Any]] = [
    {"style": "textbook"},
    {"layout": "rows"},
    {"layout": "columns"},
    {"layout": "folded", "unroll": 3},
    {"layout": "blocked"},
]


def interface(
    *inputs: str, plain: tuple[str, ...] = (), labels: bool = False, counts: bool = False
) -> Interface:
    variables = tuple(Var(name, ("B", "D"), "input", timed=True) for name in inputs)
    have = tuple(name for name in inputs if name not in plain)
    outputs = (Var("S", ("B", "H"), "value", timed=True),)
    return Interface((), variables, have, outputs, labels, counts, "State")


# --- as data --------------------------------------------------------------------------------------


def test_the_only_input_is_called_x_and_several_are_its_fields() -> None:
    assert arguments_of(["u"]) == {"u": "x"}
    assert arguments_of(["u", "v"]) == {"u": "x.u", "v": "x.v"}


def test_a_signature_has_a_line_for_each_argument() -> None:
    forward, *_ = interface("x").entry_points()
    assert forward.signature.splitlines() == [
        "def forward(",
        "    params: Params,",
        "    x: Any,",
        "    s0: Any = None,",
        "    *,",
        "    lengths: Any = None,",
        "    mask: Any = None,",
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
        "    mask: Any = None,",
        "    full: bool = False,",
        "    workspace: Workspace | None = None,",
        ") -> Credit:",
    ]


def test_several_inputs_stand_in_signatures_types_and_docstrings() -> None:
    forward, loss, _, every, vjp = interface("u", "v").entry_points()
    assert "\n    x: Inputs,\n    s0: Any = None,\n" in forward.signature
    assert "\n    x: Inputs,\n    y: Any,\n    s0: Any = None,\n" in loss.signature
    assert "Callable[..., tuple[Params, Any, State]]" in vjp.signature
    assert every.results == ("loss", "params", "x", "s0", "outputs", "state")
    assert "(d_params, d_x, d_s0)" in vjp.doc
    assert "the weights, x.u, x.v and s0" in " ".join(vjp.doc.split())
    assert "for x.u (T, B, D) and x.v (T, B, D)" in " ".join(forward.doc.split())


def test_inputs_without_gradient_stand_in_docstrings() -> None:
    *_, every, vjp = interface("u", "v", plain=("v",)).entry_points()
    assert "the weights, x.u and s0" in " ".join(vjp.doc.split())
    assert "the weights, x.u and s0" in " ".join(every.doc.split())
    assert vjp.doc.rstrip().endswith("d_x.v is None.")
    assert every.phases == ("forward", "loss", "backward", "inputs")
    *_, every, vjp = interface("u", plain=("u",)).entry_points()
    assert "the weights and s0" in " ".join(vjp.doc.split())
    assert vjp.doc.rstrip().endswith("d_x is None.")
    assert every.phases == ("forward", "loss", "backward")


def test_the_loss_says_what_targets_are_and_what_a_mean_is_over() -> None:
    _, loss, *_ = interface("x").entry_points()
    assert "the targets y (T, B, H): a float" in loss.doc
    assert "mean" not in loss.doc
    _, loss, *_ = interface("x", labels=True, counts=True).entry_points()
    assert "the labels y (T, B): a float" in loss.doc
    assert "The mean is over the targets that count" in loss.doc


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


def without_gradient(cell: Cell, *names: str) -> Cell:
    plain = tuple(each for each in cell.inputs if each.name in names)
    return replace(cell, without_gradient=plain)


@pytest.fixture(params=FORMS, ids=str)
def kernel(cell: Cell, request: pytest.FixtureRequest) -> Any:
    return gc.load(cell, **request.param)


def test_every_check_of_a_kernel_is_one_of_both_inputs(kernel: ModuleType, cell: Cell) -> None:
    report = pipeline.check(kernel, cell)
    assert report, report


@pytest.mark.parametrize(("form", "names"), in_turn(FORMS, [("u",), ("x",), ("x", "u")]), ids=str)
def test_inputs_without_gradient_have_none(
    cell: Cell, form: dict[str, Any], names: tuple[str, ...]
) -> None:
    plain = without_gradient(cell, *names)
    assert not {f"d{name}" for name in names} & {str(a.target) for a in gc.derive(plain).adjoints}
    kernel = gc.load(plain, **form)
    assert tuple(f"x.{name}" for name in names) == kernel.WITHOUT_GRADIENT
    report = pipeline.check(kernel, plain)
    assert report, report


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_only_input_may_have_no_gradient(form: dict[str, Any]) -> None:
    cell = replace(gc.GRU, without_gradient=gc.GRU.inputs)
    kernel = gc.load(cell, **form)
    report = pipeline.check(kernel, cell)
    assert report, report
    params, x = kernel.init_params(2, 3, rng=0), np.ones((kernel.UNROLL or 4, 1, 2))
    *_, pullback = kernel.vjp(params, x)
    _, d_x, _ = pullback(np.ones((len(x), 1, 3)))
    assert d_x is None
    assert not hasattr(kernel, "_inputs")


FAULTS = {
    "the gradient of the second input doubled": (
        "return Inputs(x=dx, u=du)",
        "return Inputs(x=dx, u=2 * du)",
    ),
    "the same of all gradients": (
        "gradients, d_x, first[0].copy(), outputs",
        "gradients, Inputs(d_x.x, 2 * d_x.u), first[0].copy(), outputs",
    ),
    "gradients exchanged": ("return Inputs(x=dx, u=du)", "return Inputs(x=du, u=dx)"),
    "a gradient left out": ("return Inputs(x=dx, u=du)", "return Inputs(x=dx, u=None)"),
    "padding of the second input read": ("u=_zeroed(x.u, w.ended)", "u=x.u"),
    "a second input of any type": (
        'return Inputs(*[_cast_input(f"x.{n}", getattr(x, n), dtype) for n in Inputs._fields])',
        'return Inputs(_cast_input("x.x", x.x, dtype), np.asarray(x.u))',
    ),
    "inputs taken by place": (
        "getattr(x, n), dtype) for n in Inputs._fields",
        "a, dtype) for n, a in zip(Inputs._fields, x)",
    ),
    "a second input that is changed": (
        "return params, x, w",
        "x.u[...] *= 1.5; return params, x, w",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_what_is_done_with_the_second_input_is_seen(cell: Cell, fault: str) -> None:
    source = gc.generate(cell, style="textbook")
    old, new = FAULTS[fault]
    assert not gc.verify(planted(source, old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("u=None)", "u=np.zeros_like(w.G))"),
        ('WITHOUT_GRADIENT: tuple[str, ...] = ("x.u",)', 'WITHOUT_GRADIENT = ("x.u", "x.x")'),
        ('WITHOUT_GRADIENT: tuple[str, ...] = ("x.u",)', 'WITHOUT_GRADIENT = ("u",)'),
    ],
)
def test_a_gradient_that_is_none_by_mistake_or_is_there_by_mistake_is_seen(
    cell: Cell, old: str, new: str
) -> None:
    source = gc.generate(without_gradient(cell, "u"), style="textbook")
    assert not gc.verify(planted(source, old, new))


def test_a_kernel_without_a_gradient_that_is_declared_is_seen(cell: Cell) -> None:
    kernel = gc.load(without_gradient(cell, "u"))
    assert gc.verify(kernel)
    report = pipeline.check(kernel, cell)
    assert "there is no gradient of x.u" in str(report)
    assert "d_u is missing" in str(report)


def drawn(kernel: ModuleType) -> tuple[Any, ...]:
    """Params, both inputs, y and s0."""
    rng, T = np.random.default_rng(0), kernel.UNROLL or 4
    shapes = [(T, 3, 2), (T, 3, 6), (T, 3, 5), (3, 5)]
    params = kernel.init_params(2, 5, p_size=6, rng=rng)
    x, u, y, s0 = (rng.normal(size=shape) for shape in shapes)
    return params, kernel.Inputs(x, u), y, s0


def test_both_inputs_have_gradients(kernel: ModuleType) -> None:
    params, x, _, s0 = drawn(kernel)
    lengths = [len(x.x), 1, 0]
    outputs, _, pullback = kernel.vjp(params, x, s0, lengths=lengths)
    given = np.random.default_rng(1).normal(size=outputs.shape)
    d_params, d_x, d_s0 = pullback(given)
    assert type(d_x) is kernel.Inputs
    step = 1e-20j
    for place, gradient in enumerate((*d_x, d_s0)):
        moved = [x.x + 0j, x.u + 0j, s0 + 0j]
        v = np.random.default_rng(2).normal(size=gradient.shape)
        moved[place] += step * v
        wide = type(params)(*(weight + 0j for weight in params))
        stepped, _ = kernel.forward(wide, kernel.Inputs(*moved[:2]), moved[2], lengths=lengths)
        assert (stepped * given).sum().imag / 1e-20 == pytest.approx((gradient * v).sum())
    assert d_params._fields == params._fields


def test_padding_of_neither_input_is_read(kernel: ModuleType) -> None:
    params, x, y, s0 = drawn(kernel)
    lengths = [len(y), 1, 0]
    expected = kernel.loss_and_gradients(params, x, y, s0, lengths=lengths)
    for array in (*x, y):
        array[1:, 1], array[:, 2] = np.nan, np.nan
    found = kernel.loss_and_gradients(params, x, y, s0, lengths=lengths)
    assert found.loss == expected.loss
    for one, other in zip(found.gradients, expected.gradients, strict=True):
        assert one.tolist() == other.tolist()


def test_the_input_that_does_not_fit_is_named(kernel: ModuleType) -> None:
    params, (x, u), *_ = drawn(kernel)
    wrong = {
        "x.x: expected shape (T, B, D)": [(x[..., :1], u), (x[0], u), (None, u)],
        "x.u: expected shape (T, B, P)": [(x, u[..., :1]), (x, u[0]), (x, u[:, :1]), (x, u[:1])],
    }
    for message, pairs in wrong.items():
        for pair in pairs:
            with pytest.raises((ValueError, TypeError)) as raised:
                kernel.forward(params, kernel.Inputs(*pair))
            assert str(raised.value).startswith((message, f"{message[:3]}: it is missing"))


def test_what_is_no_inputs_is_refused(kernel: ModuleType) -> None:
    params, x, *_ = drawn(kernel)
    for given, said in {
        "array": (x.x, "ndarray"),
        "tuple": (tuple(x), "tuple"),
        "missing": (None, "NoneType"),
        "params": (params, "W, Wu, U"),
    }.values():
        with pytest.raises(TypeError) as raised:
            kernel.forward(params, given)
        assert str(raised.value) == f"x: expected Inputs with the fields x, u; got {said}"
    other = named_tuple("Other", ["u", "x"])(x.u, x.x)
    assert (kernel.forward(params, other)[0] == kernel.forward(params, x)[0]).all()


def test_inputs_without_the_sizes_of_most() -> None:
    """input_size is that of an input that has the size of the state, whichever is read first."""
    a, v, S_prev, S = (
        matrix("a", B, P),
        matrix("v", B, H),
        matrix("S_prev", B, H),
        matrix("S", B, H),
    )
    W = matrix("W", P, H)
    state = Equation(S, tanh(a * W + S_prev + v), "state")
    cell = Cell("none", "none", "a test", (a, v), (W,), {S: S_prev}, (state,))
    report = pipeline.check(made := gc.load(cell), cell)
    assert report, report
    assert made.Workspace(2, 3, 3, p_size=4).sizes == (2, 3, 3, 4)
    with pytest.raises(ValueError, match="input_size: this cell needs inputs of the size of its "):
        made.Workspace(2, 4, 3, p_size=4)
