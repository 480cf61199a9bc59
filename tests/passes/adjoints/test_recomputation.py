"""What the forward pass has computed, and what of it can be read again afterwards."""

from __future__ import annotations

from gru_codegen.passes.adjoints.recomputation import stored, without_recomputation
from tests.passes.written import after, phase, written

GATES = """
        Z[:] = x[:] @ Wz
        R[:] = x[:] @ Wr
        C[:] = x[:] @ Wc
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
        RS[t] = R[t] * S[t-1] * Z[t]
        S[t] = tanh(C[t])
        A[t] = R[t] * Z[t] + C[t]
        E[t] = R[t] * Z[t] - C[t]
        F[t] = C[t] - R[t] * Z[t]
    """
    assert told(forward) == [
        "RS[t] = R[t] * S[t-1] * Z[t]",
        "RS_2[t] (kept) = R[t] * S[t-1]",
        "A[t] - C[t] = R[t] * Z[t]",
        "E[t] + C[t] = R[t] * Z[t]",
        "C[t] - F[t] = R[t] * Z[t]",
    ]


def test_a_part_of_a_value_has_to_be_kept() -> None:
    assert told("A[t] = tanh(R[t] * Z[t] + C[t])") == ["RZ[t] (kept) = R[t] * Z[t]"]


def test_products_of_matrices_and_of_numbers_are_none() -> None:
    forward = """
        A[t] = C[t] @ Uc + 2 * C[t]
        E[t] = R[t] * (C[t] @ Uc)
    """
    assert told(forward) == []


def test_past_a_length_it_may_differ() -> None:
    forward = """
        S[t] = S[t-1] + Z[t] * C[t]
        if lengths: S[t] = select(ended[t], S[t-1], S[t])
    """
    assert told(forward) == ["S[t] - S[t-1] unless ended[t] = Z[t] * C[t]"]


def test_not_what_is_written_again() -> None:
    product = "Z[t] * C[t]"
    again = f"A[t] = {product}\nA[t] = A[t] + C[t]"
    assert told(again) == ["ZC[t] (kept) = Z[t] * C[t]"]
    assert told(f"A[t] = {product}", "A[:] = exp(A[:])") == ["ZC[t] (kept) = Z[t] * C[t]"]
    assert told(f"A[t] = {product}\nZ[t] = tanh(C[t])") == []
    assert told(f"A[t] = {product}", "Z[:] = exp(A[:])") == []
    assert told("A[t] = Z[t] * R[t] + C[t]", "C[:] = exp(A[:])") == ["ZR[t] (kept) = Z[t] * R[t]"]


def test_a_product_is_kept_before_what_reads_it() -> None:
    program = written(GATES + "            A[t] = tanh(R[t] * Z[t] + C[t])")
    found = list(without_recomputation(program, set(program.variables())))
    assert after(stored(program, found))[-2:] == [
        "    RZ[t] = R[t] * Z[t]",
        "    A[t] = tanh(RZ[t] + C[t])",
    ]
