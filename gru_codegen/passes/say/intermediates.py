"""Intermediates name the equations that they serve: those of whatever reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import EquationId, Origin, Program, Statement, reads, unpacked

__all__ = ["attribute_intermediates"]


def attribute_intermediates(program: Program) -> Program:
    """Let each statement that completes no equation name those that its value enters.

    It may do so by way of other intermediates.
    """
    readers: dict[str, dict[Origin, None]] = {}
    for statement in program.statements():
        for ref in reads(statement.value):
            readers.setdefault(ref.var.name, {})[_origin(statement)] = None
    order = {each: place for place, each in enumerate(program.equations)}

    def served(origin: Origin) -> tuple[EquationId, ...]:
        found: set[EquationId] = set()
        met, waiting = {origin}, [origin]
        while waiting:
            for reader in _readers(waiting.pop(), readers):
                found.update(reader.equations)
                if not reader.equations and reader not in met:
                    met.add(reader)
                    waiting.append(reader)
        return tuple(sorted(found, key=lambda each: order.get(each, len(order))))

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
    """The origin of `statement`, which for an intermediate says what it computes."""
    origin = statement.origin
    return origin if origin.equations else origin.computing(statement.target, statement.value)


def _readers(origin: Origin, readers: dict[str, dict[Origin, None]]) -> Iterator[Origin]:
    """The origins of what reads that which an intermediate computes."""
    for target, _ in origin.computed:
        for part in unpacked(target):
            yield from readers.get(part.var.name, ())
