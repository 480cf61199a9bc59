"""Checks of masks: left padding, gaps, and samples without a real step.

A sample with its masked steps taken out is a shorter one, and those have checks of their own. So a
kernel is compared with itself: masked, and with the real steps of each sample moved to the front
and its length. All padding is NaN: it may not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..modules import is_forward_alone
from .claim import Claim, over, tolerance
from .complex_step import TOLERANCE
from .configuration import Arguments, Array, Problem, mapped, parts
from .difference import Difference, difference, worst
from .entry_points import differentiated
from .options import Adjoints, adjoints, ended, lengths, mask, options, padded, spoilt, weights


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claims about results of masked samples, without and with lengths."""
    allowed = tolerance(problems, TOLERANCE)
    measures: dict[str, Callable[[Problem], Difference]] = {"masked = taken out": _trained}
    if options(problems[0].kernel).vjp:
        measures["pullback, taken out"] = _pulled
    if hasattr(problems[0].kernel, "trace"):
        measures["trace, taken out"] = _traced
    return [
        Claim("mask", method, None, allowed, over(problems, measure))
        for method, measure in measures.items()
    ]


@dataclass(frozen=True)
class _Masked:
    """A problem with enough samples for every kind of mask, and `keywords` that say the padding."""

    problem: Problem
    keywords: dict[str, Array]

    def __str__(self) -> str:
        return f"at {self.problem} with {' and '.join(self.keywords)}"

    @cached_property
    def padding(self) -> Array:
        """The steps that are no real ones of a sample, (T, B)."""
        T = self.problem.sizes.T
        padding = ~self.keywords["mask"]
        return padding | ended(T, self.keywords["lengths"]) if self.with_lengths else padding

    @property
    def with_lengths(self) -> bool:
        """Return whether lengths are given too."""
        return "lengths" in self.keywords

    @property
    def left(self) -> Array:
        """The number of real steps of each sample, (B,)."""
        return np.asarray((~self.padding).sum(axis=0))

    def moved(self, array: Array) -> Array:
        """Return an array (T, B, ...) with the real steps of each sample first."""
        order = np.argsort(self.padding, axis=0, kind="stable")
        return np.asarray(array[order, np.arange(order.shape[1])])

    def put_back(self, array: Array) -> Array:
        """Return what is of such steps where these are, and 0 elsewhere."""
        where = np.argsort(np.argsort(self.padding, axis=0, kind="stable"), axis=0)
        real = self.padding.reshape(*self.padding.shape, *[1] * (array.ndim - 2))
        return np.where(real, 0, array[where, np.arange(where.shape[1])])

    def arguments(self) -> tuple[Arguments, Arguments]:
        """Those with padding that is not to be read, and those with the real steps first."""
        given = self.problem.arguments
        masked = padded(given, self.padding)
        first = masked.with_inputs(map(self.moved, masked.inputs))
        return masked, first._replace(y=self.moved(masked.y))


def _cases(problem: Problem) -> Iterator[_Masked]:
    T, B, D, H = problem.sizes
    while B < 4 or B in (T, D, H):
        B += 1
    wide = problem.other(sizes=problem.sizes._replace(B=B))
    yield _Masked(wide, {"mask": mask(T, B)})
    if options(problem.kernel).lengths:
        yield _Masked(wide, {"lengths": lengths(T, B), "mask": mask(T, B)})


def _trained(problem: Problem) -> Difference:
    kernel, differences = problem.kernel, []
    for case in _cases(problem):
        masked, first = case.arguments()
        V = weights(*case.padding.shape)
        of_loss: list[tuple[dict[str, Any], dict[str, Any]]] = [({}, {})]
        if is_forward_alone(kernel):
            of_loss = []
        if options(kernel).loss_weights:
            of_loss.append(({"loss_weights": V}, {"loss_weights": case.moved(V)}))
        for own, taken_out in of_loss:
            found = kernel.loss_and_gradients(*masked.trained, **case.keywords, **own)
            right = kernel.loss_and_gradients(*first.trained, lengths=case.left, **taken_out)
            name = f"{case}{' and loss_weights' if own else ''}"
            differences.append(difference(f"{name}, results", tuple(found), tuple(right)))
            loss = kernel.loss(*masked.trained, **case.keywords, **own)
            differences.append(difference(f"{name}, loss", loss, found.loss))
        outputs, state = kernel.forward(*masked.run, **case.keywords)
        short, last = kernel.forward(*first.run, lengths=case.left)
        expected = mapped(case.put_back, short)
        differences.append(difference(f"{case}, outputs", outputs, expected))
        differences.append(difference(f"{case}, state", state, last))
    return worst(differences)


def _pulled(problem: Problem) -> Difference:
    kernel, differences = problem.kernel, []
    for case in _cases(problem):
        masked, first = case.arguments()
        drawn = adjoints(case.problem)
        given = Adjoints(spoilt(drawn.d_outputs, case.padding), drawn.d_state)
        *_, pullback = kernel.vjp(*masked.run, **case.keywords)
        gradients, d_x, d_s0 = pullback(*given)
        *_, pullback = kernel.vjp(*first.run, lengths=case.left)
        right = pullback(mapped(case.moved, given.d_outputs), given.d_state)
        differences.append(difference(f"{case}, gradients", gradients, right[0]))
        differences.append(difference(f"{case}, d_s0", d_s0, right[-1]))
        for name, found, moved in zip(
            differentiated(kernel), parts(d_x), parts(right[1]), strict=True
        ):
            differences.append(difference(f"{case}, d_{name}", found, case.put_back(moved)))
    return worst(differences)


def _traced(problem: Problem) -> Difference:
    """Compare every value of the real steps; at others states stay, and all else is 0."""
    kernel, differences = problem.kernel, []
    for case in _cases(problem):
        masked, first = case.arguments()
        found = kernel.trace(*masked.run, **case.keywords)
        right = kernel.trace(*first.run, lengths=case.left)
        for name, values in found._asdict().items():
            expected = case.put_back(getattr(right, name))
            if name in kernel.STATES:
                values, expected = values[~case.padding], expected[~case.padding]
            differences.append(difference(f"{case}, {name}", values, expected))
    return worst(differences)
