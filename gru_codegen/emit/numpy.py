"""NumPy's spelling of the operations as expressions, which allocate their results."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Const, Every, Expr, Orientation, Ref

__all__ = [
    "FUNCTIONS",
    "Rule",
    "Speller",
    "as_expression",
    "by_sample",
    "over_one_denominator",
    "where_unread",
]

#: Writes a reference: which array, view or number of the module it is.
Speller = Callable[[Ref], str]

#: Writes some operations in another way than the usual one, as what binds as tightly as a name;
#: None for the others.
Rule = Callable[[Call], "str | None"]

# How tightly Python binds: a sum, a product, a unary minus, an atom.
_SUM, _PRODUCT, _UNARY, _ATOM = range(4)


#: The helpers that a module in textbook style defines for the operations it uses.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "clip": (
        "def clip(a: Array) -> Any:",
        '    """a, but at least -1 and at most 1."""',
        "    return np.minimum(np.maximum(a, -1), 1)",
    ),
    "guard": (
        "def _guarded(a: Array, number: int, unread: Array | None) -> Any:",
        '    """a, but `number` in rows that are not read, where a may be anything."""',
        "    return a if unread is None else np.where(unread, np.full((), number, a.dtype), a)",
    ),
    "huber": (
        "def huber(a: Array) -> Any:",
        '    """a^2 / 2 where abs(a) <= 1, else abs(a) - 1/2."""',
        "    c = np.minimum(np.maximum(a, -1), 1)",
        "    return c * (a - c / 2)",
    ),
    "positive": (
        "def positive(a: Array) -> Any:",
        '    """1 where a > 0, else 0, in the dtype of a: of truth values tanh makes float16."""',
        "    return (a > 0) * np.ones_like(a)",
    ),
    "softplus": (
        "def softplus(a: Array) -> Any:",
        '    """log(1 + exp(a)), which neither overflows nor loses small values."""',
        "    m = np.maximum(a, 0)",
        "    return m + np.log1p(np.exp(a - 2 * m))",
    ),
    "sigmoid": (
        "def sigmoid(a: Array) -> Any:",
        '    """1 / (1 + exp(-a)), by way of tanh, which cannot overflow."""',
        "    return (1 + np.tanh(a / 2)) / 2",
    ),
}

# --- expressions ---------------------------------------------------------------------------------


def as_expression(
    expression: Expr, spell: Speller, layout: Orientation = "rows", rule: Rule | None = None
) -> str:
    """`expression` as one line of Python; `layout` is that of the matrices in it.

    rule: what it has a spelling for is written so.
    """
    return _write(expression, spell, layout, rule)[0]


def _write(
    expression: Expr, spell: Speller, layout: Orientation, rule: Rule | None
) -> tuple[str, int]:
    def write(part: Expr) -> str:
        return _write(part, spell, layout, rule)[0]

    def argument(part: Expr) -> str:
        is_choice = isinstance(part, Call) and part.operation == "weigh"
        return write(part)[1:-1] if is_choice else write(part)

    def at_least(part: Expr, level: int) -> str:
        text, binding = _write(part, spell, layout, rule)
        return text if binding >= level else f"({text})"

    if isinstance(expression, Ref):
        return spell(expression), _ATOM
    if isinstance(expression, Const):
        value = expression.value
        text = str(value)
        return text, _ATOM if value.denominator == 1 and value >= 0 else _PRODUCT
    ruled = rule(expression) if rule is not None else None
    if ruled is not None:
        return ruled, _ATOM
    whole = over_one_denominator(expression)
    if whole is not expression:
        return _write(whole, spell, layout, rule)
    args = expression.args
    match expression.operation:
        case "add":
            return f"{at_least(args[0], _SUM)} + {at_least(args[1], _PRODUCT)}", _SUM
        case "subtract":
            return f"{at_least(args[0], _SUM)} - {at_least(args[1], _PRODUCT)}", _SUM
        case "negate":
            return f"-{at_least(args[0], _UNARY)}", _UNARY
        case "multiply" if isinstance(args[0], Const):
            return _scaled(args[0], at_least(args[1], _beside(args[0], args[1]))), _PRODUCT
        case "multiply" if isinstance(args[1], Const):
            return _scaled(args[1], at_least(args[0], _beside(args[1], args[0]))), _PRODUCT
        case "multiply":
            return f"{at_least(args[0], _PRODUCT)} * {at_least(args[1], _UNARY)}", _PRODUCT
        case "matmul":
            if _is_every(args[0]):
                return f"np.matmul({write(args[0])}, {write(args[1])})", _ATOM
            return f"{at_least(args[0], _UNARY)} @ {at_least(args[1], _UNARY)}", _PRODUCT
        case "transpose":
            return f"{at_least(args[0], _ATOM)}.T", _ATOM
        case "contract":
            factors = [at_least(argument, _ATOM) for argument in args]
            if layout == "columns" and not any(map(_is_every, args)):
                return f"{factors[0]} @ {factors[1]}.T", _PRODUCT
            if layout == "columns":
                factors = [f"_turned({factor})" for factor in factors]
            left, right = (_rows(*each) for each in zip(args, factors, strict=True))
            return f"{left}.T @ {right}", _PRODUCT
        case "rows":  # NumPy broadcasts a vector over the rows
            return _write(args[0], spell, layout, rule)
        case "column_sum" if layout == "columns":
            axes = "(0, 2)" if _is_every(args[0]) else "1"
            return f"{at_least(args[0], _ATOM)}.sum(axis={axes})", _ATOM
        case "column_sum":
            return f"{_rows(args[0], at_least(args[0], _ATOM))}.sum(axis=0)", _ATOM
        case "inner":
            return f"_inner({write(args[0])}, {argument(args[1])})", _ATOM
        case "divide":
            return f"{at_least(args[0], _PRODUCT)} / {at_least(args[1], _ATOM)}", _PRODUCT
        case "weigh":
            weights, weighed = spell_optional(args[0], spell), at_least(args[1], _UNARY)
            return f"({weighed} if {weights[0]} is None else {weights[1]} * {weighed})", _ATOM
        case "select":
            choices = ", ".join(write(argument) for argument in args)
            return f"np.where({choices})", _ATOM
        case "guard" if isinstance(args[0], Ref):
            absent, read = spell_optional(args[0], spell)[0], where_unread(args[0], spell)
            mask = f"None if {absent} is None else {read}"
            return f"_guarded({write(args[2])}, {write(args[1])}, {mask})", _ATOM
        case "total":
            return f"np.sum({argument(args[0])})", _ATOM
        case "exp" | "log" | "log1p":
            return f"np.{expression.operation}({write(args[0])})", _ATOM
        case "reciprocal":
            return f"1 / {at_least(args[0], _ATOM)}", _PRODUCT
        case "row_sum" | "row_max":
            function = expression.operation.removeprefix("row_")
            axis = "-1" if layout == "rows" else "-2"
            return f"{at_least(args[0], _ATOM)}.{function}(axis={axis}, keepdims=True)", _ATOM
        case "relu":
            return f"np.maximum({write(args[0])}, 0)", _ATOM
        case "tanh":
            return f"np.tanh({write(args[0])})", _ATOM
        case name if name in FUNCTIONS:
            return f"{name}({write(args[0])})", _ATOM
    raise ProgramError(f"NumPy has no spelling for the operation {expression.operation!r}")


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


def by_sample(spell: Speller, layout: Orientation) -> Rule:
    """How weighted sums over all samples are written: as sums of each one's own, times its weight.

    That takes no array of all weighted numbers.
    """
    axes, axis = ("tbn,tbn->tb", -1) if layout == "rows" else ("tnb,tnb->tb", -2)

    def write(expression: Expr, level: int = _SUM) -> str:
        text, binding = _write(expression, spell, layout, None)
        return text if binding >= level else f"({text})"

    def rule(part: Call) -> str | None:
        match part:
            case Call("inner", (left, Call("weigh", (weights, right)))):
                sums = f'np.einsum("{axes}", {write(left)}, {write(right)})'
            case Call("total", (Call("weigh", (weights, weighed)),)):
                sums = f"{write(weighed, _ATOM)}.sum(axis={axis})"
            case _:
                return None
        return f"_inner({write(weights)}, {sums})"

    return rule


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


def _beside(factor: Const, scaled: Expr) -> int:
    """How tightly `scaled` has to bind behind `factor`.

    ``2 * (A.T @ B)``: otherwise the rows of all steps of A are doubled, not the gradient.
    """
    is_gradient = isinstance(scaled, Call) and scaled.operation == "contract"
    return _UNARY if is_gradient and factor.value.numerator != 1 else _PRODUCT


def _scaled(factor: Const, text: str) -> str:
    """Numbers stay integers, which are exact beside any dtype: x / 2, never 0.5 * x."""
    value = factor.value
    if value.numerator != 1:
        text = f"{value.numerator} * {text}"
    return text if value.denominator == 1 else f"{text} / {value.denominator}"


def _rows(expression: Expr, text: str) -> str:
    return f"_rows({text})" if _is_every(expression) else text


def _is_every(expression: Expr) -> bool:
    """Whether a matrix is that of all steps at once."""
    return isinstance(expression, Ref) and isinstance(expression.when, Every)


def where_unread(argument: Ref, spell: Speller) -> str:
    """The mask of what is not read: samples that have ended, or have no weight."""
    read = spell(argument)
    return f"{read} == 0" if argument.var.role == "loss weights" else read


def spell_optional(expression: Expr, spell: Speller) -> tuple[str, str]:
    """The name of an optional argument, and what is read of it."""
    read = spell(expression) if isinstance(expression, Ref) else ""
    return read.partition("[")[0], read
