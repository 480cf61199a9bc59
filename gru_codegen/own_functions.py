"""An author's own functions: made of those of the package, with a derivative of one's own or not.

    swish = function("swish", lambda a: a * sigmoid(a))
    spike = function("spike", lambda a: positive(a), derivative=lambda a: 1 / (1 + a * a))

SymPy takes the derivative unless one is declared, as for surrogate gradients and straight-through
estimators: then the derivation has that in its place, everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix

from gru_codegen.equations import B, H, matrix, written
from gru_codegen.errors import CellError
from gru_codegen.functions import ENTRY, FUNCTIONS, ElementwiseFunction, OwnFunction, entrywise
from gru_codegen.ir import Call, Const, Elementwise, Expr
from gru_codegen.ir.elementwise import a
from gru_codegen.names import fault_of_name
from gru_codegen.notation import Where, signed

__all__ = [
    "ARGUMENT",
    "WORDS",
    "applied_in",
    "declared_derivative",
    "fault_of_function",
    "formulas_of",
    "function",
    "made_of",
    "said",
    "written_out",
]

#: What equations call like functions, beside those of the package.
WORDS = (
    *("lag", "layer_norm", "log_softmax", "maximum", "minimum"),
    *("row_max", "row_mean", "row_sum", "softmax", "where"),
)
#: The most operations of a formula, so that its derivative is found soon.
MOST_OPERATIONS = 200
#: Arguments among which one is looked for at which function and derivative are finite.
_SAFE = tuple(Fraction(*pair) for pair in ((0, 1), (1, 1), (2, 1), (1, 2), (-1, 1), (-2, 1)))


def function(
    name: str,
    value: Callable[[Any], Any],
    derivative: Callable[[Any], Any] | None = None,
) -> type[ElementwiseFunction]:
    """The function `name`, which is applied to every entry of a matrix.

    value, derivative: make formulas of SymPy's of the argument, with the functions of the package:
    sums, products, whole powers, rational numbers. Without a derivative SymPy takes it.

    Raises CellError for a name that is one already, and for any other formula.
    """
    formula = value(ENTRY)
    return made_of(name, formula, None if derivative is None else derivative(ENTRY))


def made_of(name: str, value: Any, derivative: Any = None) -> type[ElementwiseFunction]:
    """The function of these formulas in ENTRY, or in a matrix symbol; see `function`."""
    if fault := fault_of_function(name):
        raise CellError(f"function {name!r}: it {fault}")
    where = f"function {name}"
    formula = _formula(where, value)
    if not formula.has(ENTRY):
        raise CellError(f"{where}: {formula} does not depend on the argument")
    declared = None if derivative is None else _formula(f"{where}, derivative", derivative)
    slope = _plain(where, sp.diff(formula, ENTRY)) if declared is None else declared
    is_declared = declared is not None or _has_declared(formula)
    formula, slope = _inlined(where, formula), _inlined(where, slope)
    declared = slope if is_declared else None
    definition, used = _expr(formula), _functions(formula) | _functions(slope)
    is_total = all(each.record.is_total for each in used)
    record = Elementwise(
        name=name,
        meaning=str(formula),
        remark="" if declared is None else f"; its derivative is declared to be {declared}",
        derivative=_expr(slope),
        definition=definition if isinstance(definition, Call) else _itself,
        reference=lambda array: _on_array(formula, array),
        overflows=not is_total,
        safe=Fraction(0) if is_total else _safe(name, formula, slope),
    )
    attributes = {"record": record, "formula": formula, "slope": slope, "declared": declared}
    return type(name, (OwnFunction,), {"__doc__": record.description, **attributes})


def fault_of_function(name: Any) -> str | None:
    """Say why `name` cannot be that of a function, as the rest of a sentence; None if it can."""
    if not isinstance(name, str):
        return "is no name"
    if name in FUNCTIONS or name in WORDS:
        return "is a function already"
    return fault_of_name(name)


def applied_in(expressions: Iterable[Any]) -> list[type[OwnFunction]]:
    """The functions of an author's own in `expressions`, by name."""
    found = {
        call.function.expr.func
        for expression in expressions
        for call in expression.atoms(ElementwiseApplyFunction)
    }
    own = (each for each in found if issubclass(each, OwnFunction))
    return sorted(own, key=lambda each: each.__name__)


def written_out(function: type[OwnFunction], expression: Any) -> Any:
    """The function of a matrix expression, made of the functions of the package."""
    return entrywise(function.formula, {ENTRY: expression}, expression.shape)


# --- formulas ------------------------------------------------------------------------------------


def _formula(where: str, given: Any) -> Any:
    """A formula in ENTRY, of SymPy's scalars or of one matrix symbol."""
    formula = _plain(where, _scalar(given) if hasattr(given, "shape") else sp.sympify(given))
    if unknown := formula.free_symbols - {ENTRY}:
        listed = ", ".join(sorted(map(str, unknown)))
        raise CellError(f"{where}: {listed} is not its argument, and a formula has no other name")
    _check_length(where, formula)
    return formula


def _check_length(where: str, formula: Any) -> None:
    if formula.count_ops() > MOST_OPERATIONS:
        raise CellError(f"{where}: it has more than {MOST_OPERATIONS} operations")


def _has_declared(formula: Any) -> bool:
    """True if a function in it has a declared derivative: then it has one as well, by the chain."""
    return any(each.declared is not None for each in _functions(formula) if _is_own(each))


