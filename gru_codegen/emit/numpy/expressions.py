"""NumPy's spelling of the operations as expressions, which allocate their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from math import lcm

import numpy as np

from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    Call,
    Const,
    Every,
    Expr,
    Orientation,
    Ref,
)
from gru_codegen.ir.precedence import ATOM, PRODUCT, SUM, TIGHT, Form, Infix, call, spelled

__all__ = [
    "REDUCTIONS",
    "SPELLINGS",
    "Numpy",
    "Rule",
    "Speller",
    "as_expression",
    "as_terms",
    "by_sample",
    "over_one_denominator",
    "ufunc",
    "where_unread",
]

#: Writes a reference: which array, view or number of the module it is.
Speller = Callable[[Ref], str]

#: Writes some operations in another way than the usual one, as what binds as tightly as a name;
#: None for the others.
Rule = Callable[[Call], "str | None"]

#: The method of an array for each sum, or largest, over the features of every sample.
REDUCTIONS = {"row_sum": "sum", "row_max": "max"}

#: How tightly ``a if c else b`` binds: it stands without parentheses only as an argument.
_CHOICE = SUM - 1


def as_expression(expression: Expr, notation: Numpy) -> str:
    """`expression` as one line of Python."""
    return spelled(expression, notation)


def as_terms(expression: Expr, notation: Numpy) -> tuple[str, list[str], str]:
    """`expression` to be broken: the terms of the sum that it is or has in parentheses.

    Before them stands the text in front of the parentheses, behind them the rest of it; both are
    empty where there are none. Each term but the first begins with its sign.
    """
    whole = over_one_denominator(expression)
    if not _is_sum(whole):
        form = notation(whole)
        for place, (operand, level) in enumerate(form.operands):
            before, behind = _around(form, place, notation)
            if notation(operand).level < level:
                return before, _terms_of(operand, notation), behind
            if before.endswith("(") and behind.startswith(")"):
                return before[:-1], _terms_of(operand, notation), behind[1:]
    return "", _terms_of(whole, notation), ""


def _around(form: Form, place: int, notation: Numpy) -> tuple[str, str]:
    """The text before and behind one of the operands of a form."""
    pieces = form.pattern.split("{}")
    texts = [spelled(operand, notation, level) for operand, level in form.operands]
    before = "".join(chain.from_iterable(zip(pieces, texts[:place], strict=False)))
    behind = "".join(chain.from_iterable(zip(texts[place + 1 :], pieces[place + 2 :], strict=True)))
    return before + pieces[place], pieces[place + 1] + behind


def _terms_of(expression: Expr, notation: Numpy) -> list[str]:
    if not (isinstance(expression, Call) and _is_sum(expression)):
        return [spelled(expression, notation)]
    left, right = expression.args
    sign = "+" if expression.operation == "add" else "-"
    negative = isinstance(right, Call) and right.operation == "negate"
    last = spelled(right, notation, ATOM if negative else PRODUCT)
    return [*_terms_of(left, notation), f"{sign} {last}"]


def _is_sum(expression: Expr) -> bool:
    return isinstance(expression, Call) and expression.operation in ("add", "subtract")


@dataclass(frozen=True)
class Numpy:
    """The notation of expressions in NumPy.

    orientation: that of the matrices in them. rule: what it has a spelling for is written so.
    runtime: is told the functions of `gru_codegen/runtime` that they call, and gives their names.
    """

    spell: Speller
    orientation: Orientation = "rows"
    rule: Rule | None = None
    runtime: Callable[[str], str] = str

    def __call__(self, expression: Expr) -> Form:
        if isinstance(expression, Ref):
            return Form(self.spell(expression))
        if isinstance(expression, Const):
            value = expression.value
            return Form(str(value), ATOM if value.denominator == 1 and value >= 0 else PRODUCT)
        ruled = self.rule(expression) if self.rule is not None else None
        if ruled is not None:
            return Form(ruled)
        whole = over_one_denominator(expression)
        if whole is not expression:
            return self(whole)
        spelling = SPELLINGS.get(expression.operation)
        if isinstance(spelling, Infix):
            return spelling.of(*expression.args)
        return spelling(self, expression) if spelling is not None else self.function(expression)

    def function(self, expression: Call) -> Form:
        """A function of NumPy, a helper of the module, or what a function is made of."""
        name = expression.operation
        if ufunc(name) is not None:
            return call(f"np.{ufunc(name)}", expression.args)
        function = ELEMENTWISE.get(name)
        if function is None:
            raise ProgramError(f"NumPy has no spelling for the operation {name!r}")
        if function.inline:
            return self(function.of(expression.args[0]))
        return call(name, expression.args)


def ufunc(operation: str) -> str | None:
    """NumPy's name of an elementwise operation, if it has it as a function."""
    known = OPERATIONS.get(operation)
    if known is None or not known.elementwise:
        return None
    return known.value.__name__ if isinstance(known.value, np.ufunc) else None


