"""Dead-code elimination: drop statements whose results no entry point needs.

Expects any program. Leaves live statements alone; those that only the pullback needs are marked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gru_codegen.ir import (
    Block,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    before_the_pullback,
    reads,
    writes,
)

__all__ = ["eliminate_dead_code"]


def eliminate_dead_code(program: Program) -> Program:
    """Drop every statement whose target no entry point needs, directly or not.

    A statement that only the pullback needs is marked as such, if other entry points run its phase
    as well and the phase comes after the one that computes the seed.
    """
    live, live_without_pullback = _live(program, ""), _live(program, "pullback")
    phases, before_seed = [], before_the_pullback(program)
    for phase in reversed(program.phases):
        blocks = _prune(phase.blocks, live)
        unmarked = _prune(phase.blocks, live_without_pullback)
        if unmarked and phase.name not in before_seed:  # else the whole phase is the pullback's
            blocks = _marked(blocks, unmarked)
        phases.append(replace(phase, blocks=blocks))
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


def _marked(blocks: tuple[Block, ...], unmarked: tuple[Block, ...]) -> tuple[Block, ...]:
    """Mark the statements of `blocks` as the pullback's, but for those of `unmarked`."""
    if blocks is unmarked:
        return blocks
    statements = {id(block) for block in unmarked if isinstance(block, Statement)}
    bodies = iter([block.body for block in unmarked if not isinstance(block, Statement)])
    marked: list[Block] = []
    for block in blocks:
        if not isinstance(block, Statement):
            body = _marked(block.body, next(bodies, ()))
            marked.append(block if body is block.body else replace(block, body=body))
        elif id(block) in statements or "pullback" in block.given:
            marked.append(block)
        else:
            marked.append(replace(block, given=(*block.given, "pullback")))
    return blocks if all(a is b for a, b in zip(marked, blocks, strict=True)) else tuple(marked)


@dataclass
class _Live:
    """Live variables: all of one (`whole`), or single steps of it, known by index."""

    whole: set[str] = field(default_factory=set)
    steps: set[tuple[str, int]] = field(default_factory=set)
    partly: set[str] = field(default_factory=set)

    def add(self, ref: Ref, t: int | None) -> None:
        name = ref.var.name
        if t is not None and isinstance(ref.when, Now):
            self.steps.add((name, t + ref.when.offset))
            self.partly.add(name)
        else:
            self.whole.add(name)

    def reads(self, target: Ref, t: int | None) -> bool:
        name = target.var.name
        if name in self.whole:
            return True
        if t is not None and isinstance(target.when, Now):
            return (name, t) in self.steps
        return name in self.partly

    def __len__(self) -> int:
        return len(self.whole) + len(self.steps)


def _prune(blocks: tuple[Block, ...], live: _Live, t: int | None = None) -> tuple[Block, ...]:
    """Go backwards through `blocks`; `t` is the index of the surrounding step if it is known."""
    live_blocks: list[Block] = []
    for block in reversed(blocks):
        if isinstance(block, Statement):
            if any(live.reads(ref, t) for ref in writes(block)):
                _mark(block, live, t)
                live_blocks.append(block)
            continue
        body = (
            _prune_loop(block, live)
            if isinstance(block, Loop)
            else (_prune(block.body, live, block.index))
        )
        if body:
            live_blocks.append(block if body is block.body else replace(block, body=body))
    return blocks if _same(live_blocks, blocks) else tuple(reversed(live_blocks))


def _same(live_blocks: list[Block], blocks: tuple[Block, ...]) -> bool:
    return len(live_blocks) == len(blocks) and all(
        new is old for new, old in zip(reversed(live_blocks), blocks, strict=True)
    )


def _mark(statement: Statement, live: _Live, t: int | None) -> None:
    for ref in reads(statement.value):
        live.add(ref, t)
        if ref.var.boundary is not None:
            live.whole |= {beyond.var.name for beyond in reads(ref.var.boundary)}
    if statement.accumulate:
        for ref in writes(statement):
            live.add(ref, t)


def _prune_loop(loop: Loop, live: _Live) -> tuple[Block, ...]:
    """Prune a step until no further variable becomes live: steps read each other's results."""
    while True:
        before = len(live)
        body = _prune(loop.body, live)
        if len(live) == before:
            return body
