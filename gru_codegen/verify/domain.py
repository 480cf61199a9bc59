"""The domain of a cell: arguments where its equations are defined and round-off stays small.

Arguments of order one serve most cells. Others overflow there, take the logarithm of a negative
number, or divide by what is nearly zero. What such a cell gives is no evidence for or against a
kernel, so its arguments are drawn again: others of the same scale, smaller ones, positive ones.
The first are taken at which the results are finite and no argument matters more than `GOOD` allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .difference import error_of

Array = NDArray[Any]

#: By how much a unit in the last place of all arguments, eps, may change results, relative to
#: their largest entry: then the tolerances of the checks, for data of order one, hold with room.
GOOD = 2e-14
#: Tolerances grow with what a unit in the last place does beyond that, up to so many times. More
#: would let kernels pass whose results are not even reproducible.
MOST_SLACK = 1e4
#: Results above this may leave float32 once they are multiplied.
LARGEST = 1e15
#: How often all arguments are changed by a unit in the last place, each up or down.
NUDGES = 2

SCALES = (1, 1 / 2, 1 / 4, 1 / 16, 1 / 256)
#: The arguments whose numbers are all positive. The weights alone would make no state positive.
POSITIVE = ((), ("inputs",), ("states",), ("inputs", "states"), ("inputs", "states", "weights"))
DRAWS = 2


class Domain(NamedTuple):
    """A way to draw the arguments for which the kernel gives no range.

    ``scale`` is relative to the usual numbers of order one, ``positive`` names the kinds of
    arguments that are, and ``draw`` counts the draws of that kind. ``noise`` is the part by which
    a unit in the last place of the arguments changes the results; infinity where none are defined.
    """

    scale: float = 1
    positive: tuple[str, ...] = ()
    draw: int = 0
    noise: float = 0.0

    @property
    def slack(self) -> float:
        """The factor by which tolerances grow: at least 1, at most `MOST_SLACK`."""
        return min(max(1.0, self.noise / GOOD), MOST_SLACK) if math.isfinite(self.noise) else 1.0

    @property
    def is_usual(self) -> bool:
        """Return whether these are the arguments that all cells are tried with first."""
        return (self.scale, self.positive, self.draw) == (1, (), 0)

    def __str__(self) -> str:
        """The way in words; nothing if it is the usual one."""
        scaled = f"{Fraction(self.scale)} of the usual scale" if self.scale != 1 else ""
        positive = f"positive {' and '.join(self.positive)}" if self.positive else ""
        drawn = f"draw {self.draw + 1}" if self.draw else ""
        return ", ".join(filter(None, [scaled, positive, drawn]))

    def numbers(self, rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Array:
        """Draw an array of such numbers."""
        normal = rng.standard_normal(shape)
        return np.asarray(self.scale * (0.5 + abs(normal) if kind in self.positive else normal))


USUAL = Domain()
#: Where no arguments are any good, the usual ones show it as well as others.
NOWHERE = Domain(noise=math.inf)


def choose(noise: Callable[[Domain], float], like: Domain | None = None) -> Domain:
    """Return the first domain whose ``noise`` is `GOOD`, or else that with the least.

    ``like`` is what was chosen for other sizes. It is tried first, and it alone if no domain was
    good there: a kernel that is wrong would take them all, at all sizes. A kernel that raises gets
    the usual domain: its checks will say so.
    """

    def tried(domain: Domain) -> Domain:
        found = noise(domain)
        return domain._replace(noise=math.inf if math.isnan(found) else found)

    least = NOWHERE
    try:
        with np.errstate(all="ignore"):
            if like is not None:
                here = tried(like)
                if here.noise <= GOOD or like == NOWHERE:
                    return here
                if like.noise > GOOD and math.isfinite(here.noise):
                    return here
            for domain in _domains():
                here = tried(domain)
                if here.noise <= GOOD:
                    return here
                if here.noise < least.noise:
                    least = here
    except (Exception, SystemExit):
        return NOWHERE
    return least


def _domains() -> Iterator[Domain]:
    for scale in SCALES:
        for positive in POSITIVE:
            yield from (Domain(scale, positive, draw) for draw in range(DRAWS))


def noise_of(
    run: Callable[[Any], Any],
    arguments: Any,
    results: Any,
    unit: float,
    rng: np.random.Generator,
    nudges: int = NUDGES,
) -> float:
    """Return by what part a ``unit`` in the last place of the arguments changes ``run(arguments)``.

    These are the ``results``. It is infinite where they are not finite, or larger than `LARGEST`.
    """
    if not _are_moderate(results):
        return math.inf
    found = (run(nudged(arguments, unit, rng)) for _ in range(nudges))
    return error_of(tuple(found), (results,) * nudges)


def nudged(value: Any, unit: float, rng: np.random.Generator) -> Any:
    """Return a copy of an array, or a tuple of them, each number larger or smaller by a unit."""
    if isinstance(value, tuple):
        entries = [nudged(entry, unit, rng) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else tuple(entries)
    if value.dtype.kind != "f":
        return value
    return value * (1 + unit * (2 * rng.integers(0, 2, value.shape) - 1))


def _are_moderate(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_are_moderate, value))
    return value is None or bool((np.abs(value) <= LARGEST).all())
