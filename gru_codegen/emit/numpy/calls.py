"""NumPy's spelling of the operations as calls that write into arrays which are there already.

Where the result goes is the last argument of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from gru_codegen.emit.numpy.expressions import as_expression, ufunc, where_unread
from gru_codegen.emit.numpy.grid import Grid, cut, doubled
from gru_codegen.emit.numpy.names import Names
from gru_codegen.errors import ProgramError
from gru_codegen.ir import ELEMENTWISE, Call, Const, Every, Expr, Ref, Statement, refs, shape_of

__all__ = ["Calls"]


class Calls:
    """Spells the statements of one time step, or those outside any."""

    def __init__(self, names: Names, index: str) -> None:
        self.names = names
        self.index = index

    def spell(self, ref: Ref) -> str:
        """`ref` in code."""
        return self.names.spell(ref, self.index)

    def lines(self, statement: Statement) -> list[str]:
        """The lines that compute `statement`, a single operation, into its target's array."""
        if statement.accumulate:
            raise ProgramError(f"a sum over time is no operation in place: {statement}")
        value = statement.value
        if self.names.plan.is_there(statement):
            return []
        if isinstance(value, Ref) and self.names.is_by_row(statement.target):
            return [f"{self.names.transposed(statement.target)}[...] = {self.spell(value)}"]
        if isinstance(value, Call) and value.operation == "matmul_in_blocks":
            return self._in_blocks(statement, value)
        out = self.spell(statement.target)
        if isinstance(value, Const):
            number = value.value
            return [f"{out}[...] = {number.numerator}", *self._divided(out, out, number)]
        if isinstance(value, Ref) or value.operation in ("rows", "transpose"):
            return [f"{out}[...] = {self._matrix(value, statement.target)}"]
        if isinstance(value.args[0], Call) and value.args[0].operation == "guard":
            return self._of_guarded(statement, value, value.args[0])
        spelling = _SPELLINGS.get(value.operation)
        if spelling is not None:
            return spelling(self, statement, value, out)
        function = ELEMENTWISE.get(value.operation)
        if function is not None and function.definition is not None:
            return self._function(statement, value, out)
        if ufunc(value.operation) is not None:
            return self._ufunc(statement, value, out)
        raise ProgramError(f"NumPy has no spelling in place for the operation {value.operation!r}")

    # --- operands ---------------------------------------------------------------------------

    def _matrix(self, expression: Expr, target: Ref) -> str:
        """An operand of an elementwise operation, stored like its target."""
        if isinstance(expression, Const):
            if expression.value.denominator != 1:
                raise ProgramError(f"the fraction {expression} is no operand in place: {target}")
            return self.names.number(expression.value.numerator)
        is_view = isinstance(expression, Call) and expression.operation == "transpose"
        if isinstance(expression, Ref) or is_view:
            matrix, turned = self._weights(expression)
            if len(matrix.var.shape) == 2 and self.names.is_column_major(target):
                turned = not turned
            return self._stored(matrix, turned)
        if isinstance(expression, Call) and expression.operation == "rows":
            (vector,) = expression.args
            if isinstance(vector, Ref):
                columns = self.names.is_column_major(target)
                return self.names.column(vector) if columns else self.spell(vector)
        return as_expression(expression, self.spell, self.names.orientation)

    def _weights(self, expression: Expr) -> tuple[Ref, bool]:
        """Weights, and whether they are meant transposed."""
        if isinstance(expression, Call) and expression.operation == "transpose":
            expression, turned = expression.args[0], True
        else:
            turned = False
        assert isinstance(expression, Ref)  # to_three_address_code saw to it
        return expression, turned

    def _stored(self, weights: Ref, turned: bool) -> str:
        """Weights as they are meant, or, where they are stored transposed, as they are not."""
        if len(weights.var.shape) == 2 and self.names.is_column_major(weights):
            turned = not turned
        return self.names.transposed(weights) if turned else self.spell(weights)

    # --- operations -------------------------------------------------------------------------

    def _arithmetic(self, statement: Statement, value: Call, out: str) -> list[str]:
        """A sum or product of two. Beside a fraction p/q the other operand is multiplied by p, then
        divided by q; or, in a sum, multiplied by q before p is added and all of it divided by q."""
        fractions = {
            place: argument.value
            for place, argument in enumerate(value.args)
            if isinstance(argument, Const) and argument.value.denominator != 1
        }
        if not fractions:
            left, right = (self._matrix(argument, statement.target) for argument in value.args)
            return [f"np.{value.operation}({left}, {right}, {out})"]
        [(place, fraction)] = fractions.items()
        lines: list[str] = []
        other = self._matrix(value.args[1 - place], statement.target)
        if value.operation == "multiply":
            if fraction.numerator != 1:
                numerator = self.names.number(fraction.numerator)
                lines.append(f"np.multiply({other}, {numerator}, {out})")
                other = out
            return [*lines, *self._divided(other, out, fraction)]
        numerator = self.names.number(fraction.numerator)
        left, right = (numerator, out) if place == 0 else (out, numerator)
        return [
            f"np.multiply({other}, {self.names.number(fraction.denominator)}, {out})",
            f"np.{value.operation}({left}, {right}, {out})",
            *self._divided(out, out, fraction),
        ]

    def _divided(self, text: str, out: str, fraction: Fraction) -> list[str]:
        """The line that divides by the denominator of `fraction`, if it is not 1."""
        if fraction.denominator == 1:
            return []
        return [f"np.divide({text}, {self.names.number(fraction.denominator)}, {out})"]

    def _ufunc(self, statement: Statement, value: Call, out: str) -> list[str]:
        """A function of NumPy's."""
        args = ", ".join(self._matrix(argument, statement.target) for argument in value.args)
        return [f"np.{ufunc(value.operation)}({args}, {_RESULT.get(value.operation, '')}{out})"]

    def _function(self, statement: Statement, value: Call, out: str) -> list[str]:
        """The operations of a function, one after the other in the place of the result."""
        function, (argument,) = ELEMENTWISE[value.operation], value.args
        if not function.fits_one_place:
            raise ProgramError(f"{value.operation} takes more places than one: {statement}")
        steps = function.in_one_place(argument, statement.target)
        return [line for step in steps for line in self.lines(replace(statement, value=step))]

    def _greater(self, statement: Statement, value: Call, out: str) -> list[str]:
        left, right = (self._matrix(argument, statement.target) for argument in value.args)
        return [f"np.greater({left}, {right}, {out})"]

    def _select(self, statement: Statement, value: Call, out: str) -> list[str]:
        mask, chosen, other = (self._selected(argument) for argument in value.args)
        start = [] if other == out else [f"{out}[...] = {other}"]
        return [*start, f"np.copyto({out}, {chosen}, where={mask})"]

    def _guard(self, statement: Statement, value: Call, out: str) -> list[str]:
        there = value.args[2] == statement.target
        return [
            *([] if there else [self._copy(value.args[2], statement)]),
            f"if {self.names.optional(_optional(value))} is not None:",
            f"    {self._kept_out(value, statement.target)}",
        ]

    def _of_guarded(self, statement: Statement, value: Call, guard: Call) -> list[str]:
        """A function of a matrix in which some rows are not read: as it is, if all are."""
        target, operand = statement.target, guard.args[2]
        plain, in_place = (
            self.lines(replace(statement, value=Call(value.operation, (argument,))))
            for argument in (operand, target)
        )
        return [
            f"if {self.names.optional(_optional(guard))} is None:",
            *(f"    {line}" for line in plain),
            "else:",
            f"    {self._copy(operand, statement)}",
            f"    {self._kept_out(guard, target)}",
            *(f"    {line}" for line in in_place),
        ]

    def _copy(self, operand: Expr, statement: Statement) -> str:
        return f"{self.spell(statement.target)}[...] = {self._matrix(operand, statement.target)}"

    def _kept_out(self, guard: Call, target: Ref) -> str:
        """The line that writes a number where nothing is read."""
        argument, number = _optional(guard), guard.args[1]
        assert isinstance(number, Const)
        unread = where_unread(argument, self.spell)
        if self.names.orientation == "columns" and not self.names.is_column_major(target):
            unread = f"_turned({unread})" if isinstance(argument.when, Every) else f"({unread}).T"
        text = self.names.number(number.value.numerator)
        return f"np.copyto({self.spell(target)}, {text}, where={unread})"

    def _selected(self, argument: Expr) -> str:
        return as_expression(argument, self.spell, self.names.orientation)

    def _of_rows(self, statement: Statement, value: Call, out: str) -> list[str]:
        """The sum or the largest of each sample, written into every feature of it."""
        operand = self._matrix(value.args[0], statement.target)
        axis = "-2" if self.names.is_column_major(statement.target) else "-1"
        function = value.operation.removeprefix("row_")
        return [f"np.copyto({out}, {operand}.{function}(axis={axis}, keepdims=True))"]

    def _matmul(self, statement: Statement, value: Call, out: str) -> list[str]:
        left, right = value.args
        weights, turned = self._weights(right)
        over_time = isinstance(statement.target.when, Every)
        if not self.names.is_column_major(statement.target):
            factor = self._stored(weights, turned)
            if isinstance(left, Ref) and self.names.is_column_major(left):
                return [f"np.matmul({self.names.transposed(left)}, {factor}, {out})"]
            rows = self._matrix(left, statement.target)
            if over_time:
                rows, out = f"_rows({rows})", f"_rows({out})"
            return [f"{rows}.dot({factor}, {out})"]
        rows, factor = self._matrix(left, statement.target), self._stored(weights, not turned)
        if over_time:
            return [f"np.matmul({factor}, {rows}, {out})"]
        return [f"{factor}.dot({rows}, {out})"]

    def _in_blocks(self, statement: Statement, value: Call) -> list[str]:
        """The loop over the blocks of a product's rows: those of all steps, or of one."""
        target, (left, weights) = statement.target, value.args
        assert isinstance(left, Ref)
        assert isinstance(weights, Ref)  # block_products saw to both
        if self.names.is_column_major(target):
            raise ProgramError(f"no rows to take in blocks where a sample is a column: {statement}")
        factor, shape = self._stored(weights, turned=False), weights.var.shape
        names = [
            self.names.attributes.form(self.names.attributes.of(ref), "rows")
            for ref in (left, target)
        ]
        of_all_steps = isinstance(target.when, Every)
        blocks_of = self.names.all_row_blocks_of if of_all_steps else self.names.row_blocks_of
        blocks = [blocks_of(ref, shape) for ref in (left, target)]
        return [
            f"for {', '.join(names)} in zip({', '.join(blocks)}):",
            f"    {names[0]}.dot({factor}, {names[1]})",
        ]

    def _bordered(self, statement: Statement, value: Call, out: str) -> list[str]:
        """A matrix and a column of ones; of all steps, if those are meant."""
        matrix = self._matrix(value.args[0], statement.target)
        return [f"{out}[..., :-1] = {matrix}", f"{out}[..., -1] = 1"]

    def _joined(self, statement: Statement, value: Call, out: str) -> list[str]:
        """Matrices laid side by side and one below the other, each perhaps halved.

        What is made of weights has names in the Workspace for its blocks. A rectangle of halved
        blocks is halved in one call, and identities stand in their places from the beginning.
        """
        target = statement.target
        grid = Grid.of(value)
        if not (target.var.is_of_weights and self.names.plan.is_stored(target.var)):
            turned = self.names.is_column_major(target)
            places = (grid.index(block, self.names.size, turned) for block, _ in grid.blocks())
            matrices = (self._matrix(matrix, target) for _, matrix in grid.blocks())
            return [f"{out}[{a}] = {b}" for a, b in zip(places, matrices, strict=True)]
        lines: list[str] = []
        halved = grid.halved()
        for block, matrix in grid.blocks():
            index = grid.index(block, self.names.size_in_workspace)
            if isinstance(matrix, Call) and matrix.operation == "identity":
                size = self.names.size_in_workspace(shape_of(matrix)[0])
                self.names.constant(out, index, f"np.eye({size}, dtype=dtype)")
                continue
            whole = doubled(matrix)
            content = "_".join(dict.fromkeys(ref.var.name for ref in refs(matrix)))
            place = self.names.block(out, index, content)
            weights = self._matrix(matrix if whole is None else whole, target)
            if whole is not None and block in halved:
                lines.append(f"np.divide({weights}, {self.names.number(2)}, {place})")
            else:
                lines.append(f"{place}[...] = {weights}")
        for block in halved:
            if block.number > 1:
                place = out
                if block != grid.whole:
                    place = self.names.block(
                        out, grid.index(block, self.names.size_in_workspace), "halved"
                    )
                lines.append(f"np.divide({place}, {self.names.number(2)}, {place})")
        return lines

    # --- gradients --------------------------------------------------------------------------

    def over_gathered_rows(self, part: Call) -> str | None:
        """Write a sum over the rows of all steps where these are one matrix already."""
        operands = [argument for argument in part.args if isinstance(argument, Ref)]
        if part.operation != "contract" or not any(map(self.names.is_by_row, operands)):
            return None
        left, right = (
            self.spell(ref) if self.names.is_by_row(ref) else f"_rows(_turned({self.spell(ref)}))"
            for ref in operands
        )
        return f"{left}.T.dot({right})"

    def parted(self, target: Ref) -> Iterator[str]:
        """The lines that take the gradients of stacked weights out of the matrix of them all."""
        name = target.var.name
        heights = [("1", *row[0].var.shape)[-2] for row in target.var.parts]
        for r, row in enumerate(target.var.parts):
            widths = [part.var.shape[-1] for part in row]
            band = cut(heights, r, r + 1, self.names.size, len(row[0].var.shape) == 1)
            if len(row) == 1:  # contiguous, and no one else's
                yield f"{row[0].var.name} = {name}[{band}]"
                continue
            for c, part in enumerate(row):
                columns = cut(widths, c, c + 1, self.names.size)
                yield f"{part.var.name} = {name}[{band}, {columns}].copy()"


def _optional(guard: Call) -> Ref:
    argument = guard.args[0]
    assert isinstance(argument, Ref)  # what may be None is one
    return argument


#: How each operation is spelled that is neither a function of NumPy's nor made of such.
_SPELLINGS: dict[str, Callable[[Calls, Statement, Call, str], list[str]]] = {
    "add": Calls._arithmetic,
    "subtract": Calls._arithmetic,
    "multiply": Calls._arithmetic,
    "greater": Calls._greater,
    "select": Calls._select,
    "guard": Calls._guard,
    "row_sum": Calls._of_rows,
    "row_max": Calls._of_rows,
    "matmul": Calls._matmul,
    "bordered": Calls._bordered,
    "beside": Calls._joined,
    "below": Calls._joined,
}
#: NumPy is about to refuse where the result goes as a third argument of these two alone.
_RESULT = {"maximum": "out=", "minimum": "out="}
