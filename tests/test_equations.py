from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct

from gru_codegen.equations import (
    B,
    D,
    Equation,
    H,
    hadamard,
    letters,
    matrix,
    ones,
    shape_of,
    written,
)
from gru_codegen.errors import CellError
from gru_codegen.evaluate import evaluate
from gru_codegen.functions import FUNCTIONS, ElementwiseFunction, sigmoid, tanh

x, W, V = matrix("x", B, D), matrix("W", D, H), matrix("V", D, H)
S, Z, U, b = matrix("S", B, H), matrix("Z", B, H), matrix("U", H, H), matrix("b", 1, H)


class Cube(ElementwiseFunction):
    """What no kernel knows."""


# --- shapes ---------------------------------------------------------------------------------------

SHAPES = {
    "a symbol": (x, (B, D)),
    "a product": (x * W, (B, H)),
    "three factors": (x * W * U, (B, H)),
    "a rational factor": (-x * W / 3, (B, H)),
    "a sum": (x * W + S * U - ones(B, 1) * b, (B, H)),
    "a sum of weights": (x * (W + V), (B, H)),
    "an elementwise product": (hadamard(ones(B, H) - Z, S / 2, x * W), (B, H)),
    "a function": (tanh(sigmoid(x * W) + S), (B, H)),
    "a row sum": (S * ones(H, H) / 2, (B, H)),
    "a column of row sums": (S * ones(H, 1), (B, 1)),
    "a row sum of a product": (x * W * ones(H, H), (B, H)),
    "a column over a matrix": (x * matrix("w", D, 1) * ones(1, H), (B, H)),
    "a number over a matrix": (ones(B, 1) * matrix("a", 1, 1) * ones(1, H), (B, H)),
    "a column times a number": (S * ones(H, 1) * matrix("a", 1, 1), (B, 1)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name: str) -> None:
    expression, shape = SHAPES[name]
    assert shape_of("here", expression) == shape


ONES = (
    "; a product with ones can be ones (m, 1) and a vector (1, n), which becomes every row, a "
    "column (m, 1) and ones (1, n), which becomes every column, or a matrix (m, n) and ones (n, 1) "
    "or (n, n), which sums each row; name other factors by equations of their own"
)
KNOWN = ", ".join(FUNCTIONS)
FORMS = (
    "sums, matrix products, transposes of weights, hadamard(...), where(...), ones(...) and "
    f"{KNOWN}"
)
BAD_SHAPES: dict[str, tuple[Callable[[], Any], str]] = {
    "product": (
        lambda: x * U,
        "x * U multiplies (B, D) by (H, H); the inner sizes D and H must be the same",
    ),
    "product of three": (
        lambda: x * W * V,
        "W * V multiplies (D, H) by (D, H); the inner sizes H and D must be the same",
    ),
    "product inside": (
        lambda: tanh(S + hadamard(Z, S * W)),
        "S * W multiplies (B, H) by (D, H); the inner sizes H and D must be the same",
    ),
    "row sum of another size": (lambda: x * ones(D, H), f"x ones multiplies by ones (D, H){ONES}"),
    "sum of samples": (lambda: ones(B, B) * S, f"ones S multiplies by ones (B, B){ONES}"),
    "sum of a weight's rows": (lambda: ones(B, D) * W, f"ones W multiplies by ones (B, D){ONES}"),
    "product of a vector": (
        lambda: ones(B, 1) * b * U,
        f"ones b U multiplies by ones (B, 1){ONES}",
    ),
    "sum": (
        lambda: x + S,
        "S is (B, H), x is (B, D); the terms of a sum and the factors of an elementwise product "
        "must have one shape",
    ),
    "bias that is not lifted": (
        lambda: x * W + b,
        "x W is (B, H), b is (1, H); the terms of a sum and the factors of an elementwise product "
        "must have one shape",
    ),
    "elementwise product": (
        lambda: hadamard(S, x, Z),
        "S is (B, H), x is (B, D); the terms of a sum and the factors of an elementwise product "
        "must have one shape",
    ),
    "float": (
        lambda: 0.5 * S + Z,
        "the factor 0.500000000000000 in 0.500000000000000 S is not a rational number; "
        "write Rational(1, 2)",
    ),
    "root": (lambda: sp.sqrt(2) * S, "the factor sqrt(2) in sqrt(2) S is not a rational number"),
    "size": (lambda: hadamard(Z, S / H), "the factor 1/H in 1/H S is not a rational number"),
    "scalar symbol": (
        lambda: sp.Symbol("alpha") * S,
        "the factor alpha in alpha*S is not a rational number",
    ),
    "determinant": (
        lambda: sp.Determinant(U) * S,
        "the factor Determinant(U) in Determinant(U)*S is not a rational number",
    ),
    "entry": (lambda: U[0, 0] * S, "the factor U[0, 0] in U[0, 0]*S is not a rational number"),
    "transpose": (
        lambda: S * S.T * S,
        "S^T transposes (B, H); one sample is one row, so only what is made of weights can be "
        "transposed",
    ),
    "inverse": (lambda: S * U.I, f"Inverse in U**(-1) is not a form known here: {FORMS}"),
    "power": (lambda: S * U**2, f"MatPow in U**2 is not a form known here: {FORMS}"),
    "quotient": (
        lambda: HadamardPower(S, sp.Rational(1, 3)),
        f"HadamardPower in HadamardPower(S, 1/3) is not a form known here: {FORMS}",
    ),
    "identity": (
        lambda: S * (U + sp.Identity(H)),
        f"Identity in I is not a form known here: {FORMS}",
    ),
    "zero": (lambda: S - S, f"ZeroMatrix in 0 is not a form known here: {FORMS}"),
    "slice": (lambda: S[:, :1], f"MatrixSlice in S[:, :1] is not a form known here: {FORMS}"),
    "unknown function": (
        lambda: S.applyfunc(sp.sin),
        f"sin(a) is not a known function of a; known are {KNOWN} of gru_codegen.functions",
    ),
    "SymPy's own tanh": (
        lambda: S.applyfunc(sp.tanh),
        f"tanh(a) is not a known function of a; known are {KNOWN} of gru_codegen.functions",
    ),
    "a function of the user's own": (
        lambda: Cube(S),
        f"Cube(a) is not a known function of a; known are {KNOWN} of gru_codegen.functions",
    ),
    "one of a name that there is": (
        lambda: type("tanh", (ElementwiseFunction,), {})(S),
        f"tanh(a) is not a known function of a; known are {KNOWN} of gru_codegen.functions",
    ),
    "function of a formula": (
        lambda: S.applyfunc(lambda a: tanh(2 * a)),
        f"tanh(2*a) is not a known function of a; known are {KNOWN} of gru_codegen.functions",
    ),
}


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_what_cannot_be_declared(name: str) -> None:
    make, message = BAD_SHAPES[name]
    with pytest.raises(CellError) as raised:
        shape_of("here", make())
    assert str(raised.value) == f"here: {message}"


def test_floats_are_answered_with_the_fraction_that_was_meant() -> None:
    for number, fraction in {0.1: "1, 10", -2.5: "-5, 2", 1e-3: "1, 1000", 1 / 3: "1, 3"}.items():
        with pytest.raises(CellError, match=rf"; write Rational\({fraction}\)$"):
            shape_of("here", number * S)


# --- equations ------------------------------------------------------------------------------------


def refusal(*arguments: Any) -> str:
    with pytest.raises(CellError) as raised:
        Equation(*arguments)
    return str(raised.value)


def test_the_target_is_a_matrix_symbol() -> None:
    assert refusal("S", x * W, "state") == (
        "equation 'S': the target must be a matrix symbol, not a str"
    )
    assert refusal(x * W, S, "state") == (
        "equation x*W: the target must be a matrix symbol, not a MatMul"
    )


@pytest.mark.parametrize(
    ("value", "shown", "kind"),
    [
        (0, "0", "int"),
        (None, "None", "NoneType"),
        ("x*W", "'x*W'", "str"),
        (sp.Symbol("S"), "S", "Symbol"),
        (sp.sin(S), "sin(S)", "sin"),
        (sp.Trace(U), "Trace(U)", "Trace"),
        (np.ones((1, 2)), "array([[1., 1.]])", "ndarray"),
        (sp.Matrix([[1]]), "Matrix([[1]])", "MutableDenseMatrix"),
    ],
)
def test_the_right_hand_side_is_a_matrix_expression(value: Any, shown: str, kind: str) -> None:
    assert refusal(S, value, "state") == (
        f"equation S: the right-hand side {shown} must be a matrix expression ({FORMS}), "
        f"not a {kind}"
    )


@pytest.mark.parametrize("meaning", [3, "two\nlines", 'a """ in it', "a \\ in it", "\x00"])
def test_a_meaning_can_stand_in_a_comment(meaning: Any) -> None:
    assert refusal(S, x * W, meaning) == (
        f"equation S: the meaning {meaning!r} must be one line of text without double quotes "
        "and backslashes"
    )


@pytest.mark.parametrize("meaning", ["", " ", "   "])
def test_a_meaning_says_something(meaning: str) -> None:
    assert refusal(S, x * W, meaning) == (
        "equation S: the meaning is empty; say in words what it is"
    )


@pytest.mark.parametrize("meaning", [" state", "state "])
def test_a_meaning_leaves_no_blank_at_the_end_of_a_line(meaning: str) -> None:
    assert refusal(S, x * W, meaning) == (
        f"equation S: the meaning {meaning!r} begins or ends with a blank; remove it"
    )


def test_a_meaning_in_any_language() -> None:
    assert Equation(S, x * W, "l'état, Zustand").meaning == "l'état, Zustand"


def test_a_function_that_was_applied_by_sympy_is_the_same_function() -> None:
    assert Equation(S, Z.applyfunc(tanh), "state").expression == tanh(Z)
    inside = Equation(S, hadamard(Z, x * W + Z.applyfunc(tanh)) / 2, "state").expression
    assert inside.atoms(sp.Dummy) == set()
    assert inside == Equation(S, hadamard(Z, x * W + tanh(Z)) / 2, "state").expression


def test_a_power_that_sympy_made_is_written_as_a_product() -> None:
    power = hadamard(Z, Z, S, Z) + S
    assert power.has(HadamardPower)
    expression = Equation(S, power, "state").expression
    assert not expression.has(HadamardPower)
    (product,) = expression.atoms(HadamardProduct)
    assert sorted(map(str, product.args)) == ["S", "Z", "Z", "Z"]
    point = {Z: np.array([[2.0]]), S: np.array([[3.0]])}
    assert evaluate(expression, point) == 8 * 3 + 3


def test_a_product_of_products_is_one_product() -> None:
    assert Equation(S, hadamard(hadamard(Z, S), Z), "state").expression.args == (Z, S, Z)


# --- writing --------------------------------------------------------------------------------------


def test_written() -> None:
    assert letters(W) == letters((D, H)) == "(D, H)"
    assert written(hadamard(ones(B, H) - Z, S) * U) == "(S o (1 - Z)) U"
    assert written(S * U.I) == "S*U**(-1)"
