"""Statements of a program under the identities of the equations that they compute."""

from __future__ import annotations

from gru_codegen.ir import EquationId, EquationKind, Expr, Formula, Option, Origin, Statement

__all__ = ["Stated"]


class Stated:
    """The equations that statements compute, as they are stated.

    table: each by its identity.
    """

    def __init__(self) -> None:
        self.table: dict[EquationId, Formula] = {}

    def statement(
        self,
        kind: EquationKind,
        subject: str,
        formula: Formula,
        value: Expr | None = None,
        *,
        accumulate: bool = False,
        given: tuple[Option, ...] = (),
    ) -> Statement:
        """The statement that computes `formula`: the equation of this kind for `subject`.

        value: the same value in the form in which it is computed first.
        """
        identity = EquationId(kind, subject)
        self.table[identity] = formula
        value = formula.value if value is None else value
        return Statement(formula.target, value, Origin((identity,)), accumulate, given)
