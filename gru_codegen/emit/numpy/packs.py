"""Matrices laid side by side and one below the other: put together, and taken apart."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.emit.lines import LogicalLine, call
from gru_codegen.emit.numpy.grid import Grid, Region, cut, doubled
from gru_codegen.emit.numpy.names import Names
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.ir import Call, Expr, Ref, Statement, refs, shape_of

__all__ = ["joined", "parted"]


def joined(operands: Operands, statement: Statement, value: Call, out: str) -> list[LogicalLine]:
    """Matrices laid side by side and one below the other, each perhaps halved.

    What is made of weights has names in the Workspace for its blocks. A rectangle of halved
    blocks is halved in one call, and identities stand in their places from the beginning.
    """
    names, target, grid = operands.names, statement.target, Grid.of(value)
    if target.var.is_of_weights and names.plan.is_stored(target.var):
        return [*_blocks(operands, target, grid, out), *_halved(names, grid, out)]
    turned = names.is_column_major(target)
    places = (grid.index(region, names.size, turned) for region, _ in grid.matrices())
    matrices = (operands.matrix(matrix, target) for _, matrix in grid.matrices())
    pairs = zip(places, matrices, strict=True)
    return [LogicalLine(f"{out}[{place}] = {matrix}") for place, matrix in pairs]


def _blocks(operands: Operands, target: Ref, grid: Grid, out: str) -> Iterator[LogicalLine]:
    """The lines that write the blocks of weights, one by one; identities are there already."""
    names, halved = operands.names, grid.halved()
    for region, matrix in grid.matrices():
        if isinstance(matrix, Call) and matrix.operation == "identity":
            size = names.size_in_workspace(shape_of(matrix)[0])
            names.constant(out, _index(names, grid, region), f"np.eye({size}, dtype=dtype)")
            continue
        whole = doubled(matrix)
        place = names.block(out, _index(names, grid, region), _content(matrix))
        weights = operands.matrix(matrix if whole is None else whole, target)
        if whole is not None and region in halved:
            yield call("np.divide", (weights, names.number(2), place))
        else:
            yield LogicalLine(f"{place}[...] = {weights}")


def _halved(names: Names, grid: Grid, out: str) -> Iterator[LogicalLine]:
    """The lines that halve several blocks at once."""
    for region in grid.halved():
        if region.number > 1:
            whole = region == grid.whole
            place = out if whole else names.block(out, _index(names, grid, region), "halved")
            yield call("np.divide", (place, names.number(2), place))


def _index(names: Names, grid: Grid, region: Region) -> str:
    return grid.index(region, names.size_in_workspace)


def _content(matrix: Expr) -> str:
    return "_".join(dict.fromkeys(ref.var.name for ref in refs(matrix)))


def parted(names: Names, target: Ref) -> Iterator[LogicalLine]:
    """The lines that take the gradients of stacked weights out of the matrix of them all."""
    name = target.var.name
    heights = [("1", *row[0].var.shape)[-2] for row in target.var.parts]
    for r, row in enumerate(target.var.parts):
        widths = [part.var.shape[-1] for part in row]
        band = cut(heights, r, r + 1, names.size, len(row[0].var.shape) == 1)
        if len(row) == 1:  # contiguous, and no one else's
            yield LogicalLine(f"{row[0].var.name} = {name}[{band}]")
            continue
        for c, part in enumerate(row):
            columns = cut(widths, c, c + 1, names.size)
            yield LogicalLine(f"{part.var.name} = {name}[{band}, {columns}].copy()")
