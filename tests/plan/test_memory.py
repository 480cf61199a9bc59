"""A planned program, run on arrays that share storage, gives what the interpreter gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, note

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Option, Program
from gru_codegen.passes import optimise
from gru_codegen.plan import Plan, plan, validate
from gru_codegen.plan.memory import run
from tests.passes.random_programs import arrays, handed_out, programs
from tests.passes.test_values import GIVEN, PIPELINES, STEPS, drawn, entries
from tests.passes.written import written

#: Two values of which the second is written over the first, where both are read afterwards.
BLOCKS = """
    for every step t, first to last:
        A[t] = x[t] @ Wz
        Z[t] = exp(A[t])
        S[t] = A[t] + Z[t]
"""


def assert_planned(
    planned: Plan, program: Program, steps: int, options: tuple[Option, ...]
) -> None:
    """Every entry point hands out what it does without a plan."""
    values = arrays(program, steps, options)
    for entry in entries(options):
        expected = handed_out(program, entry, values, steps, options)
        actual = handed_out(planned.program, entry, values, steps, options, planned=planned)
        assert actual.keys() == expected.keys()
        for name, value in expected.items():
            scale = 1e-10 * max(1.0, np.abs(value).max())
            np.testing.assert_allclose(actual[name], value, rtol=1e-10, atol=scale, err_msg=name)


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("unrolled", [False, True], ids=["any", "unrolled"])
@drawn
@given(program=programs(2), steps=STEPS, options=GIVEN)
def test_a_plan_keeps_every_value(
    unrolled: bool, pipeline: str, program: Program, steps: int, options: tuple[Option, ...]
) -> None:
    style, layout = PIPELINES[pipeline]
    optimised = optimise(program, style, steps if unrolled else None, layout)
    planned = validate(plan(optimised, in_place=style == "fast"))
    note(f"{optimised}\n\n{planned}")
    assert_planned(planned, program, steps, options)


def _overlaid(blocks: str, one: str, other: str) -> Plan:
    """A plan that puts the variable `one` where the `other` is."""
    planned = plan(written(blocks, {"forward": "S"}))
    return replace(planned, places={**planned.places, one: planned.places[other]})


def test_a_value_read_after_its_place_was_given_away_is_found() -> None:
    overlaid = _overlaid(BLOCKS, "Z", "A")
    with pytest.raises(ProgramError, match=r"A of step 0 is not there any more; its place holds Z"):
        validate(overlaid)
    values = {"x": np.ones((2, 3, 2)), "Wz": np.ones((2, 4)), "s0": np.zeros((3, 4))}
    exact = run(plan(overlaid.program), values, 2)["S"]
    assert not np.allclose(run(overlaid, values, 2)["S"], exact)


def test_an_operation_that_overwrites_its_operand_is_found() -> None:
    overlaid = _overlaid(
        """
    for every step t, first to last:
        A[t] = x[t] @ Wz
        S[t] = A[t] @ Ur
    """,
        "S",
        "A",
    )
    with pytest.raises(ProgramError, match=r"the result is written over A\[t\]"):
        validate(overlaid)
    values = {"x": np.ones((2, 3, 2)), "Wz": np.ones((2, 4)), "Ur": np.ones((4, 4))}
    values["s0"] = np.zeros((3, 4))
    with pytest.raises(ProgramError, match=r"the result is written over A\[t\]"):
        run(overlaid, values, 2)


def test_an_elementwise_operation_may_overwrite_its_operand() -> None:
    validate(
        _overlaid(
            """
    for every step t, first to last:
        A[t] = x[t] @ Wz
        S[t] = exp(A[t])
    """,
            "A",
            "S",
        )
    )


def test_so_may_one_of_an_operand_that_is_guarded() -> None:
    validate(
        _overlaid(
            """
    for every step t, first to last:
        A[t] = x[t] @ Wz
        S[t] = reciprocal(guard(ended[t], 1, A[t]))
    """,
            "A",
            "S",
        )
    )


def test_a_variable_has_the_shape_of_its_place() -> None:
    with pytest.raises(ProgramError, match=r"S is \('B', 'H'\), but its place is for"):
        validate(
            _overlaid(
                """
    for every step t, first to last:
        P[t] = tanh(x[t])
        S[t] = P[t] @ Wz
    """,
                "S",
                "P",
            )
        )


def test_a_view_lies_within_the_steps_of_its_array() -> None:
    planned = plan(written(BLOCKS, {"forward": "S"}))
    [view, *_] = [view for view in planned.views if view.var.name == "S"]
    beyond = replace(view, place=replace(view.place, first=2))
    with pytest.raises(ProgramError, match=r"S is read beyond the steps of"):
        validate(replace(planned, views=(beyond,)))
