"""How many time steps are written out, and what is said of other numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy

from gru_codegen.steps import MOST_SHOWN, MOST_STEPS, fault_of_steps, whole


@pytest.mark.parametrize("steps", [3, np.int64(3), np.uint8(3), sympy.Integer(3)])
def test_a_whole_number_of_any_library_is_an_int(steps: Any) -> None:
    assert whole(steps) == 3
    assert type(whole(steps)) is int


@pytest.mark.parametrize("given", [None, "any"])
def test_none_is_any_number(given: Any) -> None:
    assert whole(given) is None


@pytest.mark.parametrize("steps", [True, np.True_, 3.0, np.float32(3), "3", 3 + 0j, [3]])
def test_truth_values_and_what_is_not_whole_are_refused(steps: Any) -> None:
    with pytest.raises(ValueError, match="expected a number of time steps, 'any' or None, got "):
        whole(steps)


@pytest.mark.parametrize(
    ("steps", "most", "fault"),
    [
        (0, MOST_STEPS, "is less than one time step"),
        (-1, MOST_STEPS, "is less than one time step"),
        (1, MOST_STEPS, None),
        (MOST_STEPS, MOST_STEPS, None),
        (MOST_STEPS + 1, MOST_STEPS, "is too many time steps to write out one by one"),
        (MOST_SHOWN + 1, MOST_SHOWN, "is too many time steps to write out one by one"),
    ],
)
def test_what_is_said_of_numbers_that_cannot_be_written_out(
    steps: int, most: int, fault: str | None
) -> None:
    assert fault_of_steps(steps, most) == fault
