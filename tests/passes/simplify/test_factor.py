"""Sums of products get factored where that takes fewer operations."""

from __future__ import annotations

import pytest

from gru_codegen.passes import factor_adjoints, factor_sums
from tests.passes.written import after, phase, written

BODY = """
    for every step t, first to last:
        Z[t] = x[t] @ Wz
        A[t] = -Z[t] * S[t-1] + Z[t] * Z[t]
        dA[t] = Z[t] * Z[t] + Z[t] * S[t-1]
        S[t] = tanh(A[t])
"""


def test_a_shared_factor_is_taken_out() -> None:
    found = after(factor_sums(written(BODY)))
    assert found[2:4] == [
        "    A[t] = Z[t] * (Z[t] - S[t-1])",
        "    dA[t] = Z[t] * (Z[t] + S[t-1])",
    ]


def test_the_declared_form_is_kept_but_for_adjoints() -> None:
    found = after(factor_adjoints(written(BODY)))
    assert found[2] == phase(BODY)[2]
    assert found[3] == "    dA[t] = Z[t] * (Z[t] + S[t-1])"


BLEND = """
    for every step t, first to last:
        Z[t] = sigmoid(x[t] @ Wz)
        A[t] = {candidate}(x[t] @ Wr)
        S[t] = Z[t] * S[t-1] + (1 - Z[t]) * A[t]
"""


def test_a_blend_of_bounded_values_is_factored() -> None:
    found = after(factor_sums(written(BLEND.format(candidate="tanh"))))
    assert found[3] == "    S[t] = Z[t] * (S[t-1] - A[t]) + A[t]"


@pytest.mark.parametrize("candidate", ["relu", "softplus", ""])
def test_a_blend_of_others_keeps_what_a_closed_gate_holds(candidate: str) -> None:
    program = written(BLEND.format(candidate=candidate))
    assert factor_sums(program) == program


def test_what_gains_nothing_stays() -> None:
    program = written("S[:] = 2 * rows(bz) + rows(br) * rows(bc)")
    assert factor_sums(program) == program
