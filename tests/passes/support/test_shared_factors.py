"""What products have in common is computed for neighbours at once, in what is each one's own."""

from __future__ import annotations

from functools import reduce

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_codegen.interpret import interpret
from gru_codegen.ir import Call, Expr, refs, validate
from gru_codegen.passes import fuse_elementwise, to_three_address_code
from gru_codegen.passes.support.shared_factors import parted
from tests.emit.programs import timed
from tests.passes.written import after, phase, written

#: Z and R become neighbours; S is what they were computed from.
FORWARD = """
    for every step t, first to last:
        C[t] = exp(S[t-1])
        Z[t] = tanh(S[t-1] @ Uz)
        R[t] = tanh(S[t-1] @ Ur)
        S[t] = Z[t] * R[t]
"""


def batched(backward: str) -> list[str]:
    return after(fuse_elementwise(written({"forward": FORWARD, "backward": backward})), "backward")


def test_each_begins_with_its_own_and_goes_on_with_the_others() -> None:
    found = batched("""
        E[:] = (C[:] - S[:-1]) * Z[:] * (1 - Z[:])
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)
    assert found == phase("""
        E[:] = C[:] - S[:-1]
        F[:] = S[:-1]
        E_F[:] = E_F[:] * Z_R[:] * (1 - Z_R[:])
    """)


def test_they_come_in_the_order_of_what_they_have_in_common() -> None:
    found = batched("""
        E[:] = S[:-1] * (R[:] * (1 - R[:]))
        F[:] = C[:] * (Z[:] * (1 - Z[:]))
    """)
    assert found[-1] == "F_E[:] = F_E[:] * Z_R[:] * (1 - Z_R[:])"


def test_a_factor_that_has_a_name_is_seen_through() -> None:
    found = batched("""
        A[:] = 1 - Z[:]
        E[:] = (C[:] - S[:-1]) * Z[:] * A[:]
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)
    assert found[-1] == "E_F[:] = E_F[:] * Z_R[:] * (1 - Z_R[:])"


def unchanged(backward: str) -> None:
    assert batched(backward) == phase(backward)


def test_a_name_that_means_something_else_by_now_is_not_seen_through() -> None:
    found = batched("""
        A[:] = 1 - Z[:]
        A[:] = tanh(A[:])
        E[:] = (C[:] - S[:-1]) * Z[:] * A[:]
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)
    assert found[-1] == "E_F[:] = E_F[:] * Z_R[:]"


def test_what_takes_no_fewer_operations_stays() -> None:
    unchanged("""
        E[:] = C[:] * Z[:]
        F[:] = S[:-1] * R[:]
    """)


def test_what_has_nothing_of_its_own_stays() -> None:
    unchanged("""
        E[:] = Z[:] * (1 - Z[:])
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)


def test_what_is_alike_in_no_neighbours_stays() -> None:
    unchanged("""
        E[:] = (C[:] - S[:-1]) * S[:] * (1 - S[:])
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)


def test_neighbours_are_not_made_for_it() -> None:
    unchanged("""
        A[:] = exp(C[:])
        E[:] = (C[:] - S[:-1]) * C[:] * (1 - C[:])
        F[:] = S[:-1] * A[:] * (1 - A[:])
    """)


def test_numbers_alone_are_not_enough() -> None:
    unchanged("""
        E[:] = 1/2 * exp(C[:])
        F[:] = 1/2 * exp(tanh(S[:-1]))
    """)


def test_those_go_together_that_have_most_in_common() -> None:
    found = batched("""
        E[:] = (C[:] - S[:-1]) * Z[:] * (1 - Z[:])
        A[:] = (C[:] - S[:-1]) * tanh(S[:-1]) * (1 - R[:])
        F[:] = exp(S[:-1]) * R[:] * (1 - R[:])
    """)
    assert found[2] == "E_F[:] = E_F[:] * Z_R[:] * (1 - Z_R[:])"


def test_what_is_made_of_its_old_value_is_not_seen_through() -> None:
    found = batched("""
        Z[:] = 1 - Z[:]
        E[:] = C[:] * Z[:] * tanh(Z[:])
        F[:] = S[:-1] * (1 - R[:]) * tanh(R[:])
    """)
    assert found[-1] == "E_F[:] = E_F[:] * tanh(Z_R[:])"


def test_none_moves_before_what_it_reads() -> None:
    unchanged("""
        E[:] = (C[:] - S[:-1]) * Z[:] * (1 - Z[:])
        A[:] = exp(S[:-1])
        F[:] = A[:] * R[:] * (1 - R[:])
    """)


def test_what_is_still_to_be_read_is_not_written_first() -> None:
    unchanged("""
        E[:] = tanh(C[:])
        E[:] = C[:] * Z[:] * (1 - Z[:]) * E[:]
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)
    unchanged("""
        F[:] = tanh(C[:])
        E[:] = C[:] * Z[:] * (1 - Z[:]) * F[:]
        F[:] = S[:-1] * R[:] * (1 - R[:])
    """)


OWN = ["C[:]", "S[:-1]", "C[:] - S[:-1]", "Z[:]", "tanh(R[:])", "E[:]", "F[:]", "A[:]"]


@st.composite
def products(draw: st.DrawFn) -> str:
    """Statements whose values are products of functions of a gate, and of others."""
    lines = ["E[:] = exp(Z[:])", "F[:] = exp(R[:])", "A[:] = 1 - Z[:]"]
    for _ in range(draw(st.integers(2, 4))):
        gate = draw(st.sampled_from("ZR"))
        functions = [f"{gate}[:]", f"1 - {gate}[:]", f"tanh({gate}[:])"]
        some = draw(st.lists(st.sampled_from(functions), min_size=2, max_size=3))
        some += draw(st.lists(st.sampled_from(OWN), min_size=0, max_size=2))
        value, *others = draw(st.permutations(some))
        for factor in others:
            value = f"{value} * ({factor})"
        lines.append(f"{draw(st.sampled_from('EEFFA'))}[:] = {value}")
    return "\n".join(lines)


def test_no_value_changes() -> None:
    parted = 0

    @settings(max_examples=300, derandomize=True, database=None, deadline=None)
    @given(backward=products())
    def keeps_every_value(backward: str) -> None:
        nonlocal parted
        program = written({"forward": FORWARD, "backward": backward}, {"gradients": "S E F A"})
        rng = np.random.default_rng(0)
        arrays = {name: rng.uniform(-1, 1, (4, 4)) for name in ("Uz", "Ur")}
        arrays["s0"] = rng.uniform(-1, 1, (2, 4))
        expected = interpret(program, arrays, 3)
        changed = validate(fuse_elementwise(program))
        parted += any(s.target in refs(s.value) for s in changed.statements() if s.target.var.parts)
        for found in (changed, validate(to_three_address_code(changed))):
            values = interpret(found, arrays, 3)
            for name in "EFA":
                np.testing.assert_allclose(values[name], expected[name], rtol=1e-12)

    keeps_every_value()
    assert parted >= 10


def test_the_search_for_factors_that_are_alike_is_bounded() -> None:
    """Of eight products of eight equal factors each, all but the last of them can be alike."""
    factors: list[Expr] = [timed(f"F{n}") for n in range(8)]
    product = reduce(lambda left, right: Call("multiply", (left, right)), factors)
    products = [product] * 8
    tried = []

    def alike(column: list[Expr]) -> bool:
        tried.append(column)
        return len(column) < len(products)

    assert parted(products, alike, {}) is None
    assert len(tried) <= 1000
