"""Products of adjoints are computed as chains, each link from the one before it."""

from __future__ import annotations

from gru_codegen.ir import Program
from gru_codegen.passes import chain_products
from tests.passes.written import after, phase, written

FORWARD = """
    dO[:] = matmul(y[:], Wc)
    for every step t, first to last:
        Z[t] = matmul(x[t], Wz)
        R[t] = matmul(x[t], Wr)
        S[t] = tanh(add(Z[t], R[t]))
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
    assert after(chain_products(program), "backward") == phase("""
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
    assert chain_products(program) == program


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
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dS[t] = add(dS_prev[t+1], dO[t])
            dS_rest[t] = subtract(dS[t], multiply(dS[t], Z[t]))
            daZ[t] = multiply(multiply(dS_rest[t], Z[t]), subtract(R[t], Z[t]))
            dS_prev[t] = add(dS_rest[t], matmul(daZ[t], transpose(Uz)))
            dUz += contract(S[t-1], daZ[t])
    """)


def blended(forward: str = "", backward: str = "") -> Program:
    """A state that a gate moves; a masked one with what `forward` and `backward` add."""
    return written(
        {
            "forward": f"""
        dO[:] = matmul(y[:], Wc)
        for every step t, first to last:
            Z[t] = matmul(x[t], Wz)
            C[t] = matmul(x[t], Wc)
            S[t] = add(S[t-1], multiply(Z[t], subtract(C[t], S[t-1])))
            {forward}
""",
            "backward": f"""
        for every step t, last to first:
            dS[t] = add(dO[t], dS_prev[t+1])
            {backward}
            dZ[t] = multiply(dS[t], subtract(C[t], S[t-1]))
            daZ[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, Z[t]))
            dS_prev[t] = add(multiply(dS[t], subtract(1, Z[t])), matmul(daZ[t], transpose(Uz)))
            dUz += contract(S[t-1], daZ[t])
""",
        }
    )


def test_a_rest_is_computed_once_and_what_the_state_gained_is_read_again() -> None:
    assert after(chain_products(blended()), "backward") == phase("""
        for every step t, last to first:
            dS[t] = add(dS_prev[t+1], dO[t])
            dS_rest[t] = subtract(dS[t], multiply(dS[t], Z[t]))
            daZ[t] = multiply(dS_rest[t], subtract(S[t], S[t-1]))
            dS_prev[t] = add(dS_rest[t], matmul(daZ[t], transpose(Uz)))
            dUz += contract(S[t-1], daZ[t])
    """)


MASKED = "if lengths: S[t] = select(ended[t], S[t-1], S[t])"


def test_a_state_that_stands_still_past_a_length_is_read_where_its_adjoint_is_0_there() -> None:
    recalling = "    daZ[t] = multiply(dS_rest[t], subtract(S[t], S[t-1]))"
    computing = "    daZ[t] = multiply(multiply(dS_rest[t], Z[t]), subtract(C[t], S[t-1]))"
    zero = blended(MASKED, "if lengths: dS[t] = select(ended[t], 0, dS[t])")
    assert recalling in after(chain_products(zero), "backward")
    assert computing in after(chain_products(blended(MASKED)), "backward")
    other = blended(MASKED, "if lengths: dS[t] = select(ended[t], dO[t], dS[t])")
    assert computing in after(chain_products(other), "backward")


GATED = """
    dO[:] = matmul(y[:], Wc)
    for every step t, first to last:
        R[t] = matmul(x[t], Wr)
        A[t] = matmul(S[t-1], Uc)
        S[t] = tanh(multiply(R[t], A[t]))
"""
BACKWARD = """
        for every step t, last to first:
            dS[t] = add(dO[t], dS_prev[t+1])
            dA[t] = multiply(dS[t], R[t])
            dR[t] = multiply(dS[t], A[t])
            daR[t] = multiply(multiply(dR[t], R[t]), subtract(1, R[t]))
            dS_prev[t] = matmul(dA[t], transpose(Uc))
            dUc += contract(S[t-1], dA[t])
            dWr += contract(x[t], daR[t])