def _inlined(where: str, formula: Any) -> Any:
    """`formula` with an author's own functions written out."""
    if not formula.args:
        return formula
    formula = formula.func(*(_inlined(where, part) for part in formula.args))
    if _is_own(formula.func):
        formula = formula.func.formula.xreplace({ENTRY: formula.args[0]})
        _check_length(where, formula)
    return formula


def _is_own(function: Any) -> bool:
    return isinstance(function, type) and issubclass(function, OwnFunction)


def _plain(where: str, formula: Any) -> Any:
    """`formula` without powers but whole ones, which are greater than 1."""
    if formula == ENTRY or isinstance(formula, (sp.Rational, sp.Symbol)):
        return formula
    if formula.is_Float:
        exact = sp.nsimplify(formula, rational=True)
        raise CellError(
            f"{where}: {float(formula)} is not a rational number; write "
            f"Rational({exact.p}, {exact.q})"
        )
    if isinstance(formula, (sp.Add, sp.Mul)):
        return formula.func(*(_plain(where, part) for part in formula.args))
    if isinstance(formula, sp.Pow):
        return _power(where, _plain(where, formula.base), formula.exp)
    if formula.func in FUNCTIONS.values() or _is_own(formula.func):
        return formula.func(_plain(where, formula.args[0]))
    known = ", ".join(FUNCTIONS)
    raise CellError(
        f"{where}: {formula} is no part of a formula; it is made of rational numbers, sums, "
        f"products, whole powers and of {known}, of gru_codegen.functions"
    )


def _power(where: str, base: Any, exponent: Any) -> Any:
    if exponent.is_Rational and exponent.q == 2:
        return _power(where, FUNCTIONS["sqrt"](base), sp.Integer(exponent.p))
    if not exponent.is_Integer:
        raise CellError(f"{where}: the power {base**exponent} is not whole")
    whole = base ** abs(exponent)
    return whole if exponent > 0 else FUNCTIONS["reciprocal"](whole)


def _scalar(expression: Any) -> Any:
    """An entry of a matrix expression of one symbol, which stands for the argument."""
    coefficient, rest = signed(expression)
    if coefficient != 1:
        return coefficient * _scalar(rest)
    if isinstance(rest, MatrixSymbol):
        return ENTRY
    if isinstance(rest, (OneMatrix, ZeroMatrix)):
        return sp.Integer(isinstance(rest, OneMatrix))
    if isinstance(rest, ElementwiseApplyFunction):
        return rest.function.expr.func(_scalar(rest.expr))
    if isinstance(rest, Where):
        holds, chosen, other = map(_scalar, rest.args)
        return holds * chosen + (1 - holds) * other
    combined: Any = {MatAdd: sp.Add, HadamardProduct: sp.Mul}.get(rest.func)
    if combined is None:
        raise CellError(f"{written(rest)} is no formula of single numbers")
    return combined(*map(_scalar, rest.args))


def _functions(formula: Any) -> set[Any]:
    return {call.func for call in formula.atoms(sp.Function)}


def _expr(formula: Any) -> Expr:
    """A formula of a record."""
    if formula == ENTRY:
        return a
    if formula.is_Rational:
        return Const(Fraction(int(formula.p), int(formula.q)))
    if isinstance(formula, ElementwiseFunction):
        return Call(type(formula).__name__, (_expr(formula.args[0]),))
    parts = [formula.base] * int(formula.exp) if formula.is_Pow else formula.args
    name = "add" if formula.is_Add else "multiply"
    return reduce(lambda left, right: Call(name, (left, right)), map(_expr, parts))


def _on_array(formula: Any, array: Any) -> Any:
    """The formula on an array, with the functions as declarations mean them."""
    if formula == ENTRY:
        return array
    if formula.is_Rational:
        return np.ones_like(array) * int(formula.p) / int(formula.q)
    if isinstance(formula, ElementwiseFunction):
        return formula.record.on_array(_on_array(formula.args[0], array))
    if formula.is_Pow:
        return _on_array(formula.base, array) ** int(formula.exp)
    combine = np.add if formula.is_Add else np.multiply
    return reduce(combine, (_on_array(part, array) for part in formula.args))


def _safe(name: str, formula: Any, slope: Any) -> Fraction:
    """An argument at which the function and its derivative are finite."""
    with np.errstate(all="ignore"):
        for number in _SAFE:
            values = [_on_array(each, np.array(float(number))) for each in (formula, slope)]
            if np.isfinite(values).all():
                return number
    raise CellError(
        f"function {name}: it is not defined at any of {', '.join(map(str, _SAFE))}; move its "
        "argument so that it is"
    )


#: The identity, as a call.
_itself = Call("multiply", (a, Const(Fraction(1))))
#: The argument in formulas that are written as equations are.
ARGUMENT = matrix("a", B, H)


def said(function: type[OwnFunction]) -> str:
    """The function and, if it is declared, its derivative as equations are written."""
    derivative = declared_derivative(function)
    return _text(function.formula) + (f", with the derivative {derivative}" if derivative else "")


def declared_derivative(function: type[OwnFunction]) -> str:
    """The derivative of a function as equations are written, if it is declared; "" if it is not."""
    return "" if function.declared is None else _text(function.declared)


def formulas_of(function: type[OwnFunction]) -> list[Any]:
    """The function and, if it is declared, its derivative as matrix expressions of ARGUMENT."""
    formulas = [function.formula, function.declared]
    return [_of_argument(each) for each in formulas if each is not None]


def _of_argument(formula: Any) -> Any:
    return entrywise(formula, {ENTRY: ARGUMENT}, ARGUMENT.shape)


def _text(formula: Any) -> str:
    return written(_of_argument(formula))
