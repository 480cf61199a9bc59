"""What the first step that is run takes as given has a value before it."""

from __future__ import annotations

import pytest

from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.functions import phase_function
from gru_codegen.passes import unroll
from gru_codegen.plan import plan
from tests.passes.written import written

#: The carry is a factor, so its boundary stays where the steps are written out.
PHASES = {
    "forward": """
        for every step t, first to last:
            Z[t] = tanh(x[t] @ Wz)
            S[t] = tanh(S[t-1] * Z[t])
    """,
    "backward": """
        for every step t, last to first:
            dS[t] = dS_prev[t+1] * Z[t]
            dS_prev[t] = dS[t] * S[t]
            dWz += contract(x[t], dS[t])
    """,
}


@pytest.mark.parametrize("steps", [None, 1, 2])
@pytest.mark.parametrize(
    ("in_place", "begun"),
    [
        (True, "dS_prev[...] = 0 if last is None else last[0]"),
        (False, "dS_prev = np.zeros({sizes}, w.dtype) if last is None else last[0]"),
    ],
)
def test_a_carry_begins_once_before_its_first_reader(
    in_place: bool, begun: str, steps: int | None
) -> None:
    program = written(PHASES, {"forward": "S", "gradients": "dWz S"}, carries="dS_prev")
    if steps is not None:
        program = unroll(steps)(program)
    _, backward = program.phases
    function = phase_function(backward, Attributes(plan(program, in_place=in_place)))
    lines = [line.code.strip() for line in function.lines]
    begins = [n for n, line in enumerate(lines) if "last is None" in line]
    readers = [n for n, line in enumerate(lines) if "dS_prev" in line and "dS_prev," not in line]
    assert [lines[n] for n in begins] == [begun.format(sizes="(w.batch_size, w.hidden_size)")]
    assert readers[0] == begins[0]
