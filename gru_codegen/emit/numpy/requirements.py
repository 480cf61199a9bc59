"""Refusals by name of what no kernel has lines for: numbers in arrays, some boundaries."""

from __future__ import annotations

from collections.abc import Collection

from gru_codegen.errors import ProgramError
from gru_codegen.ir import STORED, Const, Every, Program, Ref, Statement, Var, reads
from gru_codegen.plan import Plan

__all__ = ["require_arrays", "require_boundaries"]


def require_arrays(program: Program) -> None:
    """Refuse a program that keeps a single number where others keep matrices.

    Raises
    ------
    ProgramError: names the statement.
    """
    for statement in program.statements():
        target = statement.target.var
        if target.role in STORED and target.shape == ():
            raise ProgramError(
                f"{statement}: {target.name} is a number, which no array is kept for"
            )


def require_boundaries(plan: Plan, states: Collection[Var]) -> None:
    """Refuse a program that reads beyond the steps what no line of its kernel would write there.

    An entry point writes what `states` are before the first step, a loop what carries are beyond
    the last one, and whatever computes a variable for all steps at once a number before them.

    Raises
    ------
    ProgramError: names the variable and its boundary.
    """
    statements = list(plan.program.statements())
    read = {(ref.var, _offset(ref)) for s in statements for ref in reads(s.value) if _offset(ref)}
    for var, offset in sorted(read, key=lambda pair: (pair[0].name, pair[1])):
        if var in states:
            is_written = offset == -1 and _reads_role(var, "initial")
        elif var in plan.program.carries:
            is_written = offset == 1 and _reads_role(var, "last")
        else:
            is_written = offset == -1 and _is_bounded(var, plan, statements)
        if not is_written:
            raise ProgramError(
                f"{var.name} is {var.boundary} beyond the steps, read at step t{offset:+d}: a "
                "kernel has initial states, the adjoints of last ones, and numbers before the "
                "first step of what is computed for all steps at once"
            )


def _offset(ref: Ref) -> int:
    return ref.when.offset if ref.when is not None else 0


def _reads_role(var: Var, role: str) -> bool:
    return var.boundary is not None and any(ref.var.role == role for ref in reads(var.boundary))


def _is_bounded(var: Var, plan: Plan, statements: list[Statement]) -> bool:
    """True if its boundary is a number, written where all its steps are."""
    number = isinstance(var.boundary, Const) and var.boundary.value.denominator == 1
    written = any(
        s.target.var == var and isinstance(s.target.when, Every) and plan.writes_in_place(s)
        for s in statements
    )
    return number and written
