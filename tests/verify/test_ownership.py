"""What a workspace holds is spoilt between calls, and constants are not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.parse import load_cell
from gru_codegen.prove import prove
from gru_codegen.verify.configuration import problems, small
from gru_codegen.verify.ownership import _spoil, claims


def test_all_that_calls_write_is_spoilt_and_no_constant() -> None:
    whole, joined = np.ones((3, 2)), np.ones((2, 4))
    weights = joined[:, :2]
    joined.flags.writeable = False  # identities beside weights, as a kernel keeps them
    _spoil(SimpleNamespace(part=whole[1:], joined=joined, weights=weights, one=np.full((), 1.0)))
    assert np.isnan(whole).all()
    assert np.isnan(weights).all()
    assert (joined[:, 2:] == 1).all()


def test_one_step_less_than_the_call_before_shows() -> None:
    source = gc.generate(gc.GRU, style="textbook")
    right = "        elif steps != self.steps:\n"
    assert source.count(right) == 1
    wrong = right.replace("!= self.steps", "not in (self.steps, self.steps - 1)")
    for text, holds in ((source, True), (source.replace(right, wrong), False)):
        kernel = load_source(text, "kernel")
        rows = {claim.method: claim for claim in claims(problems(kernel, small(kernel), 0))}
        assert rows["results as without"].check().passed is holds


def test_of_a_mask_all_samples_end() -> None:
    mask = np.zeros((3, 1, 4), bool)
    _spoil(SimpleNamespace(ended=mask))
    assert mask.all()


#: The size of its inputs is that of no weight.
KEEPS = """
name = "keeps"
weights = { U = "(H, H)" }
states = { S = "(B, H)", X = "(B, D)" }
output = "S"
equations = '''
X = x + 1/2 * X_prev
S = tanh(S_prev @ U)
'''
"""


@pytest.mark.parametrize("told", [True, False])
def test_a_workspace_for_weights_is_one_of_their_sizes(told: bool, tmp_path: Path) -> None:
    file = tmp_path / "keeps.toml"
    file.write_text(KEEPS)
    cell = gc.GRU if told else load_cell(str(file))
    source = gc.generate(cell, layout="rows")
    first, second = ("params.Wz.shape[0]", "params.Wz.shape[1]") if told else ("input_size", "")
    wrong = "params.Wrecz.shape[0]" if told else "input_size + 1"
    old = f"return cls(batch_size, {first}"
    faults = {old: f"return cls(batch_size, {wrong}", "params[0].dtype)": "np.dtype(float))"}
    faults |= {f"{first}, {second}": f"{second}, {first}"} if told else {}
    for right, fault in {"": "", **faults}.items():
        assert source.count(right) == 1 or not right
        kernel = load_source(source.replace(right, fault) if right else source, "kernel")
        rows = {claim.method: claim for claim in claims(problems(kernel, small(kernel), 0))}
        assert rows["made for weights"].check().passed is not bool(right)
        assert bool(prove(kernel, cell, gc.L2)) is not bool(right)
