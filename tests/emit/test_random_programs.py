"""Random programs are emitted, in every style and layout, and agree with the interpreter.

EXAMPLES=2000 in the environment draws that many programs, other ones every time.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from gru_codegen.errors import ProgramError
from gru_codegen.ir import Option, Program
from tests.emit.programs_as_kernels import assert_agrees, completed, kernel_of
from tests.passes.random_programs import programs
from tests.passes.test_values import EXAMPLES, PIPELINES, STEPS, drawn

OPTIONS: list[tuple[Option, ...]] = [
    (),
    ("lengths",),
    ("loss weights",),
    ("lengths", "loss weights"),
]


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_random_programs_are_emitted_as_they_are_interpreted() -> None:
    """What the emitter cannot spell it refuses by name, which is rare."""
    met: Counter[str] = Counter()

    @settings(drawn, max_examples=int(EXAMPLES or 60))
    @given(
        program=programs(2),
        steps=STEPS,
        options=st.sampled_from(OPTIONS),
        unrolled=st.booleans(),
        pipeline=st.sampled_from(list(PIPELINES)),
    )
    def check(
        program: Program, steps: int, options: tuple[Option, ...], unrolled: bool, pipeline: str
    ) -> None:
        style, layout = PIPELINES[pipeline]
        whole = completed(program)
        note(f"{whole}")
        try:
            kernel = kernel_of(whole, style, layout, steps if unrolled else None)
        except ProgramError as error:
            event(f"refused: {error}")
            met["refused"] += 1
            return
        met[pipeline] += 1
        assert_agrees(kernel, whole, steps, options)

    check()
    assert met["refused"] < 0.05 * met.total()
    assert met.keys() >= PIPELINES.keys()
