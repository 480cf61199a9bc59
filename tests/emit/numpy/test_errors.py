"""Adjoints along all errors: which have an axis of errors, and how they are joined and spelled."""

from __future__ import annotations

import pytest

from gru_codegen.emit.numpy.errors import AlongErrors, Errors
from gru_codegen.emit.numpy.expressions import as_expression
from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Expr, Now, Ref, Statement, Var

CARRY = Var("dS_prev", ("B", "H"), "adjoint", timed=True)
LATER = Ref(CARRY, Now(1))
PASSED_ON = Ref(CARRY, Now())
OWN = Ref(Var("dO", ("B", "H"), "adjoint", timed=True), Now())
ALL = Ref(Var("dS", ("B", "H"), "adjoint", timed=True), Now())
Z = Ref(Var("Z", ("B", "H"), "value", timed=True), Now())
W = Ref(Var("W", ("H", "H"), "weight"))

ERRORS = Errors([Statement(ALL, OWN + LATER), Statement(PASSED_ON, ALL * Z)], [CARRY])


def text(expression: Expr) -> str:
    return as_expression(expression, AlongErrors(lambda ref: ref.var.name, errors=ERRORS))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (Z, "Z"),
        (OWN * Z, "dO * Z"),
        (ALL * Z, "dS * Z"),
        (OWN + LATER, "np.concatenate([dO[None], dS_prev])"),
        (LATER + OWN * Z, "np.concatenate([(dO * Z)[None], dS_prev])"),
        (LATER - OWN, "np.concatenate([(-dO)[None], dS_prev])"),
        (OWN - LATER * Z, "np.concatenate([dO[None], -(dS_prev * Z)])"),
        (LATER * Z, "_arrived(dS_prev * Z)"),
        (ALL + LATER, "dS + _arrived(dS_prev)"),
        (ALL - OWN, "dS + _alone(-dO, w.steps - t)"),
        ((OWN + LATER) * Z, "np.concatenate([dO[None], dS_prev]) * Z"),
        (ALL * Z + (OWN + LATER), "dS * Z + np.concatenate([dO[None], dS_prev])"),
        (
            Call("row_sum", (OWN,)) + LATER,
            "_joined(dO.sum(axis=-1, keepdims=True), dS_prev)",
        ),
    ],
)
def test_what_is_of_some_errors_is_joined_with_the_others(expression: Expr, expected: str) -> None:
    assert text(ERRORS.along(expression)) == expected


def test_what_a_step_passes_on_has_all_errors() -> None:
    assert text(ERRORS.complete(OWN * Z)) == "_alone(dO * Z, w.steps - t)"
    assert text(ERRORS.complete(ALL)) == "dS"


@pytest.mark.parametrize(
    ("gradient", "expected"),
    [
        (Call("contract", (Z, ALL)), "Z.T @ dS"),
        (Call("contract", (ALL, Z)), "_turned(dS) @ Z"),
        (Call("contract", (Z, OWN)), "(Z.T @ dO)[None]"),
        (Call("column_sum", (ALL * Z,)), "(dS * Z).sum(axis=1)"),
        (Call("column_sum", (OWN,)), "dO.sum(axis=0)[None]"),
        (Call("transpose", (Call("contract", (Z, ALL)),)), "_turned(Z.T @ dS)"),
    ],
)
def test_terms_of_gradients_have_an_axis_of_errors(gradient: Expr, expected: str) -> None:
    assert text(ERRORS.terms(gradient)) == expected


def test_an_operation_without_a_spelling_for_several_errors_is_refused() -> None:
    with pytest.raises(ProgramError, match="rows has no spelling for several errors"):
        text(Call("rows", (ALL,)))
