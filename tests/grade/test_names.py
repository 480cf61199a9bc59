"""Names of the reader's own: for what the derivation has, and for values between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grade.files import graded, line, sheet


def test_a_name_hides_the_derivations(tmp_path: Path) -> None:
    """The reader's Wr is the recurrent weight, so his dWr is its gradient."""
    names = {"h": "S", "Wr": "Wrecr", "Ur": "Wr", "r": "R"}
    lines = {
        "dWr": "sum_t h_{t-1}^T dar_t",
        "dUr": "sum_t x_t^T dar_t",
        "dh": "dO + dh_prev_{t+1}",
        "r": "sigmoid(x_t Ur + h_{t-1} Wr)",
    }
    found = graded(tmp_path, sheet(lines, names={**names, "dar": "daR"}))
    assert [line.verdict for line in found.lines] == ["right"] * 4


def test_words_have_the_readers_names(tmp_path: Path) -> None:
    lines = {"dz": "dh * (g + h_prev)"}
    found = graded(tmp_path, sheet(lines, names={"h": "S", "z": "Z", "g": "CA"}))
    assert found.lines[0].remarks == ("the sign of h_prev is wrong",)
    assert found.lines[0].better == "dh * (g - h_prev)"


@pytest.mark.parametrize(("formula", "said"), [
    ("dS * CA", "the part dS * CA of dZ"),
    ("dS * S_prev", "the part -dS * S_prev of dZ, with the other sign"),
    ("dS * (1 - Z)", "the part dS - dS * Z of dS_prev"),
    ("-dS * (CA - S_prev)", "minus dZ"),
    ("1 - Z", "1 - Z"),
    ("Z * (1 - Z)", "the slope of Z"),
    ("dO * Z + dS_prev_next * Z", "dCA"),
    ("x.T @ daZ", "dWz"),
    ("daR @ Wr.T + daZ @ Wz.T", "the part daR @ Wr.T + daZ @ Wz.T of dx"),
])  # fmt: skip
def test_a_value_is_recognised(formula: str, said: str, tmp_path: Path) -> None:
    found = line(tmp_path, "mine", formula)
    assert (found.verdict, found.remarks) == ("right", (said,))


def test_a_value_that_is_nothing_is_kept(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({"m": "CA - S_prev", "dZ": "dS * m", "k": "R * CA"}))
    assert [line.verdict for line in found.lines] == ["own", "right", "own"]
    assert found
    assert found.verdict == "1 of 3 lines is right, 2 of your own"


def test_a_slip_in_a_value_is_reported_there(tmp_path: Path) -> None:
    """Its readers are right with the right value, and found so."""
    found = graded(tmp_path, sheet({"m": "CA + S_prev", "dZ": "dS * m", "dCA": "dS * Z"}))
    assert [line.verdict for line in found.lines] == ["wrong", "right", "right"]
    assert found.lines[0].remarks == ("the sign of S_prev is wrong",)
    assert found.lines[1].remarks == ("with the right m",)


def test_a_value_that_nothing_reads_is_near_a_part(tmp_path: Path) -> None:
    found = line(tmp_path, "d6", "1 - dS * S_prev")
    said = "the term 1 does not belong here; then it is the part -dS * S_prev of dZ"
    assert (found.verdict, found.remarks, found.better) == ("wrong", (said,), "-dS * S_prev")


def test_values_may_stand_in_any_order(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({"dZ": "b - a", "b": "dS * CA", "a": "dS * S_prev"}))
    assert [line.verdict for line in found.lines] == ["right"] * 3


def test_a_value_of_the_next_step(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({"c": "dS_prev + 0 * dS", "dS": "dO + c_{t+1}"}))
    assert found.lines[1].verdict == "right"
    found = graded(tmp_path, sheet({"c": "S_prev", "a": "c_{t-1}", "dR": "dRS * a"}))
    assert found.lines[2].remarks == ("with the right a",)  # a is S_{t-2}


def test_a_line_on_a_value_whose_shapes_do_not_fit(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({"m": "CA - x", "dZ": "dS * m"}))
    shapes = "CA is (B, H), x is (B, D); the terms of a sum must have one shape"
    assert found.lines[0].remarks == (shapes,)
    assert found.lines[1].verdict == "wrong"


def test_a_number_that_is_infinite_is_no_name_to_try(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({"dZ": "S", "a": "-(-log(0))"}))
    assert [each.verdict for each in found.lines] == ["wrong", "own"]
