"""The kernels of every cell on 50-digit elements against its equations at 60 digits."""

from __future__ import annotations

import functools
from itertools import product
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.cells.sample import IN_PYTHON
from tests.shares import in_turn
from tests.truths import equations, sixty_digits
from tests.truths.equations import STEPS, states_of, weights_of
from tests.truths.kernels import KINDS, Kind, state_of
from tests.truths.kernels import states_of as states_in
from tests.truths.mp import Array, digits, points, reals

#: B, D and H for each T; no two of the four sizes are equal, so that none can stand for another.
SIZES = {1: (2, 4, 3), 2: (1, 4, 3), 3: (4, 1, 2)}


class Truth(NamedTuple):
    """What a cell is given, in Fractions, and what comes of it, in mpmath numbers."""

    given: dict[str, Array]
    run: sixty_digits.Run
    gradients: dict[str, Array]


@functools.cache
def truth(cell: str, T: int) -> Truth:
    B, D, H = SIZES[T]
    D = H if cell in equations.SQUARE else D
    random = Random(T)
    given = {"x": 2 * points(random, T, B, D), "y": points(random, T, B, H)}
    given |= {name: points(random, B, H) for name in states_of(cell)}
    given |= {name: points(random, *shape) for name, shape in weights_of(cell, D, H).items()}
    numbers = {name: sixty_digits.numbers(array) for name, array in given.items()}
    return Truth(given, sixty_digits.run(cell, numbers), sixty_digits.gradients(cell, numbers))


def check(pairs: dict[str, tuple[Any, Any]]) -> None:
    agreement = {name: digits(actual, expected) for name, (actual, expected) in pairs.items()}
    assert all(found >= 40 for found in agreement.values()), agreement


def test_every_cell_is_here() -> None:
    assert set(STEPS) == set(IN_PYTHON)


@pytest.mark.parametrize(("case", "kind"), in_turn(product(STEPS, SIZES), KINDS), ids=str)
def test_forty_digits(case: tuple[str, int], kind: Kind) -> None:
    cell, T = case
    given, run, gradients = truth(cell, T)
    kernel = kind.load(cell, T)
    elements = {name: reals(array) for name, array in given.items()}
    params = kernel.Params(**{name: elements[name] for name in kernel.Params._fields})
    x, y = elements["x"], elements["y"]
    s0 = state_of(kernel, [elements[name] for name in kernel.STATES])
    names = states_of(cell)

    outputs, state = kernel.forward(params, x, s0)
    result = kernel.loss_and_gradients(params, x, y, s0)
    pairs = {
        "outputs": (outputs, run.outputs),
        "loss": (kernel.loss(params, x, y, s0), run.loss),
        "loss with gradients": (result.loss, run.loss),
    }
    for name, after, again, expected in zip(
        names, states_in(kernel, state), states_in(kernel, result.state), run.states, strict=True
    ):
        pairs |= {name: (after, expected), f"{name} with gradients": (again, expected)}
    for name, gradient in result.gradients._asdict().items():
        pairs[f"d{name}"] = (gradient, gradients[name])

    # The pullback gets the adjoint of the outputs that this loss has.
    outputs, _, pullback = kernel.vjp(params, x, s0)
    d_params, d_x, d_s0 = pullback(outputs - y)
    pairs["dx"] = (d_x, gradients["x"])
    for name, adjoint in zip(names, states_in(kernel, d_s0), strict=True):
        pairs[f"d{name}_0"] = (adjoint, gradients[name])
    for name, gradient in d_params._asdict().items():
        pairs[f"d{name} pulled back"] = (gradient, gradients[name])
    check(pairs)


def test_the_complex_step_is_exact_to_the_last_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """60 digits and a step of 1e-200 give what 100 digits and a step of 1e-300 give."""
    given = truth("gru", 3).given

    def gradients() -> list[Any]:
        numbers = {name: sixty_digits.numbers(array) for name, array in given.items()}
        found = sixty_digits.gradients("gru", numbers)
        return [entry for gradient in found.values() for entry in gradient.flat]

    at_60_digits = gradients()
    finer = type(sixty_digits.CONTEXT)()
    finer.dps = 100
    monkeypatch.setattr(sixty_digits, "CONTEXT", finer)
    monkeypatch.setattr(sixty_digits, "STEP", "1e-300")
    at_100_digits = gradients()

    scale = max(map(abs, at_100_digits))
    errors = [abs(finer.convert(a) - b) for a, b in zip(at_60_digits, at_100_digits, strict=True)]
    assert 0 < max(errors) <= finer.mpf("1e-58") * scale
    assert np.all([np.shape(a) == () for a in at_60_digits])
