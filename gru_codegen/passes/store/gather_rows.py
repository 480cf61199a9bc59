"""Gathering: operands of weight gradients are copied row by row if samples are columns.

Expects feature-major storage; with samples in rows it changes nothing. Leaves the names of the
copies in `Program.by_row`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    STORED,
    Block,
    Call,
    Every,
    Expr,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    parts,
    rewrite,
    statements,
    unpacked,
    writes,
)
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["gather_rows"]


def gather_rows(program: Program) -> Program:
    """Let sums over the rows of all steps read copies that lie row by row.

    The rows of all steps are one matrix then, and the sum over them is one GEMM. Each operand is
    copied once, before the first product that reads it, and again if its storage has been written
    since. Arguments of the kernel and the results of a pullback have a sample per row already.
    """
    if program.orientation == "rows":
        return program
    copies = _Copies(program)

    def change(phase: Phase) -> Iterator[Block]:
        copied: dict[Ref, list[frozenset[str]]] = {}  # on which conditions each copy is
        for block in phase.blocks:
            if isinstance(block, Statement):
                given = frozenset(block.given)
                for operand in copies.summed_operands(block.value):
                    if not any(enough <= given for enough in copied.setdefault(operand, [])):
                        copied[operand].append(given)
                        copy = copies.of(operand)
                        yield replace(block, target=copy, value=operand, accumulate=False)
                yield replace(block, value=rewrite(block.value, copies.rule))
            else:
                yield block
            written = {program.root(r.var.name) for s in statements((block,)) for r in writes(s)}
            for operand in list(copied):
                if written & {program.root(part.var.name) for part in unpacked(operand)}:
                    del copied[operand]

    changed = program.with_blocks(
        lambda phase: phase.blocks if phase.name == "inputs" else tuple(change(phase))
    )
    return replace(changed, by_row=program.by_row | copies.names)


class _Copies:
    """Copies of the operands of products, each declared at its first use."""

    def __init__(self, program: Program) -> None:
        self.stored_by_row = program.by_row
        self.names_in_use = names_in(program)
        self.made: dict[Ref, Ref] = {}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(copy.var.name for copy in self.made.values())

    def of(self, operand: Ref) -> Ref:
        """The copy of `operand`."""
        if operand not in self.made:
            name, shape = fresh(_stem(operand), self.names_in_use), operand.var.shape
            copy = Var(name, shape, "work", timed=True, meaning="rows, gathered")
            self.made[operand] = Ref(copy, Every())
        return self.made[operand]

    def summed_operands(self, expression: Expr) -> Iterator[Ref]:
        """The operands of sums over all steps in `expression` that are better copied."""
        for part in parts(expression):
            yield from filter(self._is_copied, _summed(part))

    def rule(self, part: Expr) -> Expr | None:
        """A sum over all steps of copies, to be put in place of `part`."""
        operands = _summed(part)
        if not operands:
            return None
        return Call("contract", tuple(self.of(r) if self._is_copied(r) else r for r in operands))

    def _is_copied(self, operand: Ref) -> bool:
        return operand.var.role in STORED and operand.var.name not in self.stored_by_row


def _summed(part: Expr) -> tuple[Ref, ...]:
    """The operands of a sum over the rows of all steps; none if `part` is something else."""
    match part:
        case Call("contract", (Ref(_, Every()) as left, Ref(_, Every()) as right)):
            return left, right
    return ()


def _stem(operand: Ref) -> str:
    """Name of a copy: ``A_rows``, or one that names the step before or after."""
    offset = operand.when.offset if operand.when is not None else 0
    shifted = "prev_" if offset < 0 else "next_" if offset else ""
    return f"{operand.var.name}_{shifted}rows"
