"""The orientation changes and no value; what is given meets a copy of a part of a pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gru_codegen.ir import Call, Loop, Now, Program, Ref, Statement
from gru_codegen.passes import store_feature_major
from gru_codegen.passes.pack.neighbours import Packs
from tests.passes.written import after, phase, written


def beside_one_another(text: str, overwrites: Mapping[str, str] | None = None) -> Program:
    """The program of `text`, in which P and Q are neighbours."""
    program = written(f"P[:] = x[:]\nQ[:] = y[:]\ndx[:] = P[:]\n{text}")
    both = Packs(program, set()).of(tuple(Ref(program.variables()[name], Now()) for name in "PQ"))
    together = Loop("forward", (Statement(both, Call("tanh", (both,))),))
    first = program.phases[0]
    blocks = (*first.blocks[:-1], together, first.blocks[-1])
    return replace(program, phases=(replace(first, blocks=blocks),), overwrites=overwrites or {})


def test_the_orientation_changes() -> None:
    program = written("S[:] = tanh(x[:] @ Wz)")
    found = store_feature_major(program)
    assert (program.orientation, found.orientation) == ("rows", "columns")
    assert after(found) == phase("S[:] = tanh(x[:] @ Wz)")


@pytest.mark.parametrize("given", ["x", "y"])
def test_a_part_of_a_pack_is_copied_before_it_meets_what_is_given(given: str) -> None:
    program = beside_one_another(f"dx[:] = P[:] - {given}[:]")
    assert after(store_feature_major(program)) == [
        *after(program)[:-1],
        "dx[:] = P[:]",
        f"dx[:] = dx[:] - {given}[:]",
    ]
    turned = beside_one_another(f"dx[:] = {given}[:] - Q[:]")
    assert after(store_feature_major(turned))[-2:] == [
        "dx[:] = Q[:]",
        f"dx[:] = {given}[:] - dx[:]",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "dx[:] = P[:] - Q[:]",  # nothing is given
        "dx[:] = P[:] - dx[:]",
        "dx[:] = x[:] - y[:]",  # no part of a pack
        "P[:] = Q[:] - x[:]",  # a part is no better a place
        "dx[:] = tanh(P[:])",
        "dx[:] = 1/2 * x[:]",
    ],
)
def test_other_statements_stay(line: str) -> None:
    program = beside_one_another(line)
    assert after(store_feature_major(program)) == after(program)


def test_what_is_written_over_another_stays() -> None:
    program = beside_one_another("dx[:] = P[:] - x[:]", {"dx": "P"})
    assert after(store_feature_major(program)) == after(program)


def test_the_second_copy_of_what_is_given_is_made_from_the_first() -> None:
    program = written("""
        P[:] = x[:]
        C[:] = 1
        Q[:] = x[:]
        dx[:] = y[:]
    """)
    assert after(store_feature_major(program)) == phase("""
        P[:] = x[:]
        C[:] = 1
        Q[:] = P[:]
        dx[:] = y[:]
    """)


@pytest.mark.parametrize(
    "line",
    [
        "P[:] = tanh(P[:])",
        "P[:] = y[:]",
        "P[:] = 1",
        "if lengths: P[:] = 1",
        "dx[:] = tanh(x[:])",  # written over it
        "for every step t, first to last:\n            P[t] = tanh(P[t])",
    ],
)
def test_a_copy_that_has_changed_since_is_none(line: str) -> None:
    program = written(
        f"""
        P[:] = x[:]
        {line}
        Q[:] = x[:]
    """,
        overwrites={"dx": "P"},
    )
    assert after(store_feature_major(program)) == after(program)


def test_a_copy_of_what_is_computed_is_none() -> None:
    """It may be computed anew."""
    program = written("""
        Z[:] = x[:] @ Wz
        A[:] = Z[:]
        Z[:] = 1
        C[:] = Z[:]
    """)
    assert after(store_feature_major(program)) == after(program)


def test_a_copy_that_is_left_alone_is_one() -> None:
    program = written("""
        P[:] = x[:]
        Z[:] = x[:] @ Wz
        for every step t, first to last:
            S[t] = tanh(Z[t])
        Q[:] = x[:]
    """)
    assert after(store_feature_major(program))[-1] == "Q[:] = P[:]"


def test_a_copy_that_is_made_for_an_optional_argument_alone_is_none() -> None:
    program = written("""
        P[:] = tanh(x[:])
        if lengths: P[:] = x[:]
        Q[:] = x[:]
    """)
    assert after(store_feature_major(program)) == after(program)
