"""The goals, and who meets them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.goals import GOALS, Goal, Verdict, compared, concerns_goal, fastest, verdicts
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


def test_the_fastest_has_the_least_time_of_a_round() -> None:
    # Its median is the larger one: the machine had other things to do.
    slow, swift = entry("fast@rows", 1.0, 9.0, 1.0), entry("fast@columns", 0.9, 8.0, 4.0)
    race = Race("gru", SIZES[0], "float32", [slow, swift])
    assert fastest(race, "fast", 1) == swift


def test_who_is_compared_with_nobody_matters_not() -> None:
    """Rounds in which a third layout was slow, still cold, say nothing of the others."""
    cold = entry("fast@rows", 4.4, 4.1, 2.9, 2.2, 2.2)
    swift = entry("fast@folded", 1.15, 1.89, 1.04, 1.1, 1.04)
    other = entry("fast@columns", 1.28, 1.81, 1.18, 1.21, 1.18)
    race = Race("gru", SIZES[0], "float32", [cold, other, swift])
    assert fastest(race, "fast", 1) == swift


def test_luck_in_the_rounds_that_choose_does_not_count() -> None:
    """Both layouts are as fast as the floor; one was lucky in the first two rounds."""
    lucky, other = entry("fast@rows", 5, 5, 10, 10, 10), entry("fast@columns", 10, 10, 10, 10, 10)
    floor = entry("floor", 10, 10, 10, 10, 10)
    race = Race("gru", SIZES[0], "float32", [other, lucky, floor], choosing=2)
    (verdict,) = verdicts(replace(results(), races=[race]))
    assert (verdict.contender, verdict.ratio, verdict.cpu) == (
        *("fast@rows", Spread(1, 1, 1), Spread(1, 1, 1)),
    )
    # Nor is luck in the rounds after them a reason to choose.
    late = entry("fast@rows", 10.1, 10.1, 5, 5, 5)
    race = Race("gru", SIZES[0], "float32", [other, late, floor], choosing=2)
    assert fastest(race, "fast", 1) == other


def test_rounds_that_choose_are_all_that_there_is() -> None:
    rows, floor = entry("fast@rows", 5, 5), entry("floor", 10, 10, 10, 10)
    race = Race("gru", SIZES[0], "float32", [rows, floor], choosing=2)
    assert compared(race, rows, floor) == (Spread(0.5, 0.5, 0.5),) * 2


def test_whom_goals_are_about() -> None:
    def threads(name: str, size: int, dtype: str = "float32", cell: str = "gru") -> list[int]:
        return [n for n in (1, 2) if concerns_goal(cell, SIZES[size], dtype, name, n)]

    assert threads("fast@rows", 0) == threads("floor", 0) == threads("jax-scan", 4) == [1]
    assert threads("fast@folded", 4) == [1, 2]
    assert threads("fast-any@rows", 0) == []
    assert threads("fast-any@rows", 2) == [1]
    assert threads("fast@rows", 4, "float64") == threads("autograd", 4) == []
    assert threads("torch-nn", 2, cell="lstm") == [1]
    assert threads("fast-any@rows", 2, cell="lstm") == []


def test_words_say_where_cpu_times_disagree() -> None:
    goal = Goal("gru", SIZES[0], "fast", "floor", 2.0)
    low, high = Spread(1.5, 1, 2), Spread(2.5, 2, 3)  # the goal is a quartile: not within
    wide, wider = Spread(1.9, 1, 2.1), Spread(2.1, 1.9, 3)
    assert Verdict(goal, "fast", "floor", wide, low).words == "narrowly met"
    assert Verdict(goal, "fast", "floor", wider, high).words == "narrowly missed"
    assert Verdict(goal, "fast", "floor", wider, low).words == "narrowly missed, by CPU time met"
    assert Verdict(goal, "fast", "floor", low, wider).words == "met, by CPU time missed"
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
