"""float32 over long sequences: the errors that are measured, and the page that shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

import gru_codegen as gc
from benchmarks.drift import CASES, Case, errors

PAGE = Path(__file__).parents[2] / "docs" / "trust.md"
FORGETFUL = CASES[:2]


@pytest.mark.parametrize("case", FORGETFUL, ids=lambda case: case.name)
def test_cells_that_forget_do_not_drift(case: Case) -> None:
    found = errors(gc.load(case.cell), 10_000, draw=0)
    assert all(0 < error < 1e-6 for error in found.values()), found


def test_a_cell_that_remembers_drifts_as_long_as_it_does() -> None:
    leaky = gc.load(CASES[2].cell)
    few, many = (errors(leaky, steps, draw=0)["outputs"] for steps in (10, 10_000))
    assert 5 * few < many < 1e-5


def test_the_page_has_a_row_of_every_case() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for case in CASES:
        for steps in case.steps:
            assert f"| {case.name} | {steps:,} | " in page
