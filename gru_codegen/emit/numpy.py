"""NumPy's spelling of the operations: as expressions (textbook) and as calls in place (fast)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Const, Every, Expr, Ref, Statement, shape_of

__all__ = [
    "FUNCTIONS",
    "Speller",
    "as_expression",
    "constant",
    "constants",
    "in_place",
    "over_one_denominator",
]

#: Writes a reference: which array, view or number of the module it is.
Speller = Callable[[Ref], str]

# How tightly Python binds: a sum, a product, a unary minus, an atom.
_SUM, _PRODUCT, _UNARY, _ATOM = range(4)


#: The helpers that a module in textbook style defines for the functions it uses.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "clip": (
        "def clip(a: Array) -> Any:",
        '    """a, but at least -1 and at most 1."""',
        "    return np.minimum(np.maximum(a, -1), 1)",
    ),
    "huber": (
        "def huber(a: Array) -> Any:",
        '    """a^2 / 2 where abs(a) <= 1, else abs(a) - 1/2."""',
        "    c = np.minimum(np.maximum(a, -1), 1)",
        "    return c * (a - c / 2)",
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


def as_expression(expression: Expr, spell: Speller) -> str:
    """`expression` as one line of Python that allocates its result."""
    return _write(expression, spell)[0]


def _write(expression: Expr, spell: Speller) -> tuple[str, int]:
    def at_least(part: Expr, level: int) -> str:
        text, binding = _write(part, spell)
        return text if binding >= level else f"({text})"

    if isinstance(expression, Ref):
        return spell(expression), _ATOM
    if isinstance(expression, Const):
        value = expression.value
        text = str(value)
        return text, _ATOM if value.denominator == 1 and value >= 0 else _PRODUCT
    whole = over_one_denominator(expression)
    if whole is not expression:
        return _write(whole, spell)
    args = expression.args
    match expression.operation:
        case "add":
            return f"{at_least(args[0], _SUM)} + {at_least(args[1], _PRODUCT)}", _SUM
        case "subtract":
            return f"{at_least(args[0], _SUM)} - {at_least(args[1], _PRODUCT)}", _SUM
        case "negate":
            return f"-{at_least(args[0], _UNARY)}", _UNARY
        case "multiply" if isinstance(args[0], Const):
            return _scaled(args[0], at_least(args[1], _PRODUCT)), _PRODUCT
        case "multiply" if isinstance(args[1], Const):
            return _scaled(args[1], at_least(args[0], _PRODUCT)), _PRODUCT
        case "multiply":
            return f"{at_least(args[0], _PRODUCT)} * {at_least(args[1], _UNARY)}", _PRODUCT
        case "matmul":
            if isinstance(args[0], Ref) and isinstance(args[0].when, Every):
                return f"np.matmul({_write(args[0], spell)[0]}, {_write(args[1], spell)[0]})", _ATOM
            return f"{at_least(args[0], _UNARY)} @ {at_least(args[1], _UNARY)}", _PRODUCT
        case "transpose":
            return f"{at_least(args[0], _ATOM)}.T", _ATOM
        case "contract":
            left, right = (_rows(argument, at_least(argument, _ATOM)) for argument in args)
            return f"{left}.T @ {right}", _PRODUCT
        case "rows":  # NumPy broadcasts a vector over the rows
            return _write(args[0], spell)
        case "column_sum":
            return f"{_rows(args[0], at_least(args[0], _ATOM))}.sum(axis=0)", _ATOM
        case "inner":
            left, right = (at_least(argument, _ATOM) for argument in args)
            return f"np.dot({left}.ravel(), {right}.ravel())", _ATOM
        case "divide":
            return f"{at_least(args[0], _PRODUCT)} / {at_least(args[1], _ATOM)}", _PRODUCT
        case "weigh":
            weights, weighed = spell_optional(args[0], spell), at_least(args[1], _UNARY)
            return f"({weighed} if {weights[0]} is None else {weights[1]} * {weighed})", _ATOM
        case "select":
            choices = ", ".join(_write(argument, spell)[0] for argument in args)
            return f"np.where({choices})", _ATOM
        case "total":
            inside = _write(args[0], spell)[0]
            return f"np.sum({inside})" if not inside.startswith("(") else f"np.sum{inside}", _ATOM
        case "exp" | "log":
            return f"np.{expression.operation}({_write(args[0], spell)[0]})", _ATOM
        case "reciprocal":
            return f"1 / {at_least(args[0], _ATOM)}", _PRODUCT
        case "row_sum" | "row_max":
            function = expression.operation.removeprefix("row_")
            return f"{at_least(args[0], _ATOM)}.{function}(axis=-1, keepdims=True)", _ATOM
        case "positive":
            return f"({at_least(args[0], _SUM)} > 0)", _ATOM
        case "relu":
            return f"np.maximum({_write(args[0], spell)[0]}, 0)", _ATOM
        case "tanh":
            return f"np.tanh({_write(args[0], spell)[0]})", _ATOM
        case name if name in FUNCTIONS:
            return f"{name}({_write(args[0], spell)[0]})", _ATOM
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


def _scaled(factor: Const, text: str) -> str:
    """Numbers stay integers, which are exact beside any dtype: x / 2, never 0.5 * x."""
    value = factor.value
    if value.numerator != 1:
        text = f"{value.numerator} * {text}"
    return text if value.denominator == 1 else f"{text} / {value.denominator}"


def _rows(expression: Expr, text: str) -> str:
    every = isinstance(expression, Ref) and isinstance(expression.when, Every)
    return f"_rows({text})" if every else text


def spell_optional(expression: Expr, spell: Speller) -> tuple[str, str]:
    """The name of an optional argument, and what is read of it."""
    read = spell(expression) if isinstance(expression, Ref) else ""
    return read.partition("[")[0], read


# --- calls in place ------------------------------------------------------------------------------

#: The whole numbers that an operation's own lines use.
_NUMBERS = {"sigmoid": {1, 2}, "relu": {0}, "positive": {0}, "reciprocal": {1}}
_WORDS = {0: "zero", 1: "one", 2: "two", 3: "three", 4: "four"}


def constant(value: int) -> str:
    """The name of the 0-d array that holds `value` in the compute dtype."""
    return _WORDS.get(value, f"number_{value}".replace("-", "minus_"))


def constants(statement: Statement) -> set[int]:
    """The whole numbers that the in-place spelling of `statement` needs as arrays."""
    if isinstance(statement.value, Const) and statement.value.value.denominator != 1:
        return {statement.value.value.denominator}
    if not isinstance(statement.value, Call) or not shape_of(statement.value):
        return set()
    operation = statement.value.operation
    if operation == "select":  # copies numbers as they are
        return set()
    needed = set(_NUMBERS.get(operation, ()))
    for value in (a.value for a in statement.value.args if isinstance(a, Const)):
        if value.denominator != 1:
            needed.add(value.denominator)
        if value.denominator == 1 or value.numerator != 1 or operation != "multiply":
            needed.add(value.numerator)
    return needed


def in_place(statement: Statement, spell: Speller) -> list[str]:
    """The lines that compute `statement`, a single operation, into its target's array."""
    out, value = spell(statement.target), statement.value
    if statement.accumulate:
        raise ProgramError(f"a sum over time is no operation in place: {statement}")
    if isinstance(value, Ref):
        return [f"np.copyto({out}, {spell(value)})"]
    if isinstance(value, Const):
        number = value.value
        return [f"{out}[...] = {number.numerator}", *_divided(out, out, number)]
    args = [_argument(argument, spell) for argument in value.args]
    match value.operation:
        case "add" | "subtract" | "multiply":
            return _with_constants(value, args, out)
        case "clip" | "huber" | "softplus":
            return [f"np.copyto({out}, {value.operation}({args[0]}))"]
        case "negate":
            return [f"np.negative({args[0]}, out={out})"]
        case "exp" | "log":
            return [f"np.{value.operation}({args[0]}, out={out})"]
        case "reciprocal":
            return [f"np.divide(one, {args[0]}, out={out})"]
        case "row_sum" | "row_max":
            return [f"np.copyto({out}, {as_expression(value, spell)})"]
        case "select":
            mask, chosen, other = (as_expression(argument, spell) for argument in value.args)
            start = [] if other == out else [f"{out}[...] = {other}"]
            return [*start, f"np.copyto({out}, {chosen}, where={mask})"]
        case "divide":
            return [f"np.divide({args[0]}, {args[1]}, out={out})"]
        case "positive":
            return [f"np.greater({args[0]}, zero, out={out})"]
        case "relu":
            return [f"np.maximum({args[0]}, zero, out={out})"]
        case "tanh":
            return [f"np.tanh({args[0]}, out={out})"]
        case "sigmoid":  # (1 + tanh(a / 2)) / 2, which cannot overflow
            return [
                f"np.divide({args[0]}, two, out={out})",
                f"np.tanh({out}, out={out})",
                f"np.add({out}, one, out={out})",
                f"np.divide({out}, two, out={out})",
            ]
        case "matmul":
            left = _rows(value.args[0], args[0])
            return [f"np.dot({left}, {args[1]}, out={_rows(statement.target, out)})"]
        case "contract":
            left, right = (_rows(a, text) for a, text in zip(value.args, args, strict=True))
            return [f"np.dot({left}.T, {right}, out={out})"]
    raise ProgramError(f"NumPy has no spelling in place for the operation {value.operation!r}")


