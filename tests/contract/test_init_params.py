"""The first weights: their distribution, and one draw for one seed in every dtype."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

D, H = 3, 100
DTYPES = ["float16", "float32", "float64", "longdouble", "complex128", object]


def matrices(params: Any) -> dict[str, Any]:
    return {name: weight for name, weight in params._asdict().items() if weight.ndim == 2}


def test_shapes_and_type(kernel: ModuleType) -> None:
    params = kernel.init_params(D, H)
    assert type(params) is kernel.Params
    for name, weight in matrices(params).items():
        assert weight.shape == ((H if name.startswith("Wrec") else D), H), name
    assert {weight.dtype for weight in params} == {np.dtype(np.float64)}


def test_the_named_distribution(kernel: ModuleType) -> None:
    assert "uniform" in kernel.init_params.__doc__
    assert "[-1/sqrt(H), 1/sqrt(H))" in kernel.init_params.__doc__
    drawn = np.concatenate([w.ravel() for w in matrices(kernel.init_params(D, H, rng=0)).values()])
    bound = 1 / np.sqrt(H)
    assert np.all((-bound <= drawn) & (drawn < bound))
    # A uniform distribution: its ends are reached, and every tenth of it holds a tenth.
    assert drawn.max() > 0.999 * bound
    assert drawn.min() < -0.999 * bound
    counts, _ = np.histogram(drawn, bins=10, range=(-bound, bound))
    assert np.all(np.abs(counts - drawn.size / 10) < 5 * np.sqrt(drawn.size * 0.09))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_one_seed_gives_the_same_weights_in_every_dtype(kernel: ModuleType, dtype: Any) -> None:
    double = kernel.init_params(D, 7, rng=5)
    for name, weight in kernel.init_params(D, 7, rng=5, dtype=dtype)._asdict().items():
        assert weight.dtype == dtype
        np.testing.assert_array_equal(weight, getattr(double, name).astype(dtype))


def test_the_draw_is_made_in_float64(kernel: ModuleType) -> None:
    for name, weight in matrices(kernel.init_params(D, H, rng=5)).items():
        assert np.any(weight != weight.astype(np.float32)), name


def test_a_generator_draws_on(kernel: ModuleType) -> None:
    rng = np.random.default_rng(5)
    first, second = kernel.init_params(D, H, rng=rng), kernel.init_params(D, H, rng=rng)
    seeded = kernel.init_params(D, H, rng=5)
    for name, weight in matrices(first).items():
        np.testing.assert_array_equal(weight, getattr(seeded, name))
        assert not np.array_equal(weight, getattr(second, name))


def test_without_a_seed_every_draw_differs(kernel: ModuleType) -> None:
    one, other = kernel.init_params(D, H), kernel.init_params(D, H)
    for name, weight in matrices(one).items():
        assert not np.array_equal(weight, getattr(other, name))


def test_no_two_weights_are_the_same_draw(kernel: ModuleType) -> None:
    # Of equal sizes, so that one draw could serve several weights.
    drawn = [weight.tobytes() for weight in matrices(kernel.init_params(7, 7, rng=0)).values()]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("dtype", [int, bool, "int32", str])
def test_what_no_weights_are_drawn_in(kernel: ModuleType, dtype: Any) -> None:
    """Integers would all be 0. A Workspace says the same."""
    fault = f"^dtype: expected floating, complex or object, got {np.dtype(dtype)}$"
    with pytest.raises(TypeError, match=fault):
        kernel.init_params(D, H, dtype=dtype)
    with pytest.raises(TypeError, match=fault):
        kernel.Workspace(2, D, H, dtype)


@pytest.mark.parametrize("size", [3.0, "3", True, None])
def test_sizes_that_are_no_whole_numbers(kernel: ModuleType, size: Any) -> None:
    for place, name in enumerate(("batch_size", "input_size", "hidden_size")):
        sizes = [2, D, H]
        sizes[place] = size
        fault = f"^{name}: expected a whole number, got {re.escape(repr(size))}$"
        with pytest.raises(TypeError, match=fault):
            kernel.Workspace(*sizes)
        if place:
            with pytest.raises(TypeError, match=fault):
                kernel.init_params(*sizes[1:])


def test_sizes_may_be_numpys(kernel: ModuleType) -> None:
    assert kernel.init_params(np.int64(D), np.uint8(H), rng=0)[0].shape[0] == D


def test_negative_sizes(kernel: ModuleType) -> None:
    fault = "^(input|hidden|batch)_size: expected 0 or more, got -2$"
    for sizes in ((-2, H), (D, -2)):
        with pytest.raises(ValueError, match=fault):
            kernel.init_params(*sizes)
    for more in ((-2, D, H), (2, -2, H), (2, D, -2)):
        with pytest.raises(ValueError, match=fault):
            kernel.Workspace(*more)
