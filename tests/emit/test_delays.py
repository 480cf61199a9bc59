"""States that are what another state was: their adjoints pass through steps as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gru_codegen import pipeline
from gru_codegen.parse import load_cell
from tests.emit.agreement import SIZES, assert_all_agree

CELLS = {
    # The adjoint of C_prev is a copy of that of S, beside which S_prev's is read a step later.
    "two-states": """
states = ["S", "C"]
weights = { W = "(D, H)" }
equations = '''
S = tanh(x @ W + C_prev / 2)
C = S_prev
'''
""",
    # Nothing of the loop waits for the step before but the adjoint of the state.
    "of-outputs": """
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)" }
output = "Q"
equations = '''
S = tanh(x @ W)
Q = tanh(S_prev @ U)
'''
""",
    # A pullback alone needs the adjoints of states.
    "of-inputs": """
states = ["S", "C"]
inputs = { x = "(B, H)" }
weights = { p = "(H,)", q = "(H,)", r = "(H,)", b = "(H,)" }
output = "Q"
equations = '''
Q = b + p * x + q * S_prev + r * C_prev
S = x
C = S_prev
'''
""",
}


@pytest.mark.parametrize("name", CELLS)
def test_all_kernels_of_a_delay_agree(name: str, tmp_path: Path) -> None:
    file = tmp_path / "cell.toml"
    file.write_text(f'name = "{name}"\n{CELLS[name]}')
    cell = load_cell(str(file))
    textbook = assert_all_agree(cell, (None, 1, 2, 3, 4), SIZES[:1])
    assert_all_agree(cell, (None,), [SIZES[0]._replace(T=0)])
    report = pipeline.check(textbook, cell)
    assert report, str(report)
