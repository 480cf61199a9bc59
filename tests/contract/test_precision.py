"""Single precision at the sizes of the benchmarks, and pre-activations far out: in every layout."""

from __future__ import annotations

import warnings
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.passes import LAYOUTS, Layout
from tests.contract.kernels import arrays, mapped

#: T, B, D, H and the layout that does best there.
SIZES: list[tuple[tuple[int, int, int, int], Layout]] = [
    ((16, 1, 8, 8), "folded"),
    ((32, 8, 16, 32), "columns"),
    ((32, 32, 64, 128), "rows"),
]


@cache
def load(cell: str, layout: Layout) -> ModuleType:
    return gc.load(gc.cells[cell], layout=layout)


@pytest.mark.parametrize(("sizes", "layout"), SIZES, ids=str)
def test_float32_is_within_round_off_of_float64(
    sizes: tuple[int, int, int, int], layout: Layout
) -> None:
    T, B, D, H = sizes
    kernel, rng = load("gru", layout), np.random.default_rng(5)
    params = kernel.init_params(D, H, rng=rng)
    given = (params, rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)))
    double = kernel.loss_and_gradients(*given)
    single = kernel.loss_and_gradients(*mapped(lambda a: a.astype(np.float32), given))
    for name, exact in double.gradients._asdict().items():
        found = getattr(single.gradients, name)
        assert found.dtype == np.float32
        assert np.max(np.abs(found - exact)) <= 1e-5 * np.max(np.abs(exact)), name
    assert abs(single.loss - double.loss) <= 1e-5 * double.loss


def test_the_losses_of_many_steps_are_not_added_one_after_the_other() -> None:
    """In textbook style too, where every step has its own; added so they were 4e-6 off."""
    T, B, H = 20_000, 1, 2
    kernel = gc.load(gc.cells["rnn"], style="textbook")
    y = np.random.default_rng(7).standard_normal((T, B, H), dtype=np.float32)
    params = kernel.Params(*(np.zeros(n, np.float32) for n in ((1, H), (H, H), (H,))))
    loss = kernel.loss(params, np.zeros((T, B, 1), np.float32), y)
    assert loss == pytest.approx(float((y.astype(np.float64) ** 2).sum() / 2), rel=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex128], ids=str)
def test_pre_activations_far_out(cell: str, layout: Layout, dtype: Any) -> None:
    """All gates saturate either way; nothing overflows, nothing warns, all results are finite."""
    kernel, rng = load(cell, layout), np.random.default_rng(6)
    T, B, D, H = 4, 3, 1, 6
    drawn = kernel.init_params(D, H, rng=rng)
    # Of either sign and all of one size, so that x W is 10^4 or -10^4.
    params = type(drawn)(*(np.sign(weight) for weight in drawn))
    x = 1e4 * np.sign(rng.normal(size=(T, B, D)))
    y = rng.normal(size=(T, B, H))
    params, x, y = mapped(lambda a: a.astype(dtype), (params, x, y))
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        result = kernel.loss_and_gradients(params, x, y)
        outputs, state, pullback = kernel.vjp(params, x)
        pulled = pullback(y)
    assert np.isfinite(result.loss)
    for name, array in arrays((result.gradients, result.state, outputs, state, pulled)):
        assert array.dtype == dtype, name
        assert np.all(np.isfinite(array)), name
    assert np.max(np.abs(outputs)) > 0.5
