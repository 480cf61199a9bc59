"""What multiplies an adjoint is collected into one factor, known before the loop."""

from __future__ import annotations

from gru_codegen.passes import collect_all_local_derivatives, collect_local_derivatives
from tests.passes.written import after, phase, written

FORWARD = """
    dO[:] = matmul(y[:], Wc)
    for every step t, first to last:
        Z[t] = matmul(x[t], Wz)
        R[t] = matmul(x[t], Wr)
        S[t] = multiply(Z[t], R[t])
"""

BACKWARD = """
    for every step t, last to first:
        dS[t] = add(dO[t], dS_prev[t+1])
        dZ[t] = multiply(dS[t], subtract(R[t], Z[t]))
        daZ[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, Z[t]))
        dR[t] = multiply(dS[t], Z[t])
        daR[t] = multiply(dR[t], R[t])
        dS_prev[t] = add(add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur))), \
multiply(dS[t], R[t]))
        dUz += contract(S[t-1], daZ[t])
        dUr += contract(S[t-1], daR[t])
"""


def test_adjoints_that_hand_on_one_other_are_passed_over() -> None:
    program = written({"forward": FORWARD, "backward": BACKWARD})
    assert after(collect_local_derivatives(program), "backward") == phase("""
        for every step t, last to first:
            S_by_aR[t] = multiply(Z[t], R[t])
            S_by_aZ[t] = multiply(multiply(subtract(R[t], Z[t]), Z[t]), subtract(1, Z[t]))
            dS[t] = add(dS_prev[t+1], dO[t])
            daZ[t] = multiply(dS[t], S_by_aZ[t])
            daR[t] = multiply(dS[t], S_by_aR[t])
            dS_prev[t] = add(add(multiply(dS[t], R[t]), matmul(daZ[t], transpose(Uz))), \
matmul(daR[t], transpose(Ur)))
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
    """)


def test_every_factor_has_a_place_if_all_are_collected() -> None:
    program = written({"forward": FORWARD, "backward": BACKWARD})
    found = after(collect_all_local_derivatives(program), "backward")
    assert found[1] == "    S_by_S_prev[t] = R[t]"
    assert "    dS_prev[t] = add(add(multiply(dS[t], S_by_S_prev[t]), " in found[7]


def test_what_is_no_sum_of_adjoints_stays() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = multiply(dS_prev[t+1], dS_prev[t+1])
            dZ[t] = tanh(multiply(dS[t], Z[t]))
            dS_prev[t] = matmul(dZ[t], Uz)
    """,
        }
    )
    assert collect_local_derivatives(program) == program


def test_an_adjoint_that_another_step_or_phase_reads_is_not_passed_over() -> None:
    backward = """
        for every step t, last to first:
            dS[t] = dS_prev[t+1]
            dZ[t] = multiply(dS[t], Z[t])
            daZ[t] = multiply(dZ[t], R[t])
            dS_prev[t] = matmul(daZ[t], Uz)
    """
    alone = written({"forward": FORWARD, "backward": backward})
    assert not any(
        "dZ[t] =" in line for line in after(collect_local_derivatives(alone), "backward")
    )
    later = written({"forward": FORWARD, "backward": backward, "inputs": "dA[:] = dZ[:]"})
    assert any("dZ[t] =" in line for line in after(collect_local_derivatives(later), "backward"))


def test_loops_first_to_last_stay() -> None:
    program = written({"forward": FORWARD})
    assert collect_local_derivatives(program) == program
