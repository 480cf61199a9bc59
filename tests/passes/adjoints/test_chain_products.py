"""Products of adjoints are computed as chains, each link from the one before it."""

from __future__ import annotations

from importlib import import_module

import pytest

from gru_codegen.ir import Program
from gru_codegen.passes import chain_products
from tests.passes.written import after, phase, written

FORWARD = """
    dO[:] = y[:] @ Wc
    for every step t, first to last:
        Z[t] = x[t] @ Wz
        R[t] = x[t] @ Wr
        S[t] = tanh(Z[t] + R[t])
"""

COMPLEMENT = """
    for every step t, last to first:
        dS[t] = dO[t] + dS_prev[t+1]
        dR[t] = dS[t] * Z[t]
        daR[t] = dR[t] * (1 - R[t] * R[t])
        dZ[t] = dS[t] * R[t]
        daZ[t] = dZ[t] * Z[t] * (1 - Z[t])
        dS_prev[t] = dS[t] * (1 - Z[t]) + daZ[t] @ Uz.T
        dUz += contract(S[t-1], daZ[t])
        dUr += contract(S[t-1], daR[t])
"""


def test_what_a_complement_multiplies_serves_others_as_well() -> None:
    program = written({"forward": FORWARD, "backward": COMPLEMENT})
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
            dS_Z[t] = dS[t] * Z[t]
            dS_Z_R[t] = dS_Z[t] * R[t]
            daR[t] = dS_Z[t] - dS_Z_R[t] * R[t]
            daZ[t] = dS_Z_R[t] - dS_Z_R[t] * Z[t]
            dS_prev[t] = dS[t] + daZ[t] @ Uz.T - dS_Z[t]
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
    """)


def test_a_body_that_chains_would_not_shorten_stays() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = dO[t] + dS_prev[t+1]
            daZ[t] = dS[t] * Z[t]
            dS_prev[t] = daZ[t] @ Uz.T
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )
    assert chain_products(program) == program


def test_a_sum_of_matrices_is_one_factor() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dS[t] = dO[t] + dS_prev[t+1]
            dZ[t] = dS[t] * (R[t] - Z[t])
            daZ[t] = dZ[t] * Z[t] * (1 - Z[t])
            dS_prev[t] = dS[t] * (1 - Z[t]) + daZ[t] @ Uz.T
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
            dS_rest[t] = dS[t] - dS[t] * Z[t]
            daZ[t] = dS_rest[t] * Z[t] * (R[t] - Z[t])
            dS_prev[t] = dS_rest[t] + daZ[t] @ Uz.T
            dUz += contract(S[t-1], daZ[t])
    """)


