"""One call: its workspace, the lengths of its samples, what it hands out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.calls import (
    _check_unspent,
    _check_workspace,
    _ended,
    _outputs,
    _scalar,
)
from gru_codegen.runtime.kernel import Workspace

LETTERS, SIZES, DTYPE = ("B", "D", "H"), (4, 2, 5), np.dtype(np.float64)


@pytest.fixture
def w() -> Workspace:
    return Workspace(*SIZES)


def test_a_workspace_for_these_arguments(w: Workspace) -> None:
    _check_workspace(w, LETTERS, SIZES, DTYPE)


@pytest.mark.parametrize(
    ("sizes", "dtype"), [((4, 2, 6), DTYPE), (SIZES, np.dtype(np.float32))], ids=["size", "dtype"]
)
def test_a_workspace_for_others(w: Workspace, sizes: Any, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"^workspace: ") as raised:
        _check_workspace(w, LETTERS, sizes, dtype)
    assert str(raised.value) == (
        f"workspace: it was made for (B, D, H) = (4, 2, 5) and float64; "
        f"these arguments have {sizes} and {dtype}"
    )


def test_what_is_no_workspace_of_this_module() -> None:
    expected = (
        "^workspace: expected a Workspace of this module, gru_codegen.runtime.calls, "
        "got dict of builtins$"
    )
    with pytest.raises(TypeError, match=expected):
        _check_workspace({}, LETTERS, SIZES, DTYPE)


def test_a_workspace_grows_and_keeps_its_arrays(w: Workspace) -> None:
    w.begin(7)
    kept = w._S
    w.begin(3)
    assert w._S is kept
    assert len(w.S) == 3
    w.begin(8)
    assert len(w.S) == 8


def test_room_is_kept_for_the_next_call(w: Workspace) -> None:
    room = w.room("x", (7, 4, 2))
    assert w.room("x", (3, 4, 2)).base is room.base
    assert w.room("x", (8, 4, 2)).base is not room.base


def test_a_sample_has_ended_from_its_length_on() -> None:
    ended = _ended([0, 1, 3], 3, 3)
    assert ended.shape == (3, 3, 1)
    assert ended[:, :, 0].T.tolist() == [[True] * 3, [False, True, True], [False] * 3]
    assert _ended(np.zeros(0, int), 3, 0).shape == (3, 0, 1)


@pytest.mark.parametrize(
    ("lengths", "kind", "message"),
    [
        ([1.0, 2.0], TypeError, "lengths: expected integers, got float64"),
        ([1, 4], ValueError, "lengths: expected 0 to T = 3, got 1 to 4"),
        ([-1, 3], ValueError, "lengths: expected 0 to T = 3, got -1 to 3"),
        ([1], ValueError, r"lengths: expected shape \(B,\) = \(2,\), got \(1,\)"),
    ],
)
def test_lengths_that_cannot_be(lengths: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}$"):
        _ended(lengths, 3, 2)


def test_outputs_are_a_copy_and_0_past_the_end(w: Workspace) -> None:
    outputs = np.ones((2, 4, 5))
    found = _outputs(outputs, w)
    assert not np.shares_memory(found, outputs)
    w.ended = _ended([2, 2, 2, 0], 2, 4)
    assert _outputs(outputs, w)[:, 3].tolist() == [[0] * 5] * 2
    assert (outputs == 1).all()


def test_a_loss_is_a_float_or_an_element_of_another_dtype(w: Workspace) -> None:
    assert type(_scalar(np.float64(2), w)) is float
    w.dtype = np.dtype(np.longdouble)
    assert type(_scalar(np.longdouble(2), w)) is np.longdouble


def test_a_pullback_works_once(w: Workspace) -> None:
    call = w.latest = object()
    _check_unspent(w, call)
    w.latest = object()
    with pytest.raises(RuntimeError, match=r"^pullback: its buffers are spent, "):
        _check_unspent(w, call)


IN_USE = "^workspace: this Workspace is in use by another call; give each thread one of its own$"


def test_a_workspace_serves_one_call_at_a_time(w: Workspace) -> None:
    first, second = object(), object()
    w.calls += [first, second]
    w.admit(first)
    with pytest.raises(RuntimeError, match=IN_USE):
        w.admit(second)
    with pytest.raises(RuntimeError, match=IN_USE):
        w.begin(3)
    assert w.calls == [first, second]
    w.calls.remove(first)
    w.admit(second)
