"""Sizes and number types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.sizes import _check_equal, _check_sizes, _number_type


@pytest.mark.parametrize("dtype", [np.float16, "f4", float, complex, np.longdouble, object])
def test_number_types(dtype: Any) -> None:
    assert _number_type(dtype) == np.dtype(dtype)


@pytest.mark.parametrize("dtype", [int, bool, "U1"])
def test_types_that_no_equation_can_be_computed_in(dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"^dtype: expected floating, complex or object, got "):
        _number_type(dtype)


def test_sizes_are_whole_numbers() -> None:
    _check_sizes(batch_size=0, input_size=np.int64(3))
    wrong: Any
    for wrong in (True, 2.0, "2"):
        expected = f"^input_size: expected a whole number, got {wrong!r}$"
        with pytest.raises(TypeError, match=expected):
            _check_sizes(batch_size=4, input_size=wrong)
    with pytest.raises(ValueError, match=r"^input_size: expected 0 or more, got -1$"):
        _check_sizes(input_size=-1)


def test_a_size_that_has_to_be_another() -> None:
    meaning = "inputs of the size of its state"
    _check_equal("input_size", 3, meaning, 3)
    with pytest.raises(ValueError, match=f"^input_size: this cell needs {meaning}, 3, got 2$"):
        _check_equal("input_size", 2, meaning, 3)
