"""Products that share their operands become one GEMM, where nothing comes in between."""

from __future__ import annotations

from gru_codegen.passes import stack_products
from tests.passes.written import after, phase, written


def test_gates_of_the_same_operands_are_one_product() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = sigmoid(add(add(matmul(x[t], Wz), matmul(S[t-1], Uz)), rows(bz)))
            R[t] = sigmoid(add(add(matmul(x[t], Wr), matmul(S[t-1], Ur)), rows(br)))
            C[t] = tanh(add(matmul(x[t], Wc), matmul(S[t-1], Uc)))
            S[t] = multiply(Z[t], add(C[t], R[t]))
    """)
    assert after(stack_products(program)) == phase("""
        x_copy[:] = x[:]
        ones[:] = 1
        for every step t, first to last:
            aZ_aR = matmul(x_copy_S_ones[t], below(beside(Wz, Wr), beside(Uz, Ur), beside(bz, br)))
            Z[t] = sigmoid(aZ)
            R[t] = sigmoid(aR)
            aC = matmul(x_copy_S[t], below(Wc, Uc))
            C[t] = tanh(aC)
            S[t] = multiply(Z[t], add(C[t], R[t]))
    """)


def test_like_functions_become_neighbours() -> None:
    """Z and R are sigmoids, though C stands between them."""
    program = written("""
        for every step t, first to last:
            Z[t] = sigmoid(matmul(S[t-1], Uz))
            C[t] = tanh(matmul(S[t-1], Uc))
            R[t] = sigmoid(matmul(S[t-1], Ur))
            S[t] = multiply(Z[t], add(C[t], R[t]))
    """)
    assert after(stack_products(program))[1] == (
        "    aZ_aR_aC = matmul(S[t-1], beside(Uz, Ur, Uc))"
    )


def test_an_operand_written_anew_in_between_parts_them() -> None:
    program = written("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            Z[t] = tanh(matmul(A[t], Uz))
            A[t] = tanh(Z[t])
            R[t] = tanh(matmul(A[t], Ur))
            S[t] = multiply(R[t], Z[t])
    """)
    assert stack_products(program) == program


def test_without_it_they_are_one() -> None:
    program = written("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            Z[t] = tanh(matmul(A[t], Uz))
            C[t] = tanh(Z[t])
            R[t] = tanh(matmul(A[t], Ur))
            S[t] = multiply(R[t], Z[t])
    """)
    assert after(stack_products(program)) == phase("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            aZ_aR = matmul(A[t], beside(Uz, Ur))
            Z[t] = tanh(aZ)
            C[t] = tanh(Z[t])
            R[t] = tanh(aR)
            S[t] = multiply(R[t], Z[t])
    """)


def test_products_of_inputs_alone_and_on_a_condition_stay() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = tanh(matmul(x[t], Wz))
            R[t] = tanh(matmul(x[t], Wr))
            S[t] = multiply(R[t], Z[t])
            if lengths: A[t] = matmul(S[t], Uz)
            if lengths: C[t] = matmul(S[t], Ur)
    """)
    assert stack_products(program) == program


def test_a_sum_within_a_product_has_its_own_shape() -> None:
    """What is stacked is (B, H), the statement that it is part of (B, D)."""
    program = written("""
        for every step t, first to last:
            S[t] = tanh(matmul(S[t-1], Uc))
            P[t] = matmul(sigmoid(matmul(S[t], Uz)), transpose(Wz))
            Q[t] = matmul(sigmoid(matmul(S[t], Ur)), transpose(Wr))
    """)
    found = after(stack_products(program))
    assert found[2:] == [
        "    aP_aQ = matmul(S[t], beside(Uz, Ur))",
        "    P[t] = matmul(sigmoid(aP), transpose(Wz))",
        "    Q[t] = matmul(sigmoid(aQ), transpose(Wr))",
    ]


def test_what_comes_back_is_in_the_order_of_what_went_forward() -> None:
    forward = """
        for every step t, first to last:
            Z[t] = tanh(matmul(S[t-1], Uz))
            R[t] = tanh(matmul(S[t-1], Ur))
            S[t] = multiply(Z[t], R[t])
    """
    backward = """
        for every step t, last to first:
            daR[t] = multiply(dS_prev[t+1], R[t])
            daZ[t] = multiply(dS_prev[t+1], Z[t])
            dS_prev[t] = add(matmul(daR[t], transpose(Ur)), matmul(daZ[t], transpose(Uz)))
    """
    found = stack_products(written({"forward": forward, "backward": backward}))
    expected = "    dS_prev[t] = matmul(daZ_daR[t], transpose(beside(Uz, Ur)))"
    assert after(found, "backward")[-1] == expected


def test_inputs_come_first_wherever_their_weights_stood() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = tanh(matmul(S[t-1], Uz))
            R[t] = tanh(matmul(S[t-1], Ur))
            S[t] = multiply(Z[t], R[t])
        for every step t, first to last:
            A[t] = tanh(S[t])
            C[t] = tanh(add(matmul(x[t], Wz), matmul(A[t], Uz)))
    """)
    assert after(stack_products(program))[-2] == "    aC = matmul(x_copy_A[t], below(Wz, Uz))"


def test_operands_whose_weights_stand_nowhere_yet_come_last() -> None:
    forward = """
        for every step t, first to last:
            Z[t] = tanh(matmul(S[t-1], Uz))
            R[t] = tanh(matmul(S[t-1], Ur))
            S[t] = multiply(Z[t], R[t])
    """
    backward = """
        for every step t, last to first:
            dC[t] = tanh(dS_prev[t+1])
            daR[t] = multiply(dS_prev[t+1], R[t])
            dS_prev[t] = add(matmul(dC[t], transpose(Uc)), matmul(daR[t], transpose(Ur)))
    """
    found = stack_products(written({"forward": forward, "backward": backward}))
    expected = "    dS_prev[t] = matmul(daR_dC[t], transpose(beside(Ur, Uc)))"
    assert after(found, "backward")[-1] == expected
