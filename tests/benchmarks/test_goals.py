"""The goals, and who meets them."""

from __future__ import annotations

import pytest

from benchmarks.goals import GOALS, Verdict, verdicts
from benchmarks.sizes import SIZES
from tests.benchmarks.canned import results


def found(contender: str, peer: str, *, size: int, threads: int = 1) -> Verdict:
    (one,) = (
        v
        for v in verdicts(results())
        if (v.contender, v.peer) == (contender, peer)
        and (v.goal.size, v.goal.threads) == (SIZES[size], threads)
    )
    return one


def test_every_goal_is_there_once() -> None:
    assert len(set(GOALS)) == len(GOALS) == 20 + 6 + 3 + 2
    assert len({goal._replace(at_most=0.0) for goal in GOALS}) == len(GOALS)


def test_a_goal_is_met_by_the_median_of_the_ratios() -> None:
    verdict = found("fast", "floor", size=0)
    assert verdict.ratio.median == pytest.approx(2)
    assert verdict.met
    verdict = found("fast", "hand-written", size=0)
    assert verdict.ratio.median == pytest.approx(0.1)
    assert verdict.cpu.median == pytest.approx(0.05)
    assert verdict.met


def test_two_threads_against_one() -> None:
    verdict = found("fast", "fast", size=3, threads=2)
    assert verdict.ratio.median == pytest.approx(1.1)
    assert not verdict.met


def test_a_layout_is_held_to_the_goals_of_fast_and_compared_with_itself() -> None:
    assert found("fast@rows", "floor", size=3).met
    assert found("fast-any", "fast", size=3).met
    assert found("fast-any@rows", "fast@rows", size=3).ratio.median == pytest.approx(2)


def test_other_cells_and_missing_peers() -> None:
    seen = [(v.goal.cell, v.contender, v.peer) for v in verdicts(results())]
    assert ("lstm", "fast", "torch-nn") in seen
    assert ("gru", "fast", "jax-scan") not in seen
    assert len(seen) == len(set(seen)) + 1  # the floor, at two sizes
