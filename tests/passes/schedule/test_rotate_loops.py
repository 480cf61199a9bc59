"""What a backward step begins with is added by the product at the end of the step before."""

from __future__ import annotations

from gru_codegen.ir import Program
from gru_codegen.passes import rotate_loops, stack_products
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
        if lengths: dE[t] = select(ended[t], dS[t], 0)
        daZ[t] = multiply(dS[t], Z[t])
        daR[t] = multiply(dS[t], R[t])
        dS_prev[t] = add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))
        if lengths: dS_prev[t] = add(dS_prev[t], dE[t])
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
            daZ[t] = multiply(dS[t], Z[t])
            daR[t] = multiply(dS[t], R[t])
            dS_prev[t] = matmul(daZ_daR_dS_via_dO[t], transpose(beside(Uz, Ur, identity(Uz))))
            if lengths: dS_prev[t] = add(dS_prev[t], dE[t])
        dUz = contract(S[:], daZ[:])
        dUr = contract(S[:], daR[:])
    """)
    (carry,) = program.carries
    assert str(carry.boundary) == "add(dS_last, dS_via_dO[t-1])"
    (product,) = (s for s in program.statements() if "matmul(daZ" in str(s.value))
    assert [str(part) for part in product.value.args[0].var.parts[0]] == [  # type: ignore[union-attr]
        "daZ[t]",
        "daR[t]",
        "dS_via_dO[t-1]",
    ]


def test_a_product_of_one_matrix_gets_its_first_neighbour() -> None:
    found = rotate_loops(
        stacked(
            BACKWARD.replace(", matmul(daR[t], transpose(Ur)))", "").replace(
                "add(matmul(daZ", "matmul(daZ"
            )
        )
    )
    assert (
        "    dS_prev[t] = matmul(daZ_dS_via_dO[t], transpose(beside(Uz, identity(Uz))))"
        in after(found, "backward")
    )


def test_a_sum_over_what_several_bring_is_taken_at_once() -> None:
    found = rotate_loops(
        stacked(
            BACKWARD.replace(
                "add(dO[t], dS_prev[t+1])", "add(add(dO[t], dS_prev[t+1]), F[t])"
            ).replace("for every", "F[:] = tanh(dO[:])\n    for every")
        )
    )
    assert "dS_via_dO[:] = add(dO[:], F[:])" in after(found, "backward")


def unchanged(backward: str) -> None:
    program = stacked(backward)
    assert rotate_loops(program) == program


def test_what_ends_in_no_product_stays() -> None:
    unchanged(
        BACKWARD.replace("transpose(Ur)))", "transpose(Ur))), daR[t])").replace(
            "= add(matmul", "= add(add(matmul"
        )
    )
    unchanged(BACKWARD.replace("transpose(", "multiply(2, "))


def test_what_ends_in_a_product_of_another_form_stays() -> None:
    product = "add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))"
    for end in (
        "tanh(daZ[t])",
        "0",
        "matmul(daZ[t], Uz)",
        "matmul(tanh(daZ[t]), transpose(Uz))",
        "matmul(G[t-1], transpose(Uz))",
    ):
        unchanged("    G[:] = dO[:]\n" + BACKWARD.lstrip("\n").replace(product, end))


def test_a_carry_that_is_read_elsewhere_stays() -> None:
    unchanged(BACKWARD.replace("multiply(dS[t], Z[t])", "multiply(dS_prev[t+1], Z[t])"))
    unchanged(BACKWARD + "    dUc = contract(S[:], dS_prev[:])\n")


def test_a_carry_that_is_more_than_added_to_stays() -> None:
    unchanged(BACKWARD.replace("add(dS_prev[t], dE[t])", "select(ended[t], dE[t], dS_prev[t])"))
    unchanged(BACKWARD.replace("add(dS_prev[t], dE[t])", "dE[t]"))
    unchanged(BACKWARD.replace("add(dS_prev[t], dE[t])", "add(dS_prev[t], dS_prev[t])"))


def test_a_step_that_begins_with_its_own_stays() -> None:
    unchanged(
        BACKWARD.replace("dS[t] = add(dO[t], ", "dC[t] = tanh(dO[t])\n        dS[t] = add(dC[t], ")
    )
    unchanged(BACKWARD.replace("add(dO[t], dS_prev[t+1])", "dS_prev[t+1]"))
    unchanged(BACKWARD.replace("add(dO[t], dS_prev[t+1])", "subtract(dO[t], dS_prev[t+1])"))


def test_a_sum_that_is_kept_for_every_step_stays() -> None:
    unchanged(BACKWARD + "    dUc = contract(S[:], dS[:])\n")


def test_a_product_of_what_is_not_kept_stays() -> None:
    unchanged(BACKWARD.partition("    dUz")[0])


def test_a_product_of_some_of_a_longer_run_stays() -> None:
    """Behind them stands another already."""
    longer = """
        dC[t] = multiply(dS[t], S[t])
        dA[t] = add(add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur))), \
matmul(dC[t], transpose(Uc)))
        dS_prev[t] ="""
    backward = BACKWARD.replace("\n        dS_prev[t] =", longer, 1)
    unchanged(backward + "    dUc = contract(S[:], dC[:])\n")
    alone = BACKWARD.replace(
        "        dS_prev[t] = add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))",
        "        dA[t] = add(matmul(daZ[t], transpose(Uz)), matmul(daR[t], transpose(Ur)))\n"
        "        dS_prev[t] = matmul(daZ[t], transpose(Uz))",
    )
    unchanged(alone)


def test_a_carry_that_is_added_twice_or_on_a_condition_stays() -> None:
    added = "add(dO[t], dS_prev[t+1])"
    unchanged(BACKWARD.replace(added, f"add({added}, dS_prev[t+1])"))
    start = f"dS[t] = {added}"
    conditional = BACKWARD.replace(start, f"dS[t] = dO[t]\n        if lengths: {start}")
    unchanged(conditional)
    own = f"dS_prev[t] = {added}"
    unchanged(BACKWARD.partition("        dS[t]")[0] + f"        {own}\n")
