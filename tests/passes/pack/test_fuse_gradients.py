"""Gradients of stacked weights come from one GEMM, where every one of a rectangle is wanted."""

from __future__ import annotations

import pytest

from gru_codegen.passes import fission_loops, fuse_gradients, stack_products
from tests.passes.written import after, phase, written

PRODUCTS = """
    for every step t, first to last:
        Z[t] = tanh(x[t] @ Wz + S[t-1] @ Uz + rows(bz))
        R[t] = tanh(x[t] @ Wr + S[t-1] @ Ur + rows(br))
        S[t] = Z[t] * R[t]
    for every step t, last to first:
        daZ[t] = dS_prev[t+1] + Z[t]
        daR[t] = dS_prev[t+1] + R[t]
        dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T
"""


def joined(gradients: str) -> list[str]:
    return after(fuse_gradients(fission_loops(stack_products(written(PRODUCTS + gradients)))))[
        -gradients.count("=") :
    ]


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


SUMS = """
    dUz = contract(S[:-1], daZ[:])
    dUr = contract(S[:-1], daR[:])
"""


@pytest.mark.parametrize(
    ("before", "later", "expected"),
    [
        ("P[:] = x[:]", "", "dWz_Uz = contract(P_S[:], daZ[:])"),
        ("P[:] = x[:]\n    P[:] = tanh(P[:])", "", "dUz = contract(S[:-1], daZ[:])"),
        ("P[:] = y[:]\n    if lengths: P[:] = x[:]", "", "dUz = contract(S[:-1], daZ[:])"),
        ("P[:] = tanh(x[:])", "    P[:] = x[:]\n", "P[:] = x[:]"),
    ],
    ids=["copy", "changed since", "on a condition", "made later"],
)
def test_a_sum_of_x_is_found_in_what_is_a_copy_by_then(
    before: str, later: str, expected: str
) -> None:
    text = f"""
    {before}
    for every step t, first to last:
        Z[t] = tanh(P[t] @ Wz + S[t-1] @ Uz)
        S[t] = Z[t] * Z[t]
    daZ[:] = tanh(Z[:])
    dWz = contract(x[:], daZ[:])
    dUz = contract(S[:-1], daZ[:])
"""
    found = after(fuse_gradients(stack_products(written(text + later))))
    assert found[-1] == expected
    assert ("dWz = contract(x[:], daZ[:])" in found) == (expected[:6] != "dWz_Uz")


def test_sums_between_which_something_is_written_stay() -> None:
    """One of them moves to where the other is."""
    for line in ("daR[:] = tanh(daR[:])", "dUz = 2 * dUz", "dUr = Ur", "dUc = dUz"):
        gradients = SUMS.replace("    dUr", f"    {line}\n    dUr", 1)
        assert joined(gradients)[-3:] == phase(gradients)
    harmless = SUMS.replace("    dUr", "    daC[:] = tanh(daR[:])\n    dUr", 1)
    assert joined(harmless)[-2:] == [
        "dUz_Ur = contract(S[:-1], daZ_daR[:])",
        "daC[:] = tanh(daR[:])",
    ]


def test_sums_that_go_on_or_are_made_on_a_condition_stay() -> None:
    for condition in ("if lengths: dUr = ", "dUr += "):
        gradients = SUMS.replace("dUr = ", condition)
        assert joined(gradients)[-2:] == phase(gradients)
