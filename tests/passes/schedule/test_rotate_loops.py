"""What a backward step begins with is added by the product at the end of the step before."""

from __future__ import annotations

from gru_codegen.ir import Program
from gru_codegen.passes import rotate_loops, stack_products
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
        if lengths: dE[t] = select(ended[t], dS[t], 0)
        daZ[t] = dS[t] * Z[t]
        daR[t] = dS[t] * R[t]
        dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T
        if lengths: dS_prev[t] = dS_prev[t] + dE[t]
    dUz = contract(S[:], daZ[:])
    dUr = contract(S[:], daR[:])
"""


def stacked(backward: str) -> Program:
    return stack_products(written({"forward": FORWARD, "backward": backward}, carries="dS_prev"))


def test_the_product_adds_what_the_next_step_would_begin_with() -> None:
    program = rotate_loops(stacked(BACKWARD))
    assert after(program, "backward") == phase("""
        dS_via_dO[:] = dO[:]
        for every step t, last to first:
            dS[t] = dS_prev[t+1]
            if lengths: dE[t] = select(ended[t], dS[t], 0)
            daZ[t] = dS[t] * Z[t]
            daR[t] = dS[t] * R[t]
            dS_prev[t] = daZ_daR_dS_via_dO[t] @ beside(Uz, Ur, identity(Uz)).T
            if lengths: dS_prev[t] = dS_prev[t] + dE[t]
        dUz = contract(S[:], daZ[:])
        dUr = contract(S[:], daR[:])
    """)
    (carry,) = program.carries
    assert str(carry.boundary) == "dS_last + dS_via_dO[t-1]"
    (product,) = (s for s in program.statements() if str(s.value).startswith("daZ"))
    assert [str(part) for part in product.value.args[0].var.parts[0]] == [  # type: ignore[union-attr]
        "daZ[t]",
        "daR[t]",
        "dS_via_dO[t-1]",
    ]


def test_a_product_of_one_matrix_gets_its_first_neighbour() -> None:
    found = rotate_loops(stacked(BACKWARD.replace(" + daR[t] @ Ur.T", "")))
    assert "    dS_prev[t] = daZ_dS_via_dO[t] @ beside(Uz, identity(Uz)).T" in after(
        found, "backward"
    )


def test_a_sum_over_what_several_bring_is_taken_at_once() -> None:
    found = rotate_loops(
        stacked(
            BACKWARD.replace("dO[t] + dS_prev[t+1]", "dO[t] + dS_prev[t+1] + F[t]").replace(
                "for every", "F[:] = tanh(dO[:])\n    for every"
            )
        )
    )
    assert "dS_via_dO[:] = dO[:] + F[:]" in after(found, "backward")


def unchanged(backward: str) -> None:
    program = stacked(backward)
    assert rotate_loops(program) == program


def test_what_ends_in_no_product_stays() -> None:
    unchanged(BACKWARD.replace("Ur.T", "Ur.T + daR[t]"))
    unchanged(BACKWARD.replace("Uz.T", "(2 * Uz)").replace("Ur.T", "(2 * Ur)"))


def test_what_ends_in_a_product_of_another_form_stays() -> None:
    product = "daZ[t] @ Uz.T + daR[t] @ Ur.T"
    for end in (
        "tanh(daZ[t])",
        "0",
        "daZ[t] @ Uz",
        "tanh(daZ[t]) @ Uz.T",
        "G[t-1] @ Uz.T",
    ):
        unchanged("    G[:] = dO[:]\n" + BACKWARD.lstrip("\n").replace(product, end))


def test_a_carry_that_is_read_elsewhere_stays() -> None:
    unchanged(BACKWARD.replace("dS[t] * Z[t]", "dS_prev[t+1] * Z[t]"))
    unchanged(BACKWARD + "    dUc = contract(S[:], dS_prev[:])\n")


def test_a_carry_that_is_more_than_added_to_stays() -> None:
    unchanged(BACKWARD.replace("dS_prev[t] + dE[t]", "select(ended[t], dE[t], dS_prev[t])"))
    unchanged(BACKWARD.replace("dS_prev[t] + dE[t]", "dE[t]"))
    unchanged(BACKWARD.replace("dS_prev[t] + dE[t]", "dS_prev[t] + dS_prev[t]"))


def test_a_step_that_begins_with_its_own_stays() -> None:
    unchanged(BACKWARD.replace("dS[t] = dO[t]", "dC[t] = tanh(dO[t])\n        dS[t] = dC[t]"))
    unchanged(BACKWARD.replace("dO[t] + dS_prev[t+1]", "dS_prev[t+1]"))
    unchanged(BACKWARD.replace("dO[t] + dS_prev[t+1]", "dO[t] - dS_prev[t+1]"))


def test_a_sum_that_is_kept_for_every_step_stays() -> None:
    unchanged(BACKWARD + "    dUc = contract(S[:], dS[:])\n")


def test_a_product_of_what_is_not_kept_stays() -> None:
    unchanged(BACKWARD.partition("    dUz")[0])


def test_a_product_of_some_of_a_longer_run_stays() -> None:
    """Behind them stands another already."""
    longer = """
        dC[t] = dS[t] * S[t]
        dA[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T + dC[t] @ Uc.T
        dS_prev[t] ="""
    backward = BACKWARD.replace("\n        dS_prev[t] =", longer, 1)
    unchanged(backward + "    dUc = contract(S[:], dC[:])\n")
    alone = BACKWARD.replace(
        "        dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T",
        "        dA[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T\n        dS_prev[t] = daZ[t] @ Uz.T",
    )
    unchanged(alone)


def test_a_carry_that_is_added_twice_or_on_a_condition_stays() -> None:
    added = "dO[t] + dS_prev[t+1]"
    unchanged(BACKWARD.replace(added, f"{added} + dS_prev[t+1]"))
    start = f"dS[t] = {added}"
    conditional = BACKWARD.replace(start, f"dS[t] = dO[t]\n        if lengths: {start}")
    unchanged(conditional)
    own = f"dS_prev[t] = {added}"
    unchanged(BACKWARD.partition("        dS[t]")[0] + f"        {own}\n")
