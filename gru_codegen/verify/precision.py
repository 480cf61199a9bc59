"""float32 against float64: gradients, both by the kernel itself, and the loss by its definition.

Finite differences say nothing in float32: at the best step they are off by more than a kernel is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from .claim import Claim, over
from .configuration import Arguments, Array, Problem, Sizes, cast
from .difference import MOST_DOUBT, Difference, difference, scale_of, verdict, worst
from .domain import noise_of

METHOD = "float32 against float64"
TOLERANCE = 2e-6
UNIT = float(np.finfo(np.float32).eps)
#: Rounding errors of the arguments, so many draws of them, change a gradient as those of all steps
#: do, or so many times less.
NUDGES, TRUST = 4, 16

#: A loss of so many numbers. Where targets have no bounds, those of the first samples, one in so
#: many, are so far off that one sum of all costs in float32 loses the costs that follow.
NUMBERS, FAR_OFF, DISTANCE = 2**16, 128, 2**11
#: A loss may be off by this much where one sum of all costs is off by four times it or less: the
#: wider the registers in which a machine's BLAS sums, the more digits one sum keeps.
LOSS_TOLERANCE = 2e-6


def claim(problems: Sequence[Problem], weight: str) -> Claim:
    """Claim that the gradient for ``weight`` is float32 for float32 weights, and nearly as good."""

    def compare(problem: Problem) -> Difference:
        return _compare(problem, weight)

    return Claim(weight, METHOD, None, TOLERANCE, over(problems, compare))


def _compare(problem: Problem, weight: str) -> Difference:
    # Both precisions start from the same numbers, so that only the arithmetic differs.
    single = cast(problem.arguments, np.float32)
    double = cast(single, np.float64)

    def gradients(arguments: Arguments) -> Any:
        return problem.kernel.loss_and_gradients(*arguments.trained).gradients

    def gradient(arguments: Arguments) -> Array:
        return np.asarray(getattr(gradients(arguments), weight))

    actual, every = gradient(single), gradients(double)
    expected = getattr(every, weight)
    name = f"at {problem}, d{weight}"
    noise = noise_of(gradient, double, expected, UNIT, problem.drawn(10), NUDGES)
    # What float64 loses inside, as by 1 - tanh(20), float32 loses so many times more of.
    long = gradient(cast(double, np.longdouble))
    noise = max(noise, difference(name, expected, long).error * UNIT / np.finfo(np.float64).eps)
    left = UNIT * max(np.abs(each).max(initial=0) for each in every) / scale_of(actual, expected)
    found = difference(name, actual, expected)
    doubt = float(max(TRUST * noise, min(left, MOST_DOUBT)))
    if np.isfinite(doubt):
        found = found._replace(doubt=doubt)
    same_dtype = verdict(
        actual.dtype == np.float32, f"{name} is {actual.dtype} for float32 weights"
    )
    return worst([found, same_dtype])


def loss_claim(few: Problem) -> Claim:
    """Claim that the loss of many numbers agrees in float32 with its definition.

    They are drawn in the domain of ``few``.
    """
    _, _, D, H = few.sizes
    T = FAR_OFF if few.kernel.UNROLL is None else few.kernel.UNROLL
    problem = replace(few, sizes=Sizes(T, max(NUMBERS // (T * H), 1), D, H), given=few.domain)
    # The errors are divided by it, not the tolerance multiplied, which documents show as it is.
    coarse = max(1.0, _off_at_once() / 4 / LOSS_TOLERANCE)

    def compare() -> Difference:
        found = _sum(problem)
        return found._replace(error=found.error / coarse)

    return Claim("loss", "float32, many numbers", None, LOSS_TOLERANCE, compare)


@cache
def _off_at_once() -> float:
    """Return by what part one sum of such squares in float32 is off, with the BLAS at hand."""
    numbers = np.random.default_rng(0).standard_normal(NUMBERS).astype(np.float32)
    numbers[: NUMBERS // FAR_OFF] *= DISTANCE
    exact = np.square(numbers, dtype=np.float64).sum()
    return float(abs(numbers.dot(numbers) / exact - 1))


def _sum(problem: Problem) -> Difference:
    kernel, loss = problem.kernel, problem.loss
    arguments = cast(problem.arguments, np.float32)
    y = arguments.y
    if not loss.bounded:
        samples = y.reshape(-1, y.shape[-1])
        samples[: len(samples) // FAR_OFF] *= DISTANCE
    outputs, _ = kernel.forward(*arguments.run)  # by the kernel, so that only the loss is compared
    expected = loss.value(cast(outputs, np.float64), cast(y, np.float64))
    if not expected < np.finfo(np.float32).max:  # the states of some cells grow without bound
        return Difference(0.0, "")
    return difference(f"at {problem}, loss", kernel.loss(*arguments.trained), expected)
