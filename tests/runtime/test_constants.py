"""Constants as arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.constants import _cast_constants, _check_constants
from gru_codegen.runtime.kernel import Constants

FLOAT32 = np.dtype(np.float32)
GIVEN = Constants(np.zeros((3, 3)), np.ones(2, int))


def test_constants_are_cast_to_the_dtype_of_the_weights() -> None:
    found = _cast_constants(GIVEN, FLOAT32)
    assert type(found) is Constants
    assert [each.dtype for each in found] == [FLOAT32, FLOAT32]


def test_a_complex_constant_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^constants\.A: complex128 does not cast to float32, the"):
        _cast_constants(GIVEN._replace(A=np.zeros((3, 3)) + 0j), FLOAT32)


@pytest.mark.parametrize("given", [tuple(GIVEN), None, np.zeros(3)])
def test_what_is_no_constants_is_refused(given: Any) -> None:
    said = r"^constants: expected Constants with the fields A, k; got \w+$"
    with pytest.raises(TypeError, match=said):
        _cast_constants(given, FLOAT32)


def test_a_shape_is_that_of_the_sizes() -> None:
    _check_constants(GIVEN, {"H": 3, "K": 2})
    with pytest.raises(
        ValueError, match=r"^constants\.k: expected shape \(K,\) = \(4,\), got \(2,"
    ):
        _check_constants(GIVEN, {"H": 3, "K": 4})
    with pytest.raises(ValueError, match=r"^constants\.A: expected shape \(H, H\), got \(3,\)$"):
        _check_constants(GIVEN._replace(A=np.zeros(3)), {"H": 3, "K": 2})
