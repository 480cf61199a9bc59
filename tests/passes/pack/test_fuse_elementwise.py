"""Elementwise functions of neighbours run once over all of them."""

from __future__ import annotations

from gru_codegen.passes import fuse_elementwise, fuse_elementwise_values
from tests.passes.written import after, phase, written


def test_like_functions_run_once() -> None:
    program = written(
        """
        C[:] = 1
        A[:] = x[:]
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz + C[t])
            E[t] = exp(S[t-1])
            R[t] = tanh(x[t] @ Wr + A[t])
            S[t] = Z[t] * R[t]
    """.replace("x[:]", "exp(C[:])")
    )
    assert after(fuse_elementwise(program)) == phase("""
        C[:] = 1
        A[:] = exp(C[:])
        for every step t, first to last:
            xWz = x[t] @ Wz
            xWr = x[t] @ Wr
            Z_R[t] = tanh(xWz_xWr + C_A[t])
            E[t] = exp(S[t-1])
            S[t] = Z[t] * R[t]
    """)


def unchanged(text: str) -> None:
    program = written(text)
    assert fuse_elementwise(program) == program


def test_none_moves_before_what_it_reads() -> None:
    unchanged("""
        for every step t, first to last:
            C[t] = S[t-1] @ Uc
            Z[t] = tanh(C[t])
            E[t] = Z[t] @ Uz
            R[t] = tanh(E[t])
            S[t] = Z[t] * R[t]
    """)


def test_none_moves_before_a_reader_of_what_it_overwrites() -> None:
    unchanged("""
        for every step t, first to last:
            C[t] = exp(S[t-1])
            F[t] = relu(S[t-1])
            R[t] = clip(S[t-1])
            Z[t] = tanh(F[t])
            E[t] = R[t] @ Uz
            R[t] = tanh(C[t])
            S[t] = Z[t] * (R[t] + E[t])
    """)


def test_none_reads_what_its_neighbour_writes() -> None:
    unchanged("""
        for every step t, first to last:
            Z[t] = tanh(S[t-1] @ Uz)
            R[t] = tanh(Z[t] @ Ur)
            S[t] = Z[t] * R[t]
    """)


def test_conditions_and_other_functions_part_them() -> None:
    unchanged("""
        C[:] = 1
        A[:] = exp(C[:])
        for every step t, first to last:
            Z[t] = tanh(C[t])
            if lengths: R[t] = tanh(A[t])
            E[t] = exp(A[t])
            S[t] = Z[t] * E[t]
    """)


def test_equal_sums_are_all_added() -> None:
    unchanged("""
        for every step t, first to last:
            S[t] = tanh(S[t-1])
            dbz += column_sum(S[t])
            dbz += column_sum(S[t])
    """)


def test_vectors_are_no_neighbours() -> None:
    unchanged("""
        S[:] = exp(x[:] @ Wz)
        Z[:] = relu(S[:])
        u = column_sum(S[:])
        v = column_sum(Z[:])
        p = tanh(u)
        q = tanh(v)
    """)


def test_adjoints_are_left_to_batch() -> None:
    program = written("""
        C[:] = 1
        A[:] = exp(C[:])
        for every step t, last to first:
            dZ[t] = tanh(C[t])
            dR[t] = tanh(A[t])
            dS_prev[t] = dZ[t] + dR[t] + dS_prev[t+1]
    """)
    assert fuse_elementwise_values(program) == program
    assert after(fuse_elementwise(program))[3] == "    dZ_dR[t] = tanh(C_A[t])"


def test_what_every_step_does_says_who_are_neighbours() -> None:
    """E could be beside RS, whose function is the same, but each step wants it beside F."""
    program = written("""
        C[:] = 1
        A[:] = exp(C[:])
        E[:] = tanh(C[:])
        F[:] = relu(A[:])
        RS[:] = tanh(A[:])
        for every step t, first to last:
            Z[t] = exp(E[t])
            R[t] = exp(F[t])
            S[t] = Z[t] * R[t] * RS[t]
    """)
    found = after(fuse_elementwise(program))
    assert "    Z_R[t] = exp(E_F[t])" in found
    assert "E[:] = tanh(C[:])" in found


def test_what_reads_another_step_does_not_move_before_what_writes_all_steps() -> None:
    program = written("""
        Z[:] = x[:] @ Wz
        R[:] = x[:] @ Wr
        RS[:] = exp(x[:] @ Wz)
        A[:] = tanh(Z[:])
        E[:] = tanh(R[:])
        C[:] = RS[:] * A[:] * (1 - A[:])
        S[:] = y[:] @ Wc
        F[:] = S[:-1] * E[:] * (1 - E[:])
    """)
    assert after(fuse_elementwise(program))[-3:] == after(program)[-3:]
