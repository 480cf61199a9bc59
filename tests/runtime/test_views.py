"""Views of the arrays of all time steps, and sums over them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.views import _blocks, _inner, _rows, _turned


@pytest.mark.parametrize("shape", [(3, 4, 2), (3, 4, 0), (0, 4, 2)])
def test_rows_are_a_view_with_one_row_for_each_sample_of_each_step(
    shape: tuple[int, int, int],
) -> None:
    a = np.arange(np.prod(shape), dtype=float).reshape(shape)
    rows = _rows(a)
    assert rows.shape == (shape[0] * shape[1], shape[2])
    assert not a.size or np.shares_memory(rows, a)


def test_turned_twice_is_as_before() -> None:
    a = np.arange(24.0).reshape(3, 4, 2)
    assert _turned(a).shape == (3, 2, 4)
    assert _turned(_turned(a)).tolist() == a.tolist()


@pytest.mark.parametrize(("entries", "sizes"), [(62_500, [16, 4]), (0, [20]), (10**6, [20])])
def test_blocks_hold_every_row_once(entries: int, sizes: list[int]) -> None:
    a = np.arange(40.0).reshape(20, 2)
    blocks = _blocks(a, entries)
    assert [len(block) for block in blocks] == sizes
    assert np.concatenate(blocks).tolist() == a.tolist()


@pytest.mark.parametrize("steps", [0, 1, 3, 100, 2**10, 2**10 + 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex128, object])
def test_an_inner_product_of_any_length_has_the_dtype_of_its_operands(
    steps: int, dtype: Any
) -> None:
    size = (steps, 3, 11)
    half = Fraction(1, 2) if dtype is object else dtype(0.5)
    a, b = np.full(size, half, dtype), np.arange(np.prod(size)).reshape(size).astype(dtype)
    total = _inner(a, b)
    assert type(total) in ((int, Fraction) if dtype is object else (dtype,))
    assert total == pytest.approx(int(np.prod(size)) * (int(np.prod(size)) - 1) / 4, rel=1e-6)


def test_an_inner_product_conjugates_nothing() -> None:
    assert _inner(np.array([1j]), np.array([1j])) == -1
    assert _inner(np.full(2**15, 1j), np.full(2**15, 1j)) == -(2**15)


@pytest.mark.parametrize("size", [2**15, 10**7])
def test_a_long_inner_product_keeps_its_digits_in_float32(size: int) -> None:
    """One BLAS call is 3e-5 off at 10^7 numbers."""
    a = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    exact = float(np.sum(a.astype(np.float64) ** 2))
    assert _inner(a, a) == pytest.approx(exact, rel=2e-7)
