"""Sums over the rows of all steps read copies, which are made once and kept up to date."""

from __future__ import annotations

from dataclasses import replace

import pytest

import gru_codegen as gc
from gru_codegen.cost import gains
from gru_codegen.ir import Call, Every, Now, Program, Ref, Statement, Var
from gru_codegen.lower import lower
from gru_codegen.passes import LAYOUTS, Layout, gather_rows
from gru_codegen.passes.pack.neighbours import Packs
from gru_codegen.passes.support.naming import names_in
from gru_codegen.polynomials import Polynomial
from tests.passes.written import after, phase, written

GATHERED = ["A_rows[:] = A[:]", "dA_rows[:] = dA[:]"]
PRODUCT = "dUz = contract(A_rows[:], dA_rows[:])"


def in_columns(backward: str) -> Program:
    """A program whose backward phase is `backward`, stored with a sample per column."""
    phases = {
        "forward": """
        A[:] = x[:] @ Wz
        for every step t, first to last:
            S[t] = tanh(S[t-1] + A[t])
        dO[:] = S[:]
""",
        "backward": backward,
    }
    overwrites = {"dS": "A", "dE": "E"}
    return replace(written(phases, overwrites=overwrites), orientation="columns")


def gathered(backward: str) -> list[str]:
    return after(gather_rows(in_columns(backward)), "backward")


def test_each_operand_is_copied_once_before_the_first_product_that_reads_it() -> None:
    found = gather_rows(
        in_columns("""
        dA[:] = dO[:] * A[:]
        dWz = contract(x[:], dA[:])
        dUz = contract(S[:-1], dA[:])
        dUr = contract(S[:], dA[:])
        dbz = column_sum(dA[:])
    """)
    )
    assert after(found, "backward") == phase("""
        dA[:] = dO[:] * A[:]
        dA_rows[:] = dA[:]
        dWz = contract(x[:], dA_rows[:])
        S_prev_rows[:] = S[:-1]
        dUz = contract(S_prev_rows[:], dA_rows[:])
        S_rows[:] = S[:]
        dUr = contract(S_rows[:], dA_rows[:])
        dbz = column_sum(dA[:])
    """)
    assert found.by_row == {"dA_rows", "S_prev_rows", "S_rows"}
    copies = [var for name, var in found.variables().items() if name in found.by_row]
    assert {(var.role, var.timed, var.shape) for var in copies} == {("work", True, ("B", "H"))}
    assert {found.orientation_of(var) for var in copies} == {"rows"}
    assert gather_rows(found) == found


def test_a_copy_is_made_under_the_comment_of_the_product() -> None:
    program = in_columns("dUz = contract(S[:-1], S[:])")
    *_, product = program.statements()
    *_, first, second, changed = gather_rows(program).statements()
    assert first.origin == second.origin == changed.origin == product.origin


def test_the_step_after_has_rows_of_its_own() -> None:
    assert gathered("dS_prev[:] = S[:]\ndUz = contract(dS_prev[:+1], S[:])")[1:] == phase("""
        dS_prev_next_rows[:] = dS_prev[:+1]
        S_rows[:] = S[:]
        dUz = contract(dS_prev_next_rows[:], S_rows[:])
    """)


def test_every_product_of_a_sum_reads_copies() -> None:
    found = gathered("dUz = contract(A[:], S[:]) - 2 * contract(S[:], S[:])")
    assert found == phase("""
        A_rows[:] = A[:]
        S_rows[:] = S[:]
        dUz = contract(A_rows[:], S_rows[:]) - 2 * contract(S_rows[:], S_rows[:])
    """)


def test_a_name_that_is_taken_gets_a_number() -> None:
    program = in_columns("dUz = contract(S[:], S[:])")
    weight = replace(program.variables()["Wz"], name="S_rows")
    found = gather_rows(replace(program, weights=(weight,)))
    assert found.by_row == {"S_rows_2"}


def test_where_a_sample_is_a_row_nothing_is_copied() -> None:
    program = replace(in_columns("dUz = contract(S[:-1], S[:])"), orientation="rows")
    assert gather_rows(program) is program


@pytest.mark.parametrize(
    "line",
    [
        "dWz = contract(x[:], Y[:])",  # given, and by row as it comes
        "dUz = contract(tanh(A[:]), A[:] * A[:])",  # computed where it is read
        "dbz = column_sum(A[:])",
        "term = rows(bz)\ndUz = contract(term, term)",  # of no step
        "for every step t, last to first:\n            dUz += contract(A[t], S[t])",
    ],
)
def test_others_stay(line: str) -> None:
    program = in_columns(line)
    assert gather_rows(program) == program


