"""Blocks as lines: loops and steps, and statements under the equation that they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby

from gru_codegen.emit.calls import Calls
from gru_codegen.emit.comments import Comments, groups
from gru_codegen.emit.lines import (
    WIDTH,
    call_lines,
    filled_lines,
    parenthesised,
    unpacked_lines,
)
from gru_codegen.emit.names import Names
from gru_codegen.emit.numpy import Speller, as_expression, by_sample, over_one_denominator
from gru_codegen.ir import (
    Block,
    Call,
    Const,
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
#: Stands for the index of the step until the lines of a body are repeated for each step.
_INDEX = "\0"
#: Stands for the line in which an unrolled step names its matrices.
_STEPS = "\1"


#: Writes a part of an expression.
_Writer = Callable[[Expr], str]


class Blocks:
    """Writes blocks as the body of a function; steps that share a body are spelled once.

    losses: whether each step has a loss of its own, which are to be added up.
    begun: the carries kept for all steps whose matrix beyond the last step has been written.
    """

    def __init__(self, names: Names, phase: str) -> None:
        self.names = names
        self.plan, self.attributes = names.plan, names.attributes
        self.phase = phase
        self.bodies: dict[int, str] = {}
        self.begun: set[Var] = set()
        self.losses = False

    def lines(self, blocks: tuple[Block, ...]) -> list[str]:
        """The lines of `blocks`, one level deep."""
        lines = list(self._lines_of(blocks))
        written = {ref.var for s in statements(blocks) for ref in writes(s)}
        unread = filter(written.__contains__, self.plan.program.carries)
        return [*lines, *self._beyond_all_steps(unread)]  # what is handed out after no step at all

    def _lines_of(self, blocks: tuple[Block, ...]) -> Iterator[str]:
        comments = Comments(self.plan.program.equations)
        for group in groups(blocks):
            yield from self._beyond_all_steps(self._read_beyond(tuple(group)))
            some = [block for block in group if isinstance(block, Statement)]
            if some:
                yield from self._group(some, comments, "    ", "")
            for block in group[len(some) :]:
                yield from self._block(block)

    def _block(self, block: Block) -> Iterator[str]:
        if isinstance(block, Loop):
            yield from self._before(block)
            lines = list(self._body(block.body, "        ", "t"))
            yield from self._head(block)
            yield from lines
        elif isinstance(block, Step):
            yield ""
            yield f"    # --- step {block.index + 1} of {self.plan.program.steps} ---"
            yield self._unrolled(block).replace(_INDEX, str(block.index))

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

    def _before(self, loop: Loop) -> Iterator[str]:
        """What the loop takes as given: sums that start at zero, carries at their boundary."""
        written = {ref.var: s for s in statements(loop.body) for ref in writes(s)}
        for var, statement in written.items():
            if statement.accumulate and var.role == "gradient":
                yield f"    {var.name} = np.zeros_like(params.{var.name[1:]})"
            elif self.plan.is_carried_over_time(var):
                continue
            elif isinstance(var.boundary, Ref) and not self.plan.is_stored(var):
                zeros = f"np.zeros({self.attributes.sizes(var)}, w.dtype)"
                beyond = self.names.spell(var.boundary, "")
                yield f"    {var.name} = {zeros} if last is None else {beyond}"
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

    def _beyond_all_steps(self, some: Iterable[Var]) -> Iterator[str]:
        """What those of `some` that are carries kept for all steps are beyond the last one."""
        for var in some:
            if self.plan.is_carried_over_time(var) and var not in self.begun:
                self.begun.add(var)
                yield from self._begun(var, self.names.end(var, "last"))

    def _begun(self, carry: Var, name: str) -> Iterator[str]:
        """The carry beyond the last step: what others are at that step, and what a caller gives."""
        assert carry.boundary is not None  # it is that of a carry
        if isinstance(carry.boundary, Ref):
            yield f"    {name}[...] = 0 if last is None else {self.names.spell(carry.boundary, '')}"
            return
        addends = list(refs(carry.boundary))
        given = [ref for ref in addends if ref.var.role == "last"]
        start, *others = [self.names.end(r.var, "last") for r in addends if r not in given]
        yield f"    {name}[...] = {start}"
        yield from (f"    np.add({name}, {other}, {name})" for other in others)
        for ref in given:
            yield "    if last is not None:"
            yield f"        np.add({name}, {self.names.spell(ref, '')}, {name})"

    def _unrolled(self, step: Step) -> str:
        key = id(step.body)
        if key not in self.bodies:
            before, self.names.steps = self.names.steps, {}
            lines = list(self._body(step.body, "    ", _INDEX))
            own, self.names.steps = self.names.steps, before
            for name, source in own.items():
                self.names.steps.setdefault(name, source)
            self.bodies[key] = "\n".join(lines)
            if own:
                self.bodies[key] = f"{_STEPS}\n{self.bodies[key]}"
        return self.bodies[key]

    def with_steps(self, lines: list[str]) -> list[str]:
        """`lines` in which each unrolled step begins with the names of its matrices."""
        names = list(self.names.steps)
        found: list[str] = []
        index = ""
        for line in "\n".join(lines).split("\n"):
            if line.startswith("    # --- step "):
                index = str(int(line.split()[3]) - 1)
            if line == _STEPS:
                found += unpacked_lines(names, f"{self._all_steps()}[{index}]", "    ")
            else:
                found.append(line)
        return found

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[str]:
        comments = Comments(self.plan.program.equations)
        for group in groups(statements(body)):
            some = [block for block in group if isinstance(block, Statement)]
            yield from self._group(some, comments, indent, index)

    def _group(
        self, group: list[Statement], comments: Comments, indent: str, index: str
    ) -> Iterator[str]:
        """The statements of one equation, under a comment that says it."""
        there = all(map(self.plan.is_there, group))
        yield from comments.lines(group, indent, ", which is there already" if there else "")
        for given, some in groupby(group, key=lambda statement: statement.given):
            if given:
                for name in given:
                    if name == "lengths" and self.plan.in_place:
                        self.names.local.setdefault("ended", "w.ended")
                yield f"{indent}if {' and '.join(_CONDITIONS[name] for name in given)}:"
            for statement in some:
                yield from self._lines(statement, indent + "    " * bool(given), index)

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
        weighted = by_sample(spell, self.names.layout)
        calls_within = [part for part in parts(value) if isinstance(part, Call)]
        if self.plan.in_place and any(map(weighted, calls_within)):
            yield from self._weighted(statement, indent, spell)
            return
        rule = calls.over_gathered_rows if self.plan.in_place else None
        write = partial(as_expression, spell=spell, layout=self.names.layout, rule=rule)
        sign = "+=" if statement.accumulate else "="
        left = spell(statement.target)
        if statement.target.var.role == "loss" and index:
            self.losses, left, sign = True, f"{left}[{index}]", "="
        start = f"{indent}{left} {sign} "
        text = write(value)
        if isinstance(value, Const) and statement.target.var.shape:
            shape = self.attributes.sizes(statement.target.var)  # a bare number has no dtype
            text = f"np.full({shape}, {text}, w.dtype)"
        if len(start) + len(text) <= WIDTH:
            yield start + text
        else:
            yield from _broken(start, value, write, indent)
        if statement.target.var.name in self.plan.spread:
            name = spell(statement.target)
            shape = self.attributes.sizes(statement.target.var)
            yield f"{indent}{name} = np.broadcast_to({name}, {shape})"
        yield from (indent + line for line in calls.parted(statement.target))

    def _weighted(self, statement: Statement, indent: str, spell: Speller) -> Iterator[str]:
        """The lines of a sum over all samples, with and without weights for them."""
        layout, target = self.names.layout, spell(statement.target)
        plain = as_expression(rewrite(statement.value, _without_weights), spell, layout)
        weighted = as_expression(statement.value, spell, layout, by_sample(spell, layout))
        either = f"{indent}{target} = {plain} if V is None else {weighted}"
        if len(either) <= WIDTH:
            yield f"{indent}# with loss weights each sample's own sum times its weight"
            yield either
            return
        yield f"{indent}if V is None:"
        yield f"{indent}    {target} = {plain}"
        yield f"{indent}else:  # each sample's own sum times its weight"
        yield f"{indent}    {target} = {weighted}"


def _without_weights(expression: Expr) -> Expr | None:
    """What a weighted matrix is where there are no weights."""
    if isinstance(expression, Call) and expression.operation == "weigh":
        return expression.args[1]
    return None


def _broken(start: str, value: Expr, write: _Writer, indent: str) -> Iterator[str]:
    """`start` and `value` over several lines: one for each term of the sum that it is or reads."""
    inside, behind = over_one_denominator(value), ""
    if isinstance(inside, Call) and inside.operation not in ("add", "subtract"):
        whole = write(inside)
        for argument in inside.args:
            before, found, after = whole.partition(f"({write(argument)})")
            if found:
                inside, start, behind = argument, start + before, after
                break
    yield from parenthesised(start, _addends(inside, write), behind, indent)


def _addends(expression: Expr, write: _Writer) -> list[str]:
    """The terms of a sum, each but the first beginning with its sign."""
    if isinstance(expression, Call) and expression.operation in ("add", "subtract"):
        left, right = expression.args
        sign = "+" if expression.operation == "add" else "-"
        last = write(right)
        loose = isinstance(right, Call) and right.operation in ("add", "subtract", "negate")
        return [*_addends(left, write), f"{sign} ({last})" if loose else f"{sign} {last}"]
    return [write(expression)]
