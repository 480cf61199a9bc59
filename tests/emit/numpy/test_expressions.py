"""How NumPy spells each operation as an expression."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_codegen.emit.numpy.expressions import Numpy, as_expression, as_terms
from gru_codegen.emit.numpy.helpers import helpers_of
from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    Call,
    Const,
    Elementwise,
    Every,
    Expr,
    Now,
    Ref,
    Var,
)
from gru_codegen.ir.elementwise import a as argument
from gru_codegen.ir.elementwise import value

NAMES = ("a", "b", "c", "d")
a, b, c, d = (Ref(Var(name, ("B", "H"), "value", timed=True), Now()) for name in NAMES)
x = Ref(Var("x", ("B", "D"), "input", timed=True), Now())
W = Ref(Var("W", ("D", "H"), "weight"))
U = Ref(Var("U", ("H", "H"), "weight"))
v = Ref(Var("v", ("H",), "weight"))
every_x, every_a, every_b = (Ref(ref.var, Every()) for ref in (x, a, b))
zero, one, two, three = (Const(Fraction(n)) for n in range(4))
minus_one, half, third = (Const(Fraction(n)) for n in ("-1", "1/2", "2/3"))


def call(operation: str) -> Callable[..., Call]:
    return lambda *args: Call(operation, args)


add, subtract, multiply, negate = map(call, ("add", "subtract", "multiply", "negate"))
matmul, transpose, contract, inner = map(call, ("matmul", "transpose", "contract", "inner"))
sigmoid, tanh, rows, column_sum = map(call, ("sigmoid", "tanh", "rows", "column_sum"))


def spell(ref: Ref) -> str:
    return ref.var.name


# --- expressions ----------------------------------------------------------------------------------

EXPRESSIONS: dict[str, Expr] = {
    # each operation
    "a": a,
    "3": three,
    "a + b": add(a, b),
    "a - b": subtract(a, b),
    "a * b": multiply(a, b),
    "-a": negate(a),
    "sigmoid(a)": sigmoid(a),
    "np.tanh(a)": tanh(a),
    "x @ W": matmul(x, W),
    "np.matmul(x, W)": matmul(every_x, W),
    "W.T": transpose(W),
    "x.T @ a": contract(x, a),
    "_rows(x).T @ _rows(a)": contract(every_x, every_a),
    "v": rows(v),
    "U * v": multiply(U, call("row")(v)),
    "v[:, None]": call("column")(v),
    "v[:, None][:, 0]": call("vector")(call("column")(v)),
    "a.sum(axis=0)": column_sum(a),
    "_rows(a).sum(axis=0)": column_sum(every_a),
    "_inner(a, b)": inner(a, b),
    # sums: from left to right, and the right operand as it is declared
    "a + b + c": add(add(a, b), c),
    "a + (b + c)": add(a, add(b, c)),
    "a - b - c": subtract(subtract(a, b), c),
    "a - (b - c)": subtract(a, subtract(b, c)),
    "a - (b + c)": subtract(a, add(b, c)),
    "a - b + c": add(subtract(a, b), c),
    "1 - a": subtract(one, a),
    # products bind tighter
    "a + b * c": add(a, multiply(b, c)),
    "a * b - c * d": subtract(multiply(a, b), multiply(c, d)),
    "(a + b) * c": multiply(add(a, b), c),
    "a * (b + c)": multiply(a, add(b, c)),
    "a * b * c": multiply(multiply(a, b), c),
    "a * (b * c)": multiply(a, multiply(b, c)),
    "a * (1 - a)": multiply(a, subtract(one, a)),
    "sigmoid(a + b)": sigmoid(add(a, b)),
    "np.tanh(x @ W + v)": tanh(add(matmul(x, W), rows(v))),
    # matrix products: @ binds like *, from left to right
    "x @ W + a @ U": add(matmul(x, W), matmul(a, U)),
    "(a * b) @ U": matmul(multiply(a, b), U),
    "a * (b @ U)": multiply(a, matmul(b, U)),
    "(a @ U) @ U": matmul(matmul(a, U), U),
    "(a + b) @ U": matmul(add(a, b), U),
    "a @ U.T": matmul(a, transpose(U)),
    "a.T @ (b * c)": contract(a, multiply(b, c)),
    "(a * b).T @ c": contract(multiply(a, b), c),
    "(a + b).T": transpose(add(a, b)),
    "(-U).T": transpose(negate(U)),
    "(a - b).sum(axis=0)": column_sum(subtract(a, b)),
    "_inner(a - b, c)": inner(subtract(a, b), c),
    # signs
    "-a * b": multiply(negate(a), b),
    "a * -b": multiply(a, negate(b)),
    "-(a * b)": negate(multiply(a, b)),
    "-(a + b)": negate(add(a, b)),
    "a - -b": subtract(a, negate(b)),
    "-a @ U": matmul(negate(a), U),
    # functions
    "np.exp(a)": call("exp")(a),
    "np.log(a)": call("log")(a),
    "np.expm1(a)": call("expm1")(a),
    "np.log1p(a)": call("log1p")(a),
    "abs_(a)": call("abs")(a),
    "np.maximum(a, b)": call("maximum")(a, b),
    "np.minimum(a + b, 1)": call("minimum")(add(a, b), one),
    "(a - b > 0) * np.ones_like(a - b)": call("greater")(subtract(a, b), zero),
    "(a >= b) * np.ones_like(a)": call("greater_equal")(a, b),
    "np.where(a > 0, a + b, 1)": call("where")(a, add(a, b), one),
    "step(a) * b": multiply(call("step")(a), b),
    "1 / (a + b)": call("reciprocal")(add(a, b)),
    "clip(a)": call("clip")(a),
    "huber(a - b)": call("huber")(subtract(a, b)),
    "softplus(a)": call("softplus")(a),
    "np.maximum(a, 0)": call("relu")(a),
    "positive(a) * b": multiply(call("positive")(a), b),
    # rows and choices
    "a.sum(axis=-1, keepdims=True)": call("row_sum")(a),
    "(a - b).max(axis=-1, keepdims=True)": call("row_max")(subtract(a, b)),
    "np.sum(a * b)": call("total")(multiply(a, b)),
    "np.sum((a + b) * c)": call("total")(multiply(add(a, b), c)),
    "np.where(a, b, c)": call("select")(a, b, c),
    "(a if b is None else b * a)": call("weigh")(b, a),
    "_guarded(a + b, 1, None if c is None else c)": call("guard")(c, one, add(a, b)),
    "a / b": call("divide")(a, b),
    # numbers stay whole: a float beside an exact element would spoil it
    "2 * a": multiply(two, a),
    "a / 2": multiply(half, a),
    "b / 2": multiply(b, half),
    "2 * a / 3": multiply(third, a),
    "-1 * a": multiply(minus_one, a),
    "(a + b) / 2": multiply(half, add(a, b)),
    "a * b / 2": multiply(half, multiply(a, b)),
    "2 * (a + b)": multiply(two, add(a, b)),
    "a + b / 2": add(a, multiply(half, b)),
    "a * (b / 2)": multiply(a, multiply(half, b)),
    "(a / 2) @ U": matmul(multiply(half, a), U),
    "_inner(a, a) / 2": multiply(half, inner(a, a)),
    # ... as terms of a sum as well, which is then divided as a whole
    "(2 * a + 1) / 2": add(a, half),
    "(1 - 2 * a) / 2": subtract(half, a),
    "(1 - a) / 2": subtract(half, multiply(half, a)),
    "(4 - 3 * a) / 6": subtract(third, multiply(half, a)),
    "(6 * a - 6 * b + 4 * c + 3) / 6": add(add(subtract(a, b), multiply(third, c)), half),
    "(-a + 3 * b + 2) / 3 * c": multiply(
        add(add(multiply(Const(Fraction(-1, 3)), a), b), third), c
    ),
    "(-1 - 2 * a) / 2": subtract(negate(half), a),
    "(2 * a - 2 * b - 1) / 2": subtract(a, add(b, half)),
    "(a + b + 1) / 2": add(multiply(half, add(a, b)), half),
    "np.tanh((2 * x @ W + 1) / 2)": tanh(add(matmul(x, W), half)),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_as_expression(text: str) -> None:
    assert as_expression(EXPRESSIONS[text], Numpy(spell)) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (column_sum(every_a), "a.sum(axis=(0, 2))"),
        (call("row_sum")(a), "a.sum(axis=-2, keepdims=True)"),
        (call("row_max")(subtract(a, b)), "(a - b).max(axis=-2, keepdims=True)"),
        (multiply(half, inner(a, a)), "_inner(a, a) / 2"),
    ],
    ids=str,
)
def test_with_a_sample_per_column_sums_go_along_other_axes(expression: Expr, text: str) -> None:
    assert as_expression(expression, Numpy(spell, "columns")) == text


def test_every_operation_has_a_spelling_that_is_tested() -> None:
    def operations(expression: Expr) -> set[str]:
        if not isinstance(expression, Call):
            return set()
        return {expression.operation}.union(*map(operations, expression.args))

    in_place_alone = {"beside", "below", "bordered", "identity", "matmul_in_blocks"}
    tested = set().union(*map(operations, EXPRESSIONS.values())) | set(ELEMENTWISE)
    assert tested == set(OPERATIONS) - in_place_alone


def test_the_speller_decides_what_a_reference_is_called() -> None:
    notation = Numpy(lambda ref: f"{ref.var.name}[t]" if ref.when else "w")
    text = as_expression(add(a, matmul(x, W)), notation)
    assert text == "a[t] + x[t] @ w"


def test_what_is_not_read_is_a_number_of_the_same_dtype() -> None:
    scope: dict[str, Any] = {"np": np, "Array": Any, "Any": Any}
    exec("\n".join(helpers_of(["guard"])), scope)
    a = np.array([[1, np.nan], [np.inf, 2]], np.float32)
    assert scope["_guarded"](a, 1, None) is a
    unread = np.array([[False, True], [True, False]])
    found = scope["_guarded"](a, 1, unread)
    np.testing.assert_array_equal(found, [[1, 1], [1, 2]])
    assert found.dtype == np.float32


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_helper_computes_what_the_function_is(name: str) -> None:
    """Helpers call one another; a function that has none is written out."""
    scope: dict[str, Any] = {"np": np, "Array": Any, "Any": Any}
    exec("\n".join(helpers_of({name})), scope)
    function = ELEMENTWISE[name]
    points = np.array([-500.0, -1.0, 0.0, 1.0, 500.0])
    if function.above is not None or function.poles:
        points = abs(points) + 1
    found = eval(as_expression(call(name)(a), Numpy(spell)), {**scope, "a": points})
    np.testing.assert_allclose(found, function.on_array(points), rtol=1e-15, atol=1e-15)


def test_the_helpers_are_those_that_are_called() -> None:
    names = [text.partition("(")[0] for text in helpers_of({"sigmoid", "huber", "relu", "exp"})]
    assert names == ["def huber", "def sigmoid"]
    assert helpers_of(["huber"]) == [
        "def huber(a: Array) -> Any:\n"
        '    """a^2 / 2 where abs(a) <= 1, else abs(a) - 1/2."""\n'
        "    c = np.minimum(np.maximum(a, -1), 1)\n"
        "    return c * (a - c / 2)"
    ]


def test_a_helper_calls_those_that_have_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    huber, sigmoid = ELEMENTWISE["huber"], ELEMENTWISE["sigmoid"]
    formula = huber(sigmoid(argument)) * argument
    made_up = Elementwise(name="made_up", meaning="A test", derivative=value, definition=formula)
    monkeypatch.setitem(ELEMENTWISE, "made_up", made_up)
    called, own = helpers_of(["made_up"])
    assert called == helpers_of(["huber"])[0]
    assert own == (
        "def made_up(a: Array) -> Any:\n"
        '    """A test."""\n'
        "    return huber((1 + np.tanh(a / 2)) / 2) * a"
    )


# --- terms ----------------------------------------------------------------------------------------

TERMS: list[tuple[Expr, tuple[str, list[str], str]]] = [
    (subtract(add(a, multiply(b, c)), d), ("(", ["a", "+ b * c", "- d"], ")")),
    (add(a, subtract(b, c)), ("(", ["a", "+ (b - c)"], ")")),
    (subtract(a, negate(b)), ("(", ["a", "- (-b)"], ")")),
    (multiply(add(a, b), subtract(c, d)), ("(", ["a", "+ b"], ") * (c - d)")),
    (multiply(a, subtract(c, d)), ("a * (", ["c", "- d"], ")")),
    (multiply(half, add(a, b)), ("(", ["a", "+ b"], ") / 2")),
    (subtract(half, a), ("(", ["1", "- 2 * a"], ") / 2")),
    (tanh(add(matmul(x, W), rows(v))), ("np.tanh(", ["x @ W", "+ v"], ")")),
    (column_sum(subtract(a, b)), ("(", ["a", "- b"], ").sum(axis=0)")),
    (inner(a, subtract(b, c)), ("(", ["_inner(a, b - c)"], ")")),
    (call("select")(a, b, c), ("(", ["np.where(a, b, c)"], ")")),
    (a, ("(", ["a"], ")")),
    # over one denominator within a function, or a product, too: a half alone is a float
    (tanh(add(a, half)), ("np.tanh((", ["2 * a", "+ 1"], ") / 2)")),
    (multiply(b, add(a, half)), ("b * ((", ["2 * a", "+ 1"], ") / 2)")),
]


@pytest.mark.parametrize(("expression", "broken"), TERMS, ids=lambda each: str(each))
def test_an_expression_is_broken_before_the_signs_of_its_sum(
    expression: Expr, broken: tuple[str, list[str], str]
) -> None:
    assert as_terms(expression, Numpy(spell)) == broken
    before, terms, behind = broken
    whole = f"{before}{' '.join(terms)}{behind}"
    assert ast.dump(ast.parse(whole)) == ast.dump(
        ast.parse(as_expression(expression, Numpy(spell)))
    )


# --- refusals -------------------------------------------------------------------------------------


def test_an_operation_without_a_spelling() -> None:
    with pytest.raises(ProgramError, match="no spelling for the operation 'softmax'"):
        as_expression(call("softmax")(a), Numpy(spell))


# --- values ---------------------------------------------------------------------------------------

ARRAYS = {
    name: np.array([Fraction(k * k + 3 * n, k + 2) for k in range(9)], dtype=object).reshape(3, 3)
    for n, name in enumerate("abcdU")
}
EXACT: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "negate": np.negative,
    "matmul": np.matmul,
    "transpose": np.transpose,
    "contract": lambda left, right: left.T @ right,
}
leaves = st.sampled_from([Ref(Var(name, ("H", "H"), "weight")) for name in "abcd"])
numbers = st.sampled_from([one, two, minus_one, half, third])
expressions = st.recursive(
    leaves,
    lambda inside: st.one_of(
        st.builds(add, inside, inside),
        st.builds(subtract, inside, inside),
        st.builds(subtract, numbers, inside),
        st.builds(add, inside, numbers),
        st.builds(multiply, inside, inside),
        st.builds(multiply, numbers, inside),
        st.builds(negate, inside),
        st.builds(matmul, inside, inside),
        st.builds(transpose, inside),
        st.builds(contract, inside, inside),
    ),
    max_leaves=8,
)


def value_of(expression: Expr) -> Any:
    if isinstance(expression, Ref):
        return ARRAYS[expression.var.name]
    if isinstance(expression, Const):
        return expression.value
    return EXACT[expression.operation](*map(value_of, expression.args))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions)
def test_the_text_has_the_value_of_the_expression(expression: Expr) -> None:
    """Exactly, on fractions: parentheses stand wherever Python would read it otherwise."""
    text = as_expression(expression, Numpy(spell))
    np.testing.assert_array_equal(eval(text, {"np": np, **ARRAYS}), value_of(expression))