def blended(forward: str = "", backward: str = "") -> Program:
    """A state that a gate moves; a masked one with what `forward` and `backward` add."""
    return written(
        {
            "forward": f"""
        dO[:] = y[:] @ Wc
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            C[t] = x[t] @ Wc
            S[t] = S[t-1] + Z[t] * (C[t] - S[t-1])
            {forward}
""",
            "backward": f"""
        for every step t, last to first:
            dS[t] = dO[t] + dS_prev[t+1]
            {backward}
            dZ[t] = dS[t] * (C[t] - S[t-1])
            daZ[t] = dZ[t] * Z[t] * (1 - Z[t])
            dS_prev[t] = dS[t] * (1 - Z[t]) + daZ[t] @ Uz.T
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )


def test_a_rest_is_computed_once_and_what_the_state_gained_is_read_again() -> None:
    assert after(chain_products(blended()), "backward") == phase("""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
            dS_rest[t] = dS[t] - dS[t] * Z[t]
            daZ[t] = dS_rest[t] * (S[t] - S[t-1])
            dS_prev[t] = dS_rest[t] + daZ[t] @ Uz.T
            dUz += contract(S[t-1], daZ[t])
    """)


MASKED = "if lengths: S[t] = select(ended[t], S[t-1], S[t])"


def test_a_state_that_stands_still_past_a_length_is_read_where_its_adjoint_is_0_there() -> None:
    recalling = "    daZ[t] = dS_rest[t] * (S[t] - S[t-1])"
    computing = "    daZ[t] = dS_rest[t] * Z[t] * (C[t] - S[t-1])"
    zero = blended(MASKED, "if lengths: dS[t] = select(ended[t], 0, dS[t])")
    assert recalling in after(chain_products(zero), "backward")
    assert computing in after(chain_products(blended(MASKED)), "backward")
    other = blended(MASKED, "if lengths: dS[t] = select(ended[t], dO[t], dS[t])")
    assert computing in after(chain_products(other), "backward")


GATED = """
    dO[:] = y[:] @ Wc
    for every step t, first to last:
        R[t] = x[t] @ Wr
        A[t] = S[t-1] @ Uc
        S[t] = tanh(R[t] * A[t])
"""
BACKWARD = """
        for every step t, last to first:
            dS[t] = dO[t] + dS_prev[t+1]
            dA[t] = dS[t] * R[t]
            dR[t] = dS[t] * A[t]
            daR[t] = dR[t] * R[t] * (1 - R[t])
            dS_prev[t] = dA[t] @ Uc.T
            dUc += contract(S[t-1], dA[t])
            dWr += contract(x[t], daR[t])
"""


def test_a_product_is_kept_in_the_place_of_its_factor() -> None:
    changed = chain_products(written({"forward": GATED, "backward": BACKWARD}))
    assert after(changed) == phase("""
    dO[:] = y[:] @ Wc
    for every step t, first to last:
        R[t] = x[t] @ Wr
        A[t] = S[t-1] @ Uc
        RA[t] = R[t] * A[t]
        S[t] = tanh(RA[t])
    """)
    assert after(changed, "backward") == phase("""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
            dA[t] = dS[t] * R[t]
            daR[t] = (dS[t] - dA[t]) * RA[t]
            dS_prev[t] = dA[t] @ Uc.T
            dUc += contract(S[t-1], dA[t])
            dWr += contract(x[t], daR[t])
    """)


def test_a_product_is_not_kept_beside_its_factors() -> None:
    read = BACKWARD + "            dWc += contract(x[t], A[t])\n"
    changed = chain_products(written({"forward": GATED, "backward": read}))
    assert after(changed) == phase(GATED)
    computing = "    daR[t] = dA_A[t] - dA_A[t] * R[t]"
    assert computing in after(changed, "backward")


CARRIED = """
        for every step t, last to first:
            dC[t] = {carry}
            dZ[t] = dC[t] * R[t]
            daZ[t] = dZ[t] * Z[t] * (1 - Z[t])
            dUz += contract({read}, daZ[t])
            dS_prev[t] = dC[t] * Z[t]
"""


def test_an_adjoint_that_is_a_link_is_computed_where_the_link_is_read() -> None:
    backward = CARRIED.format(carry="dO[t] + dS_prev[t+1]", read="S[t-1]")
    changed = chain_products(written({"forward": FORWARD, "backward": backward}))
    assert after(changed, "backward") == phase("""
        for every step t, last to first:
            dC[t] = dS_prev[t+1] + dO[t]
            dS_prev[t] = dC[t] * Z[t]
            dS_prev_R[t] = dS_prev[t] * R[t]
            daZ[t] = dS_prev_R[t] - dS_prev_R[t] * Z[t]
            dUz += contract(S[t-1], daZ[t])
    """)


def test_an_adjoint_stays_behind_what_reads_another_step_of_it() -> None:
    backward = CARRIED.format(carry="dO[t] @ Uc", read="dS_prev[t+1]")
    changed = chain_products(written({"forward": FORWARD, "backward": backward}))
    assert after(changed, "backward")[-2:] == [
        "    dUz += contract(dS_prev[t+1], daZ[t])",
        "    dS_prev[t] = dC_Z[t]",
    ]


def test_an_adjoint_that_is_changed_before_the_link_is_read_is_none() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dC[t] = dO[t] + dS_prev[t+1]
            dS_prev[t] = dC[t] * Z[t]
            if lengths: dS_prev[t] = dS_prev[t] + dO[t]
            dZ[t] = dC[t] * R[t]
            daZ[t] = dZ[t] * Z[t] * (1 - Z[t])
            daR[t] = dZ[t] * Z[t] * (1 - R[t])
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
""",
        }
    )
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dC[t] = dS_prev[t+1] + dO[t]
            dS_prev[t] = dC[t] * Z[t]
            if lengths: dS_prev[t] = dS_prev[t] + dO[t]
            dC_Z[t] = dC[t] * Z[t]
            dC_Z_R[t] = dC_Z[t] * R[t]
            daZ[t] = dC_Z_R[t] - dC_Z_R[t] * Z[t]
            daR[t] = dC_Z_R[t] - dC_Z_R[t] * R[t]
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
    """)


def test_a_rest_is_another_once_what_it_is_of_is_another() -> None:
    lines = """daC[t] = dS[t] * (1 - Z[t]) + dO[t]
            dUc += contract(S[t-1], daC[t])
            dS[t] = dS[t] + dO[t]"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    assert "    daC[t] = dS_rest[t] + dO[t]" in changed
    assert "    daZ[t] = dS_rest_2[t] * (S[t] - S[t-1])" in changed


def test_what_is_added_is_no_rest() -> None:
    forward = "A[t] = Z[t] * C[t]"
    backward = """
            dA[t] = dS[t] * (1 + Z[t])
            dUc += contract(S[t-1], dA[t])
"""
    changed = after(chain_products(blended(forward, backward.strip())), "backward")
    assert "    dA[t] = dS[t] + dS_Z[t]" in changed
    assert "    dS_rest[t] = dS[t] - dS_Z[t]" in changed


