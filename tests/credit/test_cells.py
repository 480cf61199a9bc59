"""`credit` of cells that nobody would declare: each error, and each step, as runs of its own.

    CELLS=400 pytest tests/credit/test_cells.py -n 2

draws more of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.parse import load_cell
from gru_codegen.verify import credit
from gru_codegen.verify.configuration import Problem, Sizes
from tests.emit.random_cells import random_cell

#: Where adjoints have one matrix or one column, where they cross a step.
CELLS = {
    "carried own error": (
        'W = "(D, H)", U = "(H, H)"',
        '["S", "P"]',
        "S = tanh(P_prev @ U)\nP = x @ W + S_prev * S",
    ),
    "carry of its own step alone": (
        'W = "(D, H)", U = "(H, H)"',
        '["P"]\noutput = "Q"',
        "P = tanh(x @ W)\nQ = tanh(P_prev @ U)",
    ),
    "what was two steps before": (
        'W = "(D, H)", U = "(H, H)"',
        '["S", "C"]',
        "S = tanh(x @ W + C_prev @ U) - S_prev / 3\nC = S_prev",
    ),
    "a carry of zeros": (
        'W = "(D, H)", U = "(H, H)"',
        '["S", "P"]',
        "S = tanh(x @ W + S_prev @ U) * positive(P_prev)\nP = x @ W",
    ),
    "a factor of all errors in scratch": (
        'W = "(D, H)", U = "(H, H)", R = "(H, H)"',
        '["S"]\noutput = "N"',
        "A = S_prev * S_prev\nG = softplus(A)\nP = A * G * (S_prev @ U) * S_prev\n"
        "N = A @ R + P @ R\nS = tanh(x @ W + P)",
    ),
    "columns and numbers": (
        'a = "()", wg = "(D, 1)", U = "(H, H)", W = "(D, H)"',
        '{ S = "(B, H)", n = "(B, 1)" }',
        "g = sigmoid(x @ wg + a)\nn = g * n_prev + a * a\n"
        "S = tanh(g * (S_prev @ U) - a * n * S_prev + softplus(a) * (x @ W))",
    ),
    "vectors": (
        'v = "(H,)", u = "(H,)", b = "(H,)", W = "(D, H)"',
        '["S"]',
        "F = sigmoid(u * S_prev + b)\nS = F * S_prev * tanh(v * (x @ W))",
    ),
}


def assert_right(cell: gc.Cell) -> None:
    kernel = gc.load(cell, style="textbook", extras=["credit"])
    sizes = Sizes(4, 3, 2, 5)
    if not {"D", "H"} <= set(kernel.SIZES):
        sizes = sizes._replace(D=5)
    for claim in credit.claims([Problem(kernel, sizes, seed=0)])[:2]:
        check = claim.check()
        assert check.passed, f"{check.method}: {check.detail}"


@pytest.mark.parametrize("name", CELLS)
def test_every_error_at_every_step(name: str, tmp_path: Path) -> None:
    weights, states, equations = CELLS[name]
    file = tmp_path / "cell.toml"
    file.write_text(
        f'name = "cell"\nstates = {states}\nweights = {{ {weights} }}\n'
        f'equations = """\n{equations}\n"""\n'
    )
    assert_right(load_cell(str(file)))


@pytest.mark.parametrize("seed", range(int(os.environ.get("CELLS", "5"))))
def test_of_a_cell_drawn_at_random(seed: int) -> None:
    with np.errstate(all="ignore"):  # what is drawn may well overflow
        assert_right(random_cell(seed, outside=False))
