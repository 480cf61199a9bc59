"""A median and its quartiles, and ratios of times from the same round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Spread", "ratio", "spread"]


class Spread(NamedTuple):
    """The median, and the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The median and quartiles of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratio(own: Sequence[float], peer: Sequence[float]) -> Spread:
    """The spread of the ratios own/peer, one a round.

    A round is short against the time for which a processor keeps its clock, so what changes from
    round to round cancels in the ratio, and does not in the ratio of two medians. Who has fewer
    samples took part in the first rounds only, and those are compared.
    """
    return spread([mine / theirs for mine, theirs in zip(own, peer, strict=False)])
