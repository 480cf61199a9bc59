"""Products that share their operands become one GEMM, where nothing comes in between."""

from __future__ import annotations

from gru_codegen.passes import stack_products
from tests.passes.written import after, phase, written


def test_gates_of_the_same_operands_are_one_product() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = sigmoid(x[t] @ Wz + S[t-1] @ Uz + rows(bz))
            R[t] = sigmoid(x[t] @ Wr + S[t-1] @ Ur + rows(br))
            C[t] = tanh(x[t] @ Wc + S[t-1] @ Uc)
            S[t] = Z[t] * (C[t] + R[t])
    """)
    assert after(stack_products(program)) == phase("""
        x_copy[:] = x[:]
        ones[:] = 1
        for every step t, first to last:
            aZ_aR = x_copy_S_ones[t] @ below(beside(Wz, Wr), beside(Uz, Ur), beside(bz, br))
            Z[t] = sigmoid(aZ)
            R[t] = sigmoid(aR)
            aC = x_copy_S[t] @ below(Wc, Uc)
            C[t] = tanh(aC)
            S[t] = Z[t] * (C[t] + R[t])
    """)


def test_like_functions_become_neighbours() -> None:
    """Z and R are sigmoids, though C stands between them."""
    program = written("""
        for every step t, first to last:
            Z[t] = sigmoid(S[t-1] @ Uz)
            C[t] = tanh(S[t-1] @ Uc)
            R[t] = sigmoid(S[t-1] @ Ur)
            S[t] = Z[t] * (C[t] + R[t])
    """)
    assert after(stack_products(program))[1] == ("    aZ_aR_aC = S[t-1] @ beside(Uz, Ur, Uc)")


def test_an_operand_written_anew_in_between_parts_them() -> None:
    program = written("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            Z[t] = tanh(A[t] @ Uz)
            A[t] = tanh(Z[t])
            R[t] = tanh(A[t] @ Ur)
            S[t] = R[t] * Z[t]
    """)
    assert stack_products(program) == program


def test_without_it_they_are_one() -> None:
    program = written("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            Z[t] = tanh(A[t] @ Uz)
            C[t] = tanh(Z[t])
            R[t] = tanh(A[t] @ Ur)
            S[t] = R[t] * Z[t]
    """)
    assert after(stack_products(program)) == phase("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            aZ_aR = A[t] @ beside(Uz, Ur)
            Z[t] = tanh(aZ)
            C[t] = tanh(Z[t])
            R[t] = tanh(aR)
            S[t] = R[t] * Z[t]
    """)


def test_products_of_inputs_alone_and_on_a_condition_stay() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz)
            R[t] = tanh(x[t] @ Wr)
            S[t] = R[t] * Z[t]
            if lengths: A[t] = S[t] @ Uz
            if lengths: C[t] = S[t] @ Ur
    """)
    assert stack_products(program) == program


def test_a_sum_within_a_product_has_its_own_shape() -> None:
    """What is stacked is (B, H), the statement that it is part of (B, D)."""
    program = written("""
        for every step t, first to last:
            S[t] = tanh(S[t-1] @ Uc)
            P[t] = sigmoid(S[t] @ Uz) @ Wz.T
            Q[t] = sigmoid(S[t] @ Ur) @ Wr.T
    """)
    found = after(stack_products(program))
    assert found[2:] == [
        "    aP_aQ = S[t] @ beside(Uz, Ur)",
        "    P[t] = sigmoid(aP) @ Wz.T",
        "    Q[t] = sigmoid(aQ) @ Wr.T",
    ]


def test_what_comes_back_is_in_the_order_of_what_went_forward() -> None:
    forward = """
        for every step t, first to last:
            Z[t] = tanh(S[t-1] @ Uz)
            R[t] = tanh(S[t-1] @ Ur)
            S[t] = Z[t] * R[t]
    """
    backward = """
        for every step t, last to first:
            daR[t] = dS_prev[t+1] * R[t]
            daZ[t] = dS_prev[t+1] * Z[t]
            dS_prev[t] = daR[t] @ Ur.T + daZ[t] @ Uz.T
    """
    found = stack_products(written({"forward": forward, "backward": backward}))
    expected = "    dS_prev[t] = daZ_daR[t] @ beside(Uz, Ur).T"
    assert after(found, "backward")[-1] == expected


def test_inputs_come_first_wherever_their_weights_stood() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = tanh(S[t-1] @ Uz)
            R[t] = tanh(S[t-1] @ Ur)
            S[t] = Z[t] * R[t]
        for every step t, first to last:
            A[t] = tanh(S[t])
            C[t] = tanh(x[t] @ Wz + A[t] @ Uz)
    """)
    assert after(stack_products(program))[-2] == "    aC = x_copy_A[t] @ below(Wz, Uz)"


def test_operands_whose_weights_stand_nowhere_yet_come_last() -> None:
    forward = """
        for every step t, first to last:
            Z[t] = tanh(S[t-1] @ Uz)
            R[t] = tanh(S[t-1] @ Ur)
            S[t] = Z[t] * R[t]
    """
    backward = """
        for every step t, last to first:
            dC[t] = tanh(dS_prev[t+1])
            daR[t] = dS_prev[t+1] * R[t]
            dS_prev[t] = dC[t] @ Uc.T + daR[t] @ Ur.T
    """
    found = stack_products(written({"forward": forward, "backward": backward}))
    expected = "    dS_prev[t] = daR_dC[t] @ beside(Ur, Uc).T"
    assert after(found, "backward")[-1] == expected
