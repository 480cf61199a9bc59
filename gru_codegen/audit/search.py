"""The search for faults: changes of the equations that give the gradients of a function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.audit.factors import Factor, factor, plain_factors
from gru_codegen.audit.faults import faults, plain_faults
from gru_codegen.audit.model import Change, Forward, Model
from gru_codegen.audit.points import Point

__all__ = ["MOST_FAULTS", "Case", "Explanation", "agree", "difference", "explain", "read"]

Array = NDArray[Any]
Gradients = Mapping[str, Array]

#: Two orders of the same operations on numbers of order one, in float64 and in float32.
TOLERANCE = 1e-9
SINGLE = 2e-5
MOST_FAULTS = 4


@dataclass(frozen=True)
class Case:
    """A point, the forward pass there, and the gradients of the function.

    scale: the loss of the function as a multiple of that of the model.
    """

    point: Point
    forward: Forward
    found: Gradients
    scale: float = 1.0

    def expected(self, model: Model, changes: Sequence[Change]) -> dict[str, Array]:
        """The gradients with these faults; those of weights that it gives."""
        with np.errstate(all="ignore"):
            gradients = model.backward(self.forward, changes)
        return {name: self.scale * gradients[name] for name in self.found}


@dataclass(frozen=True)
class Explanation:
    """Faults of the equations, and for each gradient what else is wrong with it.

    Attributes
    ----------
    changes: the faults of the equations, which act together.
    readings: of single gradients, as a factor; of those that are still not explained None.
    scale: what all gradients are multiples by.
    """

    changes: tuple[Change, ...] = ()
    readings: Mapping[str, str | None] = field(default_factory=dict)
    scale: Factor | None = None

    @property
    def rank(self) -> tuple[int, int, int]:
        """The smaller, the better."""
        return self.unexplained, len(self.changes) + (self.scale is not None), len(self.readings)

    @property
    def unexplained(self) -> int:
        return sum(reading is None for reading in self.readings.values())


def difference(found: Array, expected: Array) -> float:
    """The largest difference, relative to the largest number; NaN and infinity are infinite."""
    if found.shape != expected.shape:
        return np.inf
    with np.errstate(all="ignore"):
        error = np.abs(found - expected).max(initial=0)
        size = max(np.abs(expected).max(initial=0), np.abs(found).max(initial=0), 1e-300)
    return float(error / size) if np.isfinite(error) else np.inf


def agree(found: Array, expected: Array) -> bool:
    """Return whether two arrays are equal but for rounding."""
    return difference(found, expected) <= tolerance(found)


def tolerance(found: Array) -> float:
    """The relative error of the dtype that a function computes in."""
    return SINGLE if found.dtype in (np.float32, np.float16) else TOLERANCE


def explain(model: Model, cases: Sequence[Case], base: tuple[Change, ...] = ()) -> Explanation:
    """Find the fewest faults that give the gradients of all `cases`.

    A fault is taken up if with it at least one gradient more is right at every point, exactly, and
    none less. base: changes that are no fault.
    """
    cases = sorted(cases, key=lambda case: case.point.sizes["T"])  # most faults fail at one step
    best = read(model, cases, base)
    for attempt in (_named, _single, _several, _one_step_first, _all_scaled):
        if not best.unexplained and len(best.changes) <= len(base) + (attempt != _single):
            break
        best = min(best, attempt(model, cases, base), key=lambda found: found.rank)
    return best


def _named(model: Model, cases: Sequence[Case], base: tuple[Change, ...]) -> Explanation:
    return _greedy(model, cases, base, False)


def _single(model: Model, cases: Sequence[Case], base: tuple[Change, ...]) -> Explanation:
    start = read(model, cases, base)
    return _next(model, cases, start, chain(plain_faults(model), faults(model))) or start


def _several(model: Model, cases: Sequence[Case], base: tuple[Change, ...]) -> Explanation:
    return _greedy(model, cases, base, True)


def _one_step_first(model: Model, cases: Sequence[Case], base: tuple[Change, ...]) -> Explanation:
    """The faults of one step, which a single step shows alone, before those of the carry."""
    single = [case for case in cases if case.point.sizes["T"] == 1]
    if not single or not read(model, single, base).unexplained:
        return read(model, cases, base)
    return _greedy(model, cases, _greedy(model, single, base, True).changes, True)


def _all_scaled(model: Model, cases: Sequence[Case], base: tuple[Change, ...]) -> Explanation:
    """A fault with a name, of gradients that are all a multiple of what they have to be."""
    best = read(model, cases, base)
    if len(best.readings) < len(cases[0].found):  # one that is right is no multiple
        return best
    for scale in plain_factors(cases[0].point.sizes):
        scaled = [replace(c, scale=c.scale * scale.at(c.point.sizes)) for c in cases]
        found = _greedy(model, scaled, base, False)
        if found.rank < best.rank:
            best = replace(found, scale=scale)
        if not best.unexplained:
            break
    return best


def _greedy(
    model: Model, cases: Sequence[Case], base: tuple[Change, ...], terms: bool
) -> Explanation:
    """One fault more as long as that explains more; of single `terms` too, or of a name alone."""
    best = read(model, cases, base)
    while best.unexplained and len(best.changes) < len(base) + MOST_FAULTS:
        changes = chain(plain_faults(model), faults(model) if terms else ())
        found = _next(model, cases, best, changes)
        if found is None:
            break
        best = found
    return best


def _next(
    model: Model, cases: Sequence[Case], before: Explanation, changes: Iterable[Change]
) -> Explanation | None:
    """The explanation with one fault more, of the fewest that are left unexplained."""
    known = [_matched(case, case.expected(model, before.changes)) for case in cases]
    right = set.intersection(*map(set, known))
    best: Explanation | None = None
    for change in changes:
        if any(change.meets(other) for other in before.changes):
            continue
        together = (*before.changes, change)
        if _improves(model, cases, known, right, together):
            found = read(model, cases, together)
            if found.unexplained < (best or before).unexplained:
                best = found
            if not found.unexplained:
                break
    return best


def _improves(
    model: Model,
    cases: Sequence[Case],
    known: Sequence[frozenset[str]],
    right: set[str],
    changes: tuple[Change, ...],
) -> bool:
    """Return whether more gradients match at every point, and what matched at one still does."""
    still = set(cases[0].found)
    for case, before in zip(cases, known, strict=True):
        matched = _matched(case, case.expected(model, changes))
        still &= matched
        if not before <= matched or not still > right:
            return False
    return True


def _matched(case: Case, expected: Gradients) -> frozenset[str]:
    return frozenset(name for name in case.found if agree(case.found[name], expected[name]))


# --- single gradients -----------------------------------------------------------------------


def read(model: Model, cases: Sequence[Case], changes: tuple[Change, ...]) -> Explanation:
    """The faults, and of each gradient that they do not explain what it is of the one expected."""
    expected = [case.expected(model, changes) for case in cases]
    wrong = [
        name
        for name in cases[0].found
        if not all(agree(c.found[name], e[name]) for c, e in zip(cases, expected, strict=True))
    ]
    ends = {}
    if wrong:
        for said, step in (("first", 0), ("last", -1)):
            kept = Change("", kept=dict.fromkeys(model.gradients, step))
            ends[said] = [case.expected(model, (*changes, kept)) for case in cases]
    return Explanation(changes, {name: _reading(name, cases, expected, ends) for name in wrong})


def _reading(
    name: str,
    cases: Sequence[Case],
    expected: Sequence[Gradients],
    ends: Mapping[str, Sequence[Gradients]],
) -> str | None:
    """A gradient in terms of those that are expected, and of those of the first and last step."""

    def beside(gradients: Sequence[Gradients], other: str) -> list[tuple[Array, Array]]:
        return [(case.found[name], e[other]) for case, e in zip(cases, gradients, strict=True)]

    pairs = beside(expected, name)
    if not all(np.isfinite(found).all() for found, _ in pairs):
        return "is not finite"
    if all(not found.any() for found, _ in pairs):
        return "is 0"
    if shape := _wrong_shape(pairs):
        return shape
    multiple = factor([(*pair, case.point.sizes) for pair, case in zip(pairs, cases, strict=True)])
    if multiple is not None:
        return multiple
    if _all_agree((found, e.T) for found, e in pairs):
        return "is transposed"
    for end, gradients in ends.items():
        if _all_agree(beside(gradients, name)):
            return f"is not summed over the steps: the term of the {end} step alone is left"
    for other in expected[0]:
        if other != name and _all_agree(beside(expected, other)):
            return f"is the gradient of {other}"
        if other != name and _all_agree((found, e.T) for found, e in beside(expected, other)):
            return f"is the gradient of {other}, transposed"
    if (bound := _bound(pairs)) is not None:
        return f"is clipped to the range from -{bound:g} to {bound:g}"
    return None


def _wrong_shape(pairs: Iterable[tuple[Array, Array]]) -> str | None:
    for found, expected in pairs:
        if found.shape != expected.shape and expected.T.shape != found.shape:
            return f"has the shape {found.shape}, where {expected.shape} is expected"
    return None


def _all_agree(pairs: Iterable[tuple[Array, Array]]) -> bool:
    return all(agree(found, expected) for found, expected in pairs)


def _bound(pairs: Sequence[tuple[Array, Array]]) -> float | None:
    """The number to which entries are clipped; None if they are not."""
    bound = max(float(np.abs(found).max()) for found, _ in pairs)
    clipped = all(agree(found, np.clip(expected, -bound, bound)) for found, expected in pairs)
    return bound if clipped else None