def test_a_pullback_gathers_nothing() -> None:
    program = written({"inputs": "dC[:] = rows(bz)\ndUz = contract(dC[:], dC[:])"})
    program = replace(program, orientation="columns")
    assert gather_rows(program) == program


# --- what is written since ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "copied"),
    [
        ("dA[:] = dA[:] * A[:]", "dA"),
        ("A[:] = A[:] * A[:]", "A"),
        ("dS[:] = dO[:] * dO[:]", "A"),  # it is written over A
        ("for every step t, last to first:\n    dA[t] = dA[t] * A[t]", "dA"),
        ("E[:] = dO[:] * dO[:]", ""),
        ("dE[:] = dO[:] * dO[:]", ""),  # over E, which is not there
        ("S[:] = dO[:] * dO[:]", ""),
    ],
)
def test_what_has_been_written_since_is_copied_again(line: str, copied: str) -> None:
    product = "dUz = contract(A[:], dA[:])\n"
    found = gathered(f"dA[:] = dO[:] * A[:]\n{product}{line}\n{product}")
    start = [found[0], *GATHERED, PRODUCT]
    again = [copy for copy in GATHERED if copy.endswith(f" = {copied}[:]")]
    assert found == [*start, *phase(line), *again, PRODUCT]


def test_what_shares_its_storage_is_copied_again_as_well() -> None:
    """A is overwritten by dS, and then written itself."""
    product = "dUz = contract(dS[:], dS[:])\n"
    found = gathered(f"dS[:] = rows(bz)\n{product}A[:] = rows(bz)\n{product}")
    assert found.count("dS_rows[:] = dS[:]") == 2


def test_what_is_copied_in_one_phase_is_copied_again_in_another() -> None:
    """A pullback runs one without the other."""
    phases = {"loss": "A[:] = rows(bz)\ndUz = contract(A[:], A[:])"}
    phases["backward"] = "dUr = contract(A[:], A[:])"
    found = gather_rows(replace(written(phases), orientation="columns"))
    assert after(found, "loss")[1] == after(found, "backward")[0] == "A_rows[:] = A[:]"


def test_a_copy_that_was_made_on_a_condition_serves_those_who_have_it() -> None:
    found = gathered("""
        if lengths: dUz += contract(A[:], A[:])
        if lengths and pullback: dUz += contract(A[:], A[:])
        dUz += contract(A[:], A[:])
        if pullback: dUz += contract(A[:], A[:])
    """)
    assert found == phase("""
        if lengths: A_rows[:] = A[:]
        if lengths: dUz += contract(A_rows[:], A_rows[:])
        if lengths and pullback: dUz += contract(A_rows[:], A_rows[:])
        A_rows[:] = A[:]
        dUz += contract(A_rows[:], A_rows[:])
        if pullback: dUz += contract(A_rows[:], A_rows[:])
    """)


@pytest.mark.parametrize(("line", "again"), [("R[:] = S[:]", True), ("C[:] = S[:]", False)])
def test_neighbours_are_copied_together_and_again_when_one_is_written(
    line: str, again: bool
) -> None:
    program = in_columns(f"Z[:] = S[:]\nR[:] = S[:]\nC[:] = S[:]\n{line}")
    parts = tuple(Ref(program.variables()[name], Now()) for name in "ZR")
    gates = replace(Packs(program, names_in(program)).of(parts), when=Every())
    weight = Var("U", ("H+H", "H+H"), "weight")
    target = Ref(Var("dU", weight.shape, "gradient", adjoint_of="U"))
    product = Statement(target, Call("contract", (gates, gates)))
    forward, backward = program.phases
    *first, changing = backward.blocks
    backward = replace(backward, blocks=(*first, product, changing, product))
    program = replace(program, weights=(weight,), phases=(forward, backward))
    found = after(gather_rows(program), "backward")
    copy, summed = "Z_R_rows[:] = Z_R[:]", "dU = contract(Z_R_rows[:], Z_R_rows[:])"
    assert found[3:] == [copy, summed, line, *[copy] * again, summed]


# --- what it gains --------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["columns", "folded"])
def test_it_costs_the_storage_of_the_copies(layout: Layout) -> None:
    """Of [x S_prev], [daZ daR], [x RS] and daCA; sums over T*B rows are one GEMM each for them."""
    found = gains(lower(gc.derive(gc.GRU)), LAYOUTS[layout])
    (gain,) = (gain for gain in found if gain.name == "gather_rows")
    assert (gain.before.gemms, gain.before.flops) == (gain.after.gemms, gain.after.flops)
    copies = Polynomial({("T", "B", "D"): 2, ("T", "B", "H"): 5})
    assert gain.after.stored == gain.before.stored + copies
