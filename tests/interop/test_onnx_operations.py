"""Operations as nodes of ONNX, without the package onnx: the nodes are run by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gru_codegen.interop import InteropError
from gru_codegen.interop.onnx_operations import Graph, Value
from gru_codegen.ir import ELEMENTWISE, OPERATIONS, Call, Const, Ref, Var

#: What the operators of ONNX compute, as its specification says.
OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Neg": np.negative,
    "Abs": np.abs,
    "Max": np.maximum,
    "Min": np.minimum,
    "Exp": np.exp,
    "Log": np.log,
    "Sqrt": np.sqrt,
    "Sin": np.sin,
    "Cos": np.cos,
    "Tanh": np.tanh,
    "MatMul": np.matmul,
    "Where": np.where,
    "Reciprocal": lambda a: 1 / a,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "Equal": np.equal,
    "Relu": lambda a: np.maximum(a, 0),
    "Sigmoid": ELEMENTWISE["sigmoid"].reference,  # type: ignore[dict-item]
    "Erf": ELEMENTWISE["erf"].reference,  # type: ignore[dict-item]
    "ReduceSum": lambda a, axes=None, keepdims=1: a.sum(
        axis=None if axes is None else tuple(axes), keepdims=bool(keepdims)
    ),
    "ReduceMax": lambda a, axes: a.max(axis=tuple(axes), keepdims=True),
    "Unsqueeze": lambda a, axes: np.expand_dims(a, tuple(axes)),
    "Squeeze": lambda a, axes: np.squeeze(a, tuple(axes)),
    "Transpose": lambda a, perm: a.transpose(perm),
}

SHAPES = {"A": ("B", "H"), "C": ("B", "H"), "W": ("H", "K"), "b": ("H",), "v": ("B", "1")}
SIZES = {"B": 3, "H": 4, "K": 2, "1": 1}


def graph() -> Graph:
    """A graph whose nodes are tuples."""

    def make(operator: str, inputs: list[str], outputs: list[str], **how: Any) -> Any:
        return operator, inputs, outputs[0], how

    return Graph(make, np.dtype(float), {}, set(SHAPES))


def run(written: Graph, value: Value, arrays: dict[str, Any]) -> Any:
    known = {**arrays, **written.numbers}
    for operator, inputs, output, how in written.nodes:
        assert output not in known, "a tensor is written once"
        known[output] = OPERATORS[operator](*(known[name] for name in inputs), **how)
    return known[value.name]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_function(name: str) -> None:
    function = ELEMENTWISE[name]
    a = np.concatenate([np.linspace(-6, 6, 101), np.logspace(-9, 0, 20), -np.logspace(-9, 0, 20)])
    if function.poles:
        a = a[abs(a) > 1e-3]  # all of them are at 0
    a = a if function.above is None else a[a > 0]
    written = graph()
    value = written.applied(name, [Value("a", ("B", "H"))])
    assert value.shape == ("B", "H")
    expected = (function.reference or function.ufunc)(a)  # type: ignore[misc]
    actual = run(written, value, {"a": a})
    assert np.max(abs(actual - expected)) <= 1e-13 * np.max(abs(expected))
    if name in ("elu", "softplus"):  # small values are no rounded differences
        assert np.allclose(actual, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        *((name, "AC") for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")),
        *((name, "AC") for name in ("greater", "greater_equal", "inner")),
        *((name, "A") for name in ("negate", "expm1", "transpose", "row_sum", "row_max", "total")),
        *(("where", names) for names in ("ACA", "vAC")),
        *((name, "b") for name in ("row", "column")),
        *(("matmul", "AW"), ("vector", "v"), ("add", "vA")),
    ],
)
def test_operations_are_those_of_programs(operation: str, names: str) -> None:
    rng = np.random.default_rng(0)
    arrays = {n: rng.normal(size=[SIZES[x] for x in shape]) for n, shape in SHAPES.items()}
    written = graph()
    value = written.applied(operation, [Value(name, SHAPES[name]) for name in names])
    expected = OPERATIONS[operation].value(*(arrays[name] for name in names))
    actual = run(written, value, arrays)
    assert actual.shape == expected.shape == tuple(SIZES[letter] for letter in value.shape)
    assert np.allclose(actual, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("function", [np.log1p, np.expm1])
def test_small_values_are_kept(function: np.ufunc) -> None:
    a = np.concatenate([np.logspace(-20, 2, 60), -np.logspace(-20, -1, 30)])
    written = graph()
    value = written.applied(function.__name__, [Value("a", ("B",))])
    with np.errstate(divide="ignore"):  # where another branch is chosen
        actual = run(written, value, {"a": a})
    assert np.allclose(actual, function(a), rtol=1e-14, atol=0)


@pytest.mark.parametrize("padded", [False, True])
def test_a_guard_is_there_where_there_is_padding(padded: bool) -> None:
    A = Ref(Var("A", ("B", "H"), "value"))
    ended = Ref(Var("ended", ("B", "H"), "lengths"))
    known = {A: Value("A", ("B", "H")), ended: Value("v", ("B", "1")) if padded else None}
    written = graph()
    guarded = Call("exp", (Call("guard", (ended, Const(0), A)),))  # type: ignore[arg-type]
    value = written.value(guarded, known.get)
    arrays = {"A": np.full((3, 4), 2.0), "v": np.array([[True], [False], [True]])}
    actual = run(written, value, arrays)
    expected = np.exp(np.where(arrays["v"] & padded, 0, arrays["A"]))
    assert np.allclose(actual, expected)
    assert any(operator == "Where" for operator, *_ in written.nodes) == padded


def test_what_has_no_form_is_refused() -> None:
    expected = "^contract: this operation has no form in ONNX here$"
    with pytest.raises(InteropError, match=expected):
        graph().applied("contract", [Value("A", ("B", "H")), Value("C", ("B", "H"))])


def test_small_numbers_are_stored_once() -> None:
    written = graph()
    assert written.number(1).name == written.number(1).name != written.number(2).name
    assert written.stored([1], "axes", np.int64) == written.stored([1], "axes", np.int64)
    assert len(written.numbers) == 3
    assert written.stored(np.ones(9), "W") != written.stored(np.ones(9), "W")
