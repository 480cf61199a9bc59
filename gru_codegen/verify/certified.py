"""Interval arithmetic: how far the float64 results of a kernel are at most from the exact ones.

The lines of the kernel run on balls, whose arithmetic is exact up to a radius that it proves. So
the error of the float64 run is bounded, at these arguments, by a theorem and not by a comparison
with other round-off. Exact is what the lines compute in real numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..errors import VerificationError
from .balls import FUNCTIONS, Array, UndecidedError, ball, balls, flint
from .claim import Claim, over, tolerance
from .configuration import Problem
from .difference import FLOOR, Difference
from .lines import NumpyOf, copied

METHOD = "interval arithmetic"
TOLERANCE = 1e-12
#: Bits to begin with, and at most: they are doubled until a radius is a small part of float64's
#: rounding error, and until every comparison is decided.
BITS, MOST_BITS = 128, 4096
SMALL = 2.0**-70


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Claim that the loss and each gradient are proven to be within a tolerance of the exact ones.

    Raises VerificationError without python-flint.
    """
    if flint is None:
        raise VerificationError(
            "bounds by interval arithmetic take python-flint: pip install 'gru-codegen[certify]'"
        )
    allowed = tolerance(problems, TOLERANCE)
    names = {"loss": "loss"} | {name: f"d{name}" for name in problems[0].kernel.Params._fields}
    return [
        Claim(name, METHOD, None, allowed, over(problems, partial(_bound, name=called)))
        for name, called in names.items()
    ]


def _bound(problem: Problem, name: str) -> Difference:
    return bound(f"at {problem}, {name}", _named(problem.result)[name], exact(problem)[name])


def _named(result: Any) -> dict[str, Any]:
    """The loss and the gradients by their names."""
    gradients = {f"d{name}": g for name, g in result.gradients._asdict().items()}
    return {"loss": result.loss, **gradients}


@lru_cache(maxsize=4)  # every claim asks for one array of each
def exact(problem: Problem) -> dict[str, Array]:
    """The loss and the gradients of a problem as balls, small beside the largest entry.

    Raises UndecidedError or ArithmeticError where no number of bits makes them so.
    """
    bits, lines = BITS, copied(problem.kernel, {"np": NumpyOf(ball, FUNCTIONS)})
    while True:
        with flint.ctx.workprec(bits):
            try:
                result = lines.loss_and_gradients(*balls(problem.arguments).trained)
                found = {name: _as_balls(value) for name, value in _named(result).items()}
                if all(map(_is_small, found.values())):
                    return found
                fault: ArithmeticError = ArithmeticError(f"the balls stay large, with {bits} bits")
            except UndecidedError as undecided:
                fault = undecided
        bits *= 2
        if bits > MOST_BITS:
            raise fault


def bound(name: str, actual: Any, balls_: Array) -> Difference:
    """The proven error of `actual`, relative as `difference` is, and its place."""
    actual = np.asarray(actual)
    if actual.shape != balls_.shape:
        return Difference(math.inf, f"{name} has shape {actual.shape}, expected {balls_.shape}")
    if not actual.size:
        return Difference(0.0, "")
    with flint.ctx.workprec(MOST_BITS):  # differences are exact but for the radius
        pairs = zip(actual.flat, balls_.flat, strict=True)
        errors = [_above((flint.arb(float(a)) - b.value).abs_upper()) for a, b in pairs]
    place = max(range(len(errors)), key=lambda k: (math.isnan(errors[k]), errors[k]))
    index = [int(i) for i in np.unravel_index(place, actual.shape)]
    entry = f"{name}{index or ''}"
    said = f"{entry} is {actual.flat[place]:.9g}, and {balls_.flat[place]} is proved"
    return Difference(errors[place] / max(FLOOR, _scale(balls_)), said)


def _as_balls(value: Any) -> Array:
    """An array of balls; a sum of nothing is an integer."""
    array = np.asarray(value, dtype=object)
    return np.asarray(np.frompyfunc(ball, 1, 1)(array), dtype=object)


def _is_small(array: Array) -> bool:
    radii = [_above(ball.value.rad()) for ball in array.flat]
    return all(radius <= SMALL * max(FLOOR, _scale(array)) for radius in radii)


def _scale(array: Array) -> float:
    """A number that the largest entry is no less than."""
    lower = [float(ball.value.abs_lower()) for ball in array.flat]
    return max(lower, default=0.0) * (1 - 2.0**-50)


def _above(number: Any) -> float:
    """A float that is no smaller."""
    return math.nextafter(float(number), math.inf)
