"""Nothing that nobody reads is computed, and for a pullback alone what it alone reads."""

from __future__ import annotations

from gru_codegen.passes import eliminate_dead_code
from tests.passes.written import after, phase, written


def test_what_nobody_reads_goes() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            A[t] = exp(Z[t])
            S[t] = tanh(Z[t])
            dWz += contract(x[t], A[t])
    """,
        {"forward": "S"},
    )
    assert after(eliminate_dead_code(program)) == phase("""
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            S[t] = tanh(Z[t])
    """)


def test_what_a_pullback_alone_reads_is_done_for_it() -> None:
    forward = """
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            A[t] = exp(Z[t])
            S[t] = tanh(Z[t])
    """
    inputs = "dx[:] = A[:] @ Wz.T"
    entries = {"forward": "S", "pullback": "dx"}
    found = eliminate_dead_code(written({"forward": forward, "inputs": inputs}, entries))
    assert after(found)[2] == "    if pullback: A[t] = exp(Z[t])"
    assert after(found, "inputs") == [inputs]


def test_what_is_computed_before_there_is_a_pullback_is_for_all() -> None:
    phases = {
        "forward": """
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            A[t] = exp(Z[t])
            S[t] = tanh(Z[t])
    """,
        "loss": "dS[:] = tanh(S[:])",
        "backward": """
        for every step t, last to first:
            dA[t] = dS[t] * A[t]
            dS_prev[t] = dS_prev[t+1] @ Uz
    """,
    }
    found = written(phases, {"forward": "S", "pullback": "dA"}, seed="dS", carries="dS_prev")
    assert after(eliminate_dead_code(found)) == after(found)


def test_what_is_read_beyond_the_steps_alone_stays() -> None:
    phases = {
        "loss": "G[:] = y[:] @ Wc",
        "backward": """
        for every step t, last to first:
            dC_prev[t] = dC_prev[t+1] @ Uz
    """,
    }
    program = written(phases, carries="dC_prev")
    assert eliminate_dead_code(program) == program


def test_what_the_next_step_reads_stays() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = exp(S[t-1])
            S[t] = x[t] @ Wz
    """,
        {"forward": "Z"},
    )
    assert eliminate_dead_code(program) == program


def test_a_loop_that_a_pullback_alone_needs_leaves_the_next_one_as_it_is() -> None:
    phases = {
        "forward": """
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            S[t] = tanh(Z[t])
    """,
        "loss": "dS[:] = tanh(S[:])",
        "backward": """
        for every step t, last to first:
            dE[t] = dS[t] * Z[t]
        for every step t, last to first:
            dA[t] = dS[t] * S[t]
            dWz += contract(x[t], dA[t])
    """,
        "inputs": "dx[:] = dE[:] @ Wz.T",
    }
    entries = {"forward": "S", "gradients": "dWz", "pullback": "dWz dx"}
    assert after(eliminate_dead_code(written(phases, entries, seed="dS")), "backward") == phase("""
        for every step t, last to first:
            if pullback: dE[t] = dS[t] * Z[t]
        for every step t, last to first:
            dA[t] = dS[t] * S[t]
            dWz += contract(x[t], dA[t])
    """)
