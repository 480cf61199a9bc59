"""The kernels on 50-digit elements against the independent loss at 60 digits."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.truths import gru_loss
from tests.truths.mp import Array, digits, points, reals

#: B, D and H for each T; no two of the four sizes are equal, so that none can stand for another.
SIZES = {1: (3, 2, 4), 2: (4, 5, 3), 3: (2, 5, 4)}


class Truth(NamedTuple):
    weights: dict[str, Array]
    x: Array
    y: Array
    s0: Array
    outputs: list[gru_loss.Matrix]
    loss: gru_loss.Number
    gradients: dict[str, gru_loss.Matrix]


@pytest.fixture(scope="module", params=SIZES)
def truth(request: pytest.FixtureRequest) -> Truth:
    steps = request.param
    batch, inputs, hidden = SIZES[steps]
    random = Random(steps)
    weights = {
        name: points(random, hidden if "rec" in name else inputs, hidden)
        for name in gru_loss.WEIGHTS
    }
    x = 2 * points(random, steps, batch, inputs)
    y, s0 = points(random, steps, batch, hidden), points(random, batch, hidden)

    numbers = gru_loss.numbers
    w = {name: numbers(weight) for name, weight in weights.items()}
    return Truth(
        weights={name: reals(weight) for name, weight in weights.items()},
        x=reals(x),
        y=reals(y),
        s0=reals(s0),
        outputs=gru_loss.states(w, numbers(x), numbers(s0)),
        loss=gru_loss.loss(w, numbers(x), numbers(y), numbers(s0)),
        gradients=gru_loss.gradients(w, numbers(x), numbers(y), numbers(s0)),
    )


def check(**pairs: tuple[Any, Any]) -> None:
    agreement = {name: digits(actual, expected) for name, (actual, expected) in pairs.items()}
    assert all(found >= 40 for found in agreement.values()), agreement


def test_forward(kernel_of: Callable[[int], ModuleType], truth: Truth) -> None:
    kernel = kernel_of(len(truth.x))
    outputs, state = kernel.forward(kernel.Params(**truth.weights), truth.x, truth.s0)
    check(outputs=(outputs, truth.outputs), state=(state, truth.outputs[-1]))


def test_loss(kernel_of: Callable[[int], ModuleType], truth: Truth) -> None:
    kernel = kernel_of(len(truth.x))
    loss = kernel.loss(kernel.Params(**truth.weights), truth.x, truth.y, truth.s0)
    check(loss=(loss, truth.loss))


def test_loss_and_gradients(kernel_of: Callable[[int], ModuleType], truth: Truth) -> None:
    kernel = kernel_of(len(truth.x))
    loss, gradients, state = kernel.loss_and_gradients(
        kernel.Params(**truth.weights), truth.x, truth.y, truth.s0
    )
    check(
        loss=(loss, truth.loss),
        state=(state, truth.outputs[-1]),
        **{name: (getattr(gradients, name), truth.gradients[name]) for name in truth.weights},
    )
