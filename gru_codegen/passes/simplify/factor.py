"""Factoring: ``dS o (CA - S_prev)`` takes the place of its expansion.

Expects any program. Leaves sums of products in the form that takes the fewest operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gru_codegen.ir import Program, Statement
from gru_codegen.passes.support.algebra import improved

__all__ = ["factor_adjoints", "factor_sums"]


def factor_sums(program: Program) -> Program:
    """Give every statement its factored form where that takes fewer operations."""
    return _factor(program, lambda statement: True)


def factor_adjoints(program: Program) -> Program:
    """Factor the adjoint equations alone: the others keep the form in which they were declared."""
    return _factor(program, lambda statement: statement.target.var.role == "adjoint")


def _factor(program: Program, is_chosen: Callable[[Statement], bool]) -> Program:
    def change(statement: Statement) -> Iterator[Statement]:
        value = improved(statement.value) if is_chosen(statement) else statement.value
        yield statement if value is statement.value else replace(statement, value=value)

    return program.with_statements(change)
