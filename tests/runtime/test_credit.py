"""The measures of the terms of gradients, and adjoints that errors are joined to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gru_codegen.runtime.credit import _measured, _norms, _rooms
from gru_codegen.runtime.kernel import Params, Workspace

Array = NDArray[Any]
T = 3
SHAPES = {"W": (2, 4), "Wrec": (4, 4), "b": (4,)}


def terms(dtype: Any = float) -> Iterator[tuple[int, str, Array]]:
    """Random E[k->t]; b has none but those of its own step."""
    rng = np.random.default_rng(0)
    for t in reversed(range(T)):
        for name, shape in SHAPES.items():
            yield t, name, rng.standard_normal((1 if name == "b" else T - t, *shape)).astype(dtype)


def workspace(dtype: Any = float) -> Workspace:
    w = Workspace(2, 2, 4)
    w.dtype = np.dtype(dtype)
    w.begin(T)
    return w


def gradients(dtype: Any = float) -> Params:
    found = {name: np.zeros(shape, dtype) for name, shape in SHAPES.items()}
    for _, name, E in terms(dtype):
        found[name] += E.sum(axis=0)
    return Params(**found)


def test_each_term_stands_at_its_error_and_step() -> None:
    found = _measured(terms(), gradients(), None, workspace(), True)
    assert found.full is not None
    for t, name, E in terms():
        full, norms = getattr(found.full, name), getattr(found.norms, name)
        shares, dW = getattr(found.shares, name), getattr(gradients(), name)
        for later, each in enumerate(E):
            np.testing.assert_array_equal(full[t + later, t], each)
            np.testing.assert_allclose(norms[t + later, t], np.sqrt((each**2).sum()), rtol=1e-15)
            share = (each * dW).sum() / (dW**2).sum()
            np.testing.assert_allclose(shares[t + later, t], share, rtol=1e-13)
    assert found.norms.b[2, 0] == found.shares.b[2, 0] == 0


def test_before_a_step_there_is_nothing() -> None:
    found = _measured(terms(), gradients(), None, workspace(), False)
    for table in (*found.norms, *found.shares):
        np.testing.assert_array_equal(np.isnan(table), np.triu(np.ones((T, T), bool), 1))
        assert table.dtype == np.float64
    assert found.full is None


def test_an_error_that_no_sample_has_is_blank() -> None:
    V = np.ones((T, 2, 1))
    V[1] = 0
    V[2, 0] = 0
    found = _measured(terms(), gradients(), V, workspace(), False)
    assert np.isnan(found.norms.W).tolist() == [[False, True, True], [True] * 3, [False] * 3]


def test_shares_add_up_and_the_rest_of_all_steps_is_nothing() -> None:
    found = _measured(terms(), gradients(), None, workspace(), False)
    for shares, rests in zip(found.shares, found.truncation, strict=True):
        np.testing.assert_allclose(np.nansum(shares), 1, rtol=1e-14)
        np.testing.assert_allclose(rests[0], 1, rtol=1e-14)
        assert rests[T] == 0
        assert len(rests) == T + 1
    assert found.truncation.b[1] == 0


def test_of_a_gradient_that_is_zero_all_shares_are_zero() -> None:
    nothing = ((t, name, 0 * E) for t, name, E in terms())
    zeros = Params(*(0 * dW for dW in gradients()))
    found = _measured(nothing, zeros, None, workspace(), False)
    assert found.shares.W[np.tri(T, dtype=bool)].tolist() == [0] * 6
    assert found.truncation.W.tolist() == [0] * (T + 1)
    assert found.norms.W[1, 0] == 0
    found = _measured(terms(), zeros, None, workspace(), False)  # as if the terms cancelled
    assert np.nansum(abs(found.shares.W)) == 0
    assert np.isnan(found.truncation.W[:T]).all()
    assert found.truncation.W[T] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble, object])
def test_norms_are_float64_in_any_dtype(dtype: Any) -> None:
    found = _measured(terms(dtype), gradients(dtype), None, workspace(dtype), True)
    expected = _measured(terms(), gradients(), None, workspace(), True)
    assert found.full is not None
    assert found.full.W.dtype == dtype
    for tables, others in zip(found[:3], expected[:3], strict=True):
        for table, other in zip(tables, others, strict=True):
            assert table.dtype == np.float64
            np.testing.assert_allclose(table, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "small", "large"), [(np.float32, 1e-24, 1e25), (np.float64, 1e-200, 1e200)]
)
def test_the_norm_of_what_has_no_square(dtype: Any, small: float, large: float) -> None:
    rows = np.array([[3 * small, -4 * small], [3, 4], [0, 0], [3 * large, 4 * large]], dtype)
    np.testing.assert_allclose(_norms(rows[1:2]), [5])
    np.testing.assert_allclose(_norms(rows), [5 * small, 5, 0, 5 * large], rtol=1e-6)


def test_complex_weights_are_refused() -> None:
    with pytest.raises(TypeError, match="credit is for real weights, got complex128"):
        _measured(terms(complex), gradients(complex), None, workspace(), False)


def test_rooms_grow_and_stay() -> None:
    w = workspace()
    first = _rooms(w, "some", 2, (3, 4))
    first[...] = 1
    assert _rooms(w, "some", 2, (2, 4)).shape == (2, 2, 4)
    assert np.shares_memory(first, _rooms(w, "some", 2, (2, 4)))
    assert _rooms(w, "some", 2, (5, 4)).shape == (2, 5, 4)
