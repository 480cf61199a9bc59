"""Expressions in parentheses where they have to be, and read back from their text."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

import pytest

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Call, Const, Every, Expr, Now, Ref, Var
from gru_codegen.ir.reading import read_expression

Z, W = Var("Z", ("B", "H"), "value", True), Var("W", ("H", "H"), "weight")
VARIABLES = {"Z": Z, "W": W}
LEAVES: tuple[Expr, ...] = (
    *(Ref(Z, when) for when in (Now(), Now(-1), Now(2), Every(), Every(-1), Every(1))),
    Ref(W),
    *(Const(Fraction(text)) for text in ("2", "0", "-1", "1/2", "-3/2")),
)
ARITIES = {
    "add": 2,
    "subtract": 2,
    "multiply": 2,
    "matmul": 2,
    "negate": 1,
    "transpose": 1,
    "exp": 1,
}


def calls(operands: tuple[Expr, ...]) -> Iterator[Call]:
    """Every operation of every operands."""
    for operation, arity in ARITIES.items():
        for args in product(operands, repeat=arity):
            yield Call(operation, args)


def test_every_expression_is_read_back() -> None:
    few = (Ref(Z, Now(-1)), Const(Fraction(-1)), Const(Fraction(1, 2)))
    for expression in (*LEAVES, *calls(LEAVES), *calls((*few, *calls(few)))):
        assert read_expression(str(expression), VARIABLES) == expression


@pytest.mark.parametrize(
    "text",
    [
        "(Z[t] + Z[t-1]) * W - Z[t]",
        "Z[t] - (Z[t] - W)",
        "Z[t] * (W @ W)",
        "Z[t] @ W * -W.T",
        "(-Z[t]).T",
        "-(Z[t] * W)",
        "1/2 * (1 + tanh(1/2 * Z[t]))",
        "select(Z[:-1], exp(W + W), 0)",
        "negate(2)",
    ],
)
def test_parentheses_stand_where_they_are_needed(text: str) -> None:
    assert str(read_expression(text, VARIABLES)) == text


def test_an_operation_with_other_arguments_than_it_takes_is_a_call() -> None:
    assert str(Call("add", LEAVES[:3])) == "add(Z[t], Z[t-1], Z[t+2])"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Z[t] +", "no expression of a program"),
        ("Z[s]", "no expression of a program"),
        ("Z[t] ** 2", "no expression of a program"),
        ("Z[t] @ V", "there is no variable 'V'"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ProgramError, match=fault):
        read_expression(text, VARIABLES)
