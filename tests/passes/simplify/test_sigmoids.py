"""Constants leave the time loop: half of a sigmoid's argument comes from its weights."""

from __future__ import annotations

from gru_codegen.passes import rewrite_sigmoids
from tests.passes.written import after, phase, written


def test_the_weights_of_a_sigmoid_are_halved() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = sigmoid(subtract(add(matmul(x[t], Wz), rows(bz)), matmul(S[t-1], Uz)))
            S[t] = sigmoid(matmul(sigmoid(matmul(x[t], Wr)), transpose(Ur)))
    """)
    assert after(rewrite_sigmoids(program)) == phase("""
        for every step t, first to last:
            Z[t] = multiply(1/2, add(1, tanh(subtract(add(matmul(x[t], multiply(1/2, Wz)), \
rows(multiply(1/2, bz))), matmul(S[t-1], multiply(1/2, Uz))))))
            S[t] = multiply(1/2, add(1, tanh(matmul(multiply(1/2, add(1, tanh(matmul(x[t], \
multiply(1/2, Wr))))), transpose(multiply(1/2, Ur))))))
    """)


def test_what_is_not_linear_in_its_weights_is_halved_itself() -> None:
    program = written(
        """
        for every step t, first to last:
            C[t] = sigmoid(multiply(x[t], matmul(x[t], Uc)))
    """.replace("x[t]", "ended[t]")
    )
    assert after(rewrite_sigmoids(program)) == phase("""
        for every step t, first to last:
            C[t] = multiply(1/2, add(1, tanh(multiply(1/2, multiply(ended[t], \
matmul(ended[t], Uc))))))
    """)


def test_a_sigmoid_without_a_product_stays() -> None:
    program = written("""
        for every step t, first to last:
            S[t] = sigmoid(add(S[t-1], rows(bz)))
    """)
    assert rewrite_sigmoids(program) == program
