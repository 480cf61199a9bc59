"""The search for the fastest layout; nothing here asserts a time."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen import tune
from gru_codegen.modules import load_source
from gru_codegen.passes import LAYOUTS
from gru_codegen.request import Request
from gru_codegen.tune import Timing, fastest, timings
from gru_codegen.verify.configuration import Sizes


def test_the_fastest_is_the_one_with_the_least_time() -> None:
    found = [Timing("rows", 3.0), Timing("columns", 1.0), Timing("folded", 2.0)]
    assert fastest(found) == Timing("columns", 1.0)
    assert fastest(found[::-1]) == Timing("columns", 1.0)
    assert fastest(found[:1]) == Timing("rows", 3.0)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any, Any]]:
    """Lets every kernel that is timed write down its layout, arguments and workspace."""
    calls: list[tuple[str, Any, Any]] = []

    def spied(*arguments: Any, **options: Any) -> ModuleType:
        kernel = load_source(*arguments, **options)
        right = kernel.loss_and_gradients

        def wrapped(*given: Any, workspace: Any) -> Any:
            calls.append((kernel.LAYOUT, given, workspace))
            return right(*given, workspace=workspace)

        kernel.__dict__["loss_and_gradients"] = wrapped
        return kernel

    monkeypatch.setattr(tune, "load_source", spied)
    monkeypatch.setattr(tune, "_SECONDS", 0)
    return calls


@pytest.mark.parametrize("unroll", [None, 2])
def test_every_layout_is_timed_at_these_sizes(
    unroll: int | None, called: list[tuple[str, Any, Any]]
) -> None:
    done: list[tuple[int, int]] = []
    found = timings(
        Request(gc.GRU, unroll=unroll),
        Sizes(2, 3, 4, 5),
        dtype=np.float32,
        progress=lambda *counts: done.append(counts),
    )
    assert [timing.layout for timing in found] == list(LAYOUTS)
    assert all(timing.seconds > 0 for timing in found)
    assert done == [(n, tune._ROUNDS) for n in range(1, tune._ROUNDS + 1)]
    for layout in LAYOUTS:
        own = [(given, workspace) for name, given, workspace in called if name == layout]
        assert len({id(workspace) for _, workspace in own}) == 1
        params, x, y, s0 = own[0][0]
        assert (x.shape, y.shape, s0.shape) == ((2, 3, 4), (2, 3, 5), (3, 5))
        assert {array.dtype for array in (*params, x, y, s0)} == {np.dtype(np.float32)}
    # The same data for all, so that none has it easier.
    data = [next(given for name, given, _ in called if name == layout) for layout in LAYOUTS]
    for other in data[1:]:
        np.testing.assert_array_equal(other[1], data[0][1])
        np.testing.assert_array_equal(other[0].Wz, data[0][0].Wz)


def test_they_are_timed_in_turn(called: list[tuple[str, Any, Any]]) -> None:
    timings(Request(gc.GRU, unroll=1), Sizes(1, 1, 1, 1))
    # Three calls of each say how often to repeat it; then each round begins with another.
    rounds = [name for name, _, _ in called][3 * len(LAYOUTS) :]
    first = rounds[:: len(LAYOUTS)]
    assert len(first) == tune._ROUNDS
    assert first[: len(LAYOUTS)] == list(LAYOUTS)
    assert all(
        {*rounds[i : i + len(LAYOUTS)]} == {*LAYOUTS} for i in range(0, len(rounds), len(LAYOUTS))
    )


def test_a_cell_that_cannot_have_these_sizes_says_so() -> None:
    with pytest.raises(ValueError, match="this cell needs inputs of the size of its state, 4"):
        timings(Request(gc.cells["sru"], unroll=1), Sizes(1, 2, 3, 4))
