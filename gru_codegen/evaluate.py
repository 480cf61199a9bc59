"""Matrix expressions evaluated on NumPy arrays, straight from their SymPy form.

The same lines run on object arrays of SymPy symbols, which is how derivatives are proved entry by
entry, and on floats, which is how a generated kernel is compared with the declaration: an answer
that owes nothing to the program, its passes or the emitted text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import Cell
from gru_codegen.equations import Equation
from gru_codegen.functions import ElementwiseFunction
from gru_codegen.losses import Loss
from gru_codegen.notation import RowFunction, Where, signed
from gru_codegen.outputs import as_tuple
from gru_codegen.rows import size_of_share

__all__ = [
    "FLOATS",
    "SYMBOLS",
    "Domain",
    "Evaluation",
    "Expressions",
    "costs",
    "evaluate",
    "evaluate_declaration",
    "one_object_each",
]

Array = NDArray[Any]
#: The value of every matrix symbol, and of every size.
Values = Mapping[Any, Any]


def _chosen(condition: Array, chosen: Array, other: Array) -> Array:
    return np.where(np.asarray(condition > 0, bool), chosen, other)


def _blended(condition: Array, chosen: Array, other: Array) -> Array:
    blend: Array = condition * chosen + (1 - condition) * other
    return blend


@dataclass(frozen=True)
class Domain:
    """The numbers that expressions are evaluated on; they have +, -, * and / themselves.

    Attributes
    ----------
    apply: a function of the declaration language to every entry of an array.
    one: the entry of matrices of ones; it stays exact beside the others, divided too.
    matmul, multiply: the product of two matrices, and the elementwise one.
    largest: the largest number of each row, as a column.
    choose: the entries of one array where those of another one are 1, and not 0, else of a third.
    """

    apply: Callable[[type[ElementwiseFunction], Array], Array]
    one: Any
    matmul: Callable[[Array, Array], Array] = np.matmul
    choose: Callable[[Array, Array, Array], Array] = _chosen
    largest: Callable[[Array], Array] = lambda rows: rows.max(axis=1, keepdims=True)
    multiply: Callable[[Array, Array], Array] = np.multiply


def _numerically(function: type[ElementwiseFunction], array: Array) -> Array:
    values: Array = function.record.on_array(array)
    return values


def _symbolically(function: type[ElementwiseFunction], array: Array) -> Array:
    values: Array = np.frompyfunc(function, 1, 1)(array)
    return values


def _opaque(rows: Array) -> Array:
    """A function of all numbers of a row, of which nothing is known."""
    return np.array([[sp.Function("row_max")(*row)] for row in rows], dtype=object)


#: Arrays of floats, real or complex.
FLOATS = Domain(_numerically, 1)
#: Object arrays of SymPy's scalars.
SYMBOLS = Domain(_symbolically, sp.S.One, choose=_blended, largest=_opaque)


def one_object_each() -> Domain:
    """`SYMBOLS` where equal entries of products are one object, however often they are computed.

    SymPy compares two objects part by part, but sees at once that one equals itself. The entries
    of a product of n matrices have so many parts that this decides what can be compared at all.
    """
    known: dict[Any, Any] = {}
    one = np.frompyfunc(lambda entry: known.setdefault(entry, entry), 1, 1)

    def matmul(left: Array, right: Array) -> Array:
        product: Array = one(np.matmul(left, right))
        return product

    return replace(SYMBOLS, matmul=matmul)


def evaluate(expression: Any, values: Values, domain: Domain = FLOATS) -> Any:
    """The array (or, for a cost, the scalar) that `expression` stands for.

    `values` gives every matrix symbol its array, of numbers of the `domain`, and every size its
    number.
    """
    return _compiled(expression, domain)(values)


class Expressions:
    """Expressions of a `domain`, each walked once, however often it is evaluated."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self._known: dict[Any, _Evaluator] = {}

    def __call__(self, expression: Any, values: Values) -> Any:
        """Evaluate `expression`, as `evaluate` does."""
        found = self._known.get(expression)
        if found is None:
            found = self._known[expression] = _compiled(expression, self.domain)
        return found(values)


_Evaluator = Callable[[Values], Any]


def _compiled(expression: Any, domain: Domain) -> _Evaluator:
    for kind, rule in _RULES.items():
        if isinstance(expression, kind):
            return rule(expression, domain)
    coefficient, rest = signed(expression)
    if rest is not expression:
        return _scaled(coefficient, _compiled(rest, domain))
    raise TypeError(f"cannot evaluate {type(expression).__name__}: {expression}")


