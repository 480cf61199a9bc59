"""A declaration as data that says all of it, and back: what a certificate is about.

An expression is a name or one table with one key, the operation; nothing in it is evaluated.

    {"add": [{"product": ["x", "W"]}, {"elementwise": ["1/2", "R", "S_prev"]}]}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import Cell, Equation, matrix, size
from gru_codegen.constants import Pattern
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS
from gru_codegen.losses import KnownAdjoint, Loss, losses
from gru_codegen.notation import RowFunction, Where
from gru_codegen.outputs import as_tuple
from gru_codegen.own_functions import ARGUMENT, formulas_of, made_of
from gru_codegen.rows import share, size_of_share

__all__ = ["cell_of", "data_of", "loss_of"]

Data = dict[str, Any]
Symbols = dict[str, Any]

#: The operations of several arguments.
_OF_MANY: dict[str, Any] = {
    "add": MatAdd,
    "product": MatMul,
    "elementwise": HadamardProduct,
    "multiple": sp.Mul,
}
#: Matrices of one number, by their shapes.
_FILLED: dict[str, Any] = {"ones": OneMatrix, "zeros": ZeroMatrix}
#: That of three.
_OF_THREE: dict[str, Any] = {"where": Where}
#: Those of one.
_OF_ONE: dict[str, Any] = {"transpose": Transpose, "trace": Trace}
#: That of each row of a matrix.
_OF_ROWS: dict[str, Any] = {"row_max": partial(RowFunction, "row_max")}


def data_of(declaration: Cell | Loss) -> Data:
    """The whole of a cell, or of a loss, as tables, lists, strings and numbers."""
    if isinstance(declaration, Loss):
        return _data_of_loss(declaration)
    return {
        "name": declaration.name,
        "title": declaration.title,
        "source": declaration.source,
        "inputs": _shapes(declaration.inputs),
        "without_gradient": [symbol.name for symbol in declaration.without_gradient],
        "weights": _shapes(declaration.weights),
        "constants": _shapes(declaration.constants),
        "made": {
            str(constant): [made.name, made.number]
            for constant, made in declaration.constants.items()
            if made is not None
        },
        "states": [str(state) for state in declaration.states],
        "equations": _equations(declaration.equations),
        "output": _output(declaration),
        "checks": {str(symbol): list(ends) for symbol, ends in declaration.checks.items()},
        **_init(declaration),
        **_functions(declaration),
    }


def _output(cell: Cell) -> Any:
    """The name of the output, or a list of several."""
    names = [output.name for output in cell.outputs]
    return names if names[1:] else names[0]


def _init(cell: Cell) -> Data:
    """The distributions of first weights, if the cell gives any."""
    found = {weight.name: str(each) for weight, each in cell.init.items()}
    return {"init": found} if found else {}


def _functions(cell: Cell) -> Data:
    """The functions of an author's own, if there are any, in formulas of one matrix a."""
    found = {
        each.__name__: [_data(formula) for formula in formulas_of(each)] for each in cell.functions
    }
    return {"functions": found} if found else {}


def _data_of_loss(loss: Loss) -> Data:
    return {
        "name": loss.name,
        "title": loss.title,
        "prediction": _shapes(loss.predictions),
        "target": _shapes([loss.target]),
        "equations": _equations(loss.equations),
        "cost": _data(loss.cost),
        "mean": loss.mean,
        "targets": loss.targets,
        "shifts": {str(shift): str(above) for shift, above in loss.shifts.items()},
        "checks": {str(symbol): list(ends) for symbol, ends in loss.checks.items()},
        "known": loss.known and {"function": loss.known.function, "value": _data(loss.known.value)},
    }


