"""Attribution of intermediates to the equations of their readers.

Expects all other passes but unrolling to have run, since their statements need it. Leaves no
intermediate without an equation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import EquationId, Origin, Program, Statement, reads, unpacked

__all__ = ["attribute_intermediates"]


def attribute_intermediates(program: Program) -> Program:
    """Give each intermediate the equations that its value enters.

    It enters them directly or by way of other intermediates.
    """
    readers: dict[str, dict[Origin, None]] = {}
    for statement in program.statements():
        for ref in reads(statement.value):
            readers.setdefault(ref.var.name, {})[_origin(statement)] = None
    order = {each: index for index, each in enumerate(program.equations)}

    def served(origin: Origin) -> tuple[EquationId, ...]:
        equations: set[EquationId] = set()
        visited, waiting = {origin}, [origin]
        while waiting:
            for reader in _readers(waiting.pop(), readers):
                equations.update(reader.equations)
                if not reader.equations and reader not in visited:
                    visited.add(reader)
                    waiting.append(reader)
        return tuple(sorted(equations, key=lambda each: order.get(each, len(order))))

    known: dict[Origin, tuple[EquationId, ...]] = {}

    def change(statement: Statement) -> tuple[Statement]:
        origin = _origin(statement)
        if origin.equations:
            return (statement,)
        if origin not in known:
            known[origin] = served(origin)
        return (replace(statement, origin=replace(statement.origin, serves=known[origin])),)

    return program.with_statements(change)


def _origin(statement: Statement) -> Origin:
    """Origin of `statement`; that of an intermediate holds its target and value."""
    origin = statement.origin
    return origin if origin.equations else origin.computing(statement.target, statement.value)


def _readers(origin: Origin, readers: dict[str, dict[Origin, None]]) -> Iterator[Origin]:
    """Origins of the statements that read the result of an intermediate."""
    for target, _ in origin.computed:
        for part in unpacked(target):
            yield from readers.get(part.var.name, ())
