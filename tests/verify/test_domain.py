"""Arguments are drawn where equations are defined and round-off stays small."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.verify import verify
from gru_codegen.verify.configuration import Problem, Sizes, small
from gru_codegen.verify.direction import direction
from gru_codegen.verify.domain import (
    GOOD,
    LARGEST,
    MOST_SLACK,
    NOWHERE,
    NUDGES,
    USUAL,
    Domain,
    choose,
    noise_of,
    nudged,
)
from tests.planted import planted
from tests.verify.faults import edited

CELLS = Path(__file__).with_name("cells")
EPS = float(np.finfo(float).eps)


def problem(name: str, seed: int = 0) -> Problem:
    kernel = gc.load(load_cell(str(CELLS / f"{name}.toml")), style="textbook")
    return Problem(kernel, small(kernel)[1], seed)


def test_the_usual_arguments_come_first() -> None:
    assert choose(lambda domain: GOOD) == Domain(noise=GOOD)
    assert Problem(edited(), small(edited())[0], 0).domain.is_usual


def test_the_first_that_is_good_enough_is_taken() -> None:
    tried: list[Domain] = []

    def noise(domain: Domain) -> float:
        tried.append(domain)
        return 0.0 if (domain.scale, domain.positive) == (1 / 2, ("inputs",)) else math.inf

    assert choose(noise) == Domain(1 / 2, ("inputs",))
    assert tried[-1] == Domain(1 / 2, ("inputs",))
    assert [each.scale for each in tried] == [1] * 10 + [1 / 2] * 3


def test_if_none_is_good_the_least_noise_is_taken_and_tolerances_grow_but_not_for_ever() -> None:
    found = choose(lambda domain: 3 * GOOD if domain.scale == 1 / 4 else 7 * GOOD)
    assert (found.scale, found.draw, found.positive) == (1 / 4, 0, ())
    assert found.slack == pytest.approx(3)
    assert Domain(noise=GOOD / 2).slack == 1
    assert Domain(noise=1.0).slack == MOST_SLACK


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_is_nowhere_defined_gets_the_usual_arguments(value: float) -> None:
    found = choose(lambda domain: value)
    assert (found, found.is_usual, found.slack) == (NOWHERE, True, 1)


def test_a_kernel_that_raises_gets_the_usual_arguments() -> None:
    def noise(domain: Domain) -> float:
        raise ZeroDivisionError

    assert choose(noise) == NOWHERE


SMALL, BAD = Domain(1 / 4), Domain(1 / 4, noise=7 * GOOD)


@pytest.mark.parametrize(
    ("like", "here", "found", "most"),
    [
        (SMALL, 0.0, SMALL, 1),  # as good here
        (SMALL, 7 * GOOD, USUAL, 2),  # not here: the others are tried
        (BAD, 9 * GOOD, Domain(1 / 4, noise=9 * GOOD), 1),  # no other was better there
        (BAD, math.nan, USUAL, 2),
        (NOWHERE, math.nan, NOWHERE, 1),
    ],
)
def test_what_was_chosen_for_other_sizes_is_tried_first(
    like: Domain, here: float, found: Domain, most: int
) -> None:
    tried: list[Domain] = []

    def noise(domain: Domain) -> float:
        tried.append(domain)
        return here if len(tried) == 1 else 0.0

    assert choose(noise, like) == found
    assert len(tried) == most
    assert tried[0] == like


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        (" / 0", 50, 70),  # masks have problems of their own
        (" + 1e-3 * np.random.random()", 1, 20),  # no data make one result of it
    ],
)
def test_a_kernel_that_is_good_nowhere_meets_all_domains_once_at_most(
    fault: str, least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Domain] = []

    def noise(problem: Problem, domain: Domain) -> float:
        tried.append(domain)
        return noise_of_problem(problem, domain)

    right, noise_of_problem = "np.tanh(x[t] @ Wca + RS[t] @ Wrecca)", Problem.noise
    monkeypatch.setattr(Problem, "noise", noise)
    source = gc.generate(gc.GRU, style="textbook")
    assert not verify(planted(source, right, right + fault))
    assert least <= len(tried) < most


def test_the_domain_in_words() -> None:
    assert str(USUAL) == ""
    domain = Domain(1 / 16, ("inputs", "states"), 1)
    assert str(domain) == "1/16 of the usual scale, positive inputs and states, draw 2"


@pytest.mark.parametrize(
    ("function", "least", "most"),
    [
        (lambda x: x, 0.9 * EPS, 1.1 * EPS),
        (lambda x: x * x, 1.5 * EPS, 2.5 * EPS),
        (lambda x: np.sin(1e6 * x), 1e4 * EPS, 1e7 * EPS),
        (lambda x: x * 1e16, math.inf, math.inf),  # its square leaves float32 with little more
        (lambda x: x * LARGEST / 10, 0.9 * EPS, 2 * EPS),
        (lambda x: np.log(-x), math.inf, math.inf),
    ],
)
def test_noise_is_what_a_unit_in_the_last_place_does(
    function: Callable[[Any], Any], least: float, most: float
) -> None:
    x = np.array([1.0, 0.75])
    with np.errstate(all="ignore"):
        found = noise_of(function, x, function(x), EPS, np.random.default_rng(0), NUDGES)
    assert least <= found <= most


def test_digits_that_are_lost_inside_are_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by (1 + 1e-9 S) - 1, which the last digit of S does not show."""
    right, lossy = "S[t] = (1 - Z[t]) * S_prev[t]", "S[t] = ((1e6 + 1 - Z[t]) - 1e6) * S_prev[t]"
    source = gc.generate(gc.GRU, style="textbook")
    kernel = planted(source, right, lossy)
    assert Problem(kernel, small(kernel)[0], 0).noise(USUAL) > 100 * GOOD


