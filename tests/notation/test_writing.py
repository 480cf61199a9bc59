from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

import gru_codegen as gc
from gru_codegen.evaluate import evaluate
from gru_codegen.functions import sigmoid, tanh
from gru_codegen.notation import LATEX, TEXT, Local, Notation, OverTime, Schema, leaves, signed
from gru_codegen.parse import load_cell

n = sp.Symbol("n", integer=True, positive=True)
x, S_prev, Z, S, dZ, dS_next, W = (
    MatrixSymbol(name, n, n) for name in ("x", "S_prev", "Z", "S", "dZ", "dS_next", "W")
)
ONES = OneMatrix(n, n)
NOTATION = Notation(
    given=(x, S_prev),
    computed=(Z, S),
    adjoints=(dZ, dS_next),
    steps={
        x: ("x", 0),
        S_prev: ("S", -1),
        Z: ("Z", 0),
        S: ("S", 0),
        dZ: ("dZ", 0),
        dS_next: ("dS_prev", 1),
    },
)


# SymPy's operators sort what they join; these leave it as it is given.


def o(*factors: Any) -> Any:
    return HadamardProduct(*factors)


def plus(*terms: Any) -> Any:
    return MatAdd(*terms)


def times(*factors: Any) -> Any:
    return MatMul(*factors)


@pytest.mark.parametrize(
    ("expression", "text", "latex"),
    [
        (plus(x * W, S_prev * W), "x_t W + S_{t-1} W", r"x_{t} \, W + S_{t-1} \, W"),
        (o(plus(ONES, -Z), S_prev), "(1 - Z_t) o S_{t-1}", r"(1 - Z_{t}) \circ S_{t-1}"),
        (times(-1, o(Z, S)), "-Z_t o S_t", r"-Z_{t} \circ S_{t}"),
        (plus(-Z, S), "-Z_t + S_t", "-Z_{t} + S_{t}"),
        (times(-1, plus(Z, S)), "-(Z_t + S_t)", "-(Z_{t} + S_{t})"),
        (plus(x, times(-2, Z)), "x_t - 2 Z_t", "x_{t} - 2 Z_{t}"),
        (o(-S_prev, dZ), "-S_{t-1} o dZ_t", r"-S_{t-1} \circ \mathrm{d}Z_{t}"),
        (o(Z, x * W), "Z_t o (x_t W)", r"Z_{t} \circ (x_{t} \, W)"),
        (times(o(Z, S), W), "(Z_t o S_t) W", r"(Z_{t} \circ S_{t}) \, W"),
        (times(x.T, dZ), "x_t^T dZ_t", r"x_{t}^{\top} \, \mathrm{d}Z_{t}"),
        (times(Transpose(o(x, S)), dZ), "(x_t o S_t)^T dZ_t",
         r"(x_{t} \circ S_{t})^{\top} \, \mathrm{d}Z_{t}"),
        (dS_next.T, "dS_prev_{t+1}^T", r"{\mathrm{d}S^{\mathrm{prev}}_{t+1}}^{\top}"),
        (sigmoid(x * W), "sigmoid(x_t W)", r"\sigma(x_{t} \, W)"),
        (times(2, o(S, S)), "2 (S_t o S_t)", r"2 (S_{t} \circ S_{t})"),
        (plus(x, times(-2, o(S, S))), "x_t - 2 (S_t o S_t)", r"x_{t} - 2 (S_{t} \circ S_{t})"),
        (Trace(S.T * S) / 2, "1/2 tr(S_t^T S_t)",
         r"\tfrac{1}{2} \operatorname{tr}(S_{t}^{\top} \, S_{t})"),
        (OneMatrix(n, 1) * MatrixSymbol("b", 1, n), "ones b", r"\mathbf{1} \, b"),
        (OneMatrix(1, n) * dZ, "ones^T dZ_t", r"\mathbf{1}^{\top} \, \mathrm{d}Z_{t}"),
        (ZeroMatrix(n, n), "0", "0"),
        (OverTime(x.T * dZ), "sum_t x_t^T dZ_t", r"\sum_{t=1}^{T} x_{t}^{\top} \, \mathrm{d}Z_{t}"),
        (OverTime(plus(x, Z)), "sum_t (x_t + Z_t)", r"\sum_{t=1}^{T} (x_{t} + Z_{t})"),
        (OverTime(-x), "sum_t (-x_t)", r"\sum_{t=1}^{T} (-x_{t})"),
        (Local(dZ, Z, x), "diff(<dZ_t, Z_t>, x_t)",
         r"\partial \langle \mathrm{d}Z_{t}, Z_{t} \rangle / \partial x_{t}"),
        (Local(None, Trace(S), S), "diff(tr(S_t), S_t)",
         r"\partial (\operatorname{tr}(S_{t})) / \partial S_{t}"),
        (Schema("t = 1 .. T", r"t = 1, \dots, T"), "t = 1 .. T", r"t = 1, \dots, T"),
    ],
)  # fmt: skip
def test_every_form_in_both_spellings(expression: Any, text: str, latex: str) -> None:
    assert NOTATION.text(expression) == text
    assert NOTATION.latex(expression) == latex


