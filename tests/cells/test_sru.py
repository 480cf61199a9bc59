"""Its input is added to its output: the two have one size."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import gru_codegen as gc


@pytest.fixture(scope="module")
def kernel() -> ModuleType:
    return gc.load(gc.cells["sru"])


def test_another_input_size_is_refused(kernel: ModuleType) -> None:
    expected = "^input_size: this cell needs inputs of the size of its state, 5, got 3$"
    with pytest.raises(ValueError, match=expected):
        kernel.init_params(3, 5)
    with pytest.raises(ValueError, match=expected):
        kernel.Workspace(2, 3, 5)


def test_other_inputs_are_refused(kernel: ModuleType) -> None:
    params = kernel.init_params(5, 5, rng=0)
    with pytest.raises(ValueError, match=r"^x: expected shape \(T, B, H\) = \(4, 2, 5\), got"):
        kernel.forward(params, np.zeros((4, 2, 3)))
    narrow = params._replace(W=params.W[:3], Wf=params.Wf[:3], Wr=params.Wr[:3])
    with pytest.raises(ValueError, match=r"^params\.W: expected shape \(H, H\) = \(5, 5\), got"):
        kernel.forward(narrow, np.zeros((4, 2, 3)))


def test_it_carries_one_array_and_puts_out_another(kernel: ModuleType) -> None:
    params = kernel.init_params(5, 5, rng=0)
    x = np.random.default_rng(1).normal(size=(4, 2, 5))
    outputs, state = kernel.forward(params, x)
    assert kernel.STATES == ("C",)
    assert kernel.OUTPUT == "S"
    assert np.abs(outputs[-1] - state).min() > 1e-3
    halves = kernel.forward(params, x[:2])
    later, end = kernel.forward(params, x[2:], halves[1])
    np.testing.assert_allclose(np.concatenate([halves[0], later]), outputs, rtol=1e-13)
    np.testing.assert_allclose(end, state, rtol=1e-13)
