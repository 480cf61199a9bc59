"""Kernels of cells drawn at random: every layout and every unrolling computes the same.

    CELLS=400 pytest tests/emit/test_random_cells.py -n 2

draws more of them.
"""

from __future__ import annotations

import os

import pytest

from tests.emit.agreement import assert_all_agree
from tests.emit.random_cells import random_cell


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what is drawn may well overflow
@pytest.mark.parametrize("seed", range(int(os.environ.get("CELLS", "5"))))
def test_all_kernels_of_a_cell_agree(seed: int) -> None:
    assert_all_agree(random_cell(seed), seed=seed)
