"""States as arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.kernel import State
from gru_codegen.runtime.states import _start, _start_all


def places() -> tuple[Any, ...]:
    return tuple(np.full((4, 5), np.nan) for _ in State._fields)


def test_a_state_is_zeros_if_none_is_given() -> None:
    place, _ = places()
    _start(place, "s0", ("B", "H"), None)
    assert not place.any()


def test_a_state_is_cast_and_never_broadcast() -> None:
    place, _ = places()
    _start(place, "s0", ("B", "H"), np.ones((4, 5), int))
    assert (place == 1).all()
    with pytest.raises(ValueError, match=r"^s0: expected shape \(B, H\) = \(4, 5\), got \(1, 5\)$"):
        _start(place, "s0", ("B", "H"), np.ones((1, 5)))


def test_states_go_by_name() -> None:
    s, c = places()
    _start_all((s, c), "s0", State(S=np.ones((4, 5)), C=np.full((4, 5), 2.0)))
    assert (s == 1).all()
    assert (c == 2).all()
    _start_all((s, c), "s0", None)
    assert not s.any()
    assert not c.any()


def test_the_state_that_is_wrong_is_named() -> None:
    given = State(np.ones((4, 5)), np.ones((4, 1)))
    with pytest.raises(ValueError, match=r"^d_state.C: expected shape \(B, H\) = \(4, 5\), got"):
        _start_all(places(), "d_state", given)


def test_a_tuple_without_names_is_no_state() -> None:
    expected = r"^s0: expected a State with the fields S, C; got tuple: write State\(S, C\)$"
    with pytest.raises(TypeError, match=expected):
        _start_all(places(), "s0", (np.ones((4, 5)), np.ones((4, 5))))