def test_indices_count_from_the_step() -> None:
    expression = plus(x * W, S_prev * W, dS_next)
    assert NOTATION.text(expression, 1) == "x_1 W + S_0 W + dS_prev_2"
    assert NOTATION.text(expression, "T") == "x_T W + S_{T-1} W + dS_prev_{T+1}"
    assert NOTATION.latex(expression, 12) == (
        r"x_{12} \, W + S_{11} \, W + \mathrm{d}S^{\mathrm{prev}}_{13}"
    )


@pytest.mark.parametrize("form", [MatrixSymbol("A", 2, 2).inverse(), x**3, sp.Symbol("a")])
def test_a_form_without_notation_is_refused_by_name(form: Any) -> None:
    with pytest.raises(TypeError, match=f"{type(form).__name__} has no notation"):
        NOTATION.text(form)


def test_a_compound_function_is_not_written_as_one_of_its_parts() -> None:
    a = sp.Symbol("a")
    applied = ElementwiseApplyFunction(sp.Lambda(a, 1 - tanh(a) ** 2), x)
    with pytest.raises(TypeError, match="applied entry by entry, has no notation"):
        NOTATION.text(applied)


@pytest.mark.parametrize(
    ("expression", "natural"),
    [
        (S_prev * W + x * W, "x_t W + S_{t-1} W"),
        (-x + Z, "Z_t - x_t"),
        (o(S_prev, dZ, Z), "dZ_t o Z_t o S_{t-1}"),
        (Trace(o(Z, dZ)), "tr(dZ_t o Z_t)"),
        (tanh(Z + x), "tanh(x_t + Z_t)"),
    ],
)
def test_the_natural_order(expression: Any, natural: str) -> None:
    assert NOTATION.text(NOTATION.arrange(expression)) == natural


def test_long_formulas_are_broken_before_their_operators() -> None:
    expression = plus(o(plus(x * W, S_prev * W), plus(ONES, -Z), S), dZ)
    assert NOTATION.text(expression) == "(x_t W + S_{t-1} W) o (1 - Z_t) o S_t + dZ_t"
    assert NOTATION.lines(expression, TEXT, 80) == [(0, NOTATION.text(expression))]
    assert NOTATION.lines(expression, TEXT, 30) == [
        (0, "(x_t W + S_{t-1} W)"),
        (2, "o (1 - Z_t) o S_t"),
        (1, "+ dZ_t"),
    ]
    assert NOTATION.lines(expression, LATEX, 12, step=2) == [
        (0, r"(x_{2} \, W"),
        (3, r"+ S_{1} \, W)"),
        (2, r"\circ (1"),
        (3, "- Z_{2})"),
        (2, r"\circ S_{2}"),
        (1, r"+ \mathrm{d}Z_{2}"),
    ]


def test_prose_sets_formulas_between_words() -> None:
    parts = ("100 % of ", S_prev, " & ", x * W)
    assert NOTATION.prose(parts, TEXT) == "100 % of S_{t-1} & x_t W"
    assert NOTATION.prose(parts, LATEX) == r"100 \% of $S_{t-1}$ \& $x_{t} \, W$"


def test_leaves_and_signs() -> None:
    assert list(leaves(plus(times(o(x, Z), W), tanh(x)))) == [x, Z, W, x]
    assert signed(o(-S, 2 * Z)) == (-2, o(S, Z))
    assert signed(Trace(S) / 2) == (sp.Rational(1, 2), Trace(S))
    assert signed(x) == (1, x)


