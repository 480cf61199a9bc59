"""Refusals by name of what no kernel has lines for: arguments, results, some boundaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Const, Every, Program, Ref, Statement, Var, reads
from gru_codegen.plan import Plan

__all__ = ["require_boundaries", "require_interface"]


def require_interface(program: Program, inputs: Collection[str]) -> None:
    """Refuse a program whose kernel could not be called as kernels are.

    inputs: the names of those that entry points take.

    Raises
    ------
    ProgramError: names the variable, the weight or the size.
    """
    variables = program.variables()
    for name in inputs:
        if name not in variables:
            raise ProgramError(f"{name}: a kernel takes this input, and nothing reads it")
    trains = any(phase.name == "backward" for phase in program.phases)
    computed = {var.adjoint_of for var in variables.values() if var.role == "gradient"}
    for weight in program.weights:
        if trains and weight.name not in computed:
            raise ProgramError(f"{weight.name}: a kernel has its gradient, nothing computes it")
    told = {size for var in (*program.given, *map(variables.get, inputs)) for size in _sizes(var)}
    for var in variables.values():
        for size in _sizes(var):
            if size not in (*told, "B"):
                raise ProgramError(f"{var.name}: no input and no weight has its size {size}")
    for phase in program.phases:
        for var in phase.variables().values():
            if var.role == "target" and phase.name != "loss":
                raise ProgramError(f"{var.name}: phase {phase.name} reads it, which has no targets")


def _sizes(var: Var | None) -> Iterator[str]:
    for size in () if var is None else var.shape:
        yield from (part for part in size.split("+") if not part.isdigit())


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
