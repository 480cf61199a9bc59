"""Constants leave the time loop: half of a sigmoid's argument comes from its weights."""

from __future__ import annotations

from gru_codegen.passes import rewrite_sigmoids
from tests.passes.written import after, phase, written


def test_the_weights_of_a_sigmoid_are_halved() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = sigmoid(x[t] @ Wz + rows(bz) - S[t-1] @ Uz)
            S[t] = sigmoid(sigmoid(x[t] @ Wr) @ Ur.T)
    """)
    assert after(rewrite_sigmoids(program)) == phase("""
        for every step t, first to last:
            Z[t] = 1/2 * (1 + tanh(x[t] @ (1/2 * Wz) + rows(1/2 * bz) - S[t-1] @ (1/2 * Uz)))
            S[t] = 1/2 * (1 + tanh((1/2 * (1 + tanh(x[t] @ (1/2 * Wr)))) @ (1/2 * Ur).T))
    """)


def test_what_is_not_linear_in_its_weights_is_halved_itself() -> None:
    program = written(
        """
        for every step t, first to last:
            C[t] = sigmoid(x[t] * (x[t] @ Uc))
    """.replace("x[t]", "ended[t]")
    )
    assert after(rewrite_sigmoids(program)) == phase("""
        for every step t, first to last:
            C[t] = 1/2 * (1 + tanh(1/2 * (ended[t] * (ended[t] @ Uc))))
    """)


def test_a_sigmoid_without_a_product_stays() -> None:
    program = written("""
        for every step t, first to last:
            S[t] = sigmoid(S[t-1] + rows(bz))
    """)
    assert rewrite_sigmoids(program) == program
