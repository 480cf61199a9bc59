"""What is made of weights alone is computed once, before the loops of its phase."""

from __future__ import annotations

from gru_codegen.passes import hoist_loop_invariants
from tests.passes.written import after, phase, written


def test_each_is_computed_once_under_a_name() -> None:
    program = written("""
        for every step t, first to last:
            Z[t] = x[t] @ (1/2 * Wz)
            R[t] = x[t] @ (1/2 * Wz) + x[t] @ (Wz + Wr)
    """)
    assert after(hoist_loop_invariants(program)) == phase("""
        half_Wz = 1/2 * Wz
        W_R = Wz + Wr
        for every step t, first to last:
            Z[t] = x[t] @ half_Wz
            R[t] = x[t] @ half_Wz + x[t] @ W_R
    """)


def test_each_phase_has_its_own() -> None:
    both = "Z[:] = x[:] @ (1/2 * Wz)"
    program = hoist_loop_invariants(
        written({"forward": both, "backward": both.replace("Z[", "R[")})
    )
    assert after(program, "backward") == [
        "half_Wz_2 = 1/2 * Wz",
        "R[:] = x[:] @ half_Wz_2",
    ]


def test_views_and_what_is_not_of_weights_alone_stay() -> None:
    program = written("""
        for every step t, first to last:
            C[t] = S[t-1] @ Uc.T + rows(bz)
            S[t] = 1/2 * C[t]
    """)
    assert hoist_loop_invariants(program) == program
