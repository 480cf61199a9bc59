"""Weights that a time loop reads transposed are transposed once, before it."""

from __future__ import annotations

from gru_codegen.passes import transpose_weights
from tests.passes.written import after, phase, written


def test_the_transpose_of_a_loop_is_made_before_it_and_others_are_not() -> None:
    program = written(
        {
            "forward": """
        for every step t, first to last:
            S[t] = S[t-1] @ Uz.T
            R[t] = S[t] @ Uz.T
""",
            "backward": """
        Z[:] = S[:] @ Uz.T
""",
        }
    )
    changed = transpose_weights(program)
    assert after(changed, "forward") == phase("""
        turned_Uz = Uz.T
        for every step t, first to last:
            S[t] = S[t-1] @ turned_Uz
            R[t] = S[t] @ turned_Uz
    """)
    assert after(changed, "backward") == phase("""
        Z[:] = S[:] @ Uz.T
    """)
