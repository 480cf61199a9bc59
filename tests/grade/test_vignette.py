"""The GRU of the R package rnn: ten of its 28 formulas are wrong, and each is named."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.grade import Grade

FILE = Path(__file__).parents[2] / "examples" / "rnn_vignette.toml"

#: The last remark on each wrong line, and the formula that is right.
WRONG = {
    "d6": (
        "the term 1 does not belong here; then it is the part -d3 o h_{t-1} of d9",
        "-d5",
    ),
    "d9": ("write d6 for d8", "d7 + d6"),
    "d13": ("write Wg for Ug", "d10 Wg^T"),
    "d18": ("write d16 for d17", "d16 o r_t o (1 - r_t)"),
    "d23": (
        "the term d22 does not belong here; the terms d18 Wr^T, d11 Wz^T are missing",
        "d19 + d18 Wr^T + d11 Wz^T",
    ),
    "d24": ("the formula is (B, H), d24 is (B, D)", "d10 Ug^T + d18 Ur^T + d11 Uz^T"),
    "dWr": ("write d18 for d10", "sum_t h_{t-1}^T d18"),
    "dUr": ("the formulas of dUr and dUg are exchanged", "sum_t x_t^T d18"),
    "dWg": ("transpose r_t; write d10 for d18", "sum_t (h_{t-1}^T o r_t^T) d10"),
    "dUg": ("the formulas of dUr and dUg are exchanged", "sum_t x_t^T d10"),
}

#: What those of the right lines are that are no adjoint by themselves.
PARTS = {
    "d4": "the part d3 - d3 o z_t of d23",
    "d5": "the part -d3 o h_{t-1} of d9, with the other sign",
    "d7": "the part d3 o g_t of d9",
    "d12": "d13",
    "d14": "the part d11 Wz^T of d23",
    "d15": "the part d11 Uz^T of d24",
    "d17": "the part d13 o r_t of d23",
    "d19": "the part d3 + d13 o r_t - d3 o z_t of d23",
    "d20": "the part d18 Wr^T of d23",
    "d21": "the part d18 Ur^T of d24",
    "d22": "the part d18 Ur^T + d11 Uz^T of d24",
}


@pytest.fixture(scope="module")
def grade() -> Grade:
    return gc.grade(FILE)


def test_ten_of_28_are_wrong(grade: Grade) -> None:
    assert grade.verdict == "18 of 28 lines are right, 10 wrong"
    assert [line.name for line in grade.of("wrong")] == list(WRONG)


def test_each_wrong_line_is_explained(grade: Grade) -> None:
    found = {line.name: (line.remarks[-1], line.better) for line in grade.of("wrong")}
    assert found == WRONG


def test_parts_are_recognised(grade: Grade) -> None:
    found = {line.name: line.remarks[0] for line in grade.of("right") if line.remarks}
    assert found == PARTS


def test_a_file_is_graded_in_seconds() -> None:
    gc.grade(FILE)
    start = time.process_time()
    gc.grade(FILE)
    assert time.process_time() - start < 3
