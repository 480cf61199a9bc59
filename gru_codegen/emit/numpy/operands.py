"""The operands of an operation in code, each stored as the operation needs it."""

from __future__ import annotations

from gru_codegen.emit.numpy.expressions import Numpy, as_expression
from gru_codegen.emit.numpy.names import Names
from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Const, Expr, Now, Ref

__all__ = ["Operands", "untransposed"]


class Operands:
    """Spells the operands of one time step, or those outside any."""

    def __init__(self, names: Names, index: str) -> None:
        self.names = names
        self.index = index
        self.notation = Numpy(self.spell, names.orientation, runtime=names.runtime)

    def spell(self, ref: Ref) -> str:
        """`ref` in code."""
        return self.names.spell(ref, self.index)

    def assigned(self, target: Ref) -> str:
        """The left side of an assignment to every entry of `target`."""
        return f"{self.spell(target)}[...]"

    def is_item(self, ref: Ref) -> bool:
        """Return whether `ref` is spelled as an item of an array: the matrix of a step."""
        return isinstance(ref.when, Now) and self.names.plan.is_indexed(ref.var)

    def expression(self, expression: Expr) -> str:
        """Any expression in code."""
        return as_expression(expression, self.notation)

    def matrix(self, expression: Expr, target: Ref) -> str:
        """An operand of an elementwise operation, stored like its target."""
        if isinstance(expression, Const):
            if expression.value.denominator != 1:
                raise ProgramError(f"the fraction {expression} is no operand in place: {target}")
            return self.names.number(expression.value.numerator)
        is_view = isinstance(expression, Call) and expression.operation == "transpose"
        if isinstance(expression, Ref) or (is_view and isinstance(expression.args[0], Ref)):
            matrix, turned = untransposed(expression)
            if len(matrix.var.shape) == 2 and self.names.is_column_major(target):
                turned = not turned
            return self.stored(matrix, turned)
        if isinstance(expression, Call) and expression.operation in ("rows", "row", "column"):
            (vector,) = expression.args
            if isinstance(vector, Ref):
                columns = self.names.is_column_major(target) or expression.operation == "column"
                return self.names.column(vector) if columns else self.spell(vector)
        return self.expression(expression)

    def stored(self, matrix: Ref, turned: bool) -> str:
        """A matrix as it is meant, or, where it is stored transposed, as it is not."""
        if len(matrix.var.shape) == 2 and self.names.is_column_major(matrix):
            turned = not turned
        return self.transposed(matrix) if turned else self.spell(matrix)

    def transposed(self, matrix: Ref) -> str:
        """The transpose of a matrix: that of a step's each time, any other once."""
        is_item = self.is_item(matrix)
        return f"{self.spell(matrix)}.T" if is_item else self.names.transposed(matrix)


def untransposed(expression: Expr) -> tuple[Ref, bool]:
    """A matrix, and whether its transpose is meant."""
    if isinstance(expression, Call) and expression.operation == "transpose":
        expression, turned = expression.args[0], True
    else:
        turned = False
    assert isinstance(expression, Ref)  # as to_three_address_code leaves it
    return expression, turned
