"""NaN stays with the sample that has it, and is never lost on its way to what depends on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.verify.targets import LOSSES
from tests.contract.kernels import arrays, mapped
from tests.edge.kernels import CELLS, STYLES, arguments, draw, load
from tests.shares import in_turn
from tests.truths.kernels import states_of

SIZES = (4, 3, 1, 2)
#: The sample, and the first step, at which there is NaN.
SAMPLE, STEP = 1, 2
OTHERS = [0, 2]


def results(cell: str, style: str, changes: dict[str, Any]) -> Any:
    """Outputs, states and the adjoints of inputs and initial states, all of them by sample."""
    kernel, given = load(cell, style), draw(cell, sizes=SIZES)
    params, x, s0 = arguments(kernel, given | changes)
    outputs, state, pullback = kernel.vjp(params, x, s0)
    d_params, d_x, d_s0 = pullback(given["y"])
    by_sample = (
        outputs.swapaxes(0, 1),
        states_of(kernel, state),
        d_x.swapaxes(0, 1),
        states_of(kernel, d_s0),
    )
    return by_sample, d_params


@pytest.mark.parametrize(("cell", "style"), in_turn(CELLS, STYLES))
def test_an_input_touches_its_sample_alone_and_from_its_step_on(cell: str, style: str) -> None:
    x = draw(cell, sizes=SIZES)["x"]
    x[STEP, SAMPLE] = np.nan
    (found, d_params), (expected, _) = (results(cell, style, each) for each in ({"x": x}, {}))
    for (name, array), (_, right) in zip(arrays(found), arrays(expected), strict=True):
        np.testing.assert_array_equal(array[OTHERS], right[OTHERS], name)
    outputs, state, d_x, d_s0 = (mapped(lambda a: a[SAMPLE], each) for each in found)
    np.testing.assert_array_equal(outputs[:STEP], expected[0][SAMPLE, :STEP])
    assert np.isnan(outputs[STEP:]).all()
    for name, array in arrays((state, d_x, d_s0, d_params)):
        assert np.isnan(array).all(), name


@pytest.mark.parametrize(("cell", "style"), in_turn(CELLS, STYLES))
def test_an_initial_state_touches_its_sample_alone(cell: str, style: str) -> None:
    kernel, given = load(cell, style), draw(cell, sizes=SIZES)
    changes = {name: given[name].copy() for name in kernel.STATES}
    for array in changes.values():
        array[SAMPLE] = np.nan
    (found, _), (expected, _) = (results(cell, style, each) for each in (changes, {}))
    for (name, array), (_, right) in zip(arrays(found), arrays(expected), strict=True):
        np.testing.assert_array_equal(array[OTHERS], right[OTHERS], name)
    assert np.isnan(found[0][SAMPLE]).all()


@pytest.mark.parametrize(("cell", "style"), in_turn(CELLS, STYLES))
def test_an_adjoint_of_outputs_touches_its_sample_alone(cell: str, style: str) -> None:
    kernel, given = load(cell, style), draw(cell, sizes=SIZES)
    params, x, s0 = arguments(kernel, given)
    d_outputs = given["y"].copy()
    d_outputs[STEP, SAMPLE] = np.nan
    found, expected = (kernel.vjp(params, x, s0)[2](d)[1] for d in (d_outputs, given["y"]))
    np.testing.assert_array_equal(found[:, OTHERS], expected[:, OTHERS])
    np.testing.assert_array_equal(found[STEP + 1 :], expected[STEP + 1 :])
    assert np.isnan(found[: STEP + 1, SAMPLE]).all()


@pytest.mark.parametrize(("loss", "where", "style"), in_turn(gc.losses, ["x", "Wz", "y"], STYLES))
def test_it_is_in_the_loss_and_in_every_gradient(loss: str, where: str, style: str) -> None:
    if where == "y" and gc.losses[loss].targets in ("fractions", "labels"):
        pytest.skip("labels are integers, and what is no fraction is refused")
    kernel, given = load("gru", style, loss=loss), draw("gru", sizes=SIZES)
    given["y"] = LOSSES[loss].targets(np.random.default_rng(1), given["y"].shape)
    given[where] = given[where].copy()
    given[where].flat[0] = np.nan
    params, x, s0 = arguments(kernel, given)
    result = kernel.loss_and_gradients(params, x, given["y"], s0)
    assert np.isnan(result.loss)
    assert np.isnan(kernel.loss(params, x, given["y"], s0))
    for name, gradient in result.gradients._asdict().items():
        assert np.isnan(gradient).any(), name
