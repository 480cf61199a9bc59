"""What is computed already is read, as long as it is what it was."""

from __future__ import annotations

from gru_codegen.passes import eliminate_common_subexpressions
from tests.passes.written import after, written


def test_values_are_reused_and_copies_skipped() -> None:
    program = written("""
        for every step t, first to last:
            R[t] = tanh(x[t] @ Wr)
            RS[t] = R[t] * S[t-1]
            E[t] = RS[t]
            C[t] = tanh(R[t] * S[t-1] @ Uc)
            S[t] = C[t] + E[t]
    """)
    assert after(eliminate_common_subexpressions(program))[4:] == [
        "    C[t] = tanh(RS[t] @ Uc)",
        "    S[t] = C[t] + RS[t]",
    ]


def test_products_read_the_matrix_and_not_the_vector_of_which_it_is_every_row() -> None:
    program = written("""
        for every step t, first to last:
            R[t] = rows(br)
            C[t] = R[t] @ Uc
            S[t] = C[t] + R[t]
    """)
    assert after(eliminate_common_subexpressions(program))[-2:] == [
        "    C[t] = R[t] @ Uc",
        "    S[t] = C[t] + rows(br)",
    ]


def test_sums_and_products_read_a_number_and_not_the_matrix_that_is_full_of_it() -> None:
    program = written("""
        for every step t, first to last:
            E[t] = 1
            R[t] = E[t]
            Z[t] = tanh(R[t])
            C[t] = R[t] * Z[t] - 1/10 * E[t]
            RS[t] = -R[t]
            S[t] = C[t] @ Uc + RS[t] + R[t] @ Uc
    """)
    assert after(eliminate_common_subexpressions(program))[3:] == [
        "    Z[t] = tanh(R[t])",
        "    C[t] = Z[t] - 1/10",
        "    RS[t] = -1",
        "    S[t] = C[t] @ Uc + -1 + R[t] @ Uc",
    ]


def test_what_is_written_anew_is_forgotten() -> None:
    program = written("""
        for every step t, first to last:
            R[t] = tanh(x[t] @ Wr)
            RS[t] = R[t] * S[t-1]
            R[t] = exp(R[t])
            C[t] = R[t] * S[t-1]
            E[t] = exp(R[t])
            S[t] = C[t] + RS[t] * E[t]
    """)
    assert eliminate_common_subexpressions(program) == program


def test_what_holds_on_a_condition_is_not_reused() -> None:
    program = written("""
        for every step t, first to last:
            if lengths: C[t] = exp(S[t-1])
            S[t] = exp(S[t-1])
    """)
    assert eliminate_common_subexpressions(program) == program


def test_a_sum_over_steps_is_more_than_what_one_adds() -> None:
    program = written("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            dUz += contract(S[t-1], A[t])
            dUr += contract(S[t-1], A[t])
            S[t] = A[t] @ Uz
    """)
    assert eliminate_common_subexpressions(program) == program


def test_what_a_step_writes_anew_is_another_at_every_step() -> None:
    program = written("""
        Z[:] = x[:] @ Wz
        R[:] = Z[:]
        for every step t, first to last:
            R[t] = tanh(S[t-1])
            S[t] = Z[t] + R[t]
        C[:] = exp(R[:])
    """)
    assert eliminate_common_subexpressions(program) == program
