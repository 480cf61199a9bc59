"""Every cell passes what guards `generate`: the declaration, differences, complex step, direction.

A loss meets the cell's output, and the lengths its states, and nothing else of it: the losses, on a
readout, are put to one cell of two states. The truths put them to the reference cell.
"""

from __future__ import annotations

import pytest

import gru_codegen as gc
from gru_codegen.pipeline import check
from tests.cells.sample import SAMPLE
from tests.shares import in_turn
from tests.truths.kernels import KINDS, Kind


@pytest.mark.parametrize(("cell", "kind"), in_turn(SAMPLE, KINDS), ids=str)
def test_every_cell(cell: str, kind: Kind) -> None:
    report = check(kind.load(cell, 3), gc.cells[cell])
    assert report, str(report)
    assert {"central difference", "complex step", "random direction"} <= {
        found.method for found in report.checks
    }


@pytest.mark.parametrize(("loss", "kind"), in_turn(gc.losses, KINDS), ids=str)
def test_every_loss(loss: str, kind: Kind) -> None:
    kernel = kind.load("lstm-peephole", 3, loss, "linear")
    report = check(kernel, gc.cells["lstm-peephole"], loss=gc.losses[loss])
    assert report, str(report)
