"""The ways in which passes go through a program: what changes, and what stays the very same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    Block,
    Call,
    Expr,
    Loop,
    Program,
    Statement,
    Step,
    statements,
    with_statements,
    with_values,
)
from gru_codegen.passes import unroll
from tests.passes.written import after, phase, written

PROGRAM = """
    Z[:] = tanh(x[:] @ Wz)
    R[:] = tanh(Z[:])
    for every step t, first to last:
        C[t] = tanh(Z[t])
        S[t] = C[t] * S[t-1]
    E[:] = exp(S[:])
"""


def program() -> Program:
    return written(PROGRAM, {"forward": "S E"})


def steps(unrolled: Program) -> list[Step]:
    return [block for block in unrolled.phases[0].blocks if isinstance(block, Step)]


def test_each_statement_gives_none_one_or_several() -> None:
    def change(statement: Statement) -> Iterator[Statement]:
        name = statement.target.var.name
        yield from {"R": [], "C": [statement, statement]}.get(name, [statement])

    assert after(program().with_statements(change)) == phase("""
        Z[:] = tanh(x[:] @ Wz)
        for every step t, first to last:
            C[t] = tanh(Z[t])
            C[t] = tanh(Z[t])
            S[t] = C[t] * S[t-1]
        E[:] = exp(S[:])
    """)


def test_values_change_everywhere() -> None:
    def change(value: Expr) -> Expr:
        return value if value.operation == "tanh" else Call("exp", (value,))  # type: ignore[union-attr]

    assert after(program().with_values(change)) == phase("""
        Z[:] = tanh(x[:] @ Wz)
        R[:] = tanh(Z[:])
        for every step t, first to last:
            C[t] = tanh(Z[t])
            S[t] = exp(C[t] * S[t-1])
        E[:] = exp(exp(S[:]))
    """)


def test_what_does_not_change_is_the_very_same() -> None:
    blocks = program().phases[0].blocks
    assert with_statements(blocks, lambda statement: (statement,)) is blocks
    assert with_values(blocks, lambda value: value) is blocks
    changed = with_statements(blocks, lambda s: (s,) if s.target.var.name != "R" else ())
    assert all(new is old for new, old in zip(changed, (blocks[0], *blocks[2:]), strict=True))


def test_steps_share_their_bodies_as_before() -> None:
    unrolled = unroll(4)(program())
    assert len({id(step.body) for step in steps(unrolled)}) == 1
    changed = unrolled.with_values(lambda value: Call("exp", (value,)))
    assert len(steps(changed)) == 4
    assert len({id(step.body) for step in steps(changed)}) == 1


def test_a_loop_gives_what_stands_in_its_place() -> None:
    def change(loop: Loop) -> Iterator[Block]:
        first, *others = statements(loop.body)
        yield replace(loop, body=(first,))
        yield replace(loop, body=tuple(others))

    assert after(program().with_loops(change)) == phase("""
        Z[:] = tanh(x[:] @ Wz)
        R[:] = tanh(Z[:])
        for every step t, first to last:
            C[t] = tanh(Z[t])
        for every step t, first to last:
            S[t] = C[t] * S[t-1]
        E[:] = exp(S[:])
    """)


def test_basic_blocks_are_bodies_and_what_stands_between_them() -> None:
    met: list[tuple[list[str], bool]] = []

    def change(block: tuple[Statement, ...], is_body: bool) -> tuple[Statement, ...]:
        met.append(([statement.target.var.name for statement in block], is_body))
        return block

    assert program().with_basic_blocks(change) == program()
    assert met == [(["Z", "R"], False), (["C", "S"], True), (["E"], False)]
