"""The derivative along a random direction through all weights at once, by one complex step.

A single number, so the sizes can be others than those of the entrywise checks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .claim import Claim, over
from .complex_step import STEP, TOLERANCE, derivative
from .configuration import Problem, cast
from .difference import FLOOR, Difference


def claim(problems: Sequence[Problem]) -> Claim:
    """Claim that <gradients, v> is Im L(w + ihv) / h for a random v of length 1."""
    return Claim("all", "random direction", STEP, TOLERANCE, over(problems, _compare))


def _compare(problem: Problem) -> Difference:
    v = problem.direction()
    params = cast(problem.arguments.params, np.complex128)
    along = type(params)(*(w + 1j * STEP * part for w, part in zip(params, v, strict=True)))
    expected = derivative(problem, along)
    gradients = problem.result.gradients
    actual = sum(float((g * part).sum()) for g, part in zip(gradients, v, strict=True))
    norm = float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))
    # <gradients, v> may be small by chance; its round-off is that of the gradients.
    error = abs(actual - expected) / max(FLOOR, norm, abs(expected))
    return Difference(
        error, f"at {problem}, the derivative is {actual:.9g}, expected {expected:.9g}"
    )
