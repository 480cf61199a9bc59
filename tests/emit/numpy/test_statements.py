"""Statements as assignments: whose array a value is."""

from __future__ import annotations

import pytest

from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.functions import phase_function
from gru_codegen.plan import plan
from tests.passes.written import written


@pytest.mark.parametrize(("target", "expected"), [("Z", "A = S[t]"), ("S", "A = S[t].copy()")])
def test_an_array_is_copied_if_it_is_written_again(target: str, expected: str) -> None:
    program = written(
        f"""
        for every step t, first to last:
            S[t] = tanh(x[t] @ Wz)
            A[t] = S[t]
            {target}[t] = exp(S[t] * A[t])
    """,
        {"forward": "S", "gradients": "S"},
    )
    [forward] = program.phases
    function = phase_function(forward, Attributes(plan(program, in_place=False)))
    assert expected in [line.code.strip() for line in function.lines]
