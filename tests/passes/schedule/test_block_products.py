"""Which products go through their rows in blocks; how many they are and what they give stays."""

from __future__ import annotations

import pytest

import gru_codegen as gc
from gru_codegen.cost import gains
from gru_codegen.ir import Call
from gru_codegen.lower import lower
from gru_codegen.passes import block_products, optimise
from tests.passes.written import after, phase, written


def test_products_by_weights_take_blocks_of_all_steps_and_of_one() -> None:
    program = written("""
        Z[:] = x[:] @ Wz
        for every step t, first to last:
            term = S[t-1] @ Uz
            S[t] = Z[t] + term
            A[t] = S[t] @ Uz
    """)
    assert after(block_products(program)) == phase("""
        Z[:] = matmul_in_blocks(x[:], Wz)
        for every step t, first to last:
            term = matmul_in_blocks(S[t-1], Uz)
            S[t] = Z[t] + term
            A[t] = matmul_in_blocks(S[t], Uz)
    """)


@pytest.mark.parametrize(
    "line",
    [
        "Z[:] = E[:] @ Uz.T",  # there is no fast kernel of few rows for it
        "Z[:] = tanh(E[:] @ Uz)",  # no operation in place
        "dUz = Uz @ Ur",  # no samples
        "p = bz\nq = p @ Uz",
        "for every step t, first to last:\n            Z[t] = x[t] @ Wz",  # given each time
        "dUz = contract(E[:], E[:])",
        "Z[:] = tanh(E[:])",
    ],
)
def test_others_stay(line: str) -> None:
    program = written(f"E[:] = rows(bz)\n{line}" if "E" in line else line)
    assert after(block_products(program)) == after(program)


def test_what_a_pullback_makes_arrays_for_stays() -> None:
    """It would have to cut them in every call."""
    program = written(
        {
            "backward": """
        dS[:] = rows(bz)
        dA[:] = dS[:] @ Uz
""",
            "inputs": """
        dC[:] = dA[:] @ Uz
        dE[:] = dC[:] @ Uz
        dS[:] = dC[:] @ Uz
        dA[:] = dS[:] @ Uz
        for every step t, first to last:
            dA[t] = dS[t] @ Uz
""",
        }
    )
    found = block_products(program)
    assert after(found, "backward")[1] == "dA[:] = matmul_in_blocks(dS[:], Uz)"
    assert after(found, "inputs") == phase("""
        dC[:] = dA[:] @ Uz
        dE[:] = dC[:] @ Uz
        dS[:] = dC[:] @ Uz
        dA[:] = matmul_in_blocks(dS[:], Uz)
        for every step t, first to last:
            dA[t] = dS[t] @ Uz
    """)


def test_it_takes_as_many_products_and_operations_as_before() -> None:
    """What it gains is that BLAS has other kernels for them: see docs/performance_notes.md."""
    program = optimise(lower(gc.derive(gc.GRU)), "fast", None, "rows")
    (gain,) = gains(program, [block_products])
    assert gain.before == gain.after
    assert str(gain.after.gemms) == "6 T + 12"
    values = [s.value for s in block_products(program).statements()]
    operations = [value.operation for value in values if isinstance(value, Call)]
    assert operations.count("matmul_in_blocks") == 9
    assert operations.count("matmul") == 3  # of the gradient of the input
