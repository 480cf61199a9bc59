"""What its file says of the kink of the candidate activation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gru_codegen as gc


@pytest.mark.parametrize("style", ["fast", "textbook"])
@pytest.mark.parametrize(("bias", "derivative"), [(-1e-300, 0), (0, 0), (1e-300, 1)])
def test_the_derivative_at_the_kink_is_0(style: Any, bias: float, derivative: int) -> None:
    kernel = gc.load(gc.cells["ligru"], style=style)
    params = kernel.Params(*(np.zeros_like(W) for W in kernel.init_params(3, 2, rng=0)))
    params.bca[:] = bias
    # All else is 0, so Z = 1/2 and the pre-activation of the candidate is its bias.
    x, y = np.ones((1, 4, 3)), np.full((1, 4, 2), -1.0)
    _, gradients, _ = kernel.loss_and_gradients(params, x, y)
    np.testing.assert_array_equal(gradients.bca, 4 * 0.5 * derivative)
    np.testing.assert_array_equal(gradients.Wca, 4 * 0.5 * derivative)
