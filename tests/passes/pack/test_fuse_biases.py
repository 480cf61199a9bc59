"""A column of ones takes the biases of inputs into the product over all steps."""

from __future__ import annotations

from gru_codegen.passes import fuse_biases
from tests.passes.written import after, phase, written


def test_a_bias_joins_the_product_and_its_gradient() -> None:
    program = written(
        {
            "forward": """
        Z[:] = x[:] @ Wz + rows(bz)
        R[:] = x[:] @ Wr + rows(br)
        for every step t, first to last:
            S[t] = Z[t] + R[t] * S[t-1]
""",
            "backward": """
        daZ[:] = S[:]
        dWz = contract(x[:], daZ[:])
        dbz = column_sum(daZ[:])
        dWr = contract(x[:], S[:])
""",
        }
    )
    changed = fuse_biases(program)
    assert after(changed, "forward") == phase("""
        x_ones[:] = bordered(x[:])
        Z[:] = x_ones[:] @ below(Wz, bz)
        R[:] = x_ones[:] @ below(Wr, br)
        for every step t, first to last:
            S[t] = Z[t] + R[t] * S[t-1]
    """)
    assert after(changed, "backward") == phase("""
        daZ[:] = S[:]
        dWz_dbz = contract(x_ones[:], daZ[:])
        dWr = contract(x[:], S[:])
    """)


def test_a_bias_beside_another_product_stays() -> None:
    program = written("""
        for every step t, first to last:
            S[t] = S[t-1] @ Uz + rows(bz)
        Z[:] = S[:] @ Uz + rows(bz)
    """)
    assert fuse_biases(program) == program
