"""What the functions of the phases hand out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.functions import phase_function
from gru_codegen.ir import Orientation
from gru_codegen.plan import plan
from tests.passes.written import written


@pytest.mark.parametrize(
    ("orientation", "expected"), [("rows", "dx.copy()"), ("columns", "_turned(dx).copy()")]
)
def test_what_weights_need_as_well_is_no_caller_s(orientation: Orientation, expected: str) -> None:
    program = written(
        {
            "forward": "S[:] = tanh(x[:] @ Wz)",
            "loss": "dS[:] = S[:] - Y[:]",
            "backward": """
        dx[:] = dS[:] @ Wz.T
        dWz = contract(dx[:], dS[:])
    """,
            "inputs": "dA[:] = dx[:] @ Wz",
        },
        {"forward": "S", "gradients": "dWz S", "pullback": "dx"},
        seed="dS",
    )
    planned = plan(replace(program, orientation=orientation))
    *_, inputs = planned.program.phases
    assert phase_function(inputs, Attributes(planned)).result == expected
