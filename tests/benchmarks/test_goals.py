"""The goals, and who meets them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.goals import GOALS, Goal, Verdict, fastest, verdicts
from benchmarks.results import Race
from benchmarks.sizes import SIZES
from benchmarks.spread import Spread
from tests.benchmarks.canned import entry, results


def found(contender: str, peer: str, *, size: int, threads: int = 1) -> Verdict:
    (one,) = (
        v
        for v in verdicts(results())
        if (v.contender, v.peer) == (contender, peer)
        and (v.goal.size, v.goal.threads) == (SIZES[size], threads)
    )
    return one


def test_every_goal_is_there_once() -> None:
    assert len(set(GOALS)) == len(GOALS) == 20 + 6 + 3 + 3 + 2
    assert len({goal._replace(at_most=0.0) for goal in GOALS}) == len(GOALS)


def test_a_goal_is_met_by_the_median_of_the_ratios() -> None:
    verdict = found("fast@columns", "floor", size=0)
    assert verdict.ratio.median == pytest.approx(2)
    assert verdict.met
    verdict = found("fast@columns", "hand-written", size=0)
    assert verdict.ratio.median == pytest.approx(0.1)
    assert verdict.cpu.median == pytest.approx(0.05)
    assert verdict.met


def test_the_fastest_layout_of_the_size_is_the_one_that_is_held_to_a_goal() -> None:
    small, large, lstm = results().races
    assert fastest(small, "fast", 1) == small.entry("fast@columns", 1)
    assert fastest(large, "fast", 1) == large.entry("fast@rows", 1)
    assert fastest(large, "fast", 2) == large.entry("fast@rows", 2)
    assert fastest(lstm, "fast-any", 1) is None
    assert {v.contender for v in verdicts(results()) if v.peer == "floor"} == {
        *("fast@columns", "fast@rows")
    }


def test_the_fastest_is_so_round_by_round() -> None:
    # Its median is the larger one, for the clock: it ran while that was slow.
    slow, swift = entry("fast@rows", 1.0, 9.0, 1.0), entry("fast@columns", 0.9, 8.0, 4.0)
    race = Race("gru", SIZES[0], "float32", [slow, swift])
    assert fastest(race, "fast", 1) == swift


def test_words_say_where_cpu_times_disagree() -> None:
    goal = Goal("gru", SIZES[0], "fast", "floor", 2.0)
    low, high = Spread(1.5, 1, 2), Spread(2.5, 2, 3)
    assert Verdict(goal, "fast", "floor", low, low).words == "met"
    assert Verdict(goal, "fast", "floor", high, high).words == "missed"
    assert Verdict(goal, "fast", "floor", high, low).words == "missed, by CPU time met"
    assert Verdict(goal, "fast", "floor", low, high).words == "met, by CPU time missed"
    assert Verdict(goal._replace(threads=2), "fast", "floor", high, low).words == "missed"


def test_what_products_alone_would_take() -> None:
    lstm = next(v for v in verdicts(results()) if v.goal.cell == "lstm")
    T, B, D, H = lstm.goal.size
    operations = 2 * T * B * (2 * 4 * D * H + 3 * 4 * H * H)
    assert lstm.products == pytest.approx(operations / 1e11 / 10e-3)
    assert found("fast@rows", "fast@rows", size=3, threads=2).products is None
    without = replace(results(), gemm_rate=0.0)
    assert {verdict.products for verdict in verdicts(without)} == {None}


def test_two_threads_against_one() -> None:
    verdict = found("fast@rows", "fast@rows", size=3, threads=2)
    assert verdict.ratio.median == pytest.approx(50 / 45)
    assert not verdict.met


def test_the_default_layout_against_the_fastest() -> None:
    assert found("fast@columns", "fast@rows", size=3).ratio.median == pytest.approx(2)
    under_its_short_name = results()
    large = under_its_short_name.races[1]
    large.entries[0] = entry("fast", 50, 100, 50)
    (default,) = (v for v in verdicts(under_its_short_name) if v.goal.contender == "fast@default")
    assert (default.contender, default.met) == ("fast", True)


def test_a_time_loop_against_the_steps_written_out_each_in_its_best_layout() -> None:
    assert found("fast-any@rows", "fast@rows", size=3).ratio.median == pytest.approx(2)


def test_other_cells_and_missing_peers() -> None:
    seen = [(v.goal.cell, v.contender, v.peer) for v in verdicts(results())]
    assert ("lstm", "fast@rows", "torch-nn") in seen
    assert not any(peer == "jax-scan" for _, _, peer in seen)
    assert len(seen) == len(set(seen))
