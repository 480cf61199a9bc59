"""Products of matrices as calls that write into arrays."""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.emit.lines import LogicalLine, call
from gru_codegen.emit.numpy.expressions import Rule, as_expression
from gru_codegen.emit.numpy.operands import Operands, untransposed
from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Every, Ref, Statement, refs

__all__ = ["bordered", "in_blocks", "matmul", "over_gathered_rows"]


def matmul(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A product by weights: of one step, or of all steps at once."""
    names, target, (left, right) = operands.names, statement.target, value.args
    weights, turned = untransposed(right)
    over_time = isinstance(target.when, Every)
    if not names.is_column_major(target):
        factor = operands.stored(weights, turned)
        if isinstance(left, Ref) and names.is_column_major(left):
            return [call("np.matmul", (operands.transposed(left), factor, out))]
        rows = operands.matrix(left, target)
        if over_time:
            rows, out = (f"{names.runtime('_rows')}({matrix})" for matrix in (rows, out))
        return [call(f"{rows}.dot", (factor, out))]
    rows, factor = operands.matrix(left, target), operands.stored(weights, not turned)
    if over_time:
        return [call("np.matmul", (factor, rows, out))]
    return [call(f"{factor}.dot", (rows, out))]


def in_blocks(operands: Operands, statement: Statement, value: Call) -> list[LogicalLine]:
    """The loop over the blocks of a product's rows: those of all steps, or of one."""
    names, target, (left, weights) = operands.names, statement.target, value.args
    assert isinstance(left, Ref)
    assert isinstance(weights, Ref)  # as block_products has checked
    if names.is_column_major(target):
        raise ProgramError(f"no rows to take in blocks where a sample is a column: {statement}")
    factor, shape = operands.stored(weights, turned=False), weights.var.shape
    rows, out = (names.attributes.form(names.attributes.of(ref), "rows") for ref in (left, target))
    of_all_steps = isinstance(target.when, Every)
    blocks_of = names.all_row_blocks_of if of_all_steps else names.row_blocks_of
    blocks = [blocks_of(ref, shape) for ref in (left, target)]
    return [
        call("zip", blocks, before=f"for {rows}, {out} in ", behind=":"),
        call(f"{rows}.dot", (factor, out)).deeper(),
    ]


def bordered(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A matrix and a column of ones; of all steps, if those are meant."""
    matrix = operands.matrix(value.args[0], statement.target)
    return [LogicalLine(f"{out}[..., :-1] = {matrix}"), LogicalLine(f"{out}[..., -1] = 1")]


def summed(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """A sum over rows, or over all numbers; where one operand is turned, both are meant by row."""
    turned = {operands.names.is_column_major(ref) for ref in refs(value)}

    def by_row(ref: Ref) -> str:
        is_turned = operands.names.is_column_major(ref)
        return operands.transposed(ref) if is_turned else operands.spell(ref)

    notation = operands.notation
    if turned != {True}:
        notation = replace(notation, spell=by_row, orientation="rows")
    left = operands.assigned(statement.target)
    return [LogicalLine(f"{left} = {as_expression(value, notation)}")]


def over_gathered_rows(operands: Operands) -> Rule:
    """Write sums over the rows of all steps where these are one matrix already."""
    names = operands.names

    def gathered(ref: Ref) -> str:
        if names.is_by_row(ref):
            return operands.spell(ref)
        return f"{names.runtime('_rows')}({names.runtime('_turned')}({operands.spell(ref)}))"

    def rule(part: Call) -> str | None:
        matrices = [argument for argument in part.args if isinstance(argument, Ref)]
        if part.operation != "contract" or not any(map(names.is_by_row, matrices)):
            return None
        left, right = map(gathered, matrices)
        return f"{left}.T.dot({right})"

    return rule
