"""Matrix expressions evaluated on NumPy arrays, straight from their SymPy form.

The same lines run on object arrays of SymPy symbols, which is how derivatives are proved entry by
entry, and on floats, which is how a generated kernel is compared with the declaration: an answer
that owes nothing to the program, its passes or the emitted text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import Cell
from gru_codegen.ir import Elementwise
from gru_codegen.losses import Loss
from gru_codegen.notation import signed

__all__ = ["Evaluation", "evaluate", "evaluate_declaration"]

Array = NDArray[Any]
#: The value of every matrix symbol, and of every size.
Values = Mapping[Any, Any]


def evaluate(expression: Any, values: Values) -> Any:
    """The array (or, for a cost, the scalar) that `expression` stands for.

    `values` gives every matrix symbol its array and every size its number. Functions are applied
    entry by entry: numerically to floats, as SymPy functions to object arrays.
    """
    for kind, rule in _RULES.items():
        if isinstance(expression, kind):
            return rule(expression, values)
    coefficient, rest = signed(expression)
    if rest is not expression:
        return _scale(coefficient, evaluate(rest, values))
    raise TypeError(f"cannot evaluate {type(expression).__name__}: {expression}")


def _product(expression: Any, values: Values) -> Any:
    coefficient, factors = expression.as_coeff_matrices()
    return _scale(coefficient, reduce(np.matmul, [evaluate(f, values) for f in factors]))


def _scale(coefficient: Any, array: Any) -> Any:
    if not coefficient.is_Rational:
        raise TypeError(f"cannot evaluate the factor {coefficient}: it is not a rational number")
    scaled = array if coefficient.p == 1 else array * int(coefficient.p)
    return scaled if coefficient.q == 1 else scaled / int(coefficient.q)


def _apply(expression: Any, values: Values) -> Array:
    argument = evaluate(expression.expr, values)
    if argument.dtype == object:
        return np.frompyfunc(expression.function, 1, 1)(argument)  # type: ignore[no-any-return]
    record: Elementwise = expression.function.expr.func.record
    return record.on_array(argument)  # type: ignore[no-any-return]


def _number(size: Any, values: Values) -> int:
    return int(values[size] if size.is_Symbol else size)


def _ones(shape: Iterable[Any], values: Values) -> Array:
    """Ones that stay exact beside symbols, when they are divided too."""
    sizes = [_number(size, values) for size in shape]
    symbolic = any(isinstance(v, np.ndarray) and v.dtype == object for v in values.values())
    return np.full(sizes, sp.S.One, dtype=object) if symbolic else np.ones(sizes, dtype=int)


_RULES: dict[type, Callable[[Any, Values], Any]] = {
    MatrixSymbol: lambda e, values: values[e],
    OneMatrix: lambda e, values: _ones(e.shape, values),
    MatAdd: lambda e, values: reduce(np.add, [evaluate(a, values) for a in e.args]),
    HadamardProduct: lambda e, values: reduce(np.multiply, [evaluate(a, values) for a in e.args]),
    MatMul: _product,
    Transpose: lambda e, values: evaluate(e.arg, values).T,
    ElementwiseApplyFunction: _apply,
    Trace: lambda e, values: np.trace(evaluate(e.arg, values)),
}


class Evaluation(NamedTuple):
    """outputs (T, B, n), the last states by name, each (B, n), and the loss."""

    outputs: Array
    states: dict[str, Array]
    loss: float


def evaluate_declaration(
    cell: Cell,
    loss: Loss,
    weights: Mapping[str, Array],
    inputs: Sequence[Array],
    targets: Array,
    states: Mapping[str, Array],
) -> Evaluation:
    """Run the declared equations of `cell` and `loss` step by step on float arrays.

    weights: by name. inputs: for each of the cell's inputs (T, B, n). targets: (T, B, n).
    states: the initial value of each state by name, (B, n).
    """
    bound = loss.of(cell.output)
    current = {state: states[state.name] for state in cell.states}
    outputs, total = [], 0.0
    for t in range(len(targets)):
        values: dict[Any, Any] = {
            # a row (1, n) is stored as a vector (n,)
            weight: np.atleast_2d(weights[weight.name])
            for weight in cell.weights
        }
        values |= {symbol: array[t] for symbol, array in zip(cell.inputs, inputs, strict=True)}
        values |= {before: current[state] for state, before in cell.states.items()}
        values[bound.target] = targets[t]
        values |= _sizes(values)
        for equation in cell.equations:
            values[equation.target] = evaluate(equation.expression, values)
        for shift, above in bound.shifts.items():
            largest = values[above].max(axis=1, keepdims=True)
            values[shift] = np.broadcast_to(largest, values[above].shape)
        for equation in bound.equations:
            values[equation.target] = evaluate(equation.expression, values)
        current = {state: values[state] for state in cell.states}
        outputs.append(values[cell.output])
        total += float(evaluate(bound.cost, values))
    if loss.mean:
        total /= np.size(outputs)
    return Evaluation(
        np.array(outputs), {state.name: array for state, array in current.items()}, total
    )


def _sizes(values: Mapping[Any, Array]) -> dict[Any, int]:
    return {
        size: number
        for symbol, array in values.items()
        for size, number in zip(symbol.shape, array.shape, strict=True)
        if size.is_Symbol
    }