def cell_of(data: Any) -> Cell:
    """The cell that `data` is the whole of.

    Raises CellError where it is not what `data_of` makes, or as for `Cell`.
    """
    inputs, weights = _symbols(_at(data, "inputs")), _symbols(_at(data, "weights"))
    written = _at(data, "equations", list)
    targets = {name: each for e in written for name, each in _symbols(_at(e, "target")).items()}
    states = [_known(targets, name) for name in _at(data, "states", list)]
    previous = {f"{state}_prev": matrix(f"{state}_prev", *state.shape) for state in states}
    constants, made = _symbols(_at(data, "constants")), _at(data, "made")
    symbols = {**inputs, **weights, **constants, **targets, **previous}
    functions = _own_functions(data)
    return Cell(
        _at(data, "name", str),
        _at(data, "title", str),
        _at(data, "source", str),
        tuple(inputs.values()),
        tuple(weights.values()),
        dict(zip(states, previous.values(), strict=True)),
        _read_equations(written, symbols, functions),
        tuple(_known(targets, name) for name in as_tuple(_at(data, "output", (str, list)))),
        {_known(symbols, name): _range(ends) for name, ends in _at(data, "checks").items()},
        tuple(_known(inputs, name) for name in _at(data, "without_gradient", list)),
        {_known(weights, name): text for name, text in data.get("init", {}).items()},
        {
            symbol: _pattern(made[name]) if name in made else None
            for name, symbol in constants.items()
        },
    )


def _own_functions(data: Data) -> Symbols:
    found: Symbols = {}
    for name, formulas in data.get("functions", {}).items():
        if not isinstance(formulas, list) or len(formulas) not in (1, 2):
            raise CellError(f"the function {name} of a certificate is no formula or two")
        values = [_expression(each, {ARGUMENT.name: ARGUMENT}) for each in formulas]
        found[name] = made_of(name, *values)
    return found


def loss_of(data: Any) -> Loss:
    """The loss that `data` is the whole of, that of the package if it has its name.

    Raises CellError likewise, and for data under the name of a loss of the package that it is not.
    """
    loss = _loss_of(data)
    known = losses.get(loss.name, loss)
    if data_of(known) != data_of(loss):
        raise CellError(f"the loss {loss.name!r} in a certificate is not that of the package")
    return known


def _loss_of(data: Any) -> Loss:
    given = [_symbols(_at(data, role)) for role in ("prediction", "target")]
    written = _at(data, "equations", list)
    symbols = {name: each for table in given for name, each in table.items()}
    for equation in written:
        symbols |= _symbols(_at(equation, "target"))
    predictions, [target] = (tuple(table.values()) for table in given)
    shifts = {
        matrix(name, *_known(symbols, above).shape): _known(symbols, above)
        for name, above in _at(data, "shifts").items()
    }
    symbols |= {shift.name: shift for shift in shifts}
    known = data.get("known")
    return Loss(
        name=_at(data, "name", str),
        title=_at(data, "title", str),
        prediction=predictions,
        target=target,
        equations=_read_equations(written, symbols),
        cost=_expression(_at(data, "cost", _EXPRESSION), symbols),
        mean=_at(data, "mean", bool),
        targets=_at(data, "targets", str),
        shifts=shifts,
        known=known
        and KnownAdjoint(
            _at(known, "function", str), _expression(_at(known, "value", _EXPRESSION), symbols)
        ),
        checks={_known(symbols, name): _range(ends) for name, ends in _at(data, "checks").items()},
    )


# --- writing -------------------------------------------------------------------------------------


def _shapes(symbols: Any) -> dict[str, list[str]]:
    return {symbol.name: [str(number) for number in symbol.shape] for symbol in symbols}


def _equations(equations: tuple[Equation, ...]) -> list[Data]:
    return [
        {"target": _shapes([e.target]), "value": _data(e.expression), "meaning": e.meaning}
        for e in equations
    ]


def _data(expression: Any) -> Any:
    if isinstance(expression, MatrixSymbol):
        size_ = size_of_share(expression)
        return expression.name if size_ is None else {"share": str(size_)}
    if isinstance(expression, RowFunction):
        return {expression.name: _data(expression.argument)}
    if isinstance(expression, sp.Rational):
        return f"{expression.p}/{expression.q}"
    for word, kind in _FILLED.items():
        if isinstance(expression, kind):
            return {word: [str(number) for number in expression.shape]}
    if isinstance(expression, ElementwiseApplyFunction):
        return {expression.function.expr.func.__name__: _data(expression.expr)}
    for name, kind in _OF_ONE.items():
        if isinstance(expression, kind):
            return {name: _data(expression.arg)}
    for name, kind in (_OF_MANY | _OF_THREE).items():
        if isinstance(expression, kind):
            return {name: [_data(part) for part in expression.args]}
    raise CellError(f"a certificate has no word for {type(expression).__name__}: {expression}")


