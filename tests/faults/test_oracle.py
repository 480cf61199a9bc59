from __future__ import annotations

import pytest

import gru_codegen as gc
from tests.faults.oracle import Oracle
from tests.verify.faults import edited

#: None of these changes what a workspace without a past gives, or in one way of calling alone.
FAULTS = {
    "a buffer read before it is written": ("w.S[0] = s0\n", "w.S[0] += s0\n"),
    "loss alone": ("return _l2(w.S[1 :", "return 2 * _l2(w.S[1 :"),
    "outputs alone": ("T + 1].copy(), w.S[T].copy()", "T + 1] * 2, w.S[T].copy()"),
    "a result that is a part of the workspace": ("T + 1].copy(), w.S[T].copy()", "T + 1], w.S[T]"),
    "a gradient in float64": ("map(np.zeros_like, params)", "(np.zeros(w.shape) for w in params)"),
    "a loss that is an array's number": ("return float(total) if", "return total if"),
    "one gradient, a little": ("Wr[...] += x[t].T @ da_r", "Wr[...] += x[t].T @ da_r * 1.00000001"),
}


def test_it_agrees_with_another_kernel_of_the_same_equations() -> None:
    assert Oracle(edited()).agrees(gc.load(gc.GRU))


@pytest.mark.parametrize("fault", FAULTS)
def test_it_sees(fault: str) -> None:
    assert not Oracle(edited()).agrees(edited(FAULTS[fault]))
