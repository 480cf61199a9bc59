"""A row of the report before it is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..modules import one_line
from .configuration import Problem
from .difference import Difference, worst
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
                error, detail = self.measure()
        except (Exception, SystemExit) as raised:
            error, detail = math.nan, one_line(raised)
        return Check(self.weight, self.method, self.step, error, self.tolerance, detail)


def over(
    problems: Sequence[Problem], compare: Callable[[Problem], Difference]
) -> Callable[[], Difference]:
    """Return a measure: the worst that ``compare`` finds in any of ``problems``."""
    return lambda: worst(map(compare, problems))
