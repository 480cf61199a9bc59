"""A row of the report before it is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..modules import raised_in_kernel
from .configuration import Problem
from .difference import MOST_DOUBT, Difference, worst
from .report import Check


@dataclass(frozen=True)
class Claim:
    """That ``measure()`` finds no error above ``tolerance``; the other fields are `Check`'s."""

    weight: str
    method: str
    step: float | None
    tolerance: float
    measure: Callable[[], Difference]

    def check(self) -> Check:
        """Measure. A kernel that raises fails the check and ends nothing else."""
        try:
            # What overflows or is NaN is judged as a value; a warning besides would only be noise.
            with np.errstate(all="ignore"):
                found = self.measure()
        except (Exception, SystemExit) as raised:
            found = Difference(math.nan, raised_in_kernel(raised))
        allowed = max(self.tolerance, found.doubt)
        row = (self.weight, self.method, self.step, found.error, allowed, found.where)
        return Check(*row, inaccurate=found.doubt > MOST_DOUBT)


def tolerance(problems: Iterable[Problem], least: float) -> float:
    """Return the tolerance for ``problems``: ``least``, more where rounding errors grow more."""
    return least * max(problem.domain.slack for problem in problems)


def over(
    problems: Sequence[Problem], compare: Callable[[Problem], Difference]
) -> Callable[[], Difference]:
    """Return a measure: the worst that ``compare`` finds in any of ``problems``."""
    return lambda: worst(map(compare, problems))
