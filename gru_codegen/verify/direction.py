"""The derivative along a random direction, of many arrays at once, by one complex step.

A single number, so the sizes can be others than those of the entrywise checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .claim import Claim, over, tolerance
from .complex_step import STEP, TOLERANCE, derivative
from .configuration import Arguments, Array, Problem, like, states
from .difference import FLOOR, Difference


def claim(problems: Sequence[Problem]) -> Claim:
    """Claim that <gradients, v> is Im L(w + ihv) / h for a random v of length 1."""
    allowed = tolerance(problems, TOLERANCE)
    return Claim("all", "random direction", STEP, allowed, over(problems, _compare))


def _compare(problem: Problem) -> Difference:
    v = direction(problem)
    expected = derivative(problem, along(problem.arguments.params, v))
    return slope(f"at {problem}", problem.result.gradients, v, expected)


def direction(problem: Problem) -> Any:
    """Return a random direction in the space of all weights, of length 1, as Params."""
    rng, params = problem.drawn(1), problem.arguments.params
    drawn = [rng.standard_normal(weight.shape) for weight in params]
    length = np.sqrt(sum(float((part**2).sum()) for part in drawn))
    return type(params)(*(part / length for part in drawn))


def along(params: Any, v: Any) -> Any:
    """Return Params that are complex: ``params`` and a step along ``v``."""
    return type(params)(*(w + 1j * STEP * part for w, part in zip(params, v, strict=True)))


def movable(problem: Problem, given: Arguments) -> list[Array]:
    """Return the arrays of arguments that have a gradient: weights, inputs and states."""
    return [*given.params, *problem.differentiated(given.inputs), *states(given.s0)]


def moved(problem: Problem, given: Arguments, v: Sequence[Array], step: Any) -> Arguments:
    """Return arguments a step along ``v``, which has an array for each that is movable."""
    pairs = zip(movable(problem, given), v, strict=True)
    arrays = [part + step * each for part, each in pairs]
    n, last = len(given.params), len(arrays) - len(states(given.s0))
    names = problem.input_names
    inputs = dict(zip(names, given.inputs, strict=True))
    inputs |= zip(problem.differentiated(names), arrays[n:last], strict=True)
    params, s0 = like(given.params, arrays[:n]), like(given.s0, arrays[last:])
    return given.with_inputs(inputs.values())._replace(params=params, s0=s0)


def norm_of(gradients: Iterable[Array], expected: float) -> float:
    """Return what an error of a derivative along a direction of length 1 is relative to.

    The derivative itself may be small by chance; its round-off is that of the gradients.
    """
    norm = float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))
    return max(FLOOR, norm, abs(expected))


def slope(
    place: str, gradients: Iterable[Array], v: Iterable[Array], expected: float
) -> Difference:
    """Compare <gradients, v> with ``expected``, the derivative along ``v``."""
    gradients = list(gradients)
    actual = sum(float((g * part).sum()) for g, part in zip(gradients, v, strict=True))
    error = abs(actual - expected) / norm_of(gradients, expected)
    return Difference(error, f"{place}, the derivative is {actual:.9g}, expected {expected:.9g}")
