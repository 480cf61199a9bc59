"""One step, one sample, one input and one unit, and no sample at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.verify.targets import LOSSES
from tests.contract.kernels import arrays, assert_equal, mapped
from tests.edge.kernels import CELLS, STYLES, arguments, draw, load
from tests.edge.test_range import numbers
from tests.shares import in_turn
from tests.truths import sixty_digits


@pytest.mark.parametrize(("cell", "style", "unroll"), in_turn(CELLS, STYLES, [None, 1]))
def test_one_of_each(cell: str, style: str, unroll: int | None) -> None:
    given = draw(cell, sizes=(1, 1, 1, 1))
    kernel = load(cell, style, unroll)
    params, x, s0 = arguments(kernel, given)
    result = kernel.loss_and_gradients(params, x, given["y"], s0)
    outputs, _ = kernel.forward(params, x, s0)
    exact = {name: numbers(array) for name, array in given.items()}
    run, gradients = sixty_digits.run(cell, exact), sixty_digits.gradients(cell, exact)
    pairs = [(outputs, run.outputs), (np.asarray(result.loss), np.asarray(run.loss))]
    pairs += [(array, gradients[name]) for name, array in result.gradients._asdict().items()]
    for found, expected in pairs:
        assert found.shape == expected.shape
        assert abs(found.item() - float(expected.item())) < 1e-14


@pytest.mark.parametrize(
    ("of", "style", "steps"),
    in_turn(
        [*((cell, "l2") for cell in CELLS[1:]), *(("gru", loss) for loss in gc.losses)],
        STYLES,
        [0, 1, 3],
    ),
    ids=str,
)
def test_no_sample(of: tuple[str, str], style: str, steps: int) -> None:
    cell, loss = of
    kernel, given = load(cell, style, loss=loss), draw(cell, sizes=(steps, 0, 1, 1))
    params, x, s0 = arguments(kernel, given)
    y = LOSSES[loss].targets(np.random.default_rng(0), (steps, 0, 1))
    options: list[dict[str, Any]] = [
        {},
        {"lengths": np.zeros(0, int)},
        {"loss_weights": np.ones(steps)},
        {"workspace": kernel.Workspace(0, 1, 1)},
    ]
    for option in options:
        result = kernel.loss_and_gradients(params, x, y, s0, **option)
        assert result.loss == 0
        assert type(result.loss) is float
        assert_equal(result.gradients, mapped(np.zeros_like, params))
        assert_equal(result.state, s0)
    outputs, state, pullback = kernel.vjp(params, x, s0)
    assert outputs.shape == (steps, 0, 1)
    d_params, d_x, d_s0 = pullback(outputs)
    assert_equal(d_params, mapped(np.zeros_like, params))
    assert d_x.shape == x.shape
    assert [a.shape for _, a in arrays((state, d_s0))] == [a.shape for _, a in arrays((s0, s0))]
