"""The text of programs: what it says, there and back, and the golden ones of the GRU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.derive import derive
from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    INTERMEDIATE,
    EquationId,
    Loop,
    Origin,
    Program,
    Statement,
    Step,
    validate,
)
from gru_codegen.ir.printing import printed
from gru_codegen.ir.reading import read_blocks, read_program
from gru_codegen.lower import lower
from gru_codegen.passes import LAYOUTS, eliminate_dead_code, optimise, passes, unroll
from tests.cells.sample import SAMPLE
from tests.passes.random_programs import programs
from tests.passes.written import written

GOLDEN = Path(__file__).parents[1] / "golden"
WAYS = [("fast", layout) for layout in LAYOUTS] + [("textbook", "rows")]


def lowered(cell: str) -> Program:
    return lower(derive(gc.cells[cell], gc.L2))


def shared(program: Program) -> list[list[int]]:
    """For each loop or step the first one of its phase whose body it shares."""
    bodies = [[b.body for b in p.blocks if isinstance(b, (Loop, Step))] for p in program.phases]
    return [
        [next(i for i, other in enumerate(some) if other is body) for body in some]
        for some in bodies
    ]


# --- there and back ------------------------------------------------------------------------------


def stages(cell: str) -> Iterator[Program]:
    """The program of `cell` after every pass of every layout and style; unrolling comes last."""
    for style, layout in WAYS:
        program = lowered(cell)
        yield program
        for change in passes(style, 4, layout):  # type: ignore[arg-type]
            program = change(program)
            yield program


@pytest.mark.parametrize("cell", SAMPLE)
def test_the_text_determines_the_program(cell: str) -> None:
    texts: set[str] = set()
    for program in stages(cell):
        text = printed(program)
        if text in texts:
            continue
        texts.add(text)
        again = read_program(text)
        assert again == program
        assert list(again.overwrites.items()) == list(program.overwrites.items())
        assert shared(again) == shared(program)
        assert printed(again) == text


@settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(program=programs(2), steps=st.sampled_from([None, 1, 5]))
def test_random_programs_there_and_back(program: Program, steps: int | None) -> None:
    if steps is not None:
        program = eliminate_dead_code(unroll(steps)(program))
    again = read_program(printed(program))
    assert again == program
    assert shared(again) == shared(program)


def test_origins_may_be_left_out() -> None:
    program = lowered("gru")
    text = printed(program, origins=False)
    assert "#" not in text.partition("phase ")[2]
    bare = program.with_statements(lambda s: (replace(s, origin=INTERMEDIATE),))
    assert read_program(text) == bare


def test_an_origin_says_its_equations_and_what_is_computed_in_full() -> None:
    program = written("Z[:] = x[:] @ Wz\nR[:] = Z[:]\nC[:] = R[:]")
    first, second, third = program.statements()
    ids = EquationId("forward", "Z"), EquationId("loss weights", "dO")
    origin = Origin(ids, ((first.target, first.value), (second.target, second.value)))
    told = {first: origin, second: Origin(serves=ids), third: INTERMEDIATE}
    program = program.with_statements(lambda s: (replace(s, origin=told[s]),))
    assert """\
    # forward Z, loss weights dO
    # Z[:] = x[:] @ Wz
    # R[:] = Z[:]
    Z[:] = x[:] @ Wz
    # for forward Z, loss weights dO
    R[:] = Z[:]
    # for
    C[:] = R[:]
""" in printed(program)
    assert read_program(printed(program)) == program


# --- what it says --------------------------------------------------------------------------------


def test_what_a_program_says() -> None:
    program = written(
        {
            "forward": """
    for every step t, first to last:
        S[t] = tanh(x[t] @ Wz + S[t-1])
        if lengths: S[t] = select(ended[t], S[t-1], S[t])
""",
            "backward": """
    for every step t, last to first:
        dS_prev[t] = dS_prev[t+1] * S[t]
        dUz += contract(S[t-1], dS_prev[t])
""",
        },
        {"forward": "S", "gradients": "dUz"},
        carries="dS_prev",
        overwrites={"dS_prev": "S"},
    )
    assert (
        printed(program, origins=False)
        == """\
program: written
orientation: rows
steps: any
weights: Wz Uz
carries: dS_prev
stored: dS_prev over S
entry forward: S
entry gradients: dUz

