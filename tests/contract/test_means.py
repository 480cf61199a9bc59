"""Means over what counts: loss weights and lengths are in the divisor, whatever the layout."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc

T, B, D, H = 5, 3, 2, 4
FORMS: dict[str, dict[str, Any]] = {
    "textbook": {"style": "textbook"},
    "columns": {},
    "rows": {"layout": "rows"},
    "blocked": {"layout": "blocked", "unroll": T},
    "folded": {"layout": "folded"},
}


def of_both(loss: str, form: str) -> tuple[ModuleType, ModuleType]:
    """The kernels of a sum and of its mean."""
    return tuple(  # type: ignore[return-value]
        gc.load(gc.GRU, loss=gc.losses[name], **FORMS[form]) for name in (loss, f"{loss}-mean")
    )


def arguments(kernel: ModuleType) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(1)
    y: Any = rng.integers(H, size=(T, B))
    if len(kernel.SHAPES["y"]) == 3:
        y = rng.standard_normal((T, B, H))
    return kernel.init_params(D, H, rng=0), rng.standard_normal((T, B, D)), y


#: Loss weights and lengths, and how much of all samples and steps they leave.
GIVEN: dict[str, tuple[dict[str, Any], float]] = {
    "neither": ({}, T * B),
    "weights by step": ({"loss_weights": [0, 1, 2, 0.5, 0]}, 3.5 * B),
    "weights": ({"loss_weights": np.arange(15.0).reshape(T, B)}, 105),
    "lengths": ({"lengths": [5, 0, 2]}, 7),
    "both": ({"loss_weights": [1, 2, 3, 4, 5.0], "lengths": [5, 1, 3]}, 15 + 1 + 6),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loss", ["l2", "cross-entropy"])
def test_a_mean_is_the_sum_over_what_counts(loss: str, form: str) -> None:
    whole, mean = of_both(loss, form)
    params, x, y = arguments(whole)
    factor = 2 / H if loss == "l2" else 1  # a sum has halves of squares
    for name, (given, number) in GIVEN.items():
        summed = whole.loss_and_gradients(params, x, y, **given)
        found = mean.loss_and_gradients(params, x, y, **given)
        assert found.loss == pytest.approx(factor * summed.loss / number, rel=1e-13), name
        assert mean.loss(params, x, y, **given) == found.loss
        for gradient, of_sum in zip(found.gradients, summed.gradients, strict=True):
            np.testing.assert_allclose(gradient, factor * of_sum / number, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loss", ["l2-mean", "cross-entropy-mean"])
def test_where_nothing_counts_all_is_zero(loss: str, form: str) -> None:
    kernel = gc.load(gc.GRU, loss=gc.losses[loss], **FORMS[form])
    params, x, y = arguments(kernel)
    workspace = kernel.Workspace(B, D, H)
    nothing: list[dict[str, Any]] = [{"loss_weights": np.zeros((T, B))}, {"lengths": [0] * B}]
    for given in nothing:
        result = kernel.loss_and_gradients(params, x, y, **given, workspace=workspace)
        assert result.loss == 0
        assert all((gradient == 0).all() for gradient in result.gradients)
    # and the next call with the same arrays divides by all again
    plain = kernel.loss(params, x, y, workspace=workspace)
    assert plain == kernel.loss(params, x, y)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.complex64])
def test_a_mean_keeps_its_dtype(dtype: Any) -> None:
    for form in FORMS.values():
        kernel = gc.load(gc.GRU, loss=gc.losses["l2-mean"], **form)
        params, x, y = arguments(kernel)
        params = type(params)(*(weight.astype(dtype) for weight in params))
        given = {"loss_weights": np.full(T, 0.5), "lengths": [5, 0, 2]}
        result = kernel.loss_and_gradients(params, x, y, **given)
        assert all(gradient.dtype == dtype for gradient in result.gradients)
        assert np.asarray(result.loss).dtype == (np.float64 if dtype is np.float32 else dtype)