def _argument(expression: Expr, spell: Speller) -> str:
    if isinstance(expression, Const):
        return constant(expression.value.numerator)
    return as_expression(expression, spell)


def _with_constants(value: Call, args: list[str], out: str) -> list[str]:
    """A sum or product of two. Beside a fraction p/q the other operand is multiplied by p, then
    divided by q; or, in a sum, multiplied by q before p is added and all of it divided by q."""
    fractions = {
        place: argument.value
        for place, argument in enumerate(value.args)
        if isinstance(argument, Const) and argument.value.denominator != 1
    }
    if not fractions:
        return [f"np.{value.operation}({args[0]}, {args[1]}, out={out})"]
    [(place, fraction)] = fractions.items()
    lines, other = [], args[1 - place]
    if value.operation == "multiply":
        if fraction.numerator != 1:
            lines.append(f"np.multiply({other}, {args[place]}, out={out})")
            other = out
        return [*lines, *_divided(other, out, fraction)]
    lines.append(f"np.multiply({other}, {constant(fraction.denominator)}, out={out})")
    args[1 - place] = out
    lines.append(f"np.{value.operation}({args[0]}, {args[1]}, out={out})")
    return [*lines, *_divided(out, out, fraction)]


def _divided(text: str, out: str, fraction: Fraction) -> list[str]:
    """The line that divides by the denominator of `fraction`, if it is not 1."""
    if fraction.denominator == 1:
        return []
    return [f"np.divide({text}, {constant(fraction.denominator)}, out={out})"]