"""


def test_a_product_is_kept_in_the_place_of_its_factor() -> None:
    changed = chain_products(written({"forward": GATED, "backward": BACKWARD}))
    assert after(changed) == phase("""
    dO[:] = matmul(y[:], Wc)
    for every step t, first to last:
        R[t] = matmul(x[t], Wr)
        A[t] = matmul(S[t-1], Uc)
        RA[t] = multiply(R[t], A[t])
        S[t] = tanh(RA[t])
    """)
    assert after(changed, "backward") == phase("""
        for every step t, last to first:
            dS[t] = add(dS_prev[t+1], dO[t])
            dA[t] = multiply(dS[t], R[t])
            daR[t] = multiply(subtract(dS[t], dA[t]), RA[t])
            dS_prev[t] = matmul(dA[t], transpose(Uc))
            dUc += contract(S[t-1], dA[t])
            dWr += contract(x[t], daR[t])
    """)


def test_a_product_is_not_kept_beside_its_factors() -> None:
    read = BACKWARD + "            dWc += contract(x[t], A[t])\n"
    changed = chain_products(written({"forward": GATED, "backward": read}))
    assert after(changed) == phase(GATED)
    computing = "    daR[t] = subtract(dA_A[t], multiply(dA_A[t], R[t]))"
    assert computing in after(changed, "backward")


CARRIED = """
        for every step t, last to first:
            dC[t] = {carry}
            dZ[t] = multiply(dC[t], R[t])
            daZ[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, Z[t]))
            dUz += contract({read}, daZ[t])
            dS_prev[t] = multiply(dC[t], Z[t])
