"""Formulas for the other convention of a gate: S = Z o S_prev + (1 - Z) o CA."""

from __future__ import annotations

from pathlib import Path

from tests.grade.files import graded, sheet

#: The derivation of that GRU: right throughout, where Z is the part of the state that is kept.
OTHER = {
    "dCA": "dS * (1 - Z)",
    "daCA": "dCA * (1 - CA * CA)",
    "dRS": "daCA @ Wrecca.T",
    "dR": "dRS * S_prev",
    "dZ": "dS * (S_prev - CA)",
    "daZ": "dZ * Z * (1 - Z)",
    "dS_prev": "dS * Z + dRS * R + daR @ Wrecr.T + daZ @ Wrecz.T",
    "dWz": "x.T @ daZ",
}
NOTE = "These formulas are for the other convention: with 1 - Z for Z, {} of 8 are right."


def test_the_other_convention_is_named(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet(OTHER))
    assert found.notes == (NOTE.format(8),)
    wrong = found.of("wrong")
    assert [line.name for line in wrong] == ["dCA", "dZ", "dS_prev"]
    assert {line.remarks for line in wrong} == {("right with 1 - Z for Z",)}
    assert not found


def test_a_slip_in_it_is_another_matter(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({**OTHER, "dR": "dRS * S"}))
    assert found.notes == (NOTE.format(7),)
    (slip,) = [line for line in found.lines if line.name == "dR"]
    assert slip.remarks == ("write S_prev for S",)


def test_one_line_is_a_slip_and_no_convention(tmp_path: Path) -> None:
    found = graded(tmp_path, sheet({"dCA": OTHER["dCA"], "daCA": OTHER["daCA"]}))
    assert found.notes == ()
    assert found.lines[0].remarks == ("write Z for 1 - Z",)


def test_with_biases_and_the_cell_of_that_convention(tmp_path: Path) -> None:
    """The cell gru-reset-after keeps Z of the state; formulas for 1 - Z are of the other there."""
    lines = {
        "dCA": "dS * Z",
        "dZ": "dS * (CA - S_prev)",
        "aZ": "-(x @ Wz + S_prev @ Wrecz + 1 @ bz) * (-1)",
        "dbz": "1.T @ daZ",
    }
    found = graded(tmp_path, sheet(lines, cell="gru-reset-after"))
    assert found.notes[0].startswith("These formulas are for the other convention")
    found_wrong = {line.name: line.remarks for line in found.of("wrong")}
    assert found_wrong == dict.fromkeys(("dCA", "dZ"), ("right with 1 - Z for Z",))
