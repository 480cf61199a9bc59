"""Copy coalescing: a copy that is handed out and its original become one variable.

Expects any program; dead code is best gone, as its reads keep an original alive. Leaves the name
of the copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    Expr,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    distinct_bodies,
    reads,
    rewrite,
)

__all__ = ["coalesce_copies"]


def coalesce_copies(program: Program) -> Program:
    """Compute dO in the first place, and no E, if a step ends with ``dO = E``.

    E has to be local to that step: no entry point returns it, and it has no boundary.
    """
    while (copied := next(_copies(program), None)) is not None:
        program = _renamed(program, *copied)
    return program


def _renamed(program: Program, original: Var, copied: Statement) -> Program:
    """Call `original` by the name of its copy, and drop the statement that `copied` it."""

    def renamed(expression: Expr) -> Expr | None:
        if isinstance(expression, Ref) and expression.var == original:
            return replace(expression, var=copied.target.var)
        return None

    def change(statement: Statement) -> Iterator[Statement]:
        target, value = (rewrite(each, renamed) for each in (statement.target, statement.value))
        assert isinstance(target, Ref)  # renamed at the most
        origin = statement.origin
        if statement.target.var == original:
            origin = origin.united(copied.origin)
        if value != target:
            yield replace(statement, target=target, value=value, origin=origin)

    return program.with_statements(change)


def _copies(program: Program) -> Iterator[tuple[Var, Statement]]:
    """Copies of variables that one body alone uses, with their statements."""
    handed_out = {var for results in program.entries.values() for var in results}
    uses = Counter(var for statement in program.statements() for var in _variables(statement))
    for phase in program.phases:
        for body in distinct_bodies(phase.blocks):
            for index, statement in enumerate(body):
                value = statement.value
                if _is_copy(statement) and isinstance(value, Ref) and value.var not in handed_out:
                    uses_of_original = [i for i, s in enumerate(body) if value.var in _variables(s)]
                    alone = uses[value.var] == len(uses_of_original)
                    if alone and _is_free(statement.target, body, uses_of_original, index):
                        yield value.var, statement


def _is_copy(statement: Statement) -> bool:
    target, value = statement.target, statement.value
    if statement.given or not (isinstance(value, Ref) and value.when == target.when == Now()):
        return False
    alike = value.var.shape == target.var.shape
    return alike and value.var.role in ("value", "adjoint") and value.var.boundary is None


def _is_free(target: Ref, body: tuple[Statement, ...], uses: list[int], copy_index: int) -> bool:
    """Return whether `target` is not live while the statements at `uses` use its original.

    Another step of it must not be read either, or all its steps would have to be kept.
    """
    written = (i for i, s in enumerate(body) if s.target == target and i != copy_index)
    read = any(ref.var == target.var for s in body[uses[0] : copy_index] for ref in reads(s.value))
    return not read and uses[-1] < min(written, default=len(body))


def _variables(statement: Statement) -> set[Var]:
    return {ref.var for ref in (*reads(statement.value), statement.target)}
