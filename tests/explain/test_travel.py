"""The section on how far an error travels: its numbers are those of the cell's own kernel."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.credit import random_data


def travelled(text: str) -> list[str]:
    """The lines of the section; none if there is none."""
    found = re.search(r"\d+\. How far an error travels\n-+\n\n(.*?)\n\n\d+\. ", text, re.DOTALL)
    return found[1].splitlines() if found else []


def row(lines: list[str], name: str) -> list[str]:
    (first, *_) = (line.split() for line in lines if line.split()[:1] == [name])
    return first[1:]


@pytest.mark.parametrize(("cell", "readout"), [("gru", "none"), ("lstm", "linear")])
def test_the_numbers_are_those_of_the_kernel(cell: str, readout: str) -> None:
    declared = gc.cells[cell]
    lines = travelled(gc.inspect(declared, readout=readout))
    kernel = gc.load(declared, readout=readout, style="textbook", extras=("credit",))
    norms = random_data(kernel).measured(kernel).norms
    for weight, table in norms._asdict().items():
        shown = list(map(float, row(lines, weight)))
        exact = [table[-1, -1 - back] / table[-1, -1] for back in (1, 5, 10, 20, 49)]
        np.testing.assert_allclose(shown, exact, rtol=0.5, atol=1e-12)
    assert any("seed 0" in line for line in lines)


def test_the_weights_that_are_asked_for_are_shown() -> None:
    lines = travelled(gc.inspect(gc.GRU, wrt=("Wr", "Wz")))
    named = [line.split()[0] for line in lines if line.startswith("    W")]
    assert named == ["Wz", "Wr"] * 2


def test_a_single_step_has_no_such_section() -> None:
    assert travelled(gc.inspect(gc.GRU, unroll=2, at=2)) == []
