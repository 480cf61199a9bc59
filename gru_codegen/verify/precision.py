"""float32 against float64, both by the kernel itself.

Finite differences say nothing in float32: at the best step they are off by more than a kernel is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .claim import Claim, over
from .configuration import Problem, cast
from .difference import Difference, difference, verdict, worst

TOLERANCE = 1e-5


def claim(problems: Sequence[Problem], weight: str) -> Claim:
    """Claim that the gradient for ``weight`` is float32 for float32 weights, and nearly as good."""

    def compare(problem: Problem) -> Difference:
        return _compare(problem, weight)

    return Claim(weight, "float32 against float64", None, TOLERANCE, over(problems, compare))


def _compare(problem: Problem, weight: str) -> Difference:
    # Both precisions start from the same numbers, so that only the arithmetic differs.
    single = cast(problem.arguments, np.float32)
    double = cast(single, np.float64)
    actual = getattr(problem.kernel.loss_and_gradients(*single).gradients, weight)
    expected = getattr(problem.kernel.loss_and_gradients(*double).gradients, weight)
    place = f"at {problem}, d{weight}"
    same_dtype = verdict(
        actual.dtype == np.float32, f"{place} is {actual.dtype} for float32 weights"
    )
    return worst([difference(place, actual, expected), same_dtype])