def _reduced(
    operation: Callable[[Any, Any], Any], arguments: Iterable[Any], domain: Domain
) -> _Evaluator:
    """The function that combines `arguments`, first to last."""
    parts = [_compiled(argument, domain) for argument in arguments]
    return lambda values: reduce(operation, [part(values) for part in parts])


def _product(expression: Any, domain: Domain) -> _Evaluator:
    coefficient, factors = expression.as_coeff_matrices()
    return _scaled(coefficient, _reduced(domain.matmul, factors, domain))


def _scaled(coefficient: Any, part: _Evaluator) -> _Evaluator:
    if not coefficient.is_Rational:
        raise TypeError(f"cannot evaluate the factor {coefficient}: it is not a rational number")
    numerator, denominator = int(coefficient.p), int(coefficient.q)

    def scaled(values: Values) -> Any:
        array = part(values)
        multiple = array if abs(numerator) == 1 else array * abs(numerator)
        signed = -multiple if numerator < 0 else multiple
        return signed if denominator == 1 else signed / denominator

    return scaled


def _applied(expression: Any, domain: Domain) -> _Evaluator:
    argument, function = _compiled(expression.expr, domain), expression.function.expr.func
    return lambda values: domain.apply(function, argument(values))


def _choice(expression: Any, domain: Domain) -> _Evaluator:
    parts = [_compiled(part, domain) for part in expression.args]
    return lambda values: domain.choose(*(part(values) for part in parts))


def _constant(expression: Any, entry: Any) -> _Evaluator:
    def constant(values: Values) -> Array:
        sizes = [int(values[size] if size.is_Symbol else size) for size in expression.shape]
        return np.full(sizes, entry)

    return constant


def _symbol(symbol: Any, domain: Domain) -> _Evaluator:
    size = size_of_share(symbol)
    if size is None:
        return itemgetter(symbol)

    def value(values: Values) -> Array:
        """The share, which a proof gives a value as it does to all symbols."""
        known: Any = values.get(symbol)
        return np.array([[domain.one / values[size]]]) if known is None else known

    return value


def _largest(expression: Any, domain: Domain) -> _Evaluator:
    """The largest number of each row, in every column."""
    rows = _compiled(expression.argument, domain)

    def largest(values: Values) -> Array:
        array = rows(values)
        return np.broadcast_to(domain.largest(array), array.shape)

    return largest


def _transposed(expression: Any, domain: Domain) -> _Evaluator:
    matrix = _compiled(expression.arg, domain)
    return lambda values: matrix(values).T


def _trace(expression: Any, domain: Domain) -> _Evaluator:
    matrix = _compiled(expression.arg, domain)
    return lambda values: np.trace(matrix(values))


_RULES: dict[type, Callable[[Any, Domain], _Evaluator]] = {
    MatrixSymbol: lambda symbol, domain: _symbol(symbol, domain),
    OneMatrix: lambda e, domain: _constant(e, domain.one),
    ZeroMatrix: lambda e, domain: _constant(e, 0 * domain.one),
    MatAdd: lambda e, domain: _reduced(np.add, e.args, domain),
    HadamardProduct: lambda e, domain: _reduced(domain.multiply, e.args, domain),
    MatMul: _product,
    Transpose: _transposed,
    ElementwiseApplyFunction: _applied,
    Where: _choice,
    Trace: _trace,
    RowFunction: lambda e, domain: _largest(e, domain),
}


class Evaluation(NamedTuple):
    """outputs (T, B, n), the last states by name, each (B, n), and the cost of each sample, (T, B).

    Several outputs are a tuple. The loss is the sum of the costs over `numbers`, the number of
    targets of a mean or else 1.
    values: what each equation of a time step computes, by name, (T, B, n).
    """

    outputs: Any
    states: dict[str, Array]
    costs: Array
    numbers: int
    values: dict[str, Array]

    @property
    def loss(self) -> Any:
        """The sum of all costs, or their mean."""
        return self.costs.sum() / self.numbers