# --- each operation ------------------------------------------------------------------------------


def _multiply(notation: Numpy, value: Call) -> Form:
    left, right = value.args
    if isinstance(left, Const):
        return _scaled(left.value, right)
    if isinstance(right, Const):
        return _scaled(right.value, left)
    return Form("{} * {}", PRODUCT, ((left, PRODUCT), (right, TIGHT)))


def _scaled(factor: Fraction, value: Expr) -> Form:
    """Numbers stay integers, which are exact beside any dtype: x / 2, never 0.5 * x.

    ``2 * (A.T @ B)``: otherwise the rows of all steps of A are doubled, not the gradient.
    """
    is_gradient = isinstance(value, Call) and value.operation == "contract"
    level = TIGHT if is_gradient and factor.numerator != 1 else PRODUCT
    before = "" if factor.numerator == 1 else f"{factor.numerator} * "
    behind = "" if factor.denominator == 1 else f" / {factor.denominator}"
    return Form(f"{before}{{}}{behind}", PRODUCT, ((value, level),))


def _matmul(notation: Numpy, value: Call) -> Form:
    if _is_every(value.args[0]):
        return call("np.matmul", value.args)
    return Infix("{} @ {}", PRODUCT, (TIGHT, TIGHT)).of(*value.args)


def _contract(notation: Numpy, value: Call) -> Form:
    if notation.orientation == "columns" and not any(map(_is_every, value.args)):
        return Infix("{} @ {}.T", PRODUCT, (ATOM, ATOM)).of(*value.args)
    turned = f"{notation.runtime('_turned')}({{}})" if notation.orientation == "columns" else "{}"
    left, right = (_rows(notation, argument, turned) for argument in value.args)
    return Infix(f"{left}.T @ {right}", PRODUCT, (ATOM, ATOM)).of(*value.args)


def _column_sum(notation: Numpy, value: Call) -> Form:
    (matrix,) = value.args
    if notation.orientation == "columns":
        axes = "(0, 2)" if _is_every(matrix) else "1"
        return Infix(f"{{}}.sum(axis={axes})", ATOM, (ATOM,)).of(matrix)
    return Infix(f"{_rows(notation, matrix, '{}')}.sum(axis=0)", ATOM, (ATOM,)).of(matrix)


def _rows(notation: Numpy, matrix: Expr, pattern: str) -> str:
    return f"{notation.runtime('_rows')}({pattern})" if _is_every(matrix) else pattern


def _inner(notation: Numpy, value: Call) -> Form:
    return Infix(f"{notation.runtime('_inner')}({{}}, {{}})", ATOM, (SUM, _CHOICE)).of(*value.args)


def _is_every(expression: Expr) -> bool:
    """True if a matrix is that of all steps at once."""
    return isinstance(expression, Ref) and isinstance(expression.when, Every)


def _weigh(notation: Numpy, value: Call) -> Form:
    weights, weighed = value.args
    return Form(
        "{} if {} is None else {} * {}",
        _CHOICE,
        ((weighed, TIGHT), (_optional(weights), ATOM), (weights, PRODUCT), (weighed, TIGHT)),
    )


def _guard(notation: Numpy, value: Call) -> Form:
    mask, number, matrix = value.args
    assert isinstance(mask, Ref)  # an argument of an entry point
    unread = where_unread(mask, lambda _: "{}")
    return Form(
        f"_guarded({{}}, {{}}, None if {{}} is None else {unread})",
        ATOM,
        ((matrix, SUM), (number, SUM), (_optional(mask), ATOM), (mask, ATOM)),
    )


def _optional(argument: Expr) -> Ref:
    """The whole of an argument of an entry point: what is None if it is not given."""
    assert isinstance(argument, Ref)
    return replace(argument, when=Every())


def where_unread(argument: Ref, spell: Speller) -> str:
    """The mask of what is not read: samples that have ended, or have no weight."""
    read = spell(argument)
    return f"{read} == 0" if argument.var.role == "loss weights" else read


