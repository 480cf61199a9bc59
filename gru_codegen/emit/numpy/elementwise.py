"""Elementwise operations as calls that write into arrays."""

from __future__ import annotations

from fractions import Fraction

from gru_codegen.emit.lines import LogicalLine, call
from gru_codegen.emit.numpy.expressions import REDUCTIONS, ufunc
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.ir import Call, Const, Statement

__all__ = [
    "arithmetic",
    "choice",
    "compared",
    "divided",
    "negated",
    "of_rows",
    "of_ufunc",
    "select",
]

#: NumPy is about to refuse where the result goes as a third argument of these two alone.
_RESULT = {"maximum": "out=", "minimum": "out="}


def arithmetic(
    operands: Operands, statement: Statement, value: Call, out: str
) -> list[LogicalLine]:
    """A sum or product of two. Beside a fraction p/q the other operand is multiplied by p, then
    divided by q; or, in a sum, multiplied by q before p is added and all of it divided by q."""
    fractions = {
        place: argument.value
        for place, argument in enumerate(value.args)
        if isinstance(argument, Const) and argument.value.denominator != 1
    }
    if not fractions:
        return of_ufunc(operands, statement, value, out)
    [(place, fraction)] = fractions.items()
    other = operands.matrix(value.args[1 - place], statement.target)
    number = operands.names.number
    if value.operation == "multiply":
        lines = []
        if fraction.numerator != 1:
            lines.append(call("np.multiply", (other, number(fraction.numerator), out)))
            other = out
        return [*lines, *divided(operands, other, fraction, out)]
    numerator = number(fraction.numerator)
    addends = (numerator, out) if place == 0 else (out, numerator)
    return [
        call("np.multiply", (other, number(fraction.denominator), out)),
        call(f"np.{value.operation}", (*addends, out)),
        *divided(operands, out, fraction, out),
    ]


def divided(operands: Operands, text: str, fraction: Fraction, out: str) -> list[LogicalLine]:
    """The line that divides `text` by the denominator of `fraction`, if it is not 1."""
    if fraction.denominator == 1:
        return []
    return [call("np.divide", (text, operands.names.number(fraction.denominator), out))]


def of_ufunc(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A function of NumPy's."""
    args = [operands.matrix(argument, statement.target) for argument in value.args]
    result = f"{_RESULT.get(value.operation, '')}{out}"
    return [call(f"np.{ufunc(value.operation)}", (*args, result))]


def negated(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """The product with -1. np.negative is wrong, in NumPy 2.4 at least, where its argument has a
    stride of as many numbers as a number has bytes, and the result is not contiguous."""
    argument = operands.matrix(value.args[0], statement.target)
    return [call("np.multiply", (argument, operands.names.number(-1), out))]


def compared(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A comparison, as numbers 0 and 1."""
    args = [operands.matrix(argument, statement.target) for argument in value.args]
    return [call(f"np.{value.operation}", (*args, out))]


def choice(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """One matrix where a condition, in numbers 0 and 1, holds; the other one elsewhere."""
    holds, chosen, other = (operands.matrix(each, statement.target) for each in value.args)
    in_target = value.args[2] == statement.target
    start = [] if in_target else [LogicalLine(f"{operands.assigned(statement.target)} = {other}")]
    return [*start, call("np.copyto", (out, chosen, f"where={holds} > 0"))]


def select(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """One matrix where a mask says so, the other one where not."""
    mask, chosen, other = map(operands.expression, value.args)
    in_target = value.args[2] == statement.target
    left = operands.assigned(statement.target)
    start = [] if in_target else [LogicalLine(f"{left} = {other}")]
    return [*start, call("np.copyto", (out, chosen, f"where={mask}"))]


def of_rows(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """The sum or the largest of each sample, written into every feature of it."""
    operand = operands.matrix(value.args[0], statement.target)
    axis = "-2" if operands.names.is_column_major(statement.target) else "-1"
    reduced = f"{operand}.{REDUCTIONS[value.operation]}(axis={axis}, keepdims=True)"
    return [call("np.copyto", (out, reduced))]
