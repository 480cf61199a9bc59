"""Adjoints along all errors: which have an axis of errors, what is zero, how they are spelled."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gru_codegen.emit.numpy.errors import AlongErrors, Errors, Reach
from gru_codegen.emit.numpy.expressions import as_expression
from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Const, Expr, Now, Ref, Statement, Var

CARRY = Var("dS_prev", ("B", "H"), "adjoint", timed=True)
LATER = Ref(CARRY, Now(1))
PASSED_ON = Ref(CARRY, Now())
OWN = Ref(Var("dO", ("B", "H"), "adjoint", timed=True), Now())
ALL = Ref(Var("dS", ("B", "H"), "adjoint", timed=True), Now())
Z = Ref(Var("Z", ("B", "H"), "value", timed=True), Now())
W = Ref(Var("W", ("H", "H"), "weight"))

BODY = [Statement(ALL, OWN + LATER), Statement(PASSED_ON, ALL * Z)]
DW = Ref(Var("dW", ("H", "H"), "gradient"))


def parts(expression: Expr, target: Ref = ALL) -> dict[str, str]:
    """What is written for which errors, where `target` is given the value `expression`."""
    along = Errors(BODY, [CARRY]).along(Statement(target, expression))
    return {part.value: str(statement.value) for part, statement in along}


@pytest.mark.parametrize(
    ("expression", "own", "later"),
    [
        (OWN + LATER, "dO[t]", "dS_prev[t+1]"),
        (LATER + OWN * Z, "dO[t] * Z[t]", "dS_prev[t+1]"),
        (LATER - OWN, "-dO[t]", "dS_prev[t+1]"),
        (OWN - LATER, "dO[t]", "-dS_prev[t+1]"),
        (LATER * Z, "0", "dS_prev[t+1] * Z[t]"),
        (ALL + LATER, "dS[t]", "dS[t] + dS_prev[t+1]"),
        (ALL - OWN, "dS[t] - dO[t]", "dS[t]"),
        (Call("row_sum", (OWN,)) + LATER, "row_sum(dO[t])", "dS_prev[t+1]"),
        (Call("select", (Z, LATER, Const(Fraction(0)))), "0", "select(Z[t], dS_prev[t+1], 0)"),
    ],
)
def test_what_is_of_some_errors_is_zero_for_the_others(
    expression: Expr, own: str, later: str
) -> None:
    assert parts(expression) == {"t": own, "t + 1 :": later}


def test_all_errors_go_together_where_they_can() -> None:
    assert parts(ALL * Z) == {"t:": "dS[t] * Z[t]"}


def test_what_a_step_passes_on_has_all_errors() -> None:
    assert parts(OWN * Z, PASSED_ON) == {"t": "dO[t] * Z[t]", "t + 1 :": "0"}


def test_what_reads_its_own_error_alone_has_no_other() -> None:
    of_its_own = Ref(Var("dA", ("B", "H"), "adjoint", timed=True), Now())
    assert parts(OWN * Z, of_its_own) == {"t": "dO[t] * Z[t]"}


def test_scratch_is_of_the_errors_that_it_is_written_for() -> None:
    scratch = Ref(Var("term", ("B", "H"), "work"))
    body = [*BODY, Statement(scratch, ALL * Z), Statement(scratch, Z * Z)]
    errors = Errors(body, [CARRY], [Statement(scratch, OWN * Z)])
    assert errors.reach(scratch) is None
    errors.learn(body[-2])
    assert errors.reach(scratch) == Reach.ALL
    assert errors.axis == {"dS_prev", "dS", "term"}


@pytest.mark.parametrize(
    ("before", "value", "widens"),
    [
        (Z * Z, "term * dS", True),
        (Z * Z, "term * dS_prev", True),
        (Z * Z, "term * dO", False),
        (Z * Z, "Z * dS", False),
        (ALL * Z, "term * Z", False),
        (OWN * Z, "term + dS", False),
    ],
)
def test_one_factor_of_all_errors_in_scratch_gets_a_matrix_for_each(
    before: Expr, value: str, widens: bool
) -> None:
    scratch = Ref(Var("term", ("B", "H"), "work"))
    named = {"term": scratch, "Z": Z, "dS": ALL, "dS_prev": LATER, "dO": OWN}
    left, operation, right = value.split()
    operands = (named[left], named[right])
    found = Call({"*": "multiply", "+": "add"}[operation], operands)
    errors = Errors(BODY, [CARRY])
    errors.learn(Statement(scratch, before))
    assert errors.widens(Statement(scratch, found)) == widens


def terms(gradient: Expr) -> list[str]:
    """The text of a gradient for each part of the errors that it has."""
    errors = Errors(BODY, [CARRY])
    return [
        as_expression(
            statement.value, AlongErrors(lambda ref: ref.var.name, errors=errors, part=part)
        )
        for part, statement in errors.along(Statement(DW, gradient))
    ]


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        (Call("contract", (Z, ALL)), "Z.T @ dS"),
        (Call("contract", (ALL, Z)), "_turned(dS) @ Z"),
        (Call("contract", (Z, OWN)), "Z.T @ dO"),
        (Call("column_sum", (ALL * Z,)), "(dS * Z).sum(axis=1)"),
        (Call("column_sum", (OWN,)), "dO.sum(axis=0)"),
        (Call("total", (ALL * Z,)), "(dS * Z).sum(axis=(-2, -1))"),
        (Call("transpose", (Call("contract", (Z, ALL)),)), "_turned(Z.T @ dS)"),
    ],
)
def test_terms_of_gradients_have_an_axis_of_errors(gradient: Expr, expected: str) -> None:
    assert terms(gradient) == [expected]


@pytest.mark.parametrize("adjoint", [ALL, LATER])
def test_sums_of_rows_are_a_column_for_each_error(adjoint: Ref) -> None:
    *_, written = terms(Call("contract", (Z, Call("row_sum", (adjoint,)))))
    assert written == f"Z.T @ {adjoint.var.name}.sum(axis=-1, keepdims=True)"


def test_an_operation_without_a_spelling_for_several_errors_is_refused() -> None:
    with pytest.raises(ProgramError, match="rows has no spelling for several errors"):
        terms(Call("rows", (ALL,)))
