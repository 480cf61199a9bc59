"""Central differences: the gradient by the definition of a derivative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .claim import Claim, over
from .configuration import Array, Problem
from .difference import Difference, difference

#: Where truncation, of order h^2, and round-off, of order eps |L| / h, are both small.
STEP = 1e-5
#: Of the largest entry: relative to each single entry, correct gradients would fail.
TOLERANCE = 1e-7


def claim(problems: Sequence[Problem], weight: str) -> Claim:
    """Claim that the gradient for ``weight`` is (L(w + h) - L(w - h)) / 2h, entry by entry."""

    def compare(problem: Problem) -> Difference:
        gradient = getattr(problem.result.gradients, weight)
        return difference(f"at {problem}, d{weight}", gradient, central_difference(problem, weight))

    return Claim(weight, "central difference", STEP, TOLERANCE, over(problems, compare))


def central_difference(problem: Problem, weight: str) -> Array:
    """Return the gradient for ``weight`` by two evaluations of the loss per entry."""
    params, *data = problem.arguments.trained
    value = getattr(params, weight)
    gradient = np.empty(value.shape)
    for index in np.ndindex(value.shape):
        up, down = value.copy(), value.copy()
        up[index] += STEP
        down[index] -= STEP
        above = problem.kernel.loss(params._replace(**{weight: up}), *data)
        below = problem.kernel.loss(params._replace(**{weight: down}), *data)
        gradient[index] = (above - below) / (2 * STEP)
    return gradient
