"""One operation a statement; an operand that is written over is read before."""

from __future__ import annotations

from gru_codegen.passes import to_three_address_code
from tests.passes.written import after, phase, written


def test_sums_begin_with_what_is_there() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz + S[t-1] @ Uz + rows(bz))
            S[t] = Z[t] * S[t-1] - Z[t] * exp(Z[t])
            loss += total(S[t] * S[t])
    """,
        {"forward": "S"},
    )
    assert after(to_three_address_code(program)) == phase("""
        for every step t, first to last:
            term = x[t] @ Wz
            Z[t] = rows(bz) + term
            term = S[t-1] @ Uz
            Z[t] = Z[t] + term
            Z[t] = tanh(Z[t])
            S[t] = Z[t] * S[t-1]
            term = exp(Z[t])
            term = term * Z[t]
            S[t] = S[t] - term
            loss += total(S[t] * S[t])
    """)


def test_a_target_among_its_operands_is_written_last() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = tanh(S[t-1])
            Z[t] = Z[t] @ Uz
            S[t] = exp(S[t-1] @ Uz)
    """,
        {"forward": "Z"},
    )
    assert after(to_three_address_code(program)) == phase("""
        for every step t, first to last:
            Z[t] = tanh(S[t-1])
            term = Z[t] @ Uz
            Z[t] = term
            term = S[t-1] @ Uz
            term = exp(term)
            S[t] = term
    """)
