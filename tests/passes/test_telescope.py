"""Products of adjoints are computed as chains, each link from the one before it."""

from __future__ import annotations

from gru_codegen.passes import telescope
from tests.passes.written import after, phase, written

FORWARD = """
    dO[:] = matmul(y[:], Wc)
    for every step t, first to last:
        Z[t] = matmul(x[t], Wz)
        R[t] = matmul(x[t], Wr)
        S[t] = multiply(Z[t], R[t])
"""


def test_what_a_complement_multiplies_serves_others_as_well() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = add(dO[t], dS_prev[t+1])
            dR[t] = multiply(dS[t], Z[t])
            daR[t] = multiply(dR[t], subtract(1, multiply(R[t], R[t])))
            dZ[t] = multiply(dS[t], R[t])
            daZ[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, Z[t]))
            dS_prev[t] = add(multiply(dS[t], subtract(1, Z[t])), matmul(daZ[t], transpose(Uz)))
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
""",
        }
    )
    assert after(telescope(program), "backward") == phase("""
        for every step t, last to first:
            dS[t] = add(dS_prev[t+1], dO[t])
            dS_Z[t] = multiply(dS[t], Z[t])
            dS_Z_R[t] = multiply(dS_Z[t], R[t])
            daR[t] = subtract(dS_Z[t], multiply(dS_Z_R[t], R[t]))
            daZ[t] = subtract(dS_Z_R[t], multiply(dS_Z_R[t], Z[t]))
            dS_prev[t] = subtract(add(dS[t], matmul(daZ[t], transpose(Uz))), dS_Z[t])
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
    """)


def test_a_body_that_chains_would_not_shorten_stays() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = add(dO[t], dS_prev[t+1])
            daZ[t] = multiply(dS[t], Z[t])
            dS_prev[t] = matmul(daZ[t], transpose(Uz))
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )
    assert telescope(program) == program


def test_a_sum_of_matrices_is_one_factor() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = add(dO[t], dS_prev[t+1])
            dZ[t] = multiply(dS[t], subtract(R[t], Z[t]))
            daZ[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, Z[t]))
            dS_prev[t] = add(multiply(dS[t], subtract(1, Z[t])), matmul(daZ[t], transpose(Uz)))
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )
    assert after(telescope(program), "backward") == phase("""
        for every step t, last to first:
            dS[t] = add(dS_prev[t+1], dO[t])
            dS_Z[t] = multiply(dS[t], Z[t])
            dS_Z_R_Z[t] = multiply(dS_Z[t], subtract(R[t], Z[t]))
            daZ[t] = subtract(dS_Z_R_Z[t], multiply(dS_Z_R_Z[t], Z[t]))
            dS_prev[t] = subtract(add(dS[t], matmul(daZ[t], transpose(Uz))), dS_Z[t])
            dUz += contract(S[t-1], daZ[t])
    """)


def test_a_link_is_none_once_what_it_was_made_of_is_another() -> None:
    """Neither a chain nor an adjoint that its readers could do without."""
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dC[t] = add(dO[t], dS_prev[t+1])
            dZ[t] = multiply(multiply(dC[t], Z[t]), R[t])
            dR[t] = multiply(dC[t], Z[t])
            dC[t] = multiply(dR[t], R[t])
            dS_prev[t] = multiply(dC[t], Z[t])
            daZ[t] = multiply(dR[t], Z[t])
            dUz += contract(S[t-1], dZ[t])
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )
    assert after(telescope(program), "backward") == phase("""
        for every step t, last to first:
            dC[t] = add(dS_prev[t+1], dO[t])
            dC_Z[t] = multiply(dC[t], Z[t])
            dZ[t] = multiply(dC_Z[t], R[t])
            dR[t] = dC_Z[t]
            dC[t] = multiply(dR[t], R[t])
            dC_Z_2[t] = multiply(dC[t], Z[t])
            dS_prev[t] = dC_Z_2[t]
            daZ[t] = multiply(dR[t], Z[t])
            dUz += contract(S[t-1], dZ[t])
            dUz += contract(S[t-1], daZ[t])
    """)
