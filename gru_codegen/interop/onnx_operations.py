"""The operations of a Program as nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.interop.errors import InteropError
from gru_codegen.ir import ELEMENTWISE, OPERATIONS, Const, Expr, Ref, Shape
from gru_codegen.ir.elementwise import a

__all__ = ["Graph", "Value"]


@dataclass(frozen=True)
class Value:
    """A tensor by its name, and its shape; an axis that broadcasting fills is "1"."""

    name: str
    shape: Shape


#: What ONNX has under a name of its own.
_NAMES = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "negate": "Neg",
    "maximum": "Max",
    "minimum": "Min",
    "matmul": "MatMul",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "sin": "Sin",
    "cos": "Cos",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "erf": "Erf",
    "relu": "Relu",
    "reciprocal": "Reciprocal",
}


@dataclass
class Graph:
    """The nodes of a graph, as they are written.

    make: onnx.helper.make_node. numbers: the initializers, by name, of all graphs of a model, as
    are the names that are taken.
    """

    make: Callable[..., Any]
    dtype: np.dtype[Any]
    numbers: dict[str, NDArray[Any]]
    taken: set[str]
    nodes: list[Any] = field(default_factory=list)
    target: str = "value"

    def within(self) -> Graph:
        """A graph inside this one."""
        return Graph(self.make, self.dtype, self.numbers, self.taken)

    def named(self, wanted: str) -> str:
        """A name that no other tensor of the model has: the one that is wanted, or numbered."""
        name, number = wanted, 1
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name

    def node(self, operator: str, *inputs: str, output: str | None = None, **how: Any) -> str:
        """The name of the output of a new node."""
        name = self.named(self.target) if output is None else output
        self.nodes.append(self.make(operator, list(inputs), [name], **how))
        return name

    def stored(self, array: Any, wanted: str = "number", dtype: Any = None) -> str:
        """The name of an initializer, the same one for the same small array."""
        array = np.asarray(array, self.dtype if dtype is None else dtype)
        for name, known in self.numbers.items():
            same = known.dtype == array.dtype and known.shape == array.shape
            if array.size <= 2 and name.startswith(wanted) and same and (known == array).all():
                return name
        name = self.named(wanted)
        self.numbers[name] = array
        return name

    def number(self, number: Any) -> Value:
        return Value(self.stored(number), ())

    def value(self, expression: Expr, read: Callable[[Ref], Value | None]) -> Value:
        """The value of `expression`; None is what `read` has for a condition that never holds.

        Raises InteropError for an operation that has no form here.
        """
        if isinstance(expression, Const):
            return self.number(float(expression.value))
        if isinstance(expression, Ref):
            found = read(expression)
            assert found is not None  # conditions stand in guards
            return found
        operation, args = expression.operation, expression.args
        if operation == "guard":
            where, number, guarded = args
            assert isinstance(where, Ref)
            holds = read(where)
            value = self.value(guarded, read)
            if holds is None:
                return value
            shape = _spread(operation, holds, value)
            return Value(
                self.node("Where", holds.name, self.value(number, read).name, value.name), shape
            )
        return self.applied(operation, [self.value(each, read) for each in args])

    def applied(self, operation: str, args: list[Value]) -> Value:
        """The value of an operation on values."""
        function = ELEMENTWISE.get(operation)
        if operation in _NAMES:
            name = self.node(_NAMES[operation], *(value.name for value in args))
        elif operation in _OTHERS:
            return _OTHERS[operation](self, args)
        elif function is not None and function.definition is not None:
            known = {a: args[0]}
            for part, computed in function.where:
                known[part] = self.value(computed, known.get)
            return self.value(function.definition, known.get)
        else:
            raise InteropError(f"{operation}: this operation has no form in ONNX here")
        shape = OPERATIONS[operation].shape(tuple(value.shape for value in args))
        assert shape is not None  # as validate() has checked
        return Value(name, shape)


def _spread(operation: str, *values: Value) -> Shape:
    shape = OPERATIONS["add" if operation == "guard" else operation].shape(
        tuple(value.shape for value in values)
    )
    assert shape is not None  # as validate() has checked
    return shape


def _compared(operator: str) -> Callable[[Graph, list[Value]], Value]:
    """1 where the comparison holds, else 0, in the dtype of the graph."""

    def write(graph: Graph, args: list[Value]) -> Value:
        holds = graph.node(operator, args[0].name, args[1].name)
        ones, zeros = graph.number(1), graph.number(0)
        return Value(graph.node("Where", holds, ones.name, zeros.name), _spread("add", *args))

    return write


def _where(graph: Graph, args: list[Value]) -> Value:
    positive = graph.node("Greater", args[0].name, graph.number(0).name)
    name = graph.node("Where", positive, args[1].name, args[2].name)
    return Value(name, _spread("where", *args))


def _select(graph: Graph, args: list[Value]) -> Value:
    return Value(graph.node("Where", *(each.name for each in args)), _spread("where", *args))


def _expm1(graph: Graph, args: list[Value]) -> Value:
    """exp(a) - 1, where a < 1 by u = tanh(a / 2) as 2 u / (1 - u), which keeps small values."""
    (value,) = args
    one, two = graph.number(1), graph.number(2)
    u = graph.applied("tanh", [graph.applied("divide", [value, two])])
    small = graph.applied(
        "divide", [graph.applied("multiply", [two, u]), graph.applied("subtract", [one, u])]
    )
    large = graph.applied("subtract", [graph.applied("exp", [value]), one])
    is_small = graph.node("Less", value.name, one.name)
    return Value(graph.node("Where", is_small, small.name, large.name), value.shape)


def _log1p(graph: Graph, args: list[Value]) -> Value:
    """log(1 + a), which loses no small values: with u = 1 + a, rounded, log(u) a / (u - 1)."""
    (value,) = args
    one = graph.number(1)
    u = graph.applied("add", [value, one])
    rest = graph.applied("subtract", [u, one])
    is_lost = graph.node("Equal", rest.name, graph.number(0).name)
    safe = Value(graph.node("Where", is_lost, one.name, rest.name), value.shape)
    ratio = graph.applied("divide", [value, safe])
    product = graph.applied("multiply", [graph.applied("log", [u]), ratio])
    return Value(graph.node("Where", is_lost, value.name, product.name), value.shape)


def _row_sum(graph: Graph, args: list[Value]) -> Value:
    axes = graph.stored([-1], "axes", np.int64)
    return Value(graph.node("ReduceSum", args[0].name, axes), (*args[0].shape[:-1], "1"))


def _total(graph: Graph, args: list[Value]) -> Value:
    return Value(graph.node("ReduceSum", args[0].name, keepdims=0), ())


def _inner(graph: Graph, args: list[Value]) -> Value:
    return _total(graph, [graph.applied("multiply", args)])


def _row_max(graph: Graph, args: list[Value]) -> Value:
    return Value(graph.node("ReduceMax", args[0].name, axes=[-1]), (*args[0].shape[:-1], "1"))


def _with_axis(axis: int, shape: Callable[[Shape], Shape]) -> Callable[[Graph, list[Value]], Value]:
    """A vector as a matrix of one row or one column."""

    def write(graph: Graph, args: list[Value]) -> Value:
        axes = graph.stored([axis], "axes", np.int64)
        return Value(graph.node("Unsqueeze", args[0].name, axes), shape(args[0].shape))

    return write


def _transpose(graph: Graph, args: list[Value]) -> Value:
    return Value(graph.node("Transpose", args[0].name, perm=[1, 0]), args[0].shape[::-1])


def _vector(graph: Graph, args: list[Value]) -> Value:
    axes = graph.stored([1], "axes", np.int64)
    return Value(graph.node("Squeeze", args[0].name, axes), args[0].shape[:1])


_row = _with_axis(0, lambda shape: ("1", *shape))

_OTHERS: dict[str, Callable[[Graph, list[Value]], Value]] = {
    "greater": _compared("Greater"),
    "greater_equal": _compared("GreaterOrEqual"),
    "expm1": _expm1,
    "log1p": _log1p,
    "where": _where,
    "select": _select,
    "row_sum": _row_sum,
    "row_max": _row_max,
    "total": _total,
    "inner": _inner,
    "rows": _row,  # broadcasting makes the others
    "row": _row,
    "column": _with_axis(1, lambda shape: (*shape, "1")),
    "vector": _vector,
    "transpose": _transpose,
}
