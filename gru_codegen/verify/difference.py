"""The distance of two results, and the place where it is greatest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..modules import one_line

Array = NDArray[Any]

#: The least scale that an error is taken relative to. The data of a check are of order one, and so
#: is its loss: below this, a difference within tolerance is round-off of the loss, not a gradient.
#: It lets two gradients that are both zero agree, while one that is zero by mistake still fails.
FLOOR = 1e-3

#: Where what is expected may itself be off by more, a comparison with it settles nothing.
MOST_DOUBT = 1e-3


class Difference(NamedTuple):
    """A relative error, 0 at the least and possibly infinite or NaN, and where it was found.

    ``doubt`` is how large an error may be for which what was expected is to blame.
    """

    error: float
    where: str
    doubt: float = 0.0


def worst(differences: Iterable[Difference]) -> Difference:
    """Return the largest of ``differences`` above its doubt; NaN is larger than everything."""
    return max(
        differences,
        key=lambda each: (math.isnan(each.error), each.error if each.error > each.doubt else 0),
    )


def difference(name: str, actual: Any, expected: Any, *, defined: bool = True) -> Difference:
    """Compare arrays, numbers, or tuples of them, entry by entry.

    An array's error is its largest absolute difference over the largest absolute entry of either
    side: the side that is wrong cannot make itself the measure by being small. NaN anywhere makes
    the error NaN, and another shape makes it infinite.
    Two arrays of one shape, or tuples, without an entry are equal. If results need not be
    ``defined``, NaN equals NaN and infinity itself.
    """
    if expected is None:  # the gradient of an input that has none
        return verdict(actual is None, f"{name} is {type(actual).__name__}, expected None")
    if isinstance(expected, tuple):
        return _difference_of_tuples(name, actual, expected, defined)
    if actual is None:
        return Difference(math.inf, f"{name} is None, expected an array")
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return Difference(math.inf, f"{name} has shape {actual.shape}, expected {expected.shape}")
    if not defined:
        there = (actual != expected) | np.isfinite(actual)
        there &= ~(np.isnan(actual) & np.isnan(expected))
        actual, expected = actual[there], expected[there]
    if not expected.size:
        return Difference(0.0, "")
    errors = np.abs(actual - expected) / scale_of(actual, expected)
    # argmax takes the first NaN, if there is one.
    index = tuple(int(i) for i in np.unravel_index(np.argmax(errors), errors.shape))
    entry, found, right = f"{name}{list(index) if index else ''}", actual[index], expected[index]
    if np.isnan(found) and np.isnan(right):
        return Difference(math.nan, f"{entry} is undefined here: it is nan by both ways")
    return Difference(float(errors[index]), f"{entry} is {found:.9g}, expected {right:.9g}")


def error_of(actual: Any, expected: Any) -> float:
    """Return the error of `difference`, of results of one structure, without the place."""
    if isinstance(expected, tuple):
        errors = [error_of(*pair) for pair in zip(actual, expected, strict=True)]
        return math.nan if any(map(math.isnan, errors)) else max(errors, default=0.0)
    if expected is None:
        return 0.0
    actual, expected = np.asarray(actual), np.asarray(expected)
    if not expected.size:
        return 0.0
    return float(abs(actual - expected).max() / scale_of(actual, expected))


def scale_of(actual: Array, expected: Array) -> float:
    """Return what an error is relative to: the largest absolute entry of either side."""
    return max(FLOOR, float(abs(actual).max()), float(abs(expected).max()))


def _difference_of_tuples(
    name: str, actual: Any, expected: tuple[Any, ...], defined: bool
) -> Difference:
    fields = getattr(expected, "_fields", None) or tuple(map(str, range(len(expected))))
    if not isinstance(actual, tuple) or len(actual) != len(expected):
        return Difference(math.inf, f"{name} is {type(actual).__name__}, expected {fields}")
    if not expected:
        return Difference(0.0, "")
    return worst(
        difference(f"{name}.{field}", a, e, defined=defined)
        for field, a, e in zip(fields, actual, expected, strict=True)
    )


def verdict(holds: bool, otherwise: str) -> Difference:
    """Return the difference of something that either holds or does not: 0 or infinite."""
    return Difference(0.0, "") if holds else Difference(math.inf, otherwise)


def refusal(name: str, mention: str, call: Callable[..., object], *arguments: Any) -> Difference:
    """Return whether ``call`` refuses ``arguments`` with an error that names one of ``mention``."""
    try:
        call(*arguments)
    except Exception as error:
        named = re.search(rf"\b({mention})\b", str(error))
        return verdict(bool(named), f"{name}: the error does not name it: {one_line(error)}")
    return verdict(False, f"{name} was taken")
