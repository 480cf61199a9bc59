"""Expressions as text in any notation: the one place where parentheses are decided.

A notation is a function that gives the `Form` of an expression: IR text, equations in plain text
and a target language differ in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gru_codegen.ir.expressions import Expr

__all__ = ["ATOM", "PRODUCT", "SUM", "TIGHT", "Form", "Infix", "Notation", "call", "spelled"]

#: How tightly the parts of a text hold together. TIGHT binds more than a product: in Python a
#: unary minus, in plain text a product of matrices beside an elementwise one.
SUM, PRODUCT, TIGHT, ATOM = range(4)


class Form(NamedTuple):
    """An expression in one notation: a pattern of its operands.

    Attributes
    ----------
    pattern: the text, with ``{}`` in place of each operand.
    level: how tightly the whole binds.
    operands: each with the level below which it stands in parentheses.
    """

    pattern: str
    level: int = ATOM
    operands: tuple[tuple[Expr, int], ...] = ()

    def around(self, place: int, notation: Notation) -> tuple[str, str]:
        """The text before and behind one of the operands."""
        parts = [[piece] for piece in self.pattern.split("{}")]
        for other, (operand, level) in enumerate(self.operands):
            if other != place:
                parts[other].append(spelled(operand, notation, level))
        before, behind = (chain(*side) for side in (parts[: place + 1], parts[place + 1 :]))
        return "".join(before), "".join(behind)


class Infix(NamedTuple):
    """An entry of a table of operations: `Form`, with `least`, the levels of the operands."""

    pattern: str
    level: int
    least: tuple[int, ...]

    def of(self, *operands: Expr) -> Form:
        """The form of the operation applied to `operands`."""
        return Form(self.pattern, self.level, tuple(zip(operands, self.least, strict=True)))


Notation = Callable[["Expr"], Form]


def spelled(expression: Expr, notation: Notation, least: int = SUM) -> str:
    """`expression` in `notation`, in parentheses if it binds less tightly than `least`."""
    form = notation(expression)
    text = form.pattern
    if form.operands:
        text = text.format(*(spelled(part, notation, level) for part, level in form.operands))
    return text if form.level >= least else f"({text})"


def call(function: str, operands: tuple[Expr, ...]) -> Form:
    """``function(a, b, ...)``."""
    pattern = f"{function}({', '.join(['{}'] * len(operands))})"
    return Form(pattern, ATOM, tuple((operand, SUM) for operand in operands))
