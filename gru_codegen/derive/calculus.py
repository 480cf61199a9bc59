"""Local derivatives: taken by SymPy, written in terms of what the forward pass computed, proved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.derive.proof import placeholders, prove_derivative
from gru_codegen.equations import matrix, written
from gru_codegen.errors import DerivationError
from gru_codegen.forms import added
from gru_codegen.functions import applied, entrywise, flat
from gru_codegen.notation import Local, Notation, Shown, leaves, signed

__all__ = ["RULES", "LocalDerivative", "Rule", "differentiate", "local_derivative"]

#: The rules of differentiation: these four are all that the normal form needs.
Rule = Literal["sum", "product", "elementwise product", "elementwise function"]

#: Each rule in words: what it does to the adjoint of the value.
RULES: dict[Rule, str] = {
    "sum": "a term of a sum gets the adjoint of the sum",
    "product": "the other factor, transposed, multiplies the adjoint on the side where it stood",
    "elementwise product": "what multiplies the argument multiplies the adjoint",
    "elementwise function": "the adjoint times the slope, entry by entry",
}


@dataclass(frozen=True, repr=False)
class LocalDerivative(Shown):
    """The derivative of <adjoint, value> with respect to one argument of the value.

    Attributes
    ----------
    of: the target of the equation that was differentiated; None for the cost.
    argument: what it was differentiated with respect to.
    expression: SymPy's result in terms of the adjoint and of forward values; proved.
    literal: SymPy's result as it was given, but for the names of bound variables.
    rules: the rules of differentiation that it follows, in the order of the terms.
    asked: the derivative as it was put to SymPy.
    """

    of: Any
    argument: MatrixSymbol
    expression: Any
    literal: Any = None
    rules: tuple[Rule, ...] = ()
    asked: Local | None = None
    notation: Notation | None = field(default=None, compare=False)

    def _sides(self) -> tuple[Any, Any]:
        return self.asked, self._writing.arrange(self.expression)


#: Derivatives by form, each proved once in a process.
_PROVED: dict[Any, LocalDerivative] = {}
_PLACE = re.compile(r"\bplace_\d+\b")


def local_derivative(
    where: str, value: Any, argument: MatrixSymbol, adjoint: Any = 1, target: Any = None
) -> LocalDerivative:
    """Differentiate, or rename what was found for an equation of the same form.

    The gates of a cell differ in little but names, and so do cells. The form, in placeholders, is
    what is differentiated, so that the result does not depend on which equation came first.

    Raises
    ------
    DerivationError: as `differentiate` does.
    """
    symbols = [s for s in (adjoint, target) if isinstance(s, MatrixSymbol)]
    reading = _terms_of(value, argument)
    places = placeholders(reading, *symbols)
    names = {place: symbol for symbol, place in places.items()}
    form = reading.xreplace(places), places[argument], places.get(adjoint, 1), places.get(target)
    if form not in _PROVED:
        try:
            _PROVED[form] = differentiate(where, *form)
        except DerivationError as error:
            own = {place.name: symbol.name for place, symbol in names.items()}
            raise DerivationError(_PLACE.sub(lambda place: own[place[0]], str(error))) from error
    proved = _PROVED[form]
    return LocalDerivative(
        target,
        argument,
        proved.expression.xreplace(names),
        proved.literal.xreplace(names),
        proved.rules,
        _asked(value, argument, adjoint, target),
    )


def _terms_of(value: Any, argument: MatrixSymbol) -> Any:
    """The part of `value` that a derivative depends on, in a form that others share.

    Terms of a sum that have no `argument` are left out, since their derivative is 0, and in an
    elementwise product it comes first.
    """
    if isinstance(value, MatAdd):
        terms = [_terms_of(term, argument) for term in value.args if argument in leaves(term)]
        return MatAdd(*terms) if len(terms) > 1 else terms[0]
    coefficient, product = signed(value)
    if isinstance(product, HadamardProduct) and argument in product.args:
        turned = HadamardProduct(*sorted(product.args, key=lambda factor: factor != argument))
        return turned if coefficient == 1 else MatMul(coefficient, turned)
    return value


def differentiate(
    where: str, value: Any, argument: MatrixSymbol, adjoint: Any = 1, target: Any = None
) -> LocalDerivative:
    """Let SymPy differentiate tr(adjoint^T value), or the scalar `value`, and prove the result.

    Raises
    ------
    DerivationError: SymPy refuses the form, or its result is not the derivative.
    """
    at = f"{where}, with respect to {argument}"
    alone, owners = _apart(value)
    places = [place for place, symbol in owners.items() if symbol == argument]
    places += [argument] if argument in leaves(alone) or not places else []
    try:
        raw = reduce(added, (_taken(alone, each, adjoint).xreplace(owners) for each in places))
    except Exception as error:  # SymPy raises whatever its array calculus happens to trip over
        raise DerivationError(
            f"{at}: SymPy cannot differentiate {written(value)} ({type(error).__name__}: "
            f"{' '.join(str(error).split())}); name the operand by an equation of its own"
        ) from error
    if not isinstance(raw, MatrixExpr):
        raise DerivationError(
            f"{at}: SymPy answers with a {type(raw).__name__} instead of a matrix; "
            "name the operand by an equation of its own"
        )
    applied = isinstance(value, ElementwiseApplyFunction)
    expression = _in_terms_of_value(raw, value.function.expr.func if applied else None, target)
    turned = (part for part in expression.atoms(Transpose) if part.shape == (1, 1))
    expression = expression.xreplace({part: part.arg for part in turned})
    prove_derivative(at, value, argument, adjoint, expression, target)
    rules = tuple(dict.fromkeys(_rules(value, argument)))
    asked = _asked(value, argument, adjoint, target)
    return LocalDerivative(target, argument, expression, _without_dummies(raw), rules, asked)


#: Sizes that no declaration has, of rows and of columns, each of which stands for 1.
_WIDTHS = sp.symbols("any_height any_width", integer=True, positive=True)


def _taken(value: Any, argument: MatrixSymbol, adjoint: Any) -> Any:
    """SymPy's derivative of tr(adjoint^T value), or of the scalar `value`.

    Elementwise forms of columns, (B, 1), and of rows, (1, n), SymPy answers wrongly or not at all.
    So it is asked for those of matrices of any size, and the size in its answer is 1.
    """
    if adjoint == 1:
        return value.diff(argument)
    own: list[dict[Any, Any]] = []
    for axis, width in enumerate(_WIDTHS):
        if value.shape[axis] == 1:
            wide = {adjoint: _wider(adjoint, axis, width)}
            value = _widened(value, axis, width, wide)
            adjoint, argument = wide[adjoint], wide.get(argument, argument)
            own += [{width: sp.S.One}, {each: narrow for narrow, each in wide.items()}]
    answer = Trace(adjoint.T * value).diff(argument)
    return reduce(_narrowed, reversed(own), answer)


def _narrowed(expression: Any, own: Mapping[Any, Any]) -> Any:
    """`expression` with the symbols and sizes that `own` has in the places of others."""
    if isinstance(expression, ElementwiseApplyFunction):
        return applied(expression.function, _narrowed(expression.expr, own))
    if isinstance(expression, (MatAdd, MatMul, HadamardProduct, Transpose)):
        parts = (_narrowed(part, own) if part.is_Matrix else part for part in expression.args)
        return expression.func(*parts)
    return expression.xreplace(own)


def _wider(symbol: Any, axis: int, width: Any) -> MatrixSymbol:
    """A symbol with any number of rows, or of columns."""
    shape = list(symbol.shape)
    shape[axis] = width
    return matrix(str(symbol), *shape)


def _widened(value: Any, axis: int, width: Any, wide: dict[Any, Any]) -> Any:
    """One row, or column, `value`, with any number; `wide` is given those of its symbols."""
    if isinstance(value, MatrixSymbol):
        return wide.setdefault(value, _wider(value, axis, width))
    if isinstance(value, OneMatrix):
        return OneMatrix(*_wider(value, axis, width).shape)
    if isinstance(value, Transpose):
        return Transpose(_widened(value.arg, 1 - axis, width, wide))
    parts = list(value.args)
    matrices = [place for place, part in enumerate(parts) if part.is_Matrix]
    if isinstance(value, MatMul):  # the first factor alone has the rows, the last the columns
        matrices = [matrices[-axis]]
    for place in matrices:
        parts[place] = _widened(parts[place], axis, width, wide)
    return value.func(*parts)


def _apart(value: Any) -> tuple[Any, dict[Any, Any]]:
    """`value` with a symbol for each place of a weight in x (W o W), and whose places they are.

    SymPy refuses some elementwise products with a factor that is repeated, inside a matrix product,
    and makes powers of others.
    """
    owners: dict[Any, Any] = {}

    def named(expression: Any) -> Any:
        if isinstance(expression, MatrixSymbol):
            place = matrix(f"{expression.name} {len(owners)}", *expression.shape)  # no name of any
            owners[place] = expression
            return place
        return expression.func(*map(named, expression.args)) if expression.args else expression

    def apart(expression: Any) -> Any:
        if isinstance(expression, MatAdd):
            return MatAdd(*map(apart, expression.args))
        if isinstance(expression, MatMul):
            return MatMul(*(named(f) if _repeats(f) else f for f in expression.args))
        return expression

    return apart(value), owners


def _repeats(factor: Any) -> bool:
    """Return whether some symbol stands more than once in elementwise products of weights."""
    return isinstance(factor, MatrixExpr) and any(
        product.count(symbol) > 1
        for product in factor.atoms(HadamardProduct)
        for symbol in leaves(product)
    )


def _asked(value: Any, argument: MatrixSymbol, adjoint: Any, target: Any) -> Local:
    """The derivative that is asked for; `target`, if there is one, stands for the value."""
    return Local(None if adjoint == 1 else adjoint, value if target is None else target, argument)


def _rules(value: Any, argument: MatrixSymbol) -> Iterator[Rule]:
    """The rule for each place of `value` at which `argument` stands."""
    _, plain = signed(value)
    if argument not in leaves(value):
        return
    if plain == argument:
        yield "sum"
    elif isinstance(plain, MatAdd):
        for term in plain.args:
            yield from _rules(term, argument)
    elif isinstance(plain, ElementwiseApplyFunction):
        yield "elementwise function"
    elif isinstance(plain, MatMul):
        yield "product"
    else:  # tr(A^T B) is the sum of all entries of an elementwise product
        yield "elementwise product"


def _without_dummies(expression: Any) -> Any:
    """SymPy's answer, its bound variables called by names that are the same in every process."""
    dummies = sorted(expression.atoms(sp.Dummy), key=str)
    return expression.xreplace({dummy: sp.Symbol("d") for dummy in dummies})


def _in_terms_of_value(expression: Any, function: Any, target: Any) -> Any:
    """Write f'(v) in v and in the equation's target, which is f(v).

    That also takes SymPy's ``Dummy`` symbols out, which differ from process to process.
    """
    if isinstance(expression, MatrixSymbol) or not isinstance(expression, MatrixExpr):
        return expression
    if isinstance(expression, ElementwiseApplyFunction):
        if function is None:
            (variable,) = expression.function.variables
            scalar, names = expression.function.expr, {variable: expression.expr}
        else:
            scalar = function.derivative(_ARGUMENT, _VALUE)
            names = {_ARGUMENT: expression.expr, _VALUE: target}
        return entrywise(scalar, names, expression.shape)
    arguments = [_in_terms_of_value(argument, function, target) for argument in expression.args]
    if isinstance(expression, HadamardProduct):
        return HadamardProduct(*flat(arguments))
    return expression.func(*arguments)


_ARGUMENT, _VALUE = sp.symbols("argument value")