def evaluate_declaration(
    cell: Cell,
    loss: Loss,
    weights: Mapping[str, Array],
    inputs: Sequence[Array],
    targets: Array,
    states: Mapping[str, Array],
    *,
    ended: Array | None = None,
    domain: Domain = FLOATS,
    observe: Callable[[int, Equation, Values], object] | None = None,
) -> Evaluation:
    """Run the declared equations of `cell` and `loss` step by step on arrays of the `domain`.

    weights: these and the constants by name. inputs: for each of the cell's inputs (T, B, n).
    targets: (T, B, n).
    states: the initial value of each state by name, (B, n).
    ended: (T, B), the steps that are padding, where a sample keeps its states, its outputs are 0
    and it costs nothing. observe: is told each equation of the cell that was computed, with its
    step and all values there are by then.
    """
    bound, known = loss.of(cell.outputs, cell.names), Expressions(domain)
    current = {state: states[state.name] for state in cell.states}
    # a row (1, n) is stored as a vector (n,)
    constant: dict[Any, Any] = {w: np.atleast_2d(weights[w.name]) for w in cell.fixed}
    first = {symbol: array[0] for symbol, array in zip(cell.inputs, inputs, strict=True)}
    constant |= _sizes({**constant, **first})
    for equation in cell.outside:
        constant[equation.target] = known(equation.expression, constant)
        if observe is not None:
            observe(0, equation, constant)
    of_samples, zero = [], 0 * domain.one
    outputs: list[list[Array]] = [[] for _ in cell.outputs]
    of_a_step = [equation for equation in cell.equations if equation.is_timed]
    computed: dict[str, list[Array]] = {equation.target.name: [] for equation in of_a_step}
    for t in range(len(targets)):
        values = {**constant, bound.target: targets[t]}
        values |= {symbol: array[t] for symbol, array in zip(cell.inputs, inputs, strict=True)}
        values |= {before: current[state] for state, before in cell.states.items()}
        values |= _sizes(values)
        for equation in of_a_step:
            values[equation.target] = known(equation.expression, values)
            if observe is not None:
                observe(t, equation, values)
        _compute_loss(values, bound, known)
        over = np.zeros(len(targets[t]), bool) if ended is None else ended[t]
        current = {
            state: np.where(over[:, None], values[before], values[state])
            for state, before in cell.states.items()
        }
        for each, output in zip(outputs, cell.outputs, strict=True):
            each.append(np.where(over[:, None], zero, values[output]))
        for equation in of_a_step:
            computed[equation.target.name].append(values[equation.target])
        of_samples.append(np.where(over, zero, _costs(bound, values, known)))
    samples = np.size(of_samples) if ended is None else int((~ended).sum())
    put_out = tuple(map(np.array, outputs))
    columns = loss.columns(put_out[0].shape[-1])
    numbers = samples * columns or 1 if loss.mean else 1
    last = {state.name: array for state, array in current.items()}
    found = {name: np.array(each) for name, each in computed.items()}
    given = put_out if put_out[1:] else put_out[0]
    return Evaluation(given, last, np.array(of_samples), numbers, found)


def costs(loss: Loss, outputs: Any, targets: Array, domain: Domain = FLOATS) -> Array:
    """The cost of each sample of one step, (B,), without weights; both arguments are (B, n).

    Several outputs are a tuple, as long as the loss has predictions or longer.
    """
    known, values = Expressions(domain), {loss.target: targets}
    values |= zip(loss.predictions, as_tuple(outputs), strict=False)
    values |= _sizes(values)
    _compute_loss(values, loss, known)
    return _costs(loss, values, known)


def _compute_loss(values: dict[Any, Any], loss: Loss, known: Expressions) -> None:
    for shift, above in loss.shifts.items():
        largest = values[above].max(axis=1, keepdims=True)
        values[shift] = np.broadcast_to(largest, values[above].shape)
    for equation in loss.equations:
        values[equation.target] = known(equation.expression, values)


def _costs(loss: Loss, values: Values, known: Expressions) -> Array:
    """The cost of each sample, (B,): its part of the trace, a multiple of tr(A^T B)."""
    coefficient, trace = loss.cost.as_coeff_Mul()
    left, right = (known(factor, values) for factor in trace.arg.args)
    of_samples = known.domain.multiply(left.T, right).sum(axis=1)
    costs: Array = _scaled(coefficient, lambda _: of_samples)(values)
    return costs


def _sizes(values: Mapping[Any, Array]) -> dict[Any, int]:
    return {
        size: number
        for symbol, array in values.items()
        if isinstance(symbol, MatrixSymbol)
        for size, number in zip(symbol.shape, array.shape, strict=True)
        if size.is_Symbol
    }
