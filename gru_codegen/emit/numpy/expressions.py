"""NumPy's spelling of the operations as expressions, which allocate their results."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from gru_codegen.emit.numpy.denominators import over_one_denominator
from gru_codegen.emit.sizes import added
from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    Call,
    Const,
    Expr,
    Orientation,
    Ref,
    shape_of,
)
from gru_codegen.ir.precedence import ATOM, PRODUCT, SUM, TIGHT, Form, Infix, call, spelled
from gru_codegen.plan.extents import FULL, extent

__all__ = [
    "REDUCTIONS",
    "SPELLINGS",
    "Numpy",
    "Rule",
    "Speller",
    "as_expression",
    "as_terms",
    "by_sample",
    "helper_name",
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

    Before them stands the text up to the opening parenthesis, behind them that from the closing one
    on. Each term but the first begins with its sign.
    """
    whole = over_one_denominator(expression)
    if not _is_sum(whole):
        form = notation(whole)
        for place, (operand, level) in enumerate(form.operands):
            before, behind = form.around(place, notation)
            if notation(operand).level < level:
                start, terms, end = _broken(operand, notation)
                return f"{before}({start}", terms, f"{end}){behind}"
            if level <= SUM and len(form.operands) == 1:  # the argument of a function
                start, terms, end = _broken(operand, notation)
                return f"{before}{start}", terms, f"{end}{behind}"
    return "(", _terms_of(whole, notation), ")"


def _broken(operand: Expr, notation: Numpy) -> tuple[str, list[str], str]:
    """The terms of an operand, between what makes one number of those over one denominator."""
    if over_one_denominator(operand) is not operand:
        return as_terms(operand, notation)
    return "", _terms_of(operand, notation), ""


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

    def is_turned(self, matrix: Expr) -> bool:
        """True if `matrix` has a sample per column."""
        return self.orientation == "columns" and shape_of(matrix)[-2:-1] == ("B",)

    def whole(self, operand: Expr) -> str:
        """The pattern of an operand that has to be there in full."""
        return "{}" if extent(operand) == FULL or not shape_of(operand) else self.spread(operand)

    def spread(self, operand: Expr) -> str:
        """The pattern of an operand with its one row, or column, spread over all."""
        *_, rows, columns = shape_of(operand)
        rows, columns = (added([size], "w.") for size in (rows, columns))
        own = (columns, rows) if self.is_turned(operand) else (rows, columns)
        return f"np.broadcast_to({{}}, ({', '.join([*self.matrices(operand), *own])}))"

    def matrices(self, operand: Expr) -> list[str]:
        """The number of matrices in an operand that has one for each of many; none of one alone."""
        *steps, _, _ = shape_of(operand)
        return ["w.steps"] if steps else []

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
        return call(helper_name(name), expression.args)


def helper_name(function: str) -> str:
    """The name of the helper of a function, which must not be one of Python's own."""
    return f"{function}_" if hasattr(builtins, function) else function


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
    left, right = value.args
    pattern = "np.matmul({}, {})" if _is_every(left) else "{} @ {}"
    level, least = (ATOM, SUM) if _is_every(left) else (PRODUCT, TIGHT)
    wide = "{}" if extent(left).columns else notation.spread(left)
    if notation.is_turned(left):
        return Form(pattern.format("{}", wide), level, ((_transposed(right), least), (left, least)))
    return Form(pattern.format(wide, "{}"), level, ((left, least), (right, least)))


def _transposed(weights: Expr) -> Expr:
    if isinstance(weights, Call) and weights.operation == "transpose":
        return weights.args[0]
    return Call("transpose", (weights,))


def _contract(notation: Numpy, value: Call) -> Form:
    left, right = (notation.whole(argument) for argument in value.args)
    operands = tuple((argument, ATOM) for argument in value.args)
    if notation.is_turned(value.args[0]):
        if not any(map(_is_every, value.args)):
            return Form(f"{left} @ {right}.T", PRODUCT, operands)
        turned = notation.runtime("_turned")
        left, right = f"{turned}({left})", f"{turned}({right})"
    left, right = (_rows(notation, a, p) for a, p in zip(value.args, (left, right), strict=True))
    return Form(f"{left}.T @ {right}", PRODUCT, operands)


def _column_sum(notation: Numpy, value: Call) -> Form:
    (matrix,) = value.args
    pattern = notation.whole(matrix)
    if notation.is_turned(matrix):
        axes = "(0, 2)" if _is_every(matrix) else "1"
        return Form(f"{pattern}.sum(axis={axes})", ATOM, ((matrix, ATOM),))
    return Form(f"{_rows(notation, matrix, pattern)}.sum(axis=0)", ATOM, ((matrix, ATOM),))


