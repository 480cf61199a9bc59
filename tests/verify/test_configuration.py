"""The data of the checks: sizes that differ, nothing saturated, nothing zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gru_codegen.modules import load_file
from gru_codegen.verify.configuration import Arguments, Problem, cast, large, small, step_counts
from gru_codegen.verify.direction import direction
from tests.verify.faults import edited


@pytest.mark.parametrize("unroll", [None, *range(1, 12), 1024])
def test_all_sizes_differ(unroll: int | None) -> None:
    kernel = edited(unroll=unroll)
    for sizes in small(kernel) + large(kernel):
        assert len(set(sizes)) == 4
        assert min(sizes[1:]) >= 2
    for few, many in zip(small(kernel), large(kernel), strict=True):
        assert few.T == many.T
        assert few[1:] != many[1:]
    weights = [3 * (D * H + H * H) for _, _, D, H in small(kernel)]
    assert max(weights) <= 105


def test_the_steps() -> None:
    assert step_counts(edited()) == (3, 7)
    assert step_counts(edited(unroll=5)) == (5,)
    assert len({sizes[1:] for sizes in small(edited())}) == 1, "one workspace serves both"


@pytest.fixture
def problem() -> Problem:
    kernel = edited(unroll=6)
    return Problem(kernel, small(kernel)[0], seed=0)


def test_the_shapes(problem: Problem) -> None:
    T, B, D, H = problem.sizes
    params, x, y, s0, _ = problem.arguments
    assert [weight.shape for weight in params] == [(D, H), (H, H)] * 3
    assert (x.shape, y.shape, s0.shape) == ((T, B, D), (T, B, H), (B, H))
    assert {array.dtype for array in (*params, x, y, s0)} == {np.dtype(np.float64)}


def test_no_entry_is_zero(problem: Problem) -> None:
    params, x, y, s0, _ = problem.arguments
    assert all(array.all() for array in (*params, x, y, s0))


@pytest.mark.parametrize("seed", range(20))
def test_the_gates_are_neither_saturated_nor_linear(seed: int) -> None:
    kernel = edited(unroll=6)
    for sizes in small(kernel) + large(kernel):
        params, x, _, s0, _ = Problem(kernel, sizes, seed).arguments
        for w, u in ((params.Wz, params.Wrecz), (params.Wr, params.Wrecr)):
            # Of what goes into the sigmoid, whose slope at 2.5 is still a quarter of that at 0.
            assert 0.3 < np.abs(x[0] @ w + s0 @ u).mean() < 2.5


def test_weights_are_drawn_whatever_init_params_makes_of_them() -> None:
    kernel = load_file(Path(__file__).with_name("two_states.py"))
    params, _, _, s0, _ = Problem(kernel, small(kernel)[0], seed=0).arguments
    assert not kernel.init_params(2, 5, rng=0).b.any()
    assert params.b.all()
    assert params.p.all()
    assert type(s0) is kernel.State
    assert s0.S.all()
    assert s0.C.all()
    assert not np.array_equal(s0.S, s0.C)


def test_the_data_are_read_only(problem: Problem) -> None:
    _, *data = problem.arguments.trained
    for array in (*problem.arguments.params, *data):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_direction_has_length_one_and_no_zero(problem: Problem) -> None:
    v = direction(problem)
    assert sum(float((part**2).sum()) for part in v) == pytest.approx(1)
    assert all(part.all() for part in v)


def test_cast_leaves_integers_and_copies() -> None:
    floats, labels = np.zeros(2), np.ones(2, int)
    given = Arguments((), (floats,), labels, floats)
    found = cast(given, np.float32)
    assert found.inputs[0].dtype == np.float32
    assert found.y.dtype == labels.dtype
    assert not np.shares_memory(found.y, labels)
