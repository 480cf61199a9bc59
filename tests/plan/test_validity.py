"""A plan that puts two values in one place is refused wherever one of them would be lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Program, Step
from gru_codegen.ir.reading import read_blocks
from gru_codegen.passes import fuse_elementwise, unroll
from gru_codegen.plan import Plan, plan, validate
from tests.passes.written import written


def assert_refused(planned: Plan, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        validate(planned)


def _over(program: Program, one: str, other: str) -> Plan:
    """The plan of `program` with the variable `one` where the `other` is."""
    planned = validate(plan(program))
    return replace(planned, places={**planned.places, one: planned.places[other]})


def test_a_place_is_within_an_array_of_the_plan() -> None:
    planned = validate(plan(written("S[:] = tanh(x[:] @ Wz)", {"forward": "S"})))
    place = planned.places["S"]
    foreign = replace(place, array=replace(place.array, name="other"))
    for bad in (foreign, *(replace(place, start=a, stop=b) for a, b in ((-1, 1), (0, 2), (1, 1)))):
        refused = replace(planned, places={"S": bad})
        assert_refused(refused, "S lies outside of every array: .* step 0 at")


def test_what_is_handed_out_is_there_when_its_entry_point_ends() -> None:
    phases = {
        "forward": """
        for every step t, first to last:
            S[t] = tanh(x[t] @ Wz)
    """,
        "loss": "dS[:] = tanh(S[:])",
        "backward": """
        dA[:] = exp(dS[:])
        dUz = contract(dA[:], dA[:])
    """,
    }
    forward, gradients = {"forward": "S"}, {"forward": "S", "gradients": "dUz S"}
    validate(_over(written(phases, forward, seed="dS"), "dA", "S"))
    assert_refused(
        _over(written(phases, gradients, seed="dS"), "dA", "S"),
        "entry gradients: S of step 0 is not there any more; its place holds dA",
    )


def test_what_a_pullback_hands_out_is_there_when_it_ends() -> None:
    """The carry of the first step is the adjoint of the initial state."""
    phases = {
        "forward": """
        for every step t, first to last:
            S[t] = tanh(x[t] @ Wz)
    """,
        "loss": "dO[:] = tanh(S[:])",
        "backward": """
        for every step t, last to first:
            dS[t] = dO[t] + dS_prev[t+1]
            dS_prev[t] = dS[t] @ Uz.T
        dUr = contract(dS_prev[:], dS[:])
    """,
        "inputs": """
        dA[:] = exp(dS[:])
        dx[:] = dA[:] @ Wz.T
    """,
    }
    entries = {"forward": "S", "pullback": "dUr dx"}
    planned = validate(plan(written(phases, entries, seed="dO", carries="dS_prev")))
    assert "dA" not in planned.places  # the pullback makes it
    assert_refused(
        replace(planned, places={**planned.places, "dA": planned.places["dS_prev"]}),
        "entry pullback: dS_prev of step 0 is not there any more; its place holds dA",
    )


def test_targets_in_the_storage_of_the_seed_are_there_until_they_are_read() -> None:
    entries = {"forward": "S", "loss": "dO"}

    def planned(loss: str) -> Plan:
        phases = {"forward": "S[:] = tanh(x[:] @ Wz)", "loss": loss}
        return plan(written(phases, entries, seed="dO", targets_in_seed=True))

    validate(planned("dO[:] = S[:] - Y[:]"))
    assert_refused(
        planned("""
        dO[:] = exp(S[:])
        dO[:] = dO[:] - Y[:]
    """),
        "Y of step 0 is not there any more; its place holds dO",
    )


def test_two_variables_do_not_share_an_element_beyond_the_steps() -> None:
    program = written(
        {
            "forward": """
        for every step t, first to last:
            S[t] = tanh(S[t-1] @ Uz)
        A[:] = exp(S[:-1])
    """,
            "backward": """
        G[:] = exp(A[:])
        for every step t, first to last:
            dA[t] = exp(G[t-1])
        dUz = contract(dA[:], dA[:])
    """,
        },
        {"gradients": "dUz"},
    )
    assert_refused(
        _over(program, "G", "S"), "G of step -1 is not there any more; its place holds S"
    )


def test_the_parts_of_a_pack_lie_side_by_side() -> None:
    program = fuse_elementwise(
        written(
            """
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz)
            R[t] = tanh(x[t] @ Wr)
            S[t] = Z[t] * R[t]
    """,
            {"forward": "S"},
        )
    )
    planned = validate(plan(program))
    places = {**planned.places, "R": planned.places["Z"], "Z": planned.places["R"]}
    assert_refused(replace(planned, places=places), r"of Z_R is not beside its neighbours")


def test_an_operand_of_another_step_is_not_overwritten() -> None:
    program = written("""
        S[:] = tanh(x[:] @ Wz)
        A[:] = exp(S[:-1])
        F[:] = exp(A[:])
    """)
    assert_refused(_over(program, "A", "S"), r"the result is written over S\[:-1\]")


def test_of_many_steps_the_last_are_run_as_well() -> None:
    program = written(
        """
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz)
            S[t] = tanh(Z[t])
    """,
        {"forward": "S"},
    )
    for steps, last in ((40, 39), (6, 5)):
        unrolled = unroll(steps)(program)
        validate(plan(unrolled))
        (phase,) = unrolled.phases
        *others, step = phase.blocks
        assert isinstance(step, Step)
        [twice] = read_blocks("S[t] = exp(S[t])", unrolled.variables())
        changed = replace(phase, blocks=(*others, replace(step, body=(step.body[0], twice))))
        assert step.index == last
        assert_refused(plan(replace(unrolled, phases=(changed,))), "S of step .* is not there")


def test_a_value_of_the_only_step_is_not_lost() -> None:
    program = written(
        """
        for every step t, first to last:
            A[t] = x[t] @ Wz
            Z[t] = exp(A[t])
            S[t] = A[t] + Z[t]
    """,
        {"forward": "S"},
    )
    message = "A of step 0 is not there any more; its place holds Z"
    assert_refused(_over(unroll(1)(program), "Z", "A"), message)