def _rows(notation: Numpy, matrix: Expr, pattern: str) -> str:
    return f"{notation.runtime('_rows')}({pattern})" if _is_every(matrix) else pattern


def _total(notation: Numpy, value: Call) -> Form:
    (matrix,) = value.args
    return Form(f"np.sum({notation.whole(matrix)})", ATOM, ((matrix, _CHOICE),))


def _inner(notation: Numpy, value: Call) -> Form:
    left, right = value.args
    pair = f"{notation.whole(left)}, {notation.whole(right)}"
    return Form(f"{notation.runtime('_inner')}({pair})", ATOM, ((left, SUM), (right, _CHOICE)))


def _is_every(expression: Expr) -> bool:
    """True if a matrix is that of all steps at once."""
    return shape_of(expression)[:1] == ("T",)


def _vector_as_rows(notation: Numpy, value: Call) -> Form:
    """The vector itself, which NumPy spreads, or the column that it spreads over columns."""
    if notation.orientation == "columns":
        return Form("{}[:, None]", ATOM, ((value.args[0], ATOM),))
    return notation(value.args[0])


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
    return replace(argument, when=None)


def where_unread(argument: Ref, spell: Speller) -> str:
    """The mask of what is not read: steps that are padding, or have no weight."""
    read = spell(argument)
    return f"{read} == 0" if argument.var.role == "loss weights" else read


def _of_rows(notation: Numpy, value: Call) -> Form:
    (matrix,) = value.args
    axis = "-2" if notation.is_turned(matrix) else "-1"
    is_wide = value.operation == "row_max" or extent(matrix).columns
    pattern = "{}" if is_wide else notation.spread(matrix)
    reduced = f"{pattern}.{REDUCTIONS[value.operation]}(axis={axis}, keepdims=True)"
    return Form(reduced, ATOM, ((matrix, ATOM),))


def _compared(mark: str) -> Callable[[Numpy, Call], Form]:
    def form(notation: Numpy, value: Call) -> Form:
        left, right = value.args
        operands = ((left, SUM), (right, SUM), (left, SUM))
        return Form(f"({{}} {mark} {{}}) * np.ones_like({{}})", PRODUCT, operands)

    return form


#: How each operation is spelled that is no function of NumPy's and no function of equations.
SPELLINGS: dict[str, Infix | Callable[[Numpy, Call], Form]] = {
    "add": Infix("{} + {}", SUM, (SUM, PRODUCT)),
    "subtract": Infix("{} - {}", SUM, (SUM, PRODUCT)),
    "negate": Infix("-{}", TIGHT, (TIGHT,)),
    "multiply": _multiply,
    "divide": Infix("{} / {}", PRODUCT, (PRODUCT, ATOM)),
    "greater": _compared(">"),
    "greater_equal": _compared(">="),
    "where": Infix("np.where({} > 0, {}, {})", ATOM, (SUM, SUM, SUM)),
    "weigh": _weigh,
    "guard": _guard,
    "select": Infix("np.where({}, {}, {})", ATOM, (SUM, SUM, SUM)),
    "row_sum": _of_rows,
    "row_max": _of_rows,
    "total": _total,
    "inner": _inner,
    "matmul": _matmul,
    "contract": _contract,
    "transpose": Infix("{}.T", ATOM, (ATOM,)),
    "rows": _vector_as_rows,
    "row": lambda notation, value: notation(value.args[0]),  # NumPy spreads it
    "column": Infix("{}[:, None]", ATOM, (ATOM,)),
    "vector": Infix("{}[:, 0]", ATOM, (ATOM,)),
    "column_sum": _column_sum,
}


def by_sample(notation: Numpy) -> Rule:
    """Write weighted sums over all samples as sums of each one's own, times its weight.

    That takes no array of all weighted numbers.
    """
    own, axis = ("bn", -1) if notation.orientation == "rows" else ("nb", -2)

    def in_full(operand: Expr, least: int) -> str:
        return notation.whole(operand).format(spelled(operand, notation, least))

    def rule(part: Call) -> str | None:
        match part:
            case Call("inner", (left, Call("weigh", (weights, right)))):
                letters = f"t{own}" if _is_every(left) else own
                axes = f"{letters},{letters}->{letters.replace('n', '')}"
                sums = f'np.einsum("{axes}", {in_full(left, SUM)}, {in_full(right, SUM)})'
            case Call("total", (Call("weigh", (weights, weighed)),)):
                sums = f"{in_full(weighed, ATOM)}.sum(axis={axis})"
            case _:
                return None
        return f"{notation.runtime('_inner')}({spelled(weights, notation)}, {sums})"

    return rule
