"""Additions behind a product become part of it, by identity blocks."""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.ir import Block, Call, Loop, Phase, Ref, Statement, Var
from gru_codegen.passes import (
    collect_all_local_derivatives,
    fission_statements,
    fuse_additions,
    stack_products,
)
from tests.passes.written import after, written

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
        daZ[t] = dS[t] * Z[t]
        daR[t] = dS[t] * R[t]
        dS_prev[t] = daZ[t] @ Uz.T + daR[t] @ Ur.T + dS[t] * R[t]
"""


def test_an_addition_becomes_a_neighbour_and_an_identity() -> None:
    program = written({"forward": FORWARD, "backward": BACKWARD})
    stacked = stack_products(program)
    assert after(stacked, "backward")[-2:] == [
        "    dS_prev_products = daZ_daR[t] @ beside(Uz, Ur).T",
        "    dS_prev[t] = dS_prev_products + dS[t] * R[t]",
    ]
    assert after(fuse_additions(stacked), "backward")[-2:] == [
        "    dS_prev_via_dS[t] = dS[t] * R[t]",
        "    dS_prev[t] = daZ_daR_dS_prev_via_dS[t] @ beside(Uz, Ur, identity(Uz)).T",
    ]


def test_a_product_that_is_no_addend_stays() -> None:
    program = written(
        {
            "forward": FORWARD,
            "backward": """
                for every step t, last to first:
                    dS[t] = dO[t] + dS_prev[t+1]
                    daZ[t] = dS[t] * Z[t]
                    daR[t] = dS[t] * R[t]
                    dS_prev[t] = dS[t] * R[t] + tanh(daZ[t] @ Uz.T + daR[t] @ Ur.T)
            """,
        }
    )
    stacked = stack_products(program)
    assert fuse_additions(stacked) == stacked


def test_loops_first_to_last_stay() -> None:
    stacked = stack_products(
        written("""
        for every step t, first to last:
            A[t] = tanh(S[t-1])
            S[t] = A[t] @ Uz.T + S[t-1] @ Ur.T + A[t] * A[t]
    """)
    )
    assert fuse_additions(stacked) == stacked


def test_factors_are_found_for_what_was_collected() -> None:
    program = written({"forward": FORWARD, "backward": BACKWARD})
    found = fuse_additions(
        stack_products(fission_statements(collect_all_local_derivatives(program)))
    )
    assert after(found, "backward")[-2] == "    dS_prev_via_dS[t] = dS[t] * S_by_S_prev[t]"


def test_a_product_that_is_read_elsewhere_too_stays() -> None:
    stacked = stack_products(written({"forward": FORWARD, "backward": BACKWARD}))
    (products,) = (
        s.target for s in stacked.statements() if s.target.var.name == "dS_prev_products"
    )

    def read_again(phase: Phase) -> tuple[Block, ...]:
        if phase.name != "backward":
            return phase.blocks
        again = Ref(Var("again", products.var.shape, "work"))
        (loop,) = phase.blocks
        assert isinstance(loop, Loop)
        more = Statement(again, Call("tanh", (products,)))
        return (replace(loop, body=(*loop.body, more)),)

    read_twice = stacked.with_blocks(read_again)
    assert fuse_additions(read_twice) == read_twice
