"""Lines of single time steps: all that inspect prints of them is right, and slips are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.derive.writing import Row
from gru_codegen.explain.model import Equations, Errors
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections.steps import step_section
from gru_codegen.grade.stamps import Stamp
from gru_codegen.notation import Notation, bare
from gru_codegen.request import complete
from tests.cells.sample import IN_PYTHON
from tests.grade.files import graded, line, sheet

STEPS = 3
#: Cells of names such as U_2, which may also be U at step 2.
NUMBERED = ["lru", "rg-lru"]
CASES = [(cell, "l2", "none") for cell in (*IN_PYTHON, *NUMBERED)] + [
    ("gru", loss, "linear") for loss in gc.losses
]


def rows(cell: str, loss: str, readout: str, step: int) -> Iterator[tuple[Row, Notation]]:
    """Every row of the section on a step."""
    derivation = gc.derive(complete(gc.cells[cell], readout), gc.losses[loss])
    for block in step_section(Part.of(derivation, steps=STEPS), step).blocks:
        parts = [box.equations for box in block.boxes] if isinstance(block, Errors) else []
        parts += [block.sum] if isinstance(block, Errors) else []
        parts += [block] if isinstance(block, Equations) else []
        yield from (
            (row, each.notation) for each in parts for group in each.groups for row in group
        )


def printed(cell: str, loss: str, readout: str) -> list[dict[str, str]]:
    """All lines in files: a left side has several right sides, and a file has each name once."""
    files: list[dict[str, str]] = []
    for step in range(1, STEPS + 1):
        for row, notation in rows(cell, loss, readout, step):
            left = bare(notation.text(row.left, 0))
            for right in (row.right, *row.also):
                text = bare(notation.text(right, 0))
                free = next((f for f in files if left not in f), None)
                if free is None:
                    files.append(free := {})
                free[left] = text
    return files


@pytest.mark.parametrize(("cell", "loss", "readout"), CASES)
def test_what_inspect_prints_of_a_step_is_right(
    cell: str, loss: str, readout: str, tmp_path: Path
) -> None:
    files = printed(cell, loss, readout)
    assert len(files) >= 2
    for lines in files:
        found = graded(tmp_path, sheet(lines, cell=cell, loss=loss, readout=readout))
        assert [str(each) for each in found.lines if each.verdict != "right"] == []
        assert len(found.lines) == len(lines) > 1


@pytest.mark.parametrize(
    ("left", "formula", "remark", "better"),
    [
        ("dL_2/dWz at 2", "x_2^T (E_2 o CA_2 o Z_2 o (1 - Z_2))", "", ""),
        ("dL_2/dWz at 2", "x_1^T daZ_2", "write x_2 for x_1", "x_2^T daZ_2"),
        ("dL_2/dWz at 1", "x_1^T daZ_1[own]", "", "x_1^T daZ_1[later]"),
        ("dL/dWz at 1", "x_1^T daZ_1[own]", "", "x_1^T daZ_1"),
        ("dS_1[later]", "E_1 + dS_prev_2", "the term E_1 does not belong here", "dS_prev_2"),
        ("dS_1", "E_1", "", ""),
    ],
)
def test_a_slip_is_named_with_the_numbers_of_its_step(
    left: str, formula: str, remark: str, better: str, tmp_path: Path
) -> None:
    found = line(tmp_path, left, formula)
    if left == "dS_1":  # as at a last step
        assert (found.verdict, found.remarks) == (
            "right",
            ("at the last step, to which nothing comes back",),
        )
        return
    assert found.verdict == "wrong"
    assert remark in " ".join(found.remarks)
    assert found.better.startswith(better)


@pytest.mark.parametrize(
    ("left", "stamp"),
    [
        ("dL/dWz at 1", Stamp("dWz", 1)),
        ("dL_1/dWz at 1", Stamp("dWz", 1, "own")),
        ("dL_{2..3}/dWz at 1", Stamp("dWz", 1, "later")),
        ("dS_prev_2", Stamp("dS_prev", 2)),
        ("daZ_1[later]", Stamp("daZ", 1, "later")),
        ("dWz", None),
        ("dS_t", None),
    ],
)
def test_left_sides(left: str, stamp: Stamp | None) -> None:
    assert Stamp.of(left) == stamp


def test_a_loss_before_the_step_has_no_part_in_it(tmp_path: Path) -> None:
    with pytest.raises(gc.CellError, match="L_1 does not depend on the use of a weight at step 2"):
        line(tmp_path, "dL_1/dWz at 2", "x_2^T daZ_2")


@pytest.mark.parametrize(
    ("left", "message"),
    [
        ("dL_2/dWq at 2", "there is no weight Wq; did you mean Wz? known: Wz, Wrecz"),
        ("dL_2/dWz", "at which step is the weight used? write, for example, dL_2/dWz at 1"),
        ("dL/dWq at 2", "there is no weight Wq"),
    ],
)
def test_what_is_wrong_with_a_left_side_is_said(left: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(gc.CellError, match=re.escape(message)):
        line(tmp_path, left, "x_2^T daZ_2")


def test_a_gradient_may_be_written_as_a_derivative(tmp_path: Path) -> None:
    assert line(tmp_path, "dL/dWz", "sum_t x_t^T daZ_t").verdict == "right"
    assert line(tmp_path, "dL/dWz", "sum_t x_t^T daR_t").verdict == "wrong"


def test_a_number_is_no_step_where_the_left_side_has_none(tmp_path: Path) -> None:
    with pytest.raises(gc.CellError, match="there is no name x_2; a number is a step in a line of"):
        line(tmp_path, "dWz", "x_2^T daZ_t")


def test_two_lines_that_are_exchanged_are_one_slip(tmp_path: Path) -> None:
    exchanged = {"dWz": "x.T @ daR", "dWr": "x.T @ daZ", "dWca": "x.T @ daCA"}
    found = graded(tmp_path, sheet(exchanged))
    said = "the formulas of dWz and dWr are exchanged"
    assert [each.remarks for each in found.of("wrong")] == [(said,), (said,)]
    assert [each.better for each in found.of("wrong")] == ["x.T @ daZ", "x.T @ daR"]