# --- reading -------------------------------------------------------------------------------------


#: An expression is a table or a name.
_EXPRESSION = (dict, str)


def _at(table: Any, key: str, kind: type | tuple[type, ...] = dict) -> Any:
    """The value of a key, which has to be of a `kind`."""
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, kind):
        raise CellError(f"the declaration of a certificate has no {key} where there has to be one")
    return value


def _symbols(shapes: Mapping[str, Any]) -> Symbols:
    for name, shape in shapes.items():
        if not (isinstance(shape, list) and len(shape) == 2 and all(map(_is_size, shape))):
            raise CellError(f"the shape {shape!r} of {name} is not two letters of sizes, or 1")
    return {name: matrix(name, *map(_size, shape)) for name, shape in shapes.items()}


def _range(ends: Any) -> tuple[Any, ...]:
    if not isinstance(ends, list):
        raise CellError(f"the range {ends!r} in a certificate is not a pair of numbers")
    return tuple(ends)


def _pattern(made: Any) -> Pattern:
    if not (isinstance(made, list) and len(made) == 2 and all(map(_is_plain, made))):
        raise CellError(f"{made!r} in a certificate is no pattern and its number")
    return Pattern(*made)


def _is_plain(part: Any) -> bool:
    return type(part) in (str, int)


def _is_size(text: Any) -> bool:
    return isinstance(text, str) and (text == "1" or text.isidentifier())


def _size(text: str) -> Any:
    return sp.S.One if text == "1" else size(text)


def _known(symbols: Symbols, name: Any) -> Any:
    if not isinstance(name, str) or name not in symbols:
        raise CellError(f"the declaration of a certificate has no {name!r}, which it reads")
    return symbols[name]


def _read_equations(
    written: list[Any], symbols: Symbols, functions: Symbols | None = None
) -> tuple[Equation, ...]:
    return tuple(
        Equation(
            _known(symbols, next(iter(_at(equation, "target")), None)),
            _expression(_at(equation, "value", _EXPRESSION), symbols, functions or {}),
            _at(equation, "meaning", str),
        )
        for equation in written
    )


def _expression(data: Any, symbols: Symbols, own: Mapping[str, Any] = MappingProxyType({})) -> Any:
    if isinstance(data, str):
        return _number(data) if "/" in data else _known(symbols, data)
    if not isinstance(data, dict) or len(data) != 1:
        raise CellError("an expression of a certificate is a name or a table with one key")
    [(operation, arguments)] = data.items()
    if operation in _FILLED:
        [like] = _symbols({operation: arguments}).values()
        return _FILLED[operation](*like.shape)
    if operation == "share" and _is_size(arguments):
        return share(arguments)
    of_one: Callable[[Any], Any] | None = {**_OF_ONE, **_OF_ROWS, **FUNCTIONS, **own}.get(operation)
    if of_one is not None:
        return of_one(_expression(arguments, symbols, own))
    if operation in _OF_THREE and isinstance(arguments, list) and len(arguments) == 3:
        return _OF_THREE[operation](*(_expression(part, symbols, own) for part in arguments))
    if operation not in _OF_MANY or not isinstance(arguments, list) or len(arguments) < 2:
        raise CellError(f"the expressions of a certificate have no operation {operation!r}")
    return _OF_MANY[operation](*(_expression(part, symbols, own) for part in arguments))


def _number(text: str) -> Any:
    try:
        fraction = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise CellError(f"{text!r} in a certificate is no fraction of two integers") from None
    return sp.Rational(fraction.numerator, fraction.denominator)
