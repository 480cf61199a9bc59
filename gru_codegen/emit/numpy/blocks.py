"""Blocks as lines: loops, steps, and the statements between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gru_codegen.emit.comments import Comments, groups
from gru_codegen.emit.lines import WIDTH, Line, filled_lines, unpacked_lines
from gru_codegen.emit.numpy.boundaries import Boundaries
from gru_codegen.emit.numpy.names import Names
from gru_codegen.emit.numpy.statements import Statements
from gru_codegen.ir import Block, Loop, Statement, Step, statements

__all__ = ["Blocks"]

#: What stands for each digit of a step's number in the lines that steps share.
_NUMBER = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class _Unpack:
    """The line in which an unrolled step names its matrices, once all names are known."""

    index: int

    def lines(self, blocks: Blocks) -> Iterator[str]:
        """The line, or lines, of a function."""
        yield from blocks.unpacked(self.index)


@dataclass(frozen=True)
class _Head:
    """The line with which a loop begins, which names the matrices of all loops of a function."""

    loop: Loop

    def lines(self, blocks: Blocks) -> Iterator[str]:
        """The line, or lines, of a function."""
        yield from blocks.head(self.loop)


_Draft = Line | _Unpack | _Head


class Blocks:
    """Writes blocks as the body of a function; steps that share a body are spelled once."""

    def __init__(self, names: Names, phase: str) -> None:
        self.names = names
        self.plan, self.attributes = names.plan, names.attributes
        self.phase = phase
        self.boundaries, self.statements = Boundaries(names), Statements(names)
        self.bodies: dict[tuple[int, str], tuple[list[Line], bool]] = {}
        self.commented: dict[int, list[tuple[list[Statement], list[Line]]]] = {}

    def lines(self, blocks: tuple[Block, ...]) -> list[Line]:
        """The lines of `blocks`, one level deep."""
        self.statements.begin(blocks)
        self.boundaries.begin(blocks)
        drafts = [*self._lines_of(blocks), *self.boundaries.handed_out()]
        lines: list[Line] = []
        for draft in drafts:
            lines += [draft] if isinstance(draft, Line) else map(Line, draft.lines(self))
        return lines

    def _lines_of(self, blocks: tuple[Block, ...]) -> Iterator[_Draft]:
        comments = Comments(self.plan.program.equations)
        for group in groups(blocks):
            yield from self.boundaries.beyond(tuple(group))
            yield from self.boundaries.outside(tuple(group))
            together = [block for block in group if isinstance(block, Statement)]
            if together:
                comment = self.statements.comment(together, comments, "    ")
                yield from self.statements.lines(together, comment, "    ", "")
            for block in group[len(together) :]:
                yield from self._block(block)

    def _block(self, block: Block) -> Iterator[_Draft]:
        if isinstance(block, Loop):
            yield from self.boundaries.before(block)
            yield _Head(block)
            yield from self._body(block.body, "        ", "t")
        elif isinstance(block, Step):
            yield Line("")
            yield Line(f"    # --- step {block.index + 1} of {self.plan.program.steps} ---")
            yield from self._unrolled(block)

    def head(self, loop: Loop) -> Iterator[str]:
        """The line or lines with which a loop begins, once all bodies are known."""
        around = "" if loop.direction == "forward" else "reversed"
        if not self.names.steps:
            steps = "range(w.steps)"
            yield f"    for t in {f'{around}({steps})' if around else steps}:"
            return
        names = list(self.names.steps)
        steps = self._all_steps()
        if self.names.indexed:
            steps = f"list(enumerate({steps}))" if around else f"enumerate({steps})"
        steps = f"{around}({steps})" if around else steps
        start, end = ("t, (", ")") if self.names.indexed else ("", "")
        comma = "," if len(names) == 1 else ""
        line = f"    for {start}{', '.join(names)}{comma}{end} in {steps}:"
        if len(line) <= WIDTH:
            yield line
            return
        if start:
            yield "    for t, ("
        else:
            yield "    for ("
        yield from filled_lines(names, "        ")
        yield f"    ) in {steps}:"

    def _all_steps(self) -> str:
        """The matrices of every step that a loop names, in code."""
        return f"w.{self.attributes.form(self.phase, 'steps')}"

    def _unrolled(self, step: Step) -> Iterator[_Draft]:
        """The lines of a step: those of its body, with the step's number put where it belongs."""
        index = str(step.index)
        place = _NUMBER * len(index)  # as wide as the number, which decides where lines break
        key = id(step.body), place
        if key not in self.bodies:
            steps, self.names.steps = self.names.steps, {}
            lines = list(self._body(step.body, "    ", place))
            self.bodies[key] = lines, bool(self.names.steps)
            self.names.steps = steps | self.names.steps
        lines, stepped = self.bodies[key]
        if stepped:
            yield _Unpack(step.index)
        for line in lines:
            code = line.code.replace(place, index)
            yield line if code == line.code else Line(code, line.reads, line.equations)

    def unpacked(self, index: int) -> Iterator[str]:
        """The names of all matrices that unrolled steps read, for one of them."""
        step = f"{self._all_steps()}[{index}]"
        yield from unpacked_lines(list(self.names.steps), step, "    ")

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[Line]:
        key = id(body)
        if key not in self.commented:  # steps that share a body say the same
            comments = Comments(self.plan.program.equations)
            commented = [
                [block for block in group if isinstance(block, Statement)]
                for group in groups(statements(body))
            ]
            self.commented[key] = [
                (group, self.statements.comment(group, comments, indent)) for group in commented
            ]
        for group, comment in self.commented[key]:
            yield from self.statements.lines(group, comment, indent, index)
