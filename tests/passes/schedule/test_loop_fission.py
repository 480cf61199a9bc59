"""What no step waits for leaves the loop; what recurs stays."""

from __future__ import annotations

from gru_codegen.passes import fission_loops, fission_statements
from tests.passes.written import after, phase, written

CELL = """
    for every step t, first to last:
        Z[t] = tanh(x[t] @ Wz + S[t-1] @ Uz + rows(bz))
        R[t] = tanh(x[t] @ Wr)
        S[t] = Z[t] * R[t]
        C[t] = S[t] @ Uc
        dWz += contract(x[t], Z[t])
"""


def test_products_of_inputs_and_sums_over_time_leave_the_loop() -> None:
    assert after(fission_loops(written(CELL))) == phase("""
        R[:] = tanh(x[:] @ Wr)
        xWz[:] = x[:] @ Wz + rows(bz)
        for every step t, first to last:
            Z[t] = tanh(xWz[t] + S[t-1] @ Uz)
            S[t] = Z[t] * R[t]
        C[:] = S[:] @ Uc
        dWz = contract(x[:], Z[:])
    """)


def test_statements_alone_leave_products_beside_those_that_recur() -> None:
    found = after(fission_statements(written(CELL)))
    assert found[2].strip() == phase(CELL)[1].strip()
    assert found[0] == "R[:] = tanh(x[:] @ Wr)"


def test_what_is_written_anew_from_what_recurs_stays() -> None:
    """The first value leaves, for it waits for nothing; the second is the step's own."""
    program = written("""
        for every step t, first to last:
            R[t] = tanh(x[t] @ Wr)
            S[t] = S[t-1] * R[t]
            R[t] = exp(S[t])
    """)
    assert after(fission_statements(program)) == phase("""
        R[:] = tanh(x[:] @ Wr)
        for every step t, first to last:
            S[t] = S[t-1] * R[t]
            R[t] = exp(S[t])
    """)


def test_a_sum_of_two_statements_stays() -> None:
    program = written("""
        for every step t, first to last:
            S[t] = tanh(S[t-1])
            dUz += contract(S[t], S[t])
            dUz += contract(S[t-1], S[t])
    """)
    assert fission_loops(program) == program


def test_what_an_earlier_statement_reads_is_not_overwritten_before() -> None:
    program = written("""
        A[:] = exp(x[:] @ Wr)
        for every step t, first to last:
            E[t] = A[t] + S[t-1]
            A[t] = x[t] @ Wz
            S[t] = A[t] * E[t]
    """)
    assert fission_statements(program) == program


def test_what_is_read_before_its_own_step_writes_it_anew_is_not_read_behind_the_loop() -> None:
    program = written("""
        G[:] = y[:] @ Wr
        for every step t, first to last:
            G[t] = G[t] * S[t-1]
            S[t] = tanh(G[t])
            C[t] = exp(G[t+1])
    """)
    assert fission_statements(program) == program


def test_what_a_step_reads_of_a_later_one_is_not_written_anew_before_the_loop() -> None:
    program = written("""
        G[:] = y[:] @ Wr
        for every step t, first to last:
            S[t] = S[t-1] + G[t+1]
            G[t] = exp(x[t] @ Wz)
    """)
    assert fission_statements(program) == program
