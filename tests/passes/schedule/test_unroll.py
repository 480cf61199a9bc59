"""The loops written out; beyond the last step nothing comes back."""

from __future__ import annotations

from gru_codegen.ir import Step
from gru_codegen.passes import eliminate_dead_code, unroll
from tests.passes.written import after, phase, written

BACKWARD = """
    for every step t, last to first:
        dS[t] = dS_prev[t+1] + rows(bz)
        dS_prev[t] = dS[t] @ Uz
        dUz += contract(dS[t], dS[t])
"""


def test_steps_go_last_to_first_and_the_first_starts_sums() -> None:
    assert after(unroll(2)(written(BACKWARD))) == phase("""
        t = 1:
            dS[t] = rows(bz)
            if pullback: dS[t] = dS[t] + dS_last
            dS_prev[t] = dS[t] @ Uz
            dUz = contract(dS[t], dS[t])
        t = 0:
            dS[t] = dS_prev[t+1] + rows(bz)
            dS_prev[t] = dS[t] @ Uz
            dUz += contract(dS[t], dS[t])
    """)


def test_what_is_subtracted_from_nothing_is_negated() -> None:
    program = written("""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] - rows(bz)
            dR[t] = dS_prev[t+1] + dS[t] - rows(bz)
            dS_prev[t] = dS[t] @ Uz + dR[t] @ Ur
    """)
    assert after(unroll(1)(program)) == phase("""
        t = 0:
            dS[t] = -rows(bz)
            if pullback: dS[t] = dS[t] + dS_last
            dR[t] = dS[t] - rows(bz)
            if pullback: dR[t] = dR[t] + dS_last
            dS_prev[t] = dS[t] @ Uz + dR[t] @ Ur
    """)


def test_steps_in_which_nothing_differs_share_one_body() -> None:
    """The last one reads beyond the steps, and the first one in order starts sums."""
    found = unroll(6)(written(BACKWARD))
    bodies = [id(block.body) for block in found.phases[0].blocks if isinstance(block, Step)]
    assert len(bodies) == 6
    assert len(set(bodies)) == 2


def test_every_step_that_reads_beyond_the_last_is_written_for_itself() -> None:
    program = written(BACKWARD.replace("t+1", "t+2"))
    steps = [str(step) for step in unroll(5)(program).phases[0].blocks]
    assert ["dS_prev[t+2]" in step for step in steps] == [False, False, True, True, True]


def test_two_loops_are_each_written_out() -> None:
    program = written("""
        for every step t, first to last:
            S[t] = tanh(S[t-1])
        for every step t, first to last:
            A[t] = exp(S[t])
    """)
    assert after(unroll(1)(program)) == phase("""
        t = 0:
            S[t] = tanh(S[t-1])
        t = 0:
            A[t] = exp(S[t])
    """)


def test_a_carry_that_nobody_reads_goes() -> None:
    found = eliminate_dead_code(unroll(2)(written(BACKWARD, {"gradients": "dUz"})))
    assert sum("dS_prev[t] =" in line for line in after(found)) == 1


def test_what_is_beyond_the_last_step_is_said_in_terms_of_the_last() -> None:
    program = written(
        {
            "loss": "G[:] = y[:] @ Wc",
            "backward": """
        for every step t, last to first:
            dC[t] = dC_prev[t+1]
            dC_prev[t] = dC[t] @ Uz + G[t-1]
    """,
        }
    )
    assert after(unroll(2)(program), "backward") == phase("""
        t = 1:
            dC[t] = G[t]
            if pullback: dC[t] = dC[t] + dC_last
            dC_prev[t] = dC[t] @ Uz + G[t-1]
        t = 0:
            dC[t] = dC_prev[t+1]
            dC_prev[t] = dC[t] @ Uz + G[t-1]
    """)
