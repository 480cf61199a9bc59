"""Fusion of weight gradients: those of stacked weights come from one GEMM over all rows.

Expects sums over time outside loops (`fission_loops`), of neighbours (`stack_products`). Leaves
packs of gradients, whose parts are handed out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product

from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    joined,
    reads,
    statements,
    writes,
)
from gru_codegen.passes.pack.neighbours import Packs, runs
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["fuse_gradients"]

#: What a gradient sums up: the transpose of one matrix times another.
_Sum = tuple[Ref, Ref]


#: For each input its copies, and for None the columns of ones; all steps of them.
_Copies = dict[Ref | None, list[Ref]]


def fuse_gradients(program: Program) -> Program:
    """Join the sums A^T D whose A are neighbours, and whose D are.

    An input is found in its copy, and a bias, whose gradient is a sum of rows, beside ones.
    """
    neighbours = runs(program)
    packs = Packs(program, names_in(program))
    copies: _Copies = {}

    def change(blocks: tuple[Block, ...]) -> Iterator[Block]:
        sums: dict[_Sum, Statement] = {}
        for block in blocks:
            if isinstance(block, Statement) and block.target.var.role == "gradient":
                sums |= dict.fromkeys(_sums(block, copies), block)
            _note_copies(block, copies)
        rectangles = sorted(_rectangles(sums, neighbours), key=lambda r: -len(r[0]) * len(r[1]))
        joined_ones: dict[int, Statement] = {}
        fused: set[int] = set()
        for left, right in rectangles:
            members = [sums[cell] for cell in product(left, right)]
            if fused & set(map(id, members)) or not _can_meet(members, blocks, (*left, *right)):
                continue
            fused |= set(map(id, members))
            joined_ones[id(members[0])] = _joined(left, right, members, packs)
        for block in blocks:
            if id(block) in joined_ones:
                yield joined_ones[id(block)]
            elif id(block) not in fused:
                yield block

    return program.with_blocks(lambda phase: change(phase.blocks))


def _note_copies(block: Block, copies: _Copies) -> None:
    """Note the copy that `block` makes, and forget those that it writes over."""
    written = {ref.var for statement in statements((block,)) for ref in writes(statement)}
    for copies_of_one in copies.values():
        copies_of_one[:] = [copy for copy in copies_of_one if copy.var not in written]
    if isinstance(block, Statement) and isinstance(block.target.when, Every) and not block.given:
        target, value = block.target, block.value
        if isinstance(value, Ref) and value.var.role == "input":
            copies.setdefault(value, []).append(target)
        elif value == Const(Fraction(1)) and target.var.shape == ("B", "1"):
            copies.setdefault(None, []).append(target)


def _sums(statement: Statement, copies: _Copies) -> Iterator[_Sum]:
    """The products whose sum `statement` is: with the input and with each of its copies."""
    value = statement.value
    if not isinstance(value, Call) or not all(isinstance(a, Ref) for a in value.args):
        return
    if statement.accumulate or statement.given:
        return
    arguments = [argument for argument in value.args if isinstance(argument, Ref)]
    if value.operation == "contract":
        left, right = arguments
        yield from ((operand, right) for operand in (left, *copies.get(left, [])))
    elif value.operation == "column_sum":
        yield from ((ones, arguments[0]) for ones in copies.get(None, []))


def _can_meet(
    members: list[Statement], blocks: tuple[Block, ...], operands: tuple[Ref, ...]
) -> bool:
    """Return whether no statement between `members` writes operands or uses their targets."""
    own, targets = {id(m) for m in members}, {member.target.var for member in members}
    indices = [index for index, block in enumerate(blocks) if id(block) in own]
    between = statements(blocks[indices[0] : indices[-1]])
    return not any(
        {ref.var for ref in writes(s)} & (targets | {ref.var for ref in operands})
        or {ref.var for ref in reads(s.value)} & targets
        for s in between
        if id(s) not in own
    )


def _rectangles(
    sums: dict[_Sum, Statement], neighbours: list[tuple[Ref, ...]]
) -> Iterator[tuple[tuple[Ref, ...], tuple[Ref, ...]]]:
    """The neighbours on the left and on the right of which every product is wanted."""
    timed_runs = [
        tuple(replace(r, when=Every(_offset(r))) for r in run)
        for run in neighbours
        if run[0].var.timed
    ]
    lefts = dict.fromkeys(part for part, _ in sums)  # no sets: what comes first is preferred
    rights = dict.fromkeys(part for _, part in sums)
    left_runs = [w for run in timed_runs for w in _windows(run, lefts)] + [(ref,) for ref in lefts]
    right_runs = [w for run in timed_runs for w in _windows(run, rights)] + [
        (ref,) for ref in rights
    ]
    for left, right in product(dict.fromkeys(left_runs), dict.fromkeys(right_runs)):
        if len(left) * len(right) > 1 and all(cell in sums for cell in product(left, right)):
            yield left, right


def _offset(ref: Ref) -> int:
    assert ref.when is not None  # the parts of a timed pack are timed
    return ref.when.offset


def _windows(run: tuple[Ref, ...], operands: Collection[Ref]) -> Iterator[tuple[Ref, ...]]:
    for start in range(len(run)):
        for end in range(start + 1, len(run) + 1):
            if all(ref in operands for ref in run[start:end]):
                yield run[start:end]


def _joined(
    left: tuple[Ref, ...], right: tuple[Ref, ...], members: list[Statement], packs: Packs
) -> Statement:
    targets = [member.target for member in members]
    width = len(right)
    rows = tuple(tuple(targets[i : i + width]) for i in range(0, len(targets), width))
    shape = (joined(p.var.shape[-1] for p in left), joined(p.var.shape[-1] for p in right))
    name = fresh(f"d{_weights(targets)}", packs.names_in_use)
    meaning = "gradients of stacked weights"
    target = Ref(Var(name, shape, "gradient", meaning=meaning, parts=rows))
    value = Call("contract", (_neighbours(left, packs), _neighbours(right, packs)))
    first, *others = (member.origin for member in members)
    return Statement(target, value, first.united(*others))


def _weights(gradients: list[Ref]) -> str:
    """The stacked weights by name: ``Wr_Wz_Wrecr_Wrecz``; of many the first and the last."""
    names = [gradient.var.adjoint_of for gradient in gradients]
    return "_".join(names) if len(names) <= 4 else f"{names[0]}_to_{names[-1]}"


def _neighbours(parts: tuple[Ref, ...], packs: Packs) -> Ref:
    """All steps of a pack."""
    if len(parts) == 1:
        return parts[0]
    now = tuple(replace(part, when=Now(_offset(part))) for part in parts)
    return replace(packs.of(now), when=Every())