"""


def test_an_adjoint_that_is_a_link_is_computed_where_the_link_is_read() -> None:
    backward = CARRIED.format(carry="add(dO[t], dS_prev[t+1])", read="S[t-1]")
    changed = chain_products(written({"forward": FORWARD, "backward": backward}))
    assert after(changed, "backward") == phase("""
        for every step t, last to first:
            dC[t] = add(dS_prev[t+1], dO[t])
            dS_prev[t] = multiply(dC[t], Z[t])
            dS_prev_R[t] = multiply(dS_prev[t], R[t])
            daZ[t] = subtract(dS_prev_R[t], multiply(dS_prev_R[t], Z[t]))
            dUz += contract(S[t-1], daZ[t])
    """)


def test_an_adjoint_stays_behind_what_reads_another_step_of_it() -> None:
    backward = CARRIED.format(carry="matmul(dO[t], Uc)", read="dS_prev[t+1]")
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
            dC[t] = add(dO[t], dS_prev[t+1])
            dS_prev[t] = multiply(dC[t], Z[t])
            if lengths: dS_prev[t] = add(dS_prev[t], dO[t])
            dZ[t] = multiply(dC[t], R[t])
            daZ[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, Z[t]))
            daR[t] = multiply(multiply(dZ[t], Z[t]), subtract(1, R[t]))
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
""",
        }
    )
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dC[t] = add(dS_prev[t+1], dO[t])
            dS_prev[t] = multiply(dC[t], Z[t])
            if lengths: dS_prev[t] = add(dS_prev[t], dO[t])
            dC_Z[t] = multiply(dC[t], Z[t])
            dC_Z_R[t] = multiply(dC_Z[t], R[t])
            daZ[t] = subtract(dC_Z_R[t], multiply(dC_Z_R[t], Z[t]))
            daR[t] = subtract(dC_Z_R[t], multiply(dC_Z_R[t], R[t]))
            dUz += contract(S[t-1], daZ[t])
            dUr += contract(S[t-1], daR[t])
    """)


def test_a_rest_is_another_once_what_it_is_of_is_another() -> None:
    lines = """daC[t] = add(multiply(dS[t], subtract(1, Z[t])), dO[t])
            dUc += contract(S[t-1], daC[t])
            dS[t] = add(dS[t], dO[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    assert "    daC[t] = add(dS_rest[t], dO[t])" in changed
    assert "    daZ[t] = multiply(dS_rest_2[t], subtract(S[t], S[t-1]))" in changed


def test_what_is_added_is_no_rest() -> None:
    forward = "A[t] = multiply(Z[t], C[t])"
    backward = """
            dA[t] = multiply(dS[t], add(1, Z[t]))
            dUc += contract(S[t-1], dA[t])
"""
    changed = after(chain_products(blended(forward, backward.strip())), "backward")
    assert "    dA[t] = add(dS[t], dS_Z[t])" in changed
    assert "    dS_rest[t] = subtract(dS[t], dS_Z[t])" in changed


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
    assert after(chain_products(program), "backward") == phase("""
        for every step t, last to first:
            dC[t] = add(dS_prev[t+1], dO[t])
            dR[t] = multiply(dC[t], Z[t])
            dZ[t] = multiply(dR[t], R[t])
            dC[t] = multiply(dR[t], R[t])
            dS_prev[t] = multiply(dC[t], Z[t])
            daZ[t] = multiply(dR[t], Z[t])
            dUz += contract(S[t-1], dZ[t])
            dUz += contract(S[t-1], daZ[t])
    """)


def test_a_zero_is_none_where_products_stand_before_it_or_another_value_comes_behind() -> None:
    zero = "if lengths: dS[t] = select(ended[t], 0, dS[t])"
    reading = "subtract(S[t], S[t-1])"
    recalled = "\n".join(after(chain_products(blended(MASKED, zero)), "backward"))
    assert reading in recalled
    behind = f"{zero}\n            dS[t] = add(dS[t], dO[t])"
    before = f"daC[t] = multiply(dS[t], subtract(1, Z[t]))\n            {zero}"
    for backward in (behind, before):
        left = "\n".join(after(chain_products(blended(MASKED, backward)), "backward"))
        assert reading not in left


def test_products_that_cancel_leave_nothing_that_is_passed_over() -> None:
    lines = """dR[t] = negate(dS[t])
            daR[t] = add(dR[t], dS[t])
            dUr += contract(S[t-1], daR[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    assert "    daR[t] = 0" in changed
    assert not any("dR[t]" in line for line in changed)


def test_a_link_is_where_it_was_made_of_the_same() -> None:
    """An adjoint is not computed before what it is made of, nor what is made of it kept."""
    lines = """dR[t] = add(multiply(dS[t], C[t]), matmul(dS[t], transpose(Uc)))
            dS[t] = add(dS[t], dO[t])
            dA[t] = multiply(dS[t], C[t])
            dUr += contract(S[t-1], dR[t])
            dUr += contract(S[t-1], dA[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    assert changed.index("    dA[t] = multiply(dS[t], C[t])") > changed.index(
        "    dS[t] = add(dS[t], dO[t])"
    )
    lines = """dR[t] = matmul(dS[t], transpose(Uc))
            dA[t] = add(multiply(dR[t], C[t]), matmul(dR[t], transpose(Uc)))
            dE[t] = add(multiply(dS[t], Z[t]), dO[t])
            dR[t] = multiply(dS[t], Z[t])
            daR[t] = add(multiply(dR[t], C[t]), dO[t])
            dUr += contract(S[t-1], dR[t])
            dUr += contract(S[t-1], daR[t])
            dUr += contract(S[t-1], dA[t])
            dUr += contract(S[t-1], dE[t])"""
    changed = after(chain_products(blended(backward=lines)), "backward")
    moved, read = "    dR[t] = multiply(dS[t], Z[t])", "    dE[t] = add(dR[t], dO[t])"
    assert changed.index(read) == changed.index(moved) + 1
    products = [line for line in changed if line.endswith("= multiply(dR[t], C[t])")]
    assert len(products) == 2
    assert changed.index(products[0]) < changed.index(moved) < changed.index(products[1])


def test_a_product_of_many_sums_is_not_multiplied_out() -> None:
    many = "dS[t]"  # the product of n sums with a number has 2^n terms
    for name in ("Z", "R", "C", "A", "E", "F"):
        many = f"multiply({many}, subtract(1, {name}[t]))"
    program = written(
        {
            "forward": """
    dO[:] = matmul(y[:], Wc)
    for every step t, first to last:
        Z[t] = matmul(x[t], Wz)
        R[t] = matmul(x[t], Wr)
        C[t] = matmul(x[t], Wc)
        A[t] = tanh(Z[t])
        E[t] = tanh(R[t])
        F[t] = tanh(C[t])
        S[t] = tanh(add(Z[t], R[t]))
""",
            "backward": f"""
        for every step t, last to first:
            dS[t] = add(dO[t], dS_prev[t+1])
            daZ[t] = multiply({many}, Z[t])
            daR[t] = multiply({many}, R[t])
            dS_prev[t] = add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))
""",
        }
    )
    link = "dS[t]"
    for name in ("A", "C", "E", "F", "R", "Z"):
        link = f"multiply({link}, subtract(1, {name}[t]))"
    assert after(chain_products(program), "backward") == phase(f"""
        for every step t, last to first:
            dS[t] = add(dS_prev[t+1], dO[t])
            dS_A_C_E_F_R_Z[t] = {link}
            daZ[t] = multiply(dS_A_C_E_F_R_Z[t], Z[t])
            daR[t] = multiply(dS_A_C_E_F_R_Z[t], R[t])
            dS_prev[t] = add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))
    """)
