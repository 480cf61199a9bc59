"""Products go through their rows in blocks, and no value or statement changes."""

from __future__ import annotations

from gru_codegen.passes import block
from tests.passes.written import after, phase, written


def test_only_the_way_of_multiplying_changes() -> None:
    program = written("S[:] = tanh(matmul(x[:], Wz))")
    found = block(program)
    assert (program.blocked, found.blocked) == (False, True)
    assert after(found) == phase("S[:] = tanh(matmul(x[:], Wz))")
