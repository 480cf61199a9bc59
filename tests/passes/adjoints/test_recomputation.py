"""What the forward pass has computed, and what of it can be read again afterwards."""

from __future__ import annotations

from gru_codegen.passes.adjoints.recomputation import stored, without_recomputation
from tests.passes.written import after, phase, written

GATES = """
        Z[:] = matmul(x[:], Wz)
        R[:] = matmul(x[:], Wr)
        C[:] = matmul(x[:], Wc)
        for every step t, first to last:
"""


def told(forward: str, loss: str | None = None) -> list[str]:
    """What the forward loop with this body tells, as ``product = value``."""
    lines = "".join(f"            {line}\n" for line in phase(forward))
    phases = {"forward": GATES + lines}
    program = written(phases if loss is None else {**phases, "loss": loss})
    found = without_recomputation(program, set(program.variables()))
    return [
        f"{each.value}{' (kept)' * each.stored}{f' unless {each.ended}' if each.ended else ''}"
        f" = {each.product}"
        for each in found
    ]


def test_a_product_and_what_is_added_to_one() -> None:
    forward = """
        RS[t] = multiply(multiply(R[t], S[t-1]), Z[t])
        S[t] = tanh(C[t])
        A[t] = add(multiply(R[t], Z[t]), C[t])
        E[t] = subtract(multiply(R[t], Z[t]), C[t])
        F[t] = subtract(C[t], multiply(R[t], Z[t]))
    """
    assert told(forward) == [
        "RS[t] = multiply(multiply(R[t], S[t-1]), Z[t])",
        "RS_2[t] (kept) = multiply(R[t], S[t-1])",
        "subtract(A[t], C[t]) = multiply(R[t], Z[t])",
        "add(E[t], C[t]) = multiply(R[t], Z[t])",
        "subtract(C[t], F[t]) = multiply(R[t], Z[t])",
    ]


def test_a_part_of_a_value_has_to_be_kept() -> None:
    assert told("A[t] = tanh(add(multiply(R[t], Z[t]), C[t]))") == [
        "RZ[t] (kept) = multiply(R[t], Z[t])"
    ]


def test_products_of_matrices_and_of_numbers_are_none() -> None:
    forward = """
        A[t] = add(matmul(C[t], Uc), multiply(2, C[t]))
        E[t] = multiply(R[t], matmul(C[t], Uc))
    """
    assert told(forward) == []


def test_past_a_length_it_may_differ() -> None:
    forward = """
        S[t] = add(S[t-1], multiply(Z[t], C[t]))
        if lengths: S[t] = select(ended[t], S[t-1], S[t])
    """
    assert told(forward) == ["subtract(S[t], S[t-1]) unless ended[t] = multiply(Z[t], C[t])"]


def test_not_what_is_written_again() -> None:
    product = "multiply(Z[t], C[t])"
    again = f"A[t] = {product}\nA[t] = add(A[t], C[t])"
    assert told(again) == ["ZC[t] (kept) = multiply(Z[t], C[t])"]
    assert told(f"A[t] = {product}", "A[:] = exp(A[:])") == ["ZC[t] (kept) = multiply(Z[t], C[t])"]
    assert told(f"A[t] = {product}\nZ[t] = tanh(C[t])") == []
    assert told(f"A[t] = {product}", "Z[:] = exp(A[:])") == []
    assert told("A[t] = add(multiply(Z[t], R[t]), C[t])", "C[:] = exp(A[:])") == [
        "ZR[t] (kept) = multiply(Z[t], R[t])"
    ]


def test_a_product_is_kept_before_what_reads_it() -> None:
    program = written(GATES + "            A[t] = tanh(add(multiply(R[t], Z[t]), C[t]))")
    found = list(without_recomputation(program, set(program.variables())))
    assert after(stored(program, found))[-2:] == [
        "    RZ[t] = multiply(R[t], Z[t])",
        "    A[t] = tanh(add(RZ[t], C[t]))",
    ]
