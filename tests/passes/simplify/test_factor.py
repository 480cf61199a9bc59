"""Sums of products get factored where that takes fewer operations."""

from __future__ import annotations

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


def test_what_gains_nothing_stays() -> None:
    program = written("S[:] = 2 * rows(bz) + rows(br) * rows(bc)")
    assert factor_sums(program) == program
