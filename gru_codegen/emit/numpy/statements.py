"""Statements as lines, under a comment that says the equation which they compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from gru_codegen.emit.comments import Comments
from gru_codegen.emit.lines import WIDTH, Line, broken, parenthesised
from gru_codegen.emit.numpy.calls import calls
from gru_codegen.emit.numpy.expressions import Numpy, as_expression, as_terms, by_sample
from gru_codegen.emit.numpy.names import Names, line_of
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.emit.numpy.packs import parted
from gru_codegen.emit.numpy.products import over_gathered_rows
from gru_codegen.ir import (
    VIEWS,
    Block,
    Call,
    Const,
    EquationId,
    Every,
    Expr,
    Now,
    Ref,
    Statement,
    Step,
    Var,
    parts,
    reads,
    refs,
    rewrite,
    shape_of,
    statements,
    writes,
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

    last: the block that a function ends with. written: how many statements write each variable.
    losses: how many losses are to be added up, in code; "" if a line computes the loss. addends:
    the most statements that add to that of a step. returns: whether the last line returns the loss.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.plan, self.attributes = names.plan, names.attributes
        self.last: Block | None = None
        self.written: Counter[Var] = Counter()
        self.losses, self.addends = "", 1
        self.returns = False

    def begin(self, blocks: tuple[Block, ...]) -> None:
        """Learn what `blocks`, all of a function, write."""
        self.last = blocks[-1] if blocks else None
        self.written = Counter(ref.var for s in statements(blocks) for ref in writes(s))
        self.losses, self.addends = _losses(blocks)

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
                if "lengths" in given:
                    self.names.ended()
                condition = " and ".join(_CONDITIONS[name] for name in given)
                yield line_of(self.names, f"{indent}if {condition}:", equations)
            for statement in some:
                for code in self._lines(statement, indent + "    " * bool(given), index):
                    yield line_of(self.names, code, _equations([statement]))

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        operands = Operands(self.names, index)
        if self.plan.writes_in_place(statement):
            for line in calls(operands, statement):
                yield from line.lines(indent)
            yield from self._bounded(statement, indent)
            return
        left, sign = self._place(statement, operands)
        start, notation = f"{indent}{left} {sign} ", operands.notation
        self.returns = statement is self.last and statement.target.var.role == "loss"
        self.returns &= not self.losses
        weighted = by_sample(notation)
        within = [part for part in parts(statement.value) if isinstance(part, Call)]
        if self.plan.in_place and any(map(weighted, within)):
            for text in self._weighted(statement.value, start, indent, notation):
                yield from broken(text)
            return
        if self.plan.in_place:
            notation = replace(notation, rule=over_gathered_rows(operands))
        for text in self._assigned(statement, start, indent, notation):
            yield from broken(text)
        target = statement.target
        if target.var.name in self.plan.spread:
            name, shape = operands.spell(target), self.attributes.sizes(target.var)
            yield f"{indent}{name} = np.broadcast_to({name}, {shape})"
        for line in parted(self.names, target):
            yield from line.lines(indent)

    def _place(self, statement: Statement, operands: Operands) -> tuple[str, str]:
        """The place of the value of `statement`, and the sign between."""
        target = statement.target
        left, sign = operands.spell(target), "+=" if statement.accumulate else "="
        if target.var.role == "loss":
            if not self.losses:
                return left, "="
            self.names.indexed |= bool(operands.index)
            alone = operands.index and self.addends == 1
            return f"{left}[{operands.index or -1}]", "=" if alone else "+="
        is_whole = not isinstance(target.when, Now) and self.plan.is_stored(target.var)
        return (f"{left}[...]" if is_whole else left), sign

    def _bounded(self, statement: Statement, indent: str) -> Iterator[str]:
        """The line that writes the boundary of what `statement` computes for all steps."""
        target = statement.target
        if isinstance(target.when, Every) and target.var in self.plan.bounded:
            assert isinstance(target.var.boundary, Const)
            number = target.var.boundary.value
            yield f"{indent}{self.names.end(target.var, 'first')}[...] = {number}"

    def _assigned(
        self, statement: Statement, start: str, indent: str, notation: Numpy
    ) -> Iterator[str]:
        """The line, or lines, in which a target gets its value."""
        plain = as_expression(statement.value, notation)
        text = self._of_its_own(statement, plain)
        if len(start) + len(text) <= WIDTH or text != plain:
            yield f"{indent}return {text}" if self.returns else start + text
        else:
            self.returns = False
            before, terms, behind = as_terms(statement.value, notation)
            yield from parenthesised(start + before, terms, behind, indent)

    def _of_its_own(self, statement: Statement, text: str) -> str:
        """The value `text` in an array of its own, where it would be one that may change."""
        value, target = statement.value, statement.target.var
        if target.role == "gradient" and target.shape == () and not statement.accumulate:
            return f"np.asarray({text}, w.dtype)"  # a sum of NumPy's is no array
        is_item = any(refs(value)) and self.plan.is_stored(target)  # which is filled with it
        if target.shape and shape_of(value) == () and not is_item:
            return f"np.full({self.attributes.sizes(target)}, {text}, w.dtype)"  # it has no dtype
        handed_out = target.role == "gradient" and not statement.accumulate
        pairs = zip(shape_of(value), target.shape, strict=False)
        if handed_out and any(own == "1" != whole for own, whole in pairs):  # it stands for all
            return f"np.array(np.broadcast_to({text}, {self.attributes.sizes(target)}))"
        changes = any(self.written[r.var] > 1 and self.plan.is_stored(r.var) for r in reads(value))
        if (handed_out or (changes and not self.plan.is_stored(target))) and _is_view(value):
            return f"{text}.copy()" if isinstance(value, Ref) else f"np.array({text})"
        return text

    def _weighted(self, value: Expr, start: str, indent: str, notation: Numpy) -> Iterator[str]:
        """The lines of a sum over all samples, with and without weights for them."""
        plain = as_expression(rewrite(value, _without_weights), notation)
        weighted = as_expression(value, replace(notation, rule=by_sample(notation)))
        either = f"{plain} if V is None else {weighted}"
        if len(start) + len(either) <= WIDTH:
            yield f"{indent}# with loss weights, each sample's own sum is multiplied by its weight"
            yield f"{indent}return {either}" if self.returns else start + either
            return
        self.returns = False
        yield f"{indent}if V is None:"
        yield f"    {start}{plain}"
        yield f"{indent}else:  # each sample's own sum is multiplied by its weight"
        yield f"    {start}{weighted}"


def _losses(blocks: tuple[Block, ...]) -> tuple[str, int]:
    """The number of losses to be added up, in code, and the most that a step adds to its own.

    Those of no step are added up behind those of all steps; one alone is no sum.
    """
    found: Counter[int | None] = Counter()
    outside: list[Statement] = []
    for block in blocks:
        some = [s for s in statements((block,)) if s.target.var.role == "loss"]
        if isinstance(block, Statement):
            outside += some
        else:
            found[block.index if isinstance(block, Step) else None] += len(some)
    if not any(found.values()) and len(outside) < 2 and not any(s.given for s in outside):
        return "", 1
    each = found.pop(None, 0) + max(found.values(), default=0)
    return "w.steps + 1" if outside else "w.steps", each


def _is_view(value: Expr) -> bool:
    """True if NumPy may give the array of an operand, not another one."""
    if isinstance(value, Call) and value.operation in (*VIEWS, "guard", "weigh"):
        return _is_view(value.args[-1])
    return isinstance(value, Ref) and value.var.shape != ()


def _equations(group: list[Statement]) -> tuple[EquationId, ...]:
    """All equations that `group` completes or serves."""
    origins = [statement.origin for statement in group]
    return tuple(dict.fromkeys(each for o in origins for each in (*o.equations, *o.serves)))


def _without_weights(expression: Expr) -> Expr | None:
    """A weighted matrix as it is where there are no weights."""
    if isinstance(expression, Call) and expression.operation == "weigh":
        return expression.args[1]
    return None
