"""Medians, quartiles, and ratios within a round."""

from __future__ import annotations

import pytest

from benchmarks.spread import Spread, ratio, spread


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0], Spread(5, 5, 5)),
        ([1.0, 3.0], Spread(2, 1.5, 2.5)),
        ([9.0, 1.0, 5.0, 3.0, 7.0], Spread(5, 3, 7)),
    ],
)
def test_median_and_quartiles(values: list[float], expected: Spread) -> None:
    assert spread(values) == expected


def test_a_ratio_is_taken_within_a_round() -> None:
    # The ratio of the medians would be 1/2.
    assert ratio([1.0, 2.0, 30.0], [4.0, 1.0, 15.0]) == Spread(2, 1.125, 2)


def test_who_was_in_the_first_rounds_only_is_compared_in_those() -> None:
    assert ratio([1.0, 2.0, 900.0], [1.0, 1.0]) == ratio([1.0, 2.0], [1.0, 1.0, 900.0])
    assert ratio([1.0, 2.0, 900.0], [1.0, 1.0]) == Spread(1.5, 1.25, 1.75)
