"""Ten thousand steps: what chunks of them give, at the cost of so many steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.contract.kernels import assert_equal
from tests.edge.kernels import STYLES, arguments, by_style, draw, load
from tests.shares import in_turn
from tests.truths.kernels import states_of

STEPS, CHUNK = 10_000, 1_000
CELLS = ("gru", "lstm-peephole")


@pytest.mark.parametrize(("style", "cell"), in_turn(STYLES, CELLS))
def test_ten_thousand_steps_are_ten_chunks(style: str, cell: str) -> None:
    """The state goes from chunk to chunk, its adjoint the other way."""
    kernel, given = load(cell, style), draw(cell, sizes=(STEPS, 2, 1, 2))
    params, x, s0 = arguments(kernel, given)
    outputs, state, pullback = kernel.vjp(params, x, s0)
    d_params, d_x, d_s0 = pullback(given["y"])

    chunks = [slice(start, start + CHUNK) for start in range(0, STEPS, CHUNK)]
    made, pullbacks, last = [], [], s0
    for chunk in chunks:
        some, last, pull = kernel.vjp(params, x[chunk], last)
        made.append(some)
        pullbacks.append(pull)
    assert np.isfinite(outputs).all()
    assert_equal(outputs, np.concatenate(made), 1e-12)
    assert_equal(state, last, 1e-12)

    adjoint: Any = None
    total, inputs = [np.zeros_like(weight) for weight in params], []
    for chunk, pull in zip(reversed(chunks), reversed(pullbacks), strict=True):
        gradients, d_chunk, adjoint = pull(given["y"][chunk], adjoint)
        total = [done + more for done, more in zip(total, gradients, strict=True)]
        inputs.append(d_chunk)
    assert_equal(d_params, type(d_params)(*total), 1e-11)
    assert_equal(d_x, np.concatenate(inputs[::-1]), 1e-11)
    assert_equal(states_of(kernel, d_s0), states_of(kernel, adjoint), 1e-11)


def seconds(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(3):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


@by_style
def test_ten_times_the_steps_take_ten_times_as_long(style: str) -> None:
    """Less than twenty times, that is; of what grows as a square it would be a hundred."""
    kernel, given = load("gru", style), draw("gru", sizes=(STEPS, 2, 1, 2))
    params, x, s0 = arguments(kernel, given)
    short, long = (
        seconds(partial(kernel.loss_and_gradients, params, x[:T], given["y"][:T], s0))
        for T in (CHUNK, STEPS)
    )
    assert long < 20 * short
