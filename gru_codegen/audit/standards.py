"""Standards that the gradients of a function are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gru_codegen.audit.forward import Computed
from gru_codegen.audit.function import Found
from gru_codegen.audit.model import Change, Forward, Model
from gru_codegen.audit.points import Point
from gru_codegen.audit.search import Case, Explanation, agree
from gru_codegen.derive import derive

__all__ = ["Standard", "reached"]

_AT_LAST = Change("the cost of the last step is all of the loss", loss_at_last=True)


@dataclass(frozen=True)
class Standard:
    """A standard that gradients are compared with: a backward pass at the values of a forward pass.

    The two are those of one loss, unless the function has the backward pass of another one.
    scales: the multiple that is expected, at each of the points.
    """

    forward: Model
    backward: Model
    at_last: bool
    from_zero: bool
    scales: list[float]

    @classmethod
    def of(cls, computed: Computed, scales: list[float]) -> Standard:
        model = Model(derive(computed.cell, computed.loss))
        return cls(model, model, computed.at_last, computed.from_zero, scales)

    @property
    def base(self) -> tuple[Change, ...]:
        """The changes of the equations that are no fault."""
        return (_AT_LAST,) if self.at_last else ()

    def explain(
        self, points: Sequence[Point], found: Sequence[Found], search: Callable[..., Explanation]
    ) -> Explanation:
        return search(self.backward, self.cases(points, found), self.base)

    def cases(self, points: Sequence[Point], found: Sequence[Found]) -> list[Case]:
        every = zip(points, found, self.scales, strict=True)
        with np.errstate(all="ignore"):
            return [Case(p, self._values(p), f.gradients, scale) for p, f, scale in every]

    def _values(self, point: Point) -> Forward:
        if self.from_zero:
            states = {name: np.zeros_like(value) for name, value in point.states.items()}
            point = replace(point, states=states)
        values = self.forward.forward(point)
        if self.backward is not self.forward:
            other = self.backward.forward(point)
            steps = [{**a, **b} for a, b in zip(other.steps, values.steps, strict=True)]
            values = replace(values, steps=steps, share=other.share, known={})
        return values


def reached(
    model: Model, cases: Sequence[Case], changes: tuple[Change, ...], change: Change
) -> list[str]:
    """The gradients that differ for the sake of one of the changes."""
    without = tuple(each for each in changes if each is not change)
    found = set()
    for case in cases:
        one, other = case.expected(model, changes), case.expected(model, without)
        found |= {name for name in one if not agree(one[name], other[name])}
    return [name for name in cases[0].found if name in found]
