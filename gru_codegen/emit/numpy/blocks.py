"""Blocks as lines: loops and steps, and statements under the equation that they compute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from gru_codegen.emit.comments import Comments, groups
from gru_codegen.emit.lines import (
    WIDTH,
    Line,
    call_lines,
    filled_lines,
    parenthesised,
    unpacked_lines,
)
from gru_codegen.emit.numpy.calls import Calls
from gru_codegen.emit.numpy.expressions import Speller, as_expression, as_terms, by_sample
from gru_codegen.emit.numpy.names import Names
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    EquationId,
    Every,
    Expr,
    Loop,
    Ref,
    Statement,
    Step,
    Var,
    parts,
    reads,
    refs,
    rewrite,
    statements,
    writes,
)

__all__ = ["Blocks"]

#: When a statement for an optional argument is run.
_CONDITIONS = {
    "pullback": "last is not None",
    "loss weights": "V is not None",
    "lengths": "ended is not None",
}


@dataclass(frozen=True)
class _Unpack:
    """The line in which an unrolled step names its matrices, once all names are known."""

    index: int


class Blocks:
    """Writes blocks as the body of a function; steps that share a body are spelled once.

    losses: whether each step has a loss of its own, which are to be added up.
    begun: the carries kept for all steps whose matrix beyond the last step has been written.
    returns: whether the last line returns the loss.
    """

    def __init__(self, names: Names, phase: str) -> None:
        self.names = names
        self.plan, self.attributes = names.plan, names.attributes
        self.phase = phase
        self.bodies: dict[int, list[Line]] = {}
        self.stepped: dict[int, bool] = {}
        self.commented: dict[int, list[tuple[list[Statement], list[Line]]]] = {}
        self.begun: set[Var] = set()
        self.losses = False
        self.last: Block | None = None
        self.returns = False

    def lines(self, blocks: tuple[Block, ...]) -> list[Line]:
        """The lines of `blocks`, one level deep."""
        self.last = blocks[-1] if blocks else None
        drafts = list(self._lines_of(blocks))
        written = {ref.var for s in statements(blocks) for ref in writes(s)}
        unread = filter(written.__contains__, self.plan.program.carries)
        drafts += self._beyond_all_steps(unread)  # what is handed out after no step at all
        lines: list[Line] = []
        for draft in drafts:
            lines += [draft] if isinstance(draft, Line) else self._unpacked(draft.index)
        return lines

    def _lines_of(self, blocks: tuple[Block, ...]) -> Iterator[Line | _Unpack]:
        comments = Comments(self.plan.program.equations)
        for group in groups(blocks):
            yield from self._beyond_all_steps(self._read_beyond(tuple(group)))
            some = [block for block in group if isinstance(block, Statement)]
            if some:
                yield from self._group(some, self._comment(some, comments, "    "), "    ", "")
            for block in group[len(some) :]:
                yield from self._block(block)

    def _block(self, block: Block) -> Iterator[Line | _Unpack]:
        if isinstance(block, Loop):
            yield from self._before(block)
            lines = list(self._body(block.body, "        ", "t"))
            yield from map(Line, self._head(block))
            yield from lines
        elif isinstance(block, Step):
            yield Line("")
            yield Line(f"    # --- step {block.index + 1} of {self.plan.program.steps} ---")
            yield from self._unrolled(block)

    def _head(self, loop: Loop) -> Iterator[str]:
        """The line or lines with which a loop begins, once its body is known."""
        around = "" if loop.direction == "forward" else "reversed"
        if not self.names.steps:
            steps = "range(w.steps)"
            yield f"    for t in {f'{around}({steps})' if around else steps}:"
            return
        names = list(self.names.steps)
        found = self._all_steps()
        if self.names.indexed:
            found = f"list(enumerate({found}))" if around else f"enumerate({found})"
        found = f"{around}({found})" if around else found
        start, end = ("t, (", ")") if self.names.indexed else ("", "")
        comma = "," if len(names) == 1 else ""
        line = f"    for {start}{', '.join(names)}{comma}{end} in {found}:"
        if len(line) <= WIDTH:
            yield line
            return
        if start:
            yield "    for t, ("
        else:
            yield "    for ("
        yield from filled_lines(names, "        ")
        yield f"    ) in {found}:"

    def _all_steps(self) -> str:
        """The matrices of every step that a loop names, in code."""
        return f"w.{self.attributes.form(self.phase, 'steps')}"

    def _before(self, loop: Loop) -> Iterator[Line]:
        """Begin what the loop takes as given: sums at zero, carries at their boundary."""
        written = {ref.var: s for s in statements(loop.body) for ref in writes(s)}
        for var, statement in written.items():
            if statement.accumulate and var.role == "gradient":
                yield Line(f"    {var.name} = np.zeros_like(params.{_weight_of(var)})")
            elif self.plan.is_carried_over_time(var):
                continue
            elif isinstance(var.boundary, Ref) and not self.plan.is_stored(var):
                zeros = f"np.zeros({self.attributes.sizes(var)}, w.dtype)"
                beyond = self.names.spell(var.boundary, "")
                yield self._line(f"    {var.name} = {zeros} if last is None else {beyond}")
            elif var.boundary is not None and any(r.var.role == "last" for r in refs(var.boundary)):
                yield from self._begun(var, self.names.spell(Ref(var), ""))

    def _read_beyond(self, blocks: tuple[Block, ...]) -> Iterator[Var]:
        """The variables of which `blocks` read another step, but those that no such step has."""
        steps = self.plan.program.steps
        for block in blocks:
            for ref in (ref for s in statements((block,)) for ref in reads(s.value)):
                offset = ref.when.offset if ref.when is not None else 0
                inside = isinstance(block, Step) and 0 <= block.index + offset < (steps or 0)
                if offset and not inside:
                    yield ref.var

    def _beyond_all_steps(self, some: Iterable[Var]) -> Iterator[Line]:
        """Begin those of `some` that are carries kept for all steps, beyond the last one."""
        for var in some:
            if self.plan.is_carried_over_time(var) and var not in self.begun:
                self.begun.add(var)
                yield from self._begun(var, self.names.end(var, "last"))

    def _begun(self, carry: Var, name: str) -> Iterator[Line]:
        """The carry beyond the last step: what others are at that step, and what a caller gives."""
        assert carry.boundary is not None  # it is that of a carry
        if isinstance(carry.boundary, Ref):
            beyond = self.names.spell(carry.boundary, "")
            yield self._line(f"    {name}[...] = 0 if last is None else {beyond}")
            return
        addends = list(refs(carry.boundary))
        given = [ref for ref in addends if ref.var.role == "last"]
        start, *others = [self.names.end(r.var, "last") for r in addends if r not in given]
        yield self._line(f"    {name}[...] = {start}")
        yield from (Line(f"    np.add({name}, {other}, {name})") for other in others)
        for ref in given:
            yield Line("    if last is not None:")
            yield self._line(f"        np.add({name}, {self.names.spell(ref, '')}, {name})")

    def _unrolled(self, step: Step) -> Iterator[Line | _Unpack]:
        """The lines of a step: those of its body, spelled anew only where the step's number is."""
        key = id(step.body)
        lines = self.bodies.get(key)
        if lines is None:
            indexed, self.names.indexed = self.names.indexed, False
            steps, self.names.steps = self.names.steps, {}
            lines = list(self._body(step.body, "    ", str(step.index)))
            self.stepped[key] = bool(self.names.steps)
            self.names.steps = steps | self.names.steps
            if not self.names.indexed:
                self.bodies[key] = lines
            self.names.indexed |= indexed
        if self.stepped[key]:
            yield _Unpack(step.index)
        yield from lines

    def _unpacked(self, index: int) -> Iterator[Line]:
        """The names of all matrices that unrolled steps read, for one of them."""
        step = f"{self._all_steps()}[{index}]"
        yield from map(Line, unpacked_lines(list(self.names.steps), step, "    "))

    def _line(self, code: str, equations: tuple[EquationId, ...] = ()) -> Line:
        """A line of `code`, which uses what has been spelled since the line before."""
        return Line(code, self.names.taken(), equations)

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[Line]:
        key = id(body)
        if key not in self.commented:  # steps that share a body say the same
            comments = Comments(self.plan.program.equations)
            found = [
                [block for block in group if isinstance(block, Statement)]
                for group in groups(statements(body))
            ]
            self.commented[key] = [(some, self._comment(some, comments, indent)) for some in found]
        for group, comment in self.commented[key]:
            yield from self._group(group, comment, indent, index)

    def _comment(self, group: list[Statement], comments: Comments, indent: str) -> list[Line]:
        """The comment above `group`, which says its equations."""
        remark = ", which is there already" if all(map(self.plan.is_there, group)) else ""
        return [
            Line(text, frozenset(), _equations(group))
            for text in comments.lines(group, indent, remark)
        ]

    def _group(
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
                yield self._line(f"{indent}if {condition}:", equations)
            for statement in some:
                for code in self._lines(statement, indent + "    " * bool(given), index):
                    yield self._line(code, equations)

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        calls = Calls(self.names, index)
        spell = calls.spell
        if self.plan.writes_in_place(statement):
            for line in calls.lines(statement):
                yield from call_lines(line, indent)
            target = statement.target
            if isinstance(target.when, Every) and target.var in self.plan.bounded:
                assert isinstance(target.var.boundary, Const)
                number = target.var.boundary.value
                yield f"{indent}{self.names.end(target.var, 'first')}[...] = {number}"
            return
        value = statement.value
        weighted = by_sample(spell, self.names.orientation)
        calls_within = [part for part in parts(value) if isinstance(part, Call)]
        if self.plan.in_place and any(map(weighted, calls_within)):
            yield from self._weighted(statement, indent, spell)
            return
        rule = calls.over_gathered_rows if self.plan.in_place else None
        sign = "+=" if statement.accumulate else "="
        left = spell(statement.target)
        if statement.target.var.role == "loss" and index:
            self.losses, left, sign = True, f"{left}[{index}]", "="
            self.names.indexed = True
        start = f"{indent}{left} {sign} "
        text = as_expression(value, spell, self.names.orientation, rule)
        if isinstance(value, Const) and statement.target.var.shape:
            shape = self.attributes.sizes(statement.target.var)  # a bare number has no dtype
            text = f"np.full({shape}, {text}, w.dtype)"
        if len(start) + len(text) <= WIDTH:
            self.returns = statement is self.last and statement.target.var.role == "loss"
            yield f"{indent}return {text}" if self.returns else start + text
        else:
            before, terms, behind = as_terms(value, spell, self.names.orientation, rule)
            yield from parenthesised(start + before, terms, behind, indent)
        if statement.target.var.name in self.plan.spread:
            name = spell(statement.target)
            shape = self.attributes.sizes(statement.target.var)
            yield f"{indent}{name} = np.broadcast_to({name}, {shape})"
        yield from (indent + line for line in calls.parted(statement.target))

    def _weighted(self, statement: Statement, indent: str, spell: Speller) -> Iterator[str]:
        """The lines of a sum over all samples, with and without weights for them."""
        orientation, target = self.names.orientation, spell(statement.target)
        plain = as_expression(rewrite(statement.value, _without_weights), spell, orientation)
        weighted = as_expression(statement.value, spell, orientation, by_sample(spell, orientation))
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


def _weight_of(gradient: Var) -> str:
    return gradient.name[1:]


def _without_weights(expression: Expr) -> Expr | None:
    """A weighted matrix as it is where there are no weights."""
    if isinstance(expression, Call) and expression.operation == "weigh":
        return expression.args[1]
    return None