def test_a_link_is_none_once_what_it_was_made_of_is_another() -> None:
    """Neither a chain nor an adjoint that its readers could do without."""
    program = written(
        {
            "forward": FORWARD,
            "backward": """
        for every step t, last to first:
            dC[t] = dO[t] + dS_prev[t+1]
            dZ[t] = dC[t] * Z[t] * R[t]
            dR[t] = dC[t] * Z[t]
            dC[t] = dR[t] * R[t]
            dS_prev[t] = dC[t] * Z[t]
            daZ[t] = dR[t] * Z[t]
            dUz += contract(S[t-1], dZ[t])
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dC[t] = dS_prev[t+1] + dO[t]
            dR[t] = dC[t] * Z[t]
            dZ[t] = dR[t] * R[t]
            dC[t] = dR[t] * R[t]
            dS_prev[t] = dC[t] * Z[t]
            daZ[t] = dR[t] * Z[t]
            dUz += contract(S[t-1], dZ[t])
            dUz += contract(S[t-1], daZ[t])
    """)


def test_a_zero_is_none_where_products_stand_before_it_or_another_value_comes_behind() -> None:
    zero = "if lengths: dS[t] = select(ended[t], 0, dS[t])"
    reading = "S[t] - S[t-1]"
    recalled = "\n".join(after(chain_products(blended(MASKED, zero)), "backward"))
    assert reading in recalled
    behind = f"{zero}\n            dS[t] = dS[t] + dO[t]"
    before = f"daC[t] = dS[t] * (1 - Z[t])\n            {zero}"
    between = f"dS[t] = dS[t] + dO[t]\n            {before}"
    for backward in (behind, before, between):
        left = "\n".join(after(chain_products(blended(MASKED, backward)), "backward"))
        assert reading not in left


def test_products_that_cancel_leave_nothing_that_is_passed_over() -> None:
    lines = """dR[t] = -dS[t]
            daR[t] = dR[t] + dS[t]
            dUr += contract(S[t-1], daR[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    assert "    daR[t] = 0" in changed
    assert not any("dR[t]" in line for line in changed)


def test_a_link_is_where_it_was_made_of_the_same() -> None:
    """An adjoint is not computed before what it is made of, nor what is made of it kept."""
    lines = """dR[t] = dS[t] * C[t] + dS[t] @ Uc.T
            dS[t] = dS[t] + dO[t]
            dA[t] = dS[t] * C[t]
            dUr += contract(S[t-1], dR[t])
            dUr += contract(S[t-1], dA[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    assert changed.index("    dA[t] = dS[t] * C[t]") > changed.index("    dS[t] = dS[t] + dO[t]")
    lines = """dR[t] = dS[t] @ Uc.T
            dA[t] = dR[t] * C[t] + dR[t] @ Uc.T
            dE[t] = dS[t] * Z[t] + dO[t]
            dR[t] = dS[t] * Z[t]
            daR[t] = dR[t] * C[t] + dO[t]
            dUr += contract(S[t-1], dR[t])
            dUr += contract(S[t-1], daR[t])
            dUr += contract(S[t-1], dA[t])
            dUr += contract(S[t-1], dE[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    moved, read = "    dR[t] = dS[t] * Z[t]", "    dE[t] = dR[t] + dO[t]"
    assert changed.index(read) == changed.index(moved) + 1
    products = [line for line in changed if line.endswith("= dR[t] * C[t]")]
    assert len(products) == 2
    assert changed.index(products[0]) < changed.index(moved) < changed.index(products[1])


def test_a_product_of_many_sums_is_not_multiplied_out() -> None:
    many = "dS[t]"  # the product of n sums with a number has 2^n terms
    for name in ("Z", "R", "C", "A", "E", "F"):
        many = f"{many} * (1 - {name}[t])"
    program = written(
        {
            "forward": """
    dO[:] = y[:] @ Wc
    for every step t, first to last:
        Z[t] = x[t] @ Wz
        R[t] = x[t] @ Wr
        C[t] = x[t] @ Wc
        A[t] = tanh(Z[t])
        E[t] = tanh(R[t])
        F[t] = tanh(C[t])
        S[t] = tanh(Z[t] + R[t])
""",
            "backward": f"""
        for every step t, last to first:
            dS[t] = dO[t] + dS_prev[t+1]
            daZ[t] = {many} * Z[t]
            daR[t] = {many} * R[t]
            dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T
""",
        }
    )
    link = "dS[t]"
    for name in ("A", "C", "E", "F", "R", "Z"):
        link = f"{link} * (1 - {name}[t])"
    assert after(chain_products(program), "backward") == phase(f"""
        for every step t, last to first:
            dS[t] = dS_prev[t+1] + dO[t]
            dS_A_C_E_F_R_Z[t] = {link}
            daZ[t] = dS_A_C_E_F_R_Z[t] * Z[t]
            daR[t] = dS_A_C_E_F_R_Z[t] * R[t]
            dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T
    """)


def test_the_search_ends_when_it_has_compared_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    program = written({"forward": FORWARD, "backward": COMPLEMENT})
    assert chain_products(program) != program
    search = import_module("gru_codegen.passes.adjoints.chain_products")
    monkeypatch.setattr(search, "_MOST_COMPARED", 0)
    assert chain_products(program) == program
