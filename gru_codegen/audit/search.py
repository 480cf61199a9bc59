"""The search for faults: changes of the equations that give the gradients of a function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.audit.factors import Factor, factor, plain_factors, tolerance
from gru_codegen.audit.faults import faults, plain_faults
from gru_codegen.audit.model import Change, Forward, Model
from gru_codegen.audit.points import Point

__all__ = ["MOST_FAULTS", "Case", "Explanation", "agree", "difference", "explain", "read"]

Array = NDArray[Any]
Gradients = Mapping[str, Array]

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
    def wrong(self) -> tuple[int, int]:
        """The numbers of gradients that are not explained, and that are not those expected."""
        return self.unexplained, len(self.readings)

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


def explain(model: Model, cases: Sequence[Case], base: tuple[Change, ...] = ()) -> Explanation:
    """Find the fewest faults that give the gradients of all `cases`.

    A fault is taken up if with it at least one gradient more is right at every point, exactly, and
    none less. base: changes that are no fault.
    """
    search = _Search(model, base)
    cases = sorted(cases, key=lambda case: case.point.sizes["T"])  # most faults fail at one step
    best = read(model, cases, base)
    for attempt in (search.named, search.single, search.several, search.step_first, search.scaled):
        if not best.unexplained and len(best.changes) <= len(base) + (attempt != search.single):
            break
        best = min(best, attempt(cases), key=lambda found: found.rank)
    return best


class _Search:
    """The ways of looking for faults, from the quickest on."""

    def __init__(self, model: Model, base: tuple[Change, ...]) -> None:
        self.model, self.base = model, base
        self.plain = _Remembered(plain_faults(model))
        self.every = _Remembered(chain(self.plain, faults(model)))

    def named(self, cases: Sequence[Case]) -> Explanation:
        """Faults that have a name."""
        return self._greedy(cases, self.base, self.plain)

    def single(self, cases: Sequence[Case]) -> Explanation:
        """One fault of any kind."""
        start = read(self.model, cases, self.base)
        return self._next(cases, start, self.every) or start

    def several(self, cases: Sequence[Case]) -> Explanation:
        """Faults of any kind."""
        return self._greedy(cases, self.base, self.every)

    def step_first(self, cases: Sequence[Case]) -> Explanation:
        """The faults of one step, which a single step shows alone, before those of the carry."""
        single = _of_one_step(cases)
        if not single or not read(self.model, single, self.base).unexplained:
            return read(self.model, cases, self.base)
        of_step = self._greedy(single, self.base, self.every).changes
        return self._greedy(cases, of_step, self.every)

    def scaled(self, cases: Sequence[Case]) -> Explanation:
        """Faults with a name, of gradients that are all a multiple of what they have to be."""
        best = read(self.model, cases, self.base)
        if len(best.readings) < len(cases[0].found):  # one that is right is no multiple
            return best
        for scale in plain_factors(cases[0].point.sizes):
            scaled = [replace(c, scale=c.scale * scale.at(c.point.sizes)) for c in cases]
            # with one step there is no carry, so that a gradient that no slope reaches is right
            if not all(_matched(c, self._expected(c)) for c in _of_one_step(scaled)):
                continue
            found = self._greedy(scaled, self.base, self.plain)
            if found.rank < best.rank:
                best = replace(found, scale=scale)
            if not best.unexplained:
                break
        return best

    def _expected(self, case: Case) -> Gradients:
        return case.expected(self.model, self.base)

    def _greedy(
        self, cases: Sequence[Case], start: tuple[Change, ...], known: Iterable[Change]
    ) -> Explanation:
        """One of the known faults more as long as that explains more."""
        best = read(self.model, cases, start)
        while best.unexplained and len(best.changes) < len(self.base) + MOST_FAULTS:
            found = self._next(cases, best, known)
            if found is None:
                break
            best = found
        return best

    def _next(
        self, cases: Sequence[Case], before: Explanation, known: Iterable[Change]
    ) -> Explanation | None:
        """The explanation with one fault more, of the fewest that are left unexplained."""
        matched = [_matched(case, case.expected(self.model, before.changes)) for case in cases]
        best: Explanation | None = None
        for change in known:
            if any(change.meets(other) for other in before.changes):
                continue
            together = (*before.changes, change)
            if self._improves(cases, matched, together):
                found = read(self.model, cases, together)
                if found.wrong < (best or before).wrong:
                    best = found
                if not found.unexplained:
                    break
        return best

    def _improves(
        self,
        cases: Sequence[Case],
        known: Sequence[frozenset[str]],
        changes: tuple[Change, ...],
    ) -> bool:
        """Return whether more gradients match everywhere, and at no point fewer."""
        right, still = frozenset.intersection(*known), frozenset(cases[0].found)
        for case, before in zip(cases, known, strict=True):
            matched = _matched(case, case.expected(self.model, changes))
            still &= matched
            if not before <= matched or not still > right:
                return False
        return True


class _Remembered(Iterable[Change]):
    """Faults that can be gone through again, each of them made once."""

    def __init__(self, made: Iterable[Change]) -> None:
        self.made: list[Change] = []
        self.rest = iter(made)

    def __iter__(self) -> Iterator[Change]:
        for place in count():
            if place == len(self.made):
                more = next(self.rest, None)
                if more is None:
                    return
                self.made.append(more)
            yield self.made[place]


def _of_one_step(cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if case.point.sizes["T"] == 1]


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
