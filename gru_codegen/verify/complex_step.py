"""The complex step: Im L(w + ih) / h is the gradient to the last digit, for a holomorphic loss.

Nothing is subtracted, so h can be so small that the truncation error, of order h^2, vanishes
(Squire and Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions", 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .claim import Claim, over, tolerance
from .configuration import Array, Problem, cast
from .difference import Difference, difference

METHOD = "complex step"
#: Its square is 0 in float64, so it decides no comparison: of what is exactly 0, or as small. It is
#: no smaller than that takes: times a value of 1e-140 there are digits left of it.
STEP = 1e-165
TOLERANCE = 1e-12


def claim(problems: Sequence[Problem], weight: str) -> Claim:
    """Claim that the gradient for ``weight`` is Im L(w + ih) / h, entry by entry."""

    def compare(problem: Problem) -> Difference:
        gradient = getattr(problem.result.gradients, weight)
        return difference(f"at {problem}, d{weight}", gradient, complex_step(problem, weight))

    return Claim(weight, METHOD, STEP, tolerance(problems, TOLERANCE), over(problems, compare))


def complex_step(problem: Problem, weight: str) -> Array:
    """Return the gradient for ``weight`` by one complex evaluation of the loss per entry."""
    params = cast(problem.arguments.params, np.complex128)
    value = getattr(params, weight)
    gradient = np.empty(value.shape)
    for index in np.ndindex(value.shape):
        stepped = value.copy()
        stepped[index] += 1j * STEP
        gradient[index] = derivative(problem, params._replace(**{weight: stepped}))
    return gradient


def derivative(problem: Problem, params: Any) -> float:
    """Return Im L / h at complex ``params``: the derivative along their imaginary part over h."""
    arguments = problem.arguments._replace(params=params)
    return complex(problem.kernel.loss(*arguments.trained)).imag / STEP
