"""Lines that state a quantity in terms of itself are no derivation, though they are true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grade.files import graded, line, sheet

ITSELF = "it is stated in terms of itself"


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("dS", "dS_t"),
        ("dZ", "dZ_t"),
        ("dWz", "dWz"),
        ("dZ", "2 dZ_t - dZ_t"),
        ("dS", "dO_t + dS_prev_{t+1} + dS_t - dS_t"),
        ("dWz", "x_t^T daZ_t + dWz - dWz"),
        ("Z", "Z_t"),
        ("daZ_2[own]", "daZ_2[own]"),
    ],
)
def test_a_line_that_reads_its_own_left_side(name: str, formula: str, tmp_path: Path) -> None:
    found = line(tmp_path, name, formula)
    assert found.verdict == "wrong"
    assert found.remarks == (f"{ITSELF}: that says nothing",)
    assert found.better not in ("", formula)


CIRCLES = [
    ({"dS": "d1", "d1": "dS_t"}, {"dS": "d1", "d1": "dS_t"}),
    (
        {"dS": "d1", "d1": "d2", "d2": "dS"},
        {"dS": "d1 and d2", "d1": "d2 and dS", "d2": "dS and d1"},
    ),
    # what the derivation computes later, in a line that reads this one in its turn
    ({"dS": "dO + dS_prev_next + dZ - dZ", "dZ": "dS * (CA - S_prev)"}, {"dS": "dZ"}),
    # what step t-1 hands on is what it has got: as true, and the other way round
    ({"dS": "dO + dS_prev_next", "dS_prev": "dS_{t-1} - dO_{t-1}"}, {"dS_prev": "dS_t"}),
]


@pytest.mark.parametrize(("formulas", "ways"), CIRCLES)
def test_round_about_by_other_lines(
    formulas: dict[str, str], ways: dict[str, str], tmp_path: Path
) -> None:
    lines = {each.name: each for each in graded(tmp_path, sheet(formulas)).lines}
    found = {name: each.remarks[0] for name, each in lines.items() if each.verdict == "wrong"}
    assert found == {
        name: f"{ITSELF}, by way of {way}: that says nothing" for name, way in ways.items()
    }


def test_a_derivation_is_no_circle(tmp_path: Path) -> None:
    """Each line reads others, of its step and of the next, and none of them itself."""
    formulas = {
        "dS": "dO_t + dS_prev_{t+1}",
        "dZ": "dS_t o (CA_t - S_{t-1})",
        "dCA": "dS_t o Z_t",
        "daZ": "dZ_t o Z_t o (1 - Z_t)",
        "d1": "dS_t o Z_t",
        "daCA": "d1 o (1 - CA_t o CA_t)",
        "dRS": "daCA_t Wrecca^T",
        "dR": "dRS_t o S_{t-1}",
        "daR": "dR_t o R_t o (1 - R_t)",
        "dS_prev": "dS_t o (1 - Z_t) + dRS_t o R_t + daZ_t Wrecz^T + daR_t Wrecr^T",
        "dWz": "sum_t x_t^T daZ_t",
    }
    assert graded(tmp_path, sheet(formulas))


def test_what_is_wrong_besides_is_said(tmp_path: Path) -> None:
    found = line(tmp_path, "dZ", "2 dZ_t")
    assert found.verdict == "wrong"
    assert found.remarks == ("the whole is 2 times what it should be",)