variables:
    weight Wz (D, H)
    weight Uz (H, H)
    initial s0 (B, H)
    value S[t] (B, H), beyond: s0
    input x[t] (B, D)
    lengths ended[t] (B, H)
    last dS_last (B, H)
    adjoint dS_prev[t] of S_prev (B, H), beyond: dS_last
    gradient dUz of Uz (H, H)

phase forward:
    for every step t, first to last:
        S[t] = tanh(x[t] @ Wz + S[t-1])
        if lengths: S[t] = select(ended[t], S[t-1], S[t])

phase backward:
    for every step t, last to first:
        dS_prev[t] = dS_prev[t+1] * S[t]
        dUz += contract(S[t-1], dS_prev[t])
"""
    )


def unrolled() -> Program:
    text = """
    for every step t, first to last:
        Z[t] = exp(x[t] @ Wz)
        R[t] = tanh(Z[t])
"""
    return unroll(6)(written(text, {"forward": "R"}))


def test_steps_that_share_a_body_are_printed_at_once() -> None:
    text = printed(unrolled(), origins=False)
    assert (
        text.partition("phase forward:\n")[2]
        == """\
    t = 0 to 5:
        Z[t] = exp(x[t] @ Wz)
        R[t] = tanh(Z[t])
"""
    )


def test_a_step_may_share_the_body_of_one_that_is_no_neighbour() -> None:
    program = unrolled()
    (phase,) = program.phases
    blocks = list(phase.blocks)
    assert isinstance(blocks[3], Step)
    blocks[3] = replace(blocks[3], body=blocks[3].body[:1])
    program = replace(program, phases=(replace(phase, blocks=tuple(blocks)),))
    text = printed(program, origins=False)
    assert "    t = 3:\n        Z[t] = exp(x[t] @ Wz)\n    t = 4, 5: as t = 0\n" in text
    assert shared(read_program(text)) == shared(program) == [[0, 0, 0, 3, 0, 0]]


def test_two_variables_of_one_name_are_no_program() -> None:
    program = written("Z[:] = x[:] @ Wz")
    (statement,) = program.statements()
    other = replace(statement.target.var, meaning="another")
    twice = replace(program, entries={"forward": (other,)})
    with pytest.raises(ProgramError, match="two different variables called Z"):
        printed(twice)


# --- what is no program --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("orientation: rows\n", "", "the text of the program has no 'orientation'"),
        ("orientation: rows", "orientation rows", "orientation rows: this is no line of a program"),
        ("value Z[t]", "thing Z[t]", "thing Z[t] (B, H): this is no variable of a program"),
        ("Z[:] =", "Z[:] is", "Z[:] is x[:] @ Wz: this is no statement of a program"),
        ("Z[:] =", "tanh(Z[:]) =", "tanh(Z[:]): this is no variable, nor a step of one"),
        ("Z[:] =", "if tired: Z[:] =", "if tired: Z[:] = x[:] @ Wz: there are the options"),
        ("    Z[:] =", "    Z[:] = 1\n        Z[:] =", "Z[:] = x[:] @ Wz: this line is not ind"),
    ],
)
def test_a_text_that_is_no_program_is_refused(old: str, new: str, fault: str) -> None:
    text = printed(written("Z[:] = x[:] @ Wz", {"forward": "Z"}), origins=False)
    assert old in text
    with pytest.raises(ProgramError) as error:
        read_program(text.replace(old, new))
    assert str(error.value).startswith(fault)


def test_blocks_are_read_alone() -> None:
    program = written("Z[:] = x[:] @ Wz")
    (block,) = read_blocks("  Z[:] = x[:] @ Wz\n", program.variables())
    assert isinstance(block, Statement)
    assert str(block) == "Z[:] = x[:] @ Wz"


# --- golden texts --------------------------------------------------------------------------------


@pytest.mark.parametrize(("style", "layout"), WAYS)
def test_the_golden_programs_of_the_gru(style: str, layout: str) -> None:
    """GOLDEN=renew writes them anew; what has changed is then seen in the difference."""
    program = optimise(lowered("gru"), style, None, layout)  # type: ignore[arg-type]
    path = GOLDEN / f"program_{layout if style == 'fast' else style}.txt"
    text = printed(program)
    if os.environ.get("GOLDEN") == "renew":
        path.write_text(text)
    assert path.read_text() == text, "if that is meant: GOLDEN=renew pytest tests/ir"
    assert validate(read_program(text)) == program
