"""Products that could overflow where a step is padding, although no real step's do.

A sample keeps its state where a step is padding, and the step is computed all the same, at a state
and an input that the sample never met together. What grows no faster than the state stays finite
there; a product of two such matrices may not. So one of the two is 0 in the rows of padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

from gru_codegen.ir import ELEMENTWISE, Call, Const, Expr, Ref, Shape, Statement, shape_of

__all__ = ["guard_products"]


def guard_products(
    statements: Iterable[Statement], ended: Callable[[Shape], Ref]
) -> Iterator[Statement]:
    """The `statements` of a step, with a guard in every product of two unbounded matrices.

    ended: the mask of padding, as a matrix of a given shape.
    """
    bounded: set[str] = set()

    def is_bounded(expression: Expr) -> bool:
        if isinstance(expression, Ref):
            given = expression.var.role == "input" or expression.var.is_fixed
            return given or expression.var.name in bounded
        if isinstance(expression, Const) or expression.operation == "guard":
            return True
        function = ELEMENTWISE.get(expression.operation)
        if function is not None and function.bounded:
            return True
        if expression.operation == "multiply":  # of two that are not, one is 0
            return any(_is_zero(argument) for argument in expression.args) or all(
                map(is_bounded, expression.args)
            )
        return all(map(is_bounded, expression.args))

    def guarded(expression: Expr) -> Expr:
        if not isinstance(expression, Call):
            return expression
        args = tuple(map(guarded, expression.args))
        if expression.operation == "multiply" and not any(map(is_bounded, args)):
            left, right = args
            # What is computed for this product needs no place of its own to be 0 in.
            if isinstance(left, Call):
                args = (_guard(left, ended), right)
            else:
                args = (left, _guard(right, ended))
        return replace(expression, args=args)

    for statement in statements:
        value = guarded(statement.value)
        if not statement.given and is_bounded(value):
            bounded.add(statement.target.var.name)
        elif statement.target.var.name in bounded:
            bounded.remove(statement.target.var.name)
        yield replace(statement, value=value)


def _guard(expression: Expr, ended: Callable[[Shape], Ref]) -> Call:
    return Call("guard", (ended(shape_of(expression)), Const(Fraction(0)), expression))


def _is_zero(expression: Expr) -> bool:
    return isinstance(expression, Call) and expression.operation == "guard"
