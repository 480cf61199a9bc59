"""Weights as one vector and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import gru_codegen as gc


class Params(NamedTuple):
    W: Any
    b: Any
    none: Any


def params(dtype: Any = np.float64) -> Params:
    return Params(
        np.arange(6, dtype=dtype).reshape(2, 3), np.ones(2, dtype), np.ones((0, 4), dtype)
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble", "complex128", object])
def test_a_vector_and_back(dtype: Any) -> None:
    vector = gc.ravel(params(dtype))
    assert vector.dtype == dtype
    assert vector.tolist() == [0, 1, 2, 3, 4, 5, 1, 1]
    back = gc.unravel(vector, params(dtype))
    assert type(back) is Params
    assert [each.dtype for each in back] == [np.dtype(dtype)] * 3
    assert [each.tolist() for each in back] == [each.tolist() for each in params(dtype)]


def test_rows_come_one_after_the_other_however_they_are_stored() -> None:
    given = params()._replace(W=np.asfortranarray(params().W))
    assert gc.ravel(given).tolist() == gc.ravel(params()).tolist()


def test_nothing_is_shared() -> None:
    alone = params()._replace(b=np.ones(0), none=np.ones(0))
    vector = gc.ravel(alone)
    assert not np.shares_memory(vector, alone.W)
    assert not np.shares_memory(gc.unravel(vector, alone).W, vector)


def test_what_an_optimiser_gives_takes_the_dtype_of_the_weights() -> None:
    single = params(np.float32)
    assert gc.unravel(gc.ravel(params()), single).W.dtype == np.float32
    assert gc.unravel([0] * 8, single).W.tolist() == [[0] * 3] * 2
    with pytest.raises(TypeError, match=r"vector: complex128 does not cast to float32, of like\.W"):
        gc.unravel(gc.ravel(params(complex)), single)


@pytest.mark.parametrize("shape", [(7,), (9,), (8, 1), (2, 4), ()])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^vector: expected shape \(n,\) = \(8,\), got"):
        gc.unravel(np.zeros(shape), params())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([np.ones(2)], "got list"),
        ((np.ones(2),), "got tuple"),
        (params()._replace(b=[1.0, 1.0]), r"\.b is list"),
        (params()._replace(b=None), r"\.b is NoneType"),
    ],
)
def test_what_is_no_named_tuple_of_arrays_is_refused(given: Any, said: str) -> None:
    for argument, call in (
        ("params", lambda: gc.ravel(given)),
        ("like", lambda: gc.unravel(1, given)),
    ):
        with pytest.raises(
            TypeError, match=f"^{argument}: expected a NamedTuple of arrays.*{said}"
        ):
            call()


def test_several_dtypes_are_no_vector() -> None:
    with pytest.raises(TypeError, match=r"^params\.b: .* got float32, but float64 for W"):
        gc.ravel(params()._replace(b=np.ones(2, np.float32)))


def test_an_optimiser_goes_down_along_the_gradients() -> None:
    kernel: Any = gc.load(gc.GRU)
    first, rng = kernel.init_params(2, 3, rng=0), np.random.default_rng(1)
    x, y = rng.normal(size=(4, 5, 2)), rng.normal(size=(4, 5, 3))
    vector, losses = gc.ravel(first), []
    for _ in range(20):
        result = kernel.loss_and_gradients(gc.unravel(vector, first), x, y)
        vector -= 0.02 * gc.ravel(result.gradients)
        losses.append(result.loss)
    assert losses == sorted(losses, reverse=True)


def test_a_number_that_is_computed_is_taken_as_an_array_of_its_shape() -> None:
    number = Params(np.ones((1, 2)), np.array(3.0) * 0.5, np.ones(1))
    assert gc.ravel(number).tolist() == [1, 1, 1.5, 1]
    assert gc.unravel(np.arange(4.0), number).b.shape == ()
