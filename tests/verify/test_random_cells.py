"""No right kernel of a cell that is drawn at random is refused.

    EXAMPLES=2000 pytest -m campaign -rP tests/verify/test_random_cells.py

or `make fuzz` draws a fifth of that many, other ones every time, and says how many were checked.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.errors import VerificationError
from tests.emit.test_random_cells import ANEW, DRAWS, Draw

EXAMPLES = int(os.environ.get("EXAMPLES", "500")) // 5
MANY = 10


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the first arguments overflow for some
@pytest.mark.parametrize("shard", range(MANY))
def test_no_right_kernel_of_a_random_cell_is_refused(shard: int) -> None:
    """By none of the checks of `generate`, in any style and layout, as a loop or written out."""
    met: Counter[str] = Counter()

    @settings(ANEW, max_examples=EXAMPLES // MANY)
    @given(DRAWS)
    def check(draw: Draw) -> None:
        loss, cell = gc.losses[draw.loss], draw.drawn.cell
        chosen: dict[str, Any] = {"loss": loss, "readout": draw.readout}
        form = draw.looped if draw.steps % 2 else {"unroll": draw.steps, **draw.unrolled}
        try:
            report = pipeline.check(gc.load(cell, **form, **chosen), cell, loss=loss)
        except VerificationError:  # the declared equations give no finite numbers anywhere
            met["undefined"] += 1
            return
        assert report, str(report)
        met["inaccurate differences"] += any(row.inaccurate for row in report.checks)
        met["passed"] += 1

    check()
    print(dict(met))
