"""Dead-code elimination: drop statements whose results no entry point needs.

Expects any program. Leaves live statements alone; those that only the pullback needs are marked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gru_codegen.ir import (
    Block,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    Step,
    before_the_pullback,
    reads,
    writes,
)

__all__ = ["eliminate_dead_code"]


def eliminate_dead_code(program: Program) -> Program:
    """Drop every statement whose target no entry point needs, directly or not.

    A statement that only the pullback needs is marked as such, if other entry points run its phase
    as well and the phase comes after the one that computes the seeds.
    """
    live, live_without_pullback = _live(program, ""), _live(program, "pullback")
    phases, before_seed = [], before_the_pullback(program)
    for phase in reversed(program.phases):
        pruned = _pruned(phase.blocks, live)
        unmarked = _pruned(phase.blocks, live_without_pullback)
        # Where nothing is left, the whole phase is the pullback's.
        if any(unmarked) and phase.name not in before_seed:
            pruned = list(map(_marked, pruned, unmarked))
        phases.append(replace(phase, blocks=_remaining(pruned, phase.blocks)))
    return replace(program, phases=tuple(reversed(phases)))


def _live(program: Program, excluded: str) -> _Live:
    """Results of all entry points but the `excluded` one: live at the end of the program."""
    live = _Live()
    for entry, results in program.entries.items():
        if entry != excluded:
            live.whole |= {var.name for var in results}
    if excluded != "pullback":
        for var in program.carries:
            live.steps.add((var.name, 0))
            live.partly.add(var.name)
    return live


def _marked(block: Block | None, unmarked: Block | None) -> Block | None:
    """Mark the statements of `block` as the pullback's, but for those of `unmarked`.

    The two are what is left of one block, None where nothing is.
    """
    if block is None or block is unmarked:
        return block
    if isinstance(block, Statement):
        return _for_a_pullback(block)
    body = unmarked.body if isinstance(unmarked, Loop | Step) else ()
    own = {id(statement) for statement in body}
    marked = [each if id(each) in own else _marked(each, None) for each in block.body]
    body = _remaining(marked, block.body)
    return block if body is block.body else replace(block, body=body)


def _for_a_pullback(statement: Statement) -> Statement:
    if "pullback" in statement.given:
        return statement
    return replace(statement, given=(*statement.given, "pullback"))


#: A variable, and which step of it from the surrounding one on; None is all of them.
_Need = tuple[str, "int | None"]


@dataclass
class _Live:
    """Live variables: all of one (`whole`), or single steps of it, known by index.

    needs: what statements read, by their identity: the steps of an unrolled loop share them.
    """

    whole: set[str] = field(default_factory=set)
    steps: set[tuple[str, int]] = field(default_factory=set)
    partly: set[str] = field(default_factory=set)
    needs: dict[int, list[_Need]] = field(default_factory=dict)

    def add(self, statement: Statement, t: int | None) -> None:
        """Make live what `statement` reads."""
        if id(statement) not in self.needs:
            self.needs[id(statement)] = list(_needs(statement))
        for name, offset in self.needs[id(statement)]:
            if t is None or offset is None:
                self.whole.add(name)
            else:
                self.steps.add((name, t + offset))
                self.partly.add(name)

    def reads(self, target: Ref, t: int | None) -> bool:
        name = target.var.name
        if name in self.whole:
            return True
        if t is not None and isinstance(target.when, Now):
            return (name, t) in self.steps
        return name in self.partly

    def __len__(self) -> int:
        return len(self.whole) + len(self.steps)


def _pruned(blocks: tuple[Block, ...], live: _Live, t: int | None = None) -> list[Block | None]:
    """Go backwards through `blocks`, and give what is left of each; None is nothing.

    t: the index of the surrounding step if it is known.
    """
    left: list[Block | None] = []
    for block in reversed(blocks):
        if isinstance(block, Statement):
            is_live = any(live.reads(ref, t) for ref in writes(block))
            if is_live:
                live.add(block, t)
            left.append(block if is_live else None)
            continue
        body = (
            _prune_loop(block, live)
            if isinstance(block, Loop)
            else _remaining(_pruned(block.body, live, block.index), block.body)
        )
        rest = block if body is block.body else replace(block, body=body)
        left.append(rest if body else None)
    return left[::-1]


def _remaining(left: list[Block | None], blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The rest of `blocks`, which is `left`: those very blocks if that is all."""
    same = all(new is old for new, old in zip(left, blocks, strict=True))
    return blocks if same else tuple(block for block in left if block is not None)


def _needs(statement: Statement) -> Iterator[_Need]:
    """The steps that `statement` reads, and those that stand for what is beyond the others."""
    before = writes(statement) if statement.accumulate else ()
    for ref in (*reads(statement.value), *before):
        yield ref.var.name, ref.when.offset if isinstance(ref.when, Now) else None
    for ref in reads(statement.value):
        if ref.var.boundary is not None:
            yield from ((beyond.var.name, None) for beyond in reads(ref.var.boundary))


def _prune_loop(loop: Loop, live: _Live) -> tuple[Block, ...]:
    """Prune a step until no further variable becomes live: steps read each other's results."""
    while True:
        before = len(live)
        body = _remaining(_pruned(loop.body, live), loop.body)
        if len(live) == before:
            return body
