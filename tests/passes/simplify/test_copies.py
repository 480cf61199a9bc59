"""A copy that is handed out takes the place of its original."""

from __future__ import annotations

from gru_codegen.passes import coalesce_copies
from tests.passes.written import after, phase, written

BODY = """
    for every step t, first to last:
        E[t] = x[t] @ Wz
        E[t] = tanh(E[t])
        Z[t] = E[t]
"""


def test_the_copy_is_computed_in_the_first_place() -> None:
    assert after(coalesce_copies(written(BODY, {"forward": "Z"}))) == phase("""
        for every step t, first to last:
            Z[t] = x[t] @ Wz
            Z[t] = tanh(Z[t])
    """)


def test_not_what_is_handed_out_or_read_elsewhere() -> None:
    handed = written(BODY, {"forward": "Z E"})
    assert coalesce_copies(handed) == handed
    elsewhere = written({"forward": BODY, "loss": "A[:] = exp(E[:])"}, {"forward": "Z"})
    assert coalesce_copies(elsewhere) == elsewhere


def test_not_where_the_copy_means_something_else() -> None:
    program = written("    Z[:] = 1" + BODY.replace("tanh(E[t])", "E[t] + Z[t]"), {"forward": "Z"})
    assert coalesce_copies(program) == program


def test_not_where_another_step_of_the_copy_is_read_meanwhile() -> None:
    """All steps of dS_prev would have to be kept."""
    program = written(
        """
        for every step t, last to first:
            dE[t] = x[t] @ Wz
            dR[t] = exp(dS_prev[t+1])
            dS_prev[t] = dE[t]
        """,
        {"forward": "dR"},
    )
    assert coalesce_copies(program) == program
