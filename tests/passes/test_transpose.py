"""The layout changes, and no value or statement."""

from __future__ import annotations

from gru_codegen.passes import transpose
from tests.passes.written import after, phase, written


def test_only_the_layout_changes() -> None:
    program = written("S[:] = tanh(matmul(x[:], Wz))")
    found = transpose(program)
    assert (program.layout, found.layout) == ("rows", "columns")
    assert after(found) == phase("S[:] = tanh(matmul(x[:], Wz))")
