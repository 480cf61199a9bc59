"""Factoring: ``dS o (CA - S_prev)`` takes the place of its expansion.

Expects any program. Leaves sums of products in the form that takes the fewest operations, but for
blends of values that may be of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gru_codegen.ir import ELEMENTWISE, Call, Const, Expr, Now, Program, Ref, Statement, Var, parts
from gru_codegen.passes.support.algebra import expanded, improved

__all__ = ["factor_adjoints", "factor_sums"]


def factor_sums(program: Program) -> Program:
    """Give every statement its factored form where that takes fewer operations.

    ``Z o S_prev + (1 - Z) o X`` is ``X + Z o (S_prev - X)``, which adds X and takes it away again
    where the gate Z is 1. That leaves S_prev only if X is not far larger: of X a bound has to be
    known.
    """
    values = {s.target.var: s.value for s in program.statements() if s.target.var.role == "value"}

    def is_kept(expression: Expr) -> bool:
        factors = (factor for term in expanded(expression) for factor in term.factors)
        return _is_blend(expression) and not all(_has_bound(each, values) for each in factors)

    return _factor(
        program, lambda s: improved(s.value, is_kept if s.target.var in values else None)
    )


def factor_adjoints(program: Program) -> Program:
    """Factor the adjoint equations alone: the others keep the form in which they were declared."""
    return _factor(
        program, lambda s: improved(s.value) if s.target.var.role == "adjoint" else s.value
    )


def _factor(program: Program, form: Callable[[Statement], Expr]) -> Program:
    def change(statement: Statement) -> Iterator[Statement]:
        value = form(statement)
        yield statement if value is statement.value else replace(statement, value=value)

    return program.with_statements(change)


def _is_blend(expression: Expr) -> bool:
    """Return whether there is a sum in it of which a number is an addend, as in ``1 - Z``."""
    return any(
        isinstance(part, Call)
        and part.operation in ("add", "subtract")
        and any(isinstance(argument, Const) for argument in part.args)
        for part in parts(expression)
    )


def _has_bound(factor: Expr, values: dict[Var, Expr]) -> bool:
    """Return whether all its values are less than some number, as those of tanh.

    What another step has left, which is a state, counts as such: a blend of bounded values is.
    """
    if isinstance(factor, Ref):
        if isinstance(factor.when, Now) and factor.when.offset:
            return True
        factor = values.get(factor.var, factor)
    return (
        isinstance(factor, Call)
        and factor.operation in ELEMENTWISE
        and ELEMENTWISE[factor.operation].bounded
    )
