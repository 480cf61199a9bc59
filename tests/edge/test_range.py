"""Numbers as large and as small as a dtype has, against the same equations at 60 digits.

Nothing overflows there: mpmath bounds no exponent. Where a result is a number of the dtype, a
kernel has to give it, and no warning.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.edge.kernels import BOUNDED, CELLS, STYLES, Array, arguments, by_style, draw, load
from tests.shares import in_turn
from tests.truths import sixty_digits
from tests.truths.kernels import states_of as states_in
from tests.truths.sixty_digits import CONTEXT

DTYPES = (np.float64, np.float32)
LARGEST, SMALLEST = "the largest inputs", "numbers near zero"
CASES: dict[str, dict[str, float]] = {
    "weights of 1e4": {"weights": 1e4},
    "inputs of 1e30": {"x": 1e30},
    LARGEST: {},
    "inputs near zero": {},
    SMALLEST: {},
}


class Truth(NamedTuple):
    """Arguments in a dtype, and what comes of them, in mpmath numbers.

    gradients: of the loss. pulled: of the sum of d_outputs o outputs.
    """

    given: dict[str, Array]
    d_outputs: Array
    run: sixty_digits.Run
    gradients: dict[str, Array]
    pulled: dict[str, Array]


def scales(case: str, dtype: Any) -> dict[str, Any]:
    info = np.finfo(dtype)
    largest, subnormal = float(info.max), float(info.tiny) / 100
    return {
        LARGEST: {"x": largest},
        "inputs near zero": {"x": subnormal},
        SMALLEST: {"x": subnormal, "weights": subnormal, "s0": subnormal},
    }.get(case, CASES[case])


def numbers(array: Array) -> Array:
    fractions = np.frompyfunc(lambda entry: Fraction(float(entry)), 1, 1)(array)
    return sixty_digits.numbers(np.asarray(fractions, dtype=object))


@functools.cache
def truth(cell: str, case: str, dtype: Any) -> Truth:
    given = draw(cell, dtype, **scales(case, dtype))
    exact = {name: numbers(array) for name, array in given.items()}
    run = sixty_digits.run(cell, exact)
    d_outputs = given["y"]
    # The loss whose error is d_outputs has the same derivatives.
    pulled = sixty_digits.gradients(cell, {**exact, "y": run.outputs - exact["y"]})
    return Truth(given, d_outputs, run, sixty_digits.gradients(cell, exact), pulled)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complex step is small beside the smallest number of all, times the largest."""
    monkeypatch.setattr(sixty_digits, "STEP", "1e-900")


def faults(found: dict[str, Any], expected: dict[str, Any], case: str, dtype: Any) -> list[str]:
    """Say of each array how far off it is, where that is more than rounding makes it."""
    info = np.finfo(dtype)
    near_zero = "near zero" in case
    # A gate that is not saturated takes the rounding error of a sum of terms so large.
    allowed = 64 * float(info.eps) * CASES[case].get("weights", 1)
    lost = 16 * float(info.smallest_subnormal) if near_zero else 0
    wrong = []
    for name, array in found.items():
        pairs = list(zip(np.asarray(array).flat, np.asarray(expected[name]).flat, strict=True))
        sizes = [abs(number) for _, number in pairs]
        if max(sizes) > float(info.max):  # an infinity is due
            continue
        errors = [
            abs(CONTEXT.mpf(float(entry)) - number) if np.isfinite(entry) else CONTEXT.inf
            for entry, number in pairs
        ]
        if max(errors) > allowed * max(*sizes, 0 if near_zero else 1) + lost:
            wrong.append(f"{name}: off by {float(max(errors))} of {float(max(sizes))}")
    return wrong


@pytest.mark.parametrize(
    ("pair", "style", "dtype"),
    in_turn(
        [pair for pair in product(CELLS, CASES) if pair[0] in BOUNDED or pair[1] != LARGEST],
        STYLES,
        DTYPES,
    ),
    ids=str,
)
def test_results_are_those_of_sixty_digits(pair: tuple[str, str], style: str, dtype: Any) -> None:
    cell, case = pair  # at the largest inputs states without a bound would be larger still
    given, d_outputs, run, gradients, pulled = truth(cell, case, dtype)
    kernel = load(cell, style)
    params, x, s0 = arguments(kernel, given)
    is_finite = abs(run.loss) <= float(np.finfo(dtype).max)

    with np.errstate(all="raise", under="ignore"):
        outputs, state, pullback = kernel.vjp(params, x, s0)
        d_params, d_x, d_s0 = pullback(d_outputs)
    with np.errstate(all="raise" if is_finite else "ignore", under="ignore"):
        result = kernel.loss_and_gradients(params, x, given["y"], s0)

    after = dict(zip(kernel.STATES, states_in(kernel, state), strict=True))
    wrong = faults(
        {"outputs": outputs, **after},
        {"outputs": run.outputs, **dict(zip(kernel.STATES, run.states, strict=True))},
        case,
        dtype,
    )
    before = dict(zip(kernel.STATES, states_in(kernel, d_s0), strict=True))
    wrong += faults({**d_params._asdict(), "x": d_x, **before}, pulled, case, dtype)
    if is_finite:
        found = {"loss": result.loss, **result.gradients._asdict()}
        wrong += faults(found, {**gradients, "loss": run.loss}, case, dtype)
    assert not wrong


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@by_style
def test_a_closed_gate_keeps_its_state_beside_a_candidate_of_any_size(
    style: str, dtype: Any
) -> None:
    """In ligru, Z = 1 holds S; the candidate, here 1e30, is unbounded."""
    kernel = load("ligru", style)
    given = draw("ligru", dtype, x=0.0) | {"bz": np.full(2, 1e4, dtype)}
    given["bca"] = np.full(2, 1e30, dtype)
    params, x, s0 = arguments(kernel, given)
    outputs, state = kernel.forward(params, x, s0)
    np.testing.assert_array_equal(outputs, np.stack([s0, s0]))
    np.testing.assert_array_equal(state, s0)