def _of_rows(notation: Numpy, value: Call) -> Form:
    axis = "-1" if notation.orientation == "rows" else "-2"
    pattern = f"{{}}.{REDUCTIONS[value.operation]}(axis={axis}, keepdims=True)"
    return Infix(pattern, ATOM, (ATOM,)).of(*value.args)


def _greater(notation: Numpy, value: Call) -> Form:
    left, right = value.args
    operands = ((left, SUM), (right, SUM), (left, SUM))
    return Form("({} > {}) * np.ones_like({})", PRODUCT, operands)


#: How each operation is spelled that is no function of NumPy's and no function of equations.
SPELLINGS: dict[str, Infix | Callable[[Numpy, Call], Form]] = {
    "add": Infix("{} + {}", SUM, (SUM, PRODUCT)),
    "subtract": Infix("{} - {}", SUM, (SUM, PRODUCT)),
    "negate": Infix("-{}", TIGHT, (TIGHT,)),
    "multiply": _multiply,
    "divide": Infix("{} / {}", PRODUCT, (PRODUCT, ATOM)),
    "greater": _greater,
    "weigh": _weigh,
    "guard": _guard,
    "select": Infix("np.where({}, {}, {})", ATOM, (SUM, SUM, SUM)),
    "row_sum": _of_rows,
    "row_max": _of_rows,
    "total": Infix("np.sum({})", ATOM, (_CHOICE,)),
    "inner": _inner,
    "matmul": _matmul,
    "contract": _contract,
    "transpose": Infix("{}.T", ATOM, (ATOM,)),
    "rows": lambda notation, value: notation(value.args[0]),  # NumPy broadcasts a vector
    "column_sum": _column_sum,
}


def by_sample(notation: Numpy) -> Rule:
    """Write weighted sums over all samples as sums of each one's own, times its weight.

    That takes no array of all weighted numbers.
    """
    axes, axis = ("tbn,tbn->tb", -1) if notation.orientation == "rows" else ("tnb,tnb->tb", -2)

    def rule(part: Call) -> str | None:
        match part:
            case Call("inner", (left, Call("weigh", (weights, right)))):
                pair = f"{spelled(left, notation)}, {spelled(right, notation)}"
                sums = f'np.einsum("{axes}", {pair})'
            case Call("total", (Call("weigh", (weights, weighed)),)):
                sums = f"{spelled(weighed, notation, ATOM)}.sum(axis={axis})"
            case _:
                return None
        return f"{notation.runtime('_inner')}({spelled(weights, notation)}, {sums})"

    return rule


# --- sums with fractions -------------------------------------------------------------------------


def over_one_denominator(expression: Expr) -> Expr:
    """A sum with a fraction among its terms as whole multiples of them, divided once.

    ``a - b / 2 + 1/3`` is ``(6 * a - 3 * b + 2) / 6``: a fraction alone would be a float. Whatever
    else `expression` is, it is returned as it is.
    """
    terms = _terms(expression)
    if not any(rest is None and number.denominator != 1 for number, rest in terms):
        return expression
    denominator = lcm(*(number.denominator for number, _ in terms))
    total: Expr | None = None
    for number, rest in terms:
        multiple = number * denominator
        size = abs(multiple) if total is not None else multiple
        term: Expr = Const(size)
        if rest is not None:
            term = rest if size == 1 else Call("multiply", (term, rest))
        if total is None:
            total = Call("negate", (rest,)) if rest is not None and multiple == -1 else term
        else:
            total = Call("add" if multiple > 0 else "subtract", (total, term))
    assert total is not None  # there are terms, the fraction among them
    return Call("multiply", (Const(Fraction(1, denominator)), total))


def _terms(expression: Expr) -> list[tuple[Fraction, Expr | None]]:
    """The terms of a sum, each a number times the rest, which is None for a number alone."""
    if isinstance(expression, Const):
        return [(expression.value, None)]
    if isinstance(expression, Call):
        match expression.operation, [_terms(argument) for argument in expression.args]:
            case "add", (left, right):
                return left + right
            case "subtract", (left, right):
                return left + [(-number, rest) for number, rest in right]
            case "negate", (terms,):
                return [(-number, rest) for number, rest in terms]
            case "multiply", ([(factor, None)], [(number, rest)]):
                return [(factor * number, rest)]
            case "multiply", ([(number, rest)], [(factor, None)]):
                return [(factor * number, rest)]
            case "multiply", ([(factor, None)], _):
                return [(factor, expression.args[1])]
            case "multiply", (_, [(factor, None)]):
                return [(factor, expression.args[0])]
    return [(Fraction(1), expression)]