def test_every_number_is_nudged_and_labels_are_not() -> None:
    given = (np.ones((3, 4)), (np.arange(3), np.full(5, -2.0)))
    matrix, (labels, vector) = nudged(given, EPS, np.random.default_rng(0))
    assert set(np.ravel(matrix)) <= {1 + EPS, 1 - EPS}
    assert (labels == np.arange(3)).all()
    assert (vector != -2).all()


def test_arguments_of_a_logarithm_are_positive() -> None:
    assert problem("padded_log").domain.positive == ("inputs",)
    assert (problem("padded_log").arguments.inputs[0] >= 0.5).all()


def test_numbers_that_grow_begin_small() -> None:
    found = problem("growth")
    assert found.domain.scale < 1
    assert np.abs(found.arguments.inputs[0]).mean() == pytest.approx(
        found.domain.scale * 0.8, rel=0.3
    )


def test_another_draw_differs_from_the_first_and_from_the_direction() -> None:
    given = problem("leaky")
    first, second = (given.drawn_in(Domain(draw=draw)).params for draw in (0, 1))
    for other in (direction(given), first):
        assert abs(np.corrcoef(other.U.ravel(), second.U.ravel())[0, 1]) < 0.9


@pytest.mark.parametrize("name", ["exp_gates", "eps_small", "growth", "slstm"])
def test_where_cells_are_checked_round_off_is_small(name: str) -> None:
    given = problem(name)
    for seed in range(5):
        assert Problem(given.kernel, given.sizes, seed).domain.noise <= GOOD


def test_the_report_says_where_arguments_were_drawn() -> None:
    assert verify(problem("growth").kernel).subject.splitlines()[1].startswith("arguments: ")
    assert "arguments" not in verify(edited(unroll=2)).subject


def ranged(**edits: str) -> Any:
    source = gc.generate(load_cell(str(CELLS / "ranges.toml")), style="textbook")
    for old, new in edits.items():
        assert source.count(old) >= 1
        source = source.replace(old, new)
    return load_source(source, "ranged")


def test_ranges_of_a_declaration_are_kept() -> None:
    for sizes in (*small(ranged()), Sizes(20, 7, 5, 6)):
        arguments = Problem(ranged(), sizes, 0).arguments
        for array, low, high in (
            (arguments.inputs[0], 0.1, 2),
            (arguments.params.W, -0.25, 0.5),
            (arguments.s0, 0, 1),
        ):
            assert low <= array.min() < array.max() <= high
            assert np.ptp(array) > (high - low) / 2
    assert verify(ranged())


def test_ranges_that_are_none_fail_the_names() -> None:
    for old, new in (("(0.1, 2.0)", "(2.0, 0.1)"), ('"x": (0.1', '"z": (0.1'), ("(0.1, 2.0)", "0")):
        source = gc.generate(load_cell(str(CELLS / "ranges.toml")), style="textbook")
        report = verify(load_source(source.replace(old, new), "changed"))
        details = [c.detail for c in report.failures if c.method == "names and what they say"]
        assert details
        assert details[0].startswith("CHECKS has ")
