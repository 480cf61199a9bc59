"""NumPy's spelling of the operations as calls that write into arrays which are there already.

Where the result goes is the last argument of a call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gru_codegen.emit.lines import LogicalLine, call
from gru_codegen.emit.numpy.denominators import folded
from gru_codegen.emit.numpy.elementwise import (
    arithmetic,
    choice,
    compared,
    divided,
    negated,
    of_rows,
    of_ufunc,
    select,
)
from gru_codegen.emit.numpy.expressions import ufunc, where_unread
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.emit.numpy.packs import joined
from gru_codegen.emit.numpy.products import bordered, in_blocks, matmul, summed
from gru_codegen.errors import ProgramError
from gru_codegen.ir import ELEMENTWISE, VIEWS, Call, Const, Every, Expr, Ref, Statement

__all__ = ["calls"]


def calls(operands: Operands, statement: Statement) -> list[LogicalLine]:
    """The lines that compute `statement`, a single operation, into its target's array.

    Raises
    ------
    ProgramError: NumPy has no spelling in place for it.
    """
    if statement.accumulate:
        raise ProgramError(f"a sum over time is no operation in place: {statement}")
    value, target, names = folded(statement.value), statement.target, operands.names
    if names.plan.copies_onto_itself(statement):
        return []
    if isinstance(value, Ref) and names.is_by_row(target):
        return [LogicalLine(f"{operands.transposed(target)}[...] = {operands.spell(value)}")]
    if isinstance(value, Call) and value.operation == "matmul_in_blocks":
        return in_blocks(operands, statement, value)
    out = operands.spell(target)
    if isinstance(value, Const):
        number = value.value
        start = LogicalLine(f"{operands.assigned(target)} = {number.numerator}")
        return [start, *divided(operands, out, number, out)]
    if isinstance(value, Ref) or value.operation in VIEWS:
        return [_copy(operands, value, target)]
    return _spelling(value)(operands, statement, value, out)


#: Writes a statement, whose value is the call, to where the text says.
_Spelling = Callable[[Operands, Statement, Call, str], list[LogicalLine]]


def _spelling(value: Call) -> _Spelling:
    if isinstance(value.args[0], Call) and value.args[0].operation == "guard":
        return _of_guarded
    spelling = _SPELLINGS.get(value.operation)
    if spelling is not None:
        return spelling
    function = ELEMENTWISE.get(value.operation)
    if function is not None and function.definition is not None:
        return _function
    if ufunc(value.operation) is not None:
        return of_ufunc
    if value.operation in ("column_sum", "contract", "inner", "total"):
        return summed
    raise ProgramError(f"NumPy has no spelling in place for the operation {value.operation!r}")


def _function(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """The operations of a function, one after the other in the place of the result."""
    function, (argument,) = ELEMENTWISE[value.operation], value.args
    if not function.fits_one_place:
        raise ProgramError(f"{value.operation} takes more places than one: {statement}")
    steps = function.in_one_place(argument, statement.target)
    return [line for step in steps for line in calls(operands, replace(statement, value=step))]


# --- what is not read ----------------------------------------------------------------------------


def _guard(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A matrix with a number where it is not read."""
    in_target = value.args[2] == statement.target
    return [
        *([] if in_target else [_copy(operands, value.args[2], statement.target)]),
        LogicalLine(f"if {operands.names.optional(_optional(value))} is not None:"),
        _kept_out(operands, value, statement.target).deeper(),
    ]


def _of_guarded(
    operands: Operands, statement: Statement, value: Call, out: str
) -> list[LogicalLine]:
    """A function of a matrix in which some rows are not read: as it is, if all are."""
    guard, target = value.args[0], statement.target
    assert isinstance(guard, Call)  # that is why it is spelled here
    plain, in_place = (
        calls(operands, replace(statement, value=Call(value.operation, (argument,))))
        for argument in (guard.args[2], target)
    )
    kept_out = [_copy(operands, guard.args[2], target), _kept_out(operands, guard, target)]
    return [
        LogicalLine(f"if {operands.names.optional(_optional(guard))} is None:"),
        *(line.deeper() for line in plain),
        LogicalLine("else:"),
        *(line.deeper() for line in (*kept_out, *in_place)),
    ]


def _weigh(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A matrix times the weight of each sample, as it is where there are no weights."""
    weights, matrix = value.args
    assert isinstance(weights, Ref)  # what may be None is one
    factors = (operands.spell(weights), operands.matrix(matrix, statement.target))
    return [
        LogicalLine("if V is None:"),
        _copy(operands, matrix, statement.target).deeper(),
        LogicalLine("else:"),
        call("np.multiply", (*factors, out)).deeper(),
    ]


def _copy(operands: Operands, value: Expr, target: Ref) -> LogicalLine:
    return LogicalLine(f"{operands.assigned(target)} = {operands.matrix(value, target)}")


def _kept_out(operands: Operands, guard: Call, target: Ref) -> LogicalLine:
    """The line that writes a number where nothing is read."""
    names, argument, number = operands.names, _optional(guard), guard.args[1]
    assert isinstance(number, Const)
    unread = where_unread(argument, operands.spell)
    if names.orientation == "columns" and not names.is_column_major(target):
        over_time = isinstance(argument.when, Every)
        unread = f"{names.runtime('_turned')}({unread})" if over_time else f"({unread}).T"
    text = names.number(number.value.numerator)
    return call("np.copyto", (operands.spell(target), text, f"where={unread}"))


def _optional(guard: Call) -> Ref:
    argument = guard.args[0]
    assert isinstance(argument, Ref)  # what may be None is one
    return argument


#: How each operation is spelled that is neither a function of NumPy's nor made of such.
_SPELLINGS: dict[str, _Spelling] = {
    "add": arithmetic,
    "subtract": arithmetic,
    "multiply": arithmetic,
    "negate": negated,
    "greater": compared,
    "greater_equal": compared,
    "where": choice,
    "weigh": _weigh,
    "select": select,
    "guard": _guard,
    "row_sum": of_rows,
    "row_max": of_rows,
    "matmul": matmul,
    "bordered": bordered,
    "beside": joined,
    "below": joined,
}
