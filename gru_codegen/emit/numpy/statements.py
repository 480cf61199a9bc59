"""Statements as lines, under a comment that says the equation which they compute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from gru_codegen.emit.comments import Comments
from gru_codegen.emit.lines import WIDTH, Line, parenthesised
from gru_codegen.emit.numpy.calls import calls
from gru_codegen.emit.numpy.expressions import Numpy, as_expression, as_terms, by_sample
from gru_codegen.emit.numpy.names import Names, line_of
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.emit.numpy.packs import parted
from gru_codegen.emit.numpy.products import over_gathered_rows
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    EquationId,
    Every,
    Expr,
    Statement,
    parts,
    rewrite,
)

__all__ = ["Statements"]

#: When a statement for an optional argument is run.
_CONDITIONS = {
    "pullback": "last is not None",
    "loss weights": "V is not None",
    "lengths": "ended is not None",
}


class Statements:
    """Writes the statements of one equation after the other.

    last: the block that a function ends with. losses: whether each step has a loss of its own,
    which are to be added up. returns: whether the last line returns the loss.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.plan, self.attributes = names.plan, names.attributes
        self.last: Block | None = None
        self.losses = False
        self.returns = False

    def comment(self, group: list[Statement], comments: Comments, indent: str) -> list[Line]:
        """The comment above `group`, which says its equations."""
        remark = ", which is there already" if all(map(self.plan.copies_onto_itself, group)) else ""
        return [
            Line(text, frozenset(), _equations(group))
            for text in comments.lines(group, indent, remark)
        ]

    def lines(
        self, group: list[Statement], comment: list[Line], indent: str, index: str
    ) -> Iterator[Line]:
        """The statements of one equation, under a comment that says it."""
        equations = _equations(group)
        yield from comment
        for given, some in groupby(group, key=lambda statement: statement.given):
            if given:
                if "lengths" in given and self.plan.in_place:
                    self.names.ended()
                condition = " and ".join(_CONDITIONS[name] for name in given)
                yield line_of(self.names, f"{indent}if {condition}:", equations)
            for statement in some:
                for code in self._lines(statement, indent + "    " * bool(given), index):
                    yield line_of(self.names, code, equations)

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        operands = Operands(self.names, index)
        if self.plan.writes_in_place(statement):
            for line in calls(operands, statement):
                yield from line.lines(indent)
            yield from self._bounded(statement, indent)
            return
        notation = operands.notation
        weighted = by_sample(notation)
        within = [part for part in parts(statement.value) if isinstance(part, Call)]
        if self.plan.in_place and any(map(weighted, within)):
            yield from self._weighted(statement, indent, operands)
            return
        if self.plan.in_place:
            notation = replace(notation, rule=over_gathered_rows(operands))
        yield from self._assigned(statement, indent, operands, notation)
        target = statement.target
        if target.var.name in self.plan.spread:
            name, shape = operands.spell(target), self.attributes.sizes(target.var)
            yield f"{indent}{name} = np.broadcast_to({name}, {shape})"
        for line in parted(self.names, target):
            yield from line.lines(indent)

    def _bounded(self, statement: Statement, indent: str) -> Iterator[str]:
        """The line that writes the boundary of what `statement` computes for all steps."""
        target = statement.target
        if isinstance(target.when, Every) and target.var in self.plan.bounded:
            assert isinstance(target.var.boundary, Const)
            number = target.var.boundary.value
            yield f"{indent}{self.names.end(target.var, 'first')}[...] = {number}"

    def _assigned(
        self, statement: Statement, indent: str, operands: Operands, notation: Numpy
    ) -> Iterator[str]:
        """The line, or lines, in which a target gets a new array."""
        value, target = statement.value, statement.target
        is_loss = target.var.role == "loss"
        sign, left = "+=" if statement.accumulate else "=", operands.spell(target)
        if is_loss and operands.index:
            self.losses, left, sign = True, f"{left}[{operands.index}]", "="
            self.names.indexed = True
        start = f"{indent}{left} {sign} "
        text = as_expression(value, notation)
        if isinstance(value, Const) and target.var.shape:
            shape = self.attributes.sizes(target.var)  # a bare number has no dtype
            text = f"np.full({shape}, {text}, w.dtype)"
        if len(start) + len(text) <= WIDTH:
            self.returns = statement is self.last and is_loss
            yield f"{indent}return {text}" if self.returns else start + text
        else:
            before, terms, behind = as_terms(value, notation)
            yield from parenthesised(start + before, terms, behind, indent)

    def _weighted(self, statement: Statement, indent: str, operands: Operands) -> Iterator[str]:
        """The lines of a sum over all samples, with and without weights for them."""
        notation, target = operands.notation, operands.spell(statement.target)
        plain = as_expression(rewrite(statement.value, _without_weights), notation)
        by_samples = replace(notation, rule=by_sample(notation))
        weighted = as_expression(statement.value, by_samples)
        either = f"{plain} if V is None else {weighted}"
        start = f"{indent}{target} = "
        if len(start) + len(either) <= WIDTH:
            self.returns = statement is self.last
            yield f"{indent}# with loss weights each sample's own sum times its weight"
            yield f"{indent}return {either}" if self.returns else start + either
            return
        yield f"{indent}if V is None:"
        yield f"{indent}    {target} = {plain}"
        yield f"{indent}else:  # each sample's own sum times its weight"
        yield f"{indent}    {target} = {weighted}"


def _equations(group: list[Statement]) -> tuple[EquationId, ...]:
    """All equations that `group` completes or serves."""
    origins = [statement.origin for statement in group]
    return tuple(dict.fromkeys(each for o in origins for each in (*o.equations, *o.serves)))


def _without_weights(expression: Expr) -> Expr | None:
    """A weighted matrix as it is where there are no weights."""
    if isinstance(expression, Call) and expression.operation == "weigh":
        return expression.args[1]
    return None
