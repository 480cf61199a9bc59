"""Central differences: the gradient by the definition of a derivative, and their own error.

Half the distance of two losses over a step h is off by h^2, for a smooth loss, and by the round-off
of the losses over h. Extrapolation from several steps to none leaves less of the first and says how
much is left of both (Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", 1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .claim import Claim, over
from .configuration import Problem
from .difference import Difference
from .direction import norm_of, slope

METHOD = "central difference"
#: The longest step, along directions of length 1, and how many there are, each a quarter of the
#: last. At the shortest, truncation and round-off are both small for a loss without extrapolation.
STEP, STEPS = 2e-2, 6
#: Of the norm of the gradient: what is asked for where a difference knows itself to be as good.
TOLERANCE = 1e-7
#: A derivative may be off by so many times its own estimate.
TRUST = 10


class Estimate(NamedTuple):
    """A derivative, and by how much it may be off."""

    value: float
    error: float


def claim(problems: Sequence[Problem], weight: str) -> Claim:
    """Claim that <gradient, v> is the slope of the loss along a random v of ``weight``."""

    def compare(problem: Problem) -> Difference:
        return _compare(problem, weight)

    return Claim(weight, METHOD, STEP, TOLERANCE, over(problems, compare))


def _compare(problem: Problem, weight: str) -> Difference:
    arguments, gradient = problem.arguments, getattr(problem.result.gradients, weight)
    value = getattr(arguments.params, weight)
    v = np.asarray(problem.drawn(9).standard_normal(value.shape))
    v /= np.sqrt((v**2).sum())

    def loss(step: float) -> float:
        params = arguments.params._replace(**{weight: value + step * v})
        return float(problem.kernel.loss(*arguments._replace(params=params).trained))

    found = derivative(loss)
    name = f"at {problem}, along a direction of {weight}"
    if math.isinf(found.error):
        return Difference(math.nan, f"{name}, the loss is not finite")
    if gradient.shape != value.shape:
        return Difference(math.inf, f"{name}, d{weight} has shape {gradient.shape}")
    doubt = TRUST * found.error / norm_of([gradient], found.value)
    return slope(name, [gradient], [v], found.value)._replace(doubt=float(doubt))


def derivative(function: Callable[[float], float]) -> Estimate:
    """Return the derivative of ``function`` at 0 by central differences, extrapolated to no step.

    Steps at which it is not defined are left out; NaN and infinity if it is at none.
    """
    before: list[float] = []
    best, step = Estimate(math.nan, math.inf), STEP
    for _ in range(STEPS):
        above, below = function(step), function(-step)
        row = [(above - below) / (2 * step)]
        round_off = 2 * np.finfo(float).eps * max(abs(above), abs(below)) / step
        for order, coarse in enumerate(before, start=1):
            fine, factor = row[-1], 16**order
            row.append((factor * fine - coarse) / (factor - 1))
            error = max(abs(row[-1] - fine), abs(row[-1] - coarse), round_off)
            if error < best.error:
                best = Estimate(row[-1], error)
        before, step = row, step / 4
    return best
