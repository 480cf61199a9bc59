"""What multiplies an adjoint is collected into one factor, known before the loop."""

from __future__ import annotations

from gru_codegen.passes import collect_all_local_derivatives, collect_local_derivatives
from tests.passes.written import after, phase, written

FORWARD = """
    dO[:] = y[:] @ Wc
    for every step t, first to last:
        Z[t] = x[t] @ Wz
        R[t] = x[t] @ Wr
        S[t] = Z[t] * R[t]
"""

BACKWARD = """
    for every step t, last to first:
        dS[t] = dO[t] + dS_prev[t+1]
        dZ[t] = dS[t] * (R[t] - Z[t])
        daZ[t] = dZ[t] * Z[t] * (1 - Z[t])
        dR[t] = dS[t] * Z[t]
        daR[t] = dR[t] * R[t]
        dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T + dS[t] * R[t]
        dUz += contract(S[t-1], daZ[t])
        dUr += contract(S[t-1], daR[t])
"""


def test_adjoints_that_hand_on_one_other_are_passed_over() -> None:
    program = written({"forward": FORWARD, "backward": BACKWARD})
    assert after(collect_local_derivatives(program), "backward") == phase("""
        for every step t, last to first:
            S_by_aR[t] = Z[t] * R[t]
            S_by_aZ[t] = (R[t] - Z[t]) * Z[t] * (1 - Z[t])
            dS[t] = dS_prev[t+1] + dO[t]
            daZ[t] = dS[t] * S_by_aZ[t]
            daR[t] = dS[t] * S_by_aR[t]
            dS_prev[t] = dS[t] * R[t] + daZ[t] @ Uz.T + daR[t] @ Ur.T
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
    """)


def test_every_factor_has_a_place_if_all_are_collected() -> None:
    program = written({"forward": FORWARD, "backward": BACKWARD})
    found = after(collect_all_local_derivatives(program), "backward")
    assert found[1] == "    S_by_S_prev[t] = R[t]"
    assert found[7].startswith("    dS_prev[t] = dS[t] * S_by_S_prev[t] + ")


def test_what_is_no_sum_of_adjoints_stays() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = dS_prev[t+1] * dS_prev[t+1]
            dZ[t] = tanh(dS[t] * Z[t])
            dS_prev[t] = dZ[t] @ Uz
    """,
        }
    )
    assert collect_local_derivatives(program) == program


def test_an_adjoint_that_another_step_or_phase_reads_is_not_passed_over() -> None:
    backward = """
        for every step t, last to first:
            dS[t] = dS_prev[t+1]
            dZ[t] = dS[t] * Z[t]
            daZ[t] = dZ[t] * R[t]
            dS_prev[t] = daZ[t] @ Uz
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


def test_constants_are_folded() -> None:
    backward = """
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
            dZ[t] = dS[t] * (R[t] - Z[t])
            dR[t] = dS[t] * Z[t]
            dS_prev[t] = dZ[t] - 0 * dR[t] + (dS[t] + dS[t])
    """
    program = written({"forward": FORWARD, "backward": backward})
    assert after(collect_local_derivatives(program), "backward")[1:] == [
        "    S_by_S_prev[t] = R[t] - Z[t] + 2",
        "    dS[t] = dS_prev[t+1] + dO[t]",
        "    dS_prev[t] = dS[t] * S_by_S_prev[t]",
    ]


def test_of_a_long_chain_not_every_adjoint_is_passed_over() -> None:
    """Each factor would contain those of all adjoints before it."""
    names = ["dZ", "dR", "dA", "daZ", "daR", "dC", "daC", "dE"]
    links = [
        f"{name}[t] = {before}[t] * (Z[t] * R[t] + S[t])"
        for before, name in zip(["dS", *names], names, strict=False)
    ]
    body = "\n".join(f"            {line}" for line in links)
    backward = f"""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
{body}
            dS_prev[t] = dE[t] @ Uz.T
    """
    program = written({"forward": FORWARD, "backward": backward})
    found = after(collect_local_derivatives(program), "backward")
    adjoints = [line.split("[")[0].strip() for line in found if line.startswith("    d")]
    assert adjoints == ["dS", "daZ", "dE", "dS_prev"]