# --- reading what was written ---------------------------------------------------------------------


class Reader:
    """Computes what a text means: sums of elementwise products of matrix products of atoms."""

    def __init__(self, text: str, values: dict[str, Any]) -> None:
        self.tokens = re.findall(r"\^T|\d+/\d+|\w+|[-+()]", text)
        self.values = values

    def read(self) -> Any:
        value = self.sum()
        assert not self.tokens
        return value

    def follows(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in tokens

    def sum(self) -> Any:
        sign = -1 if self.follows("-") and self.tokens.pop(0) else 1
        value = sign * self.term()
        while self.follows("+", "-"):
            sign = -1 if self.tokens.pop(0) == "-" else 1
            value = value + sign * self.term()
        return value

    def term(self) -> Any:
        if self.tokens[0] != "1" and self.tokens[0][0].isdigit():  # 1 is the matrix of ones
            numerator, _, denominator = self.tokens.pop(0).partition("/")
            return int(numerator) / int(denominator or 1) * self.product()
        value = self.product()
        while self.follows("o"):
            self.tokens.pop(0)
            value = value * self.product()
        return value

    def product(self) -> Any:
        value = self.atom()
        while self.tokens and not self.follows("o", "+", "-", ")"):
            value = value @ self.atom()
        return value

    def atom(self) -> Any:
        token = self.tokens.pop(0)
        if token == "tanh":
            value = np.tanh(self.atom())
        elif token == "(":
            value = self.sum()
            assert self.tokens.pop(0) == ")"
        else:
            value = self.values[token]
        while self.follows("^T"):
            self.tokens.pop(0)
            value = value.T
        return value


A, B, C = (MatrixSymbol(name, n, n) for name in "ABC")


def several(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(inner, min_size=2, max_size=3)


EXPRESSIONS = st.recursive(
    st.sampled_from([A, B, C]),
    lambda inner: st.one_of(
        several(st.one_of(inner, st.just(ONES))).map(lambda terms: MatAdd(*terms)),
        several(inner).map(lambda factors: HadamardProduct(*factors)),
        several(inner).map(lambda factors: MatMul(*factors)),
        st.tuples(st.sampled_from([-1, 2, -3, sp.Rational(1, 2)]), inner).map(
            lambda pair: times(*pair)
        ),
        inner.map(Transpose),
        inner.map(tanh),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS)
def test_the_text_means_the_expression(expression: Any) -> None:
    """Brackets are where they are needed: read back by its own grammar, a text has its value."""
    random = np.random.default_rng(1)
    values = {symbol: random.uniform(-1, 1, (2, 2)) for symbol in (A, B, C)}
    named = {symbol.name: value for symbol, value in values.items()} | {"1": np.ones((2, 2))}
    text = Notation((), ()).text(expression)
    np.testing.assert_allclose(
        Reader(text, named).read(), evaluate(expression, {**values, n: 2}), atol=1e-12
    )


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, st.integers(5, 60))
def test_broken_lines_say_the_same(expression: Any, width: int) -> None:
    notation = Notation((), ())
    for spelling in (TEXT, LATEX):
        lines = notation.lines(expression, spelling, width)
        whole = notation.write(expression, spelling)
        assert "".join("".join(line for _, line in lines).split()) == "".join(whole.split())


# --- ones -----------------------------------------------------------------------------------------

FILES = sorted(Path(__file__).parents[1].joinpath("corpus").rglob("*.toml"))
#: Ones that stand for a number, as in 1 - Z, and not for a sum or for a row in every row.
NUMBER = re.compile(r"(?:^|[-+o=,] |\()ones(?:$| [-+o] | ones\^T|[),])|ones\(")


@pytest.mark.parametrize("text", ["ones - Z_t", "(1 + ones)", "Z_t o ones", "ones(B, H) - Z_t"])
def test_a_number_of_ones_would_be_seen(text: str) -> None:
    assert NUMBER.search(text)


def test_ones_are_written_as_the_number_1_in_every_cell() -> None:
    for cell in (*gc.cells.values(), *(load_cell(str(path)) for path in FILES)):
        assert not NUMBER.search(str(cell)), str(cell)


@pytest.mark.parametrize("name", gc.cells)
def test_ones_are_written_as_the_number_1_in_a_derivation(name: str) -> None:
    assert not NUMBER.search(str(gc.derive(gc.cells[name])))
