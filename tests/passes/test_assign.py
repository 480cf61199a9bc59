"""Storage is used again, by what is written after the last reader of it alone."""

from __future__ import annotations

from gru_codegen.passes import assign
from tests.passes.written import written

FORWARD = """
    for every step t, first to last:
        Z[t] = matmul(x[t], Wz)
        S[t] = tanh(Z[t])
"""


def overwrites(backward: str, inputs: str = "", handed: str = "S") -> dict[str, str]:
    entries = {"forward": handed, "gradients": "dUz"}
    phases = {"forward": FORWARD, "backward": backward}
    if inputs:
        phases["inputs"] = inputs
        entries["pullback"] = "dx"
    return dict(assign(written(phases, entries)).overwrites)


LAST_READER = """
    for every step t, last to first:
        dA[t] = multiply(dS_prev[t+1], Z[t])
        dS_prev[t] = matmul(dA[t], Uz)
    dUz = contract(S[:-1], dA[:])
"""


def test_an_elementwise_last_reader_writes_over_it() -> None:
    assert overwrites(LAST_READER) == {"dA": "Z"}


def test_not_over_what_is_read_later_in_the_step() -> None:
    later = LAST_READER.replace("matmul(dA[t], Uz)", "multiply(dA[t], Z[t])")
    assert overwrites(later) == {}


def test_not_over_an_operand_of_a_product() -> None:
    assert overwrites(LAST_READER.replace("multiply(dS_prev[t+1], Z[t])", "matmul(Z[t], Uz)")) == {}


def test_not_over_what_is_read_after_the_loop() -> None:
    assert overwrites(LAST_READER.replace("dUz =", "dUr = contract(Z[:], dA[:])\n    dUz =")) == {}


def test_not_over_what_a_pullback_reads() -> None:
    inputs = "dx[:] = matmul(Z[:], transpose(Wz))"
    assert "dA" not in overwrites(LAST_READER, inputs)
    assert overwrites(LAST_READER, inputs.replace("Z[:]", "dA[:]")) == {"dA": "Z"}


def test_not_over_what_is_handed_out() -> None:
    assert overwrites(LAST_READER, handed="S Z") == {}


def test_not_over_what_has_a_boundary() -> None:
    """Another step reads it, and it may be gone by then."""
    other = LAST_READER.replace("Z[t]", "S[t]").replace("contract(S[:-1], ", "contract(dA[:], ")
    assert "S" not in overwrites(other, handed="").values()


def test_each_is_overwritten_once() -> None:
    two = """
    for every step t, last to first:
        dA[t] = multiply(dS_prev[t+1], Z[t])
        dE[t] = tanh(dA[t])
        dS_prev[t] = matmul(dE[t], Uz)
    dUz = contract(dE[:], dA[:])
"""
    assert overwrites(two) == {"dA": "Z"}
