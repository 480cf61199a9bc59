"""No right kernel of a cell that is drawn at random is refused.

    EXAMPLES=2000 pytest -m campaign -rP tests/verify/test_random_cells.py

or `make fuzz` draws a fifth of that many, other ones every time; see `tests.campaigns`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.errors import VerificationError
from tests.campaigns import SHARES, campaign
from tests.emit.test_random_cells import DRAWS, Draw, loss_of, readout_of

EXAMPLES = int(os.environ.get("EXAMPLES", "500")) // 5


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the first arguments overflow for some
@pytest.mark.parametrize("share", SHARES)
def test_no_right_kernel_of_a_random_cell_is_refused(share: int, record_property: Any) -> None:
    """By none of the checks of `generate`, in any style and layout, as a loop or written out."""
    campaign(_passes, DRAWS, share, record_property, examples=EXAMPLES)


def _passes(draw: Draw) -> str:
    loss, cell = loss_of(draw), draw.drawn.cell
    chosen: dict[str, Any] = {"loss": loss, "readout": readout_of(draw)}
    form = draw.looped if draw.steps % 2 else {"unroll": draw.steps, **draw.unrolled}
    try:
        report = pipeline.check(gc.load(cell, **form, **chosen), cell, loss=loss)
    except VerificationError:  # the declared equations give no finite numbers anywhere
        return "not defined anywhere"
    assert report, str(report)
    is_inaccurate = any(row.inaccurate for row in report.checks)
    return "passed with an inaccurate difference" if is_inaccurate else "passed"
