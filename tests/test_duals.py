"""Dual numbers: slopes of declared equations where values are tiny, and comparisons by values."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_codegen.cell import hadamard, matrix, where
from gru_codegen.duals import DUAL
from gru_codegen.equations import size
from gru_codegen.evaluate import evaluate
from gru_codegen.functions import exp, log, positive
from gru_codegen.rows import softmax

n, m = size("B"), size("H")
A, C, W = matrix("A", n, m), matrix("C", n, m), matrix("W", m, m)


def slopes(expression: Any, **given: tuple[Any, Any]) -> Any:
    """The slopes of an expression of matrices that are given with theirs."""
    values = {symbol: np.add(*given[symbol.name]) for symbol in (A, C, W) if symbol.name in given}
    return evaluate(expression, {**values, n: 1, m: 2}, DUAL)


def dual(values: list[Any], slopes: list[Any]) -> tuple[Any, Any]:
    return np.array(values), 1j * np.array(slopes)


def test_no_slope_is_lost_where_a_share_is_next_to_nothing() -> None:
    found = slopes(log(softmax(A)), A=dual([[0.0, -600.0]], [[1.0, 3.0]]))
    np.testing.assert_allclose(found.real, [[0, -600]], rtol=1e-13)
    np.testing.assert_allclose(found.imag, [[0, 2]], rtol=1e-12, atol=1e-200)


def test_products_have_the_slopes_of_both_factors() -> None:
    rng = np.random.default_rng(0)
    a, c, w = rng.standard_normal((2, 1, 2)), rng.standard_normal((2, 1, 2)), rng.random((2, 2, 2))
    found = slopes(hadamard(A * W, exp(C)), A=dual(*a), C=dual(*c), W=dual(*w))
    inner, slope = a[0] @ w[0], a[1] @ w[0] + a[0] @ w[1]
    np.testing.assert_allclose(found.real, inner * np.exp(c[0]), rtol=1e-15)
    np.testing.assert_allclose(found.imag, np.exp(c[0]) * (slope + inner * c[1]), rtol=1e-14)


def test_a_comparison_is_decided_by_values_alone() -> None:
    given = {"A": dual([[0.0, 1.0]], [[5.0, 1.0]]), "C": dual([[0.0, 1.0]], [[-7.0, 2.0]])}
    found = slopes(where(positive(hadamard(A, C)), A, C), **given)
    assert found.tolist() == [[-7j, 1 + 1j]]
