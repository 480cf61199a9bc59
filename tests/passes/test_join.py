"""Gradients of stacked weights come from one GEMM, where every one of a rectangle is wanted."""

from __future__ import annotations

from gru_codegen.passes import hoist, join, stack
from tests.passes.written import after, phase, written

PRODUCTS = """
    for every step t, first to last:
        Z[t] = tanh(add(add(matmul(x[t], Wz), matmul(S[t-1], Uz)), rows(bz)))
        R[t] = tanh(add(add(matmul(x[t], Wr), matmul(S[t-1], Ur)), rows(br)))
        S[t] = multiply(Z[t], R[t])
    for every step t, last to first:
        daZ[t] = add(dS_prev[t+1], Z[t])
        daR[t] = add(dS_prev[t+1], R[t])
        dS_prev[t] = add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))
"""


def joined(gradients: str) -> list[str]:
    return after(join(hoist(stack(written(PRODUCTS + gradients)))))[-gradients.count("=") :]


def test_a_full_rectangle_is_one_product() -> None:
    gradients = """
    dWz = contract(x[:], daZ[:])
    dUz = contract(S[:-1], daZ[:])
    dbz = column_sum(daZ[:])
    dWr = contract(x[:], daR[:])
    dUr = contract(S[:-1], daR[:])
    dbr = column_sum(daR[:])
"""
    assert joined(gradients)[-1] == "dWz_to_br = contract(x_copy_S_ones[:], daZ_daR[:])"


def test_what_lacks_a_corner_is_joined_in_part() -> None:
    gradients = """
    dWz = contract(x[:], daZ[:])
    dUz = contract(S[:-1], daZ[:])
    dUr = contract(S[:-1], daR[:])
"""
    assert joined(gradients)[-2:] == [
        "dWz_Uz = contract(x_copy_S[:], daZ[:])",
        "dUr = contract(S[:-1], daR[:])",
    ]


def test_other_factors_are_not_joined() -> None:
    gradients = """
    dUz = contract(S[:], daZ[:])
    dUr = contract(S[:-1], daR[:])
"""
    assert joined(gradients)[-2:] == phase(gradients)
