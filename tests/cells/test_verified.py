"""Every cell passes what guards `generate`: the declaration, differences, complex step, direction.

A loss meets the cell's output, and the lengths its states, and nothing else of it: the losses, on a
readout, are put to one cell of two states. The truths put them to the reference cell.
"""

from __future__ import annotations

import pytest

import gru_codegen as gc
from gru_codegen.pipeline import check
from tests.cells.sample import SAMPLE
from tests.truths.kernels import Kind, by_kind


@by_kind
@pytest.mark.parametrize("cell", SAMPLE)
def test_every_cell(kind: Kind, cell: str) -> None:
    report = check(kind.load(cell, 3), gc.cells[cell])
    assert report, str(report)
    assert {"central difference", "complex step", "random direction"} <= {
        found.method for found in report.checks
    }


@pytest.mark.parametrize("kind", [Kind("fast", fixed=False), Kind("textbook", fixed=True)], ids=str)
@pytest.mark.parametrize("loss", gc.losses)
def test_every_loss(kind: Kind, loss: str) -> None:
    kernel = kind.load("lstm-peephole", 3, loss, "linear")
    report = check(kernel, gc.cells["lstm-peephole"], loss=gc.losses[loss])
    assert report, str(report)
