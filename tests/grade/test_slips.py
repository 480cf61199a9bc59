"""The slips that people make: for each what is said, and the formula that is offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grade.files import graded, line, sheet

# What stands on the left, what was written, what is said of it, what would be right.
SLIPS = [
    # signs and numbers
    ("dZ", "dS * CA + dS * S_prev", "the sign of dS * S_prev is wrong", "dS * CA - dS * S_prev"),
    ("dZ", "dS * (S_prev - CA)", "the sign of the whole is wrong", "-dS * (S_prev - CA)"),
    ("dS", "dO - dS_prev_next", "the sign of dS_prev_next is wrong", "dO + dS_prev_next"),
    ("daZ", "dZ * Z * (1 + Z)", "the sign of Z is wrong", "dZ * Z * (1 - Z)"),
    ("dE", "2 * E", "the whole is 2 times what it should be", "E"),
    ("dE", "E / 2", "the whole lacks the factor 2", "E"),
    ("dS", "dO + 2 * dS_prev_next", "the factor 2 does not belong here", "dO + dS_prev_next"),
    # another symbol
    ("dR", "dRS * S", "write S_prev for S", "dRS * S_prev"),
    ("dS", "dO + dS_prev", "write dS_prev_next for dS_prev", "dO + dS_prev_next"),
    ("dZ", "dS * (R - S_prev)", "write CA for R", "dS * (CA - S_prev)"),
    ("dRS", "daCA @ Wrecr.T", "write Wrecca for Wrecr", "daCA @ Wrecca.T"),
    ("dWz", "x.T @ dZ", "write daZ for dZ", "x.T @ daZ"),
    ("dWrecz", "sum_t S_t^T daZ_t", "write S_{t-1} for S_t", "sum_t S_{t-1}^T daZ_t"),
    ("dWrecr", "sum_t S_{t-1}^T daR_{t+1}", "write daR_t for daR_{t+1}", "sum_t S_{t-1}^T daR_t"),
    # 1 - Z and Z
    ("dCA", "dS * (1 - Z)", "write Z for 1 - Z", "dS * Z"),
    (
        "dS_prev",
        "dS * Z + dRS * R + daR @ Wrecr.T + daZ @ Wrecz.T",
        "write 1 - Z for Z",
        "dS * (1 - Z) + dRS * R + daR @ Wrecr.T + daZ @ Wrecz.T",
    ),
    # slopes
    (
        "daCA",
        "dCA_t",
        "the slope of CA_t, 1 - CA_t o CA_t, is missing",
        "dCA_t o (1 - CA_t o CA_t)",
    ),
    ("daCA", "dCA * (1 - CA)", "the factor CA is missing", "dCA * (1 - CA * CA)"),
    ("daZ", "dZ * Z", "the factor 1 - Z is missing", "dZ * Z * (1 - Z)"),
    (
        "daCA",
        "dCA * CA * (1 - CA)",
        "write 1 - CA * CA, the slope of CA, for CA * (1 - CA)",
        "dCA * (1 - CA * CA)",
    ),
    (
        "daZ",
        "dZ * R * (1 - R)",
        "write Z * (1 - Z), the slope of Z, for R * (1 - R)",
        "dZ * Z * (1 - Z)",
    ),
    # factors and terms
    ("dCA", "dS_t", "the factor Z_t is missing", "dS_t o Z_t"),
    ("dCA", "dS * Z * R", "the factor R does not belong here", "dS * Z"),
    ("dZ", "dS * CA", "the term dS * S_prev is missing", "dS * CA - dS * S_prev"),
    ("dS", "dO_t", "the term dS_prev_{t+1} is missing", "dO_t + dS_prev_{t+1}"),
    (
        "dx",
        "daCA @ Wca.T + daR @ Wr.T + daZ @ Wz.T + daZ @ Wr.T",
        "the term daZ @ Wr.T does not belong here",
        "daCA @ Wca.T + daR @ Wr.T + daZ @ Wz.T",
    ),
    (
        "dS_prev",
        "dS * (1 - Z) + dRS + daR @ Wrecr.T + daZ @ Wrecz.T",
        "the factor R is missing",
        "dS * (1 - Z) + dRS * R + daR @ Wrecr.T + daZ @ Wrecz.T",
    ),
    # several terms
    (
        "dS_prev",
        "dS_t o (1 - Z_t) + dRS_t o R_t",
        "the terms daR_t Wrecr^T, daZ_t Wrecz^T are missing",
        "dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T",
    ),
    (
        "dx",
        "daCA @ Wca.T + daR @ Wz.T + daZ @ Wr.T",
        "daR and daZ are exchanged",
        "daCA @ Wca.T + daZ @ Wz.T + daR @ Wr.T",
    ),
    (
        "dx",
        "daCA @ Wca.T + daR @ Wr.T + dS @ Wr.T",
        "the term dS @ Wr.T does not belong here; the term daZ @ Wz.T is missing",
        "daCA @ Wca.T + daR @ Wr.T + daZ @ Wz.T",
    ),
    # two edits
    ("dCA", "dO * (1 - Z)", "write Z for 1 - Z; write dS for dO", "dS * Z"),
    # transposes and orders that shapes do not tell
    ("dRS", "daCA @ Wrecca", "transpose Wrecca", "daCA @ Wrecca.T"),
]


@pytest.mark.parametrize(("name", "formula", "said", "better"), SLIPS)
def test_a_slip_is_named(name: str, formula: str, said: str, better: str, tmp_path: Path) -> None:
    found = line(tmp_path, name, formula)
    assert (found.verdict, found.remarks, found.better) == ("wrong", (said,), better)


INNER = "the inner sizes of a product, {} and {}, must be the same"
ONE_SHAPE = "the factors of an elementwise product must have one shape"

# The same where shapes tell: they are said first.
OF_SHAPE = [
    (
        "dWz",
        "x @ daZ",
        f"x is (B, D), daZ is (B, H); {INNER.format('D', 'B')}",
        "transpose x",
        "x.T @ daZ",
    ),
    (
        "dWz",
        "sum_t daZ_t^T x_t",
        "the formula is (H, D), dWz is (D, H)",
        "transpose daZ_t^T x_t",
        "sum_t x_t^T daZ_t",
    ),
    (
        "dRS",
        "Wrecca.T @ daCA",
        f"Wrecca.T is (H, H), daCA is (B, H); {INNER.format('H', 'B')}",
        "Wrecca.T and daCA stand in the wrong order",
        "daCA @ Wrecca.T",
    ),
    (
        "dRS",
        "daCA * Wrecca.T",
        f"daCA is (B, H), Wrecca.T is (H, H); {ONE_SHAPE}",
        "between daCA and Wrecca.T belongs the matrix product",
        "daCA @ Wrecca.T",
    ),
    (
        "dR",
        "dRS_t S_{t-1}",
        f"dRS_t is (B, H), S_{{t-1}} is (B, H); {INNER.format('H', 'B')}",
        "between dRS_t and S_{t-1} belongs the elementwise product",
        "dRS_t o S_{t-1}",
    ),
    (
        "dRS",
        "daCA @ Wca.T",
        "the formula is (B, D), dRS is (B, H)",
        "write Wrecca for Wca",
        "daCA @ Wrecca.T",
    ),
    (
        "dx",
        "daCA @ Wca.T + daR @ Wr.T + daZ @ Wrecz.T",
        "daCA @ Wca.T is (B, D), daZ @ Wrecz.T is (B, H); the terms of a sum must have one shape",
        "write Wz for Wrecz",
        "daCA @ Wca.T + daR @ Wr.T + daZ @ Wz.T",
    ),
]


@pytest.mark.parametrize(("name", "formula", "shapes", "said", "better"), OF_SHAPE)
def test_shapes_are_said_first(
    name: str, formula: str, shapes: str, said: str, better: str, tmp_path: Path
) -> None:
    found = line(tmp_path, name, formula)
    assert (found.verdict, found.remarks, found.better) == ("wrong", (shapes, said), better)


@pytest.mark.parametrize(("cell", "loss", "name", "formula", "said"), [
    ("gru-bias", "l2", "dbz", "daZ_t",
     "the sum over the samples is missing: the factor ones^T before daZ_t"),
    ("gru-bias", "l2", "dbz", "1^T dZ_t", "the slope of Z_t, Z_t o (1 - Z_t), is missing"),
    ("lstm", "l2", "dC", "dS_part * (1 - C * C) + dC_prev_next",
     "write S_part for C, everywhere"),
    ("lstm", "l2", "dC_prev", "dC * IG", "write FG for IG"),
    ("lstm", "l2", "dC", "dS_part * (1 - S_part * S_part)", "the term dC_prev_next is missing"),
    ("ligru", "l2", "daCA", "dCA_t", "the slope of CA_t, positive(CA_t), is missing"),
    ("rnn", "l2", "daS", "dS * (1 - S)", "the factor S is missing"),
    ("gru", "cross-entropy", "dO", "sigmoid(O) - Y", "write softmax for sigmoid"),
    ("gru", "cross-entropy", "dO", "softmax(O) + Y", "the sign of Y is wrong"),
    ("gru", "bce", "dO", "sigmoid(O) - Y * O", "the factor O does not belong here"),
    ("gru", "l2-mean", "dE", "E", "the whole lacks the factor 2"),
])  # fmt: skip
def test_slips_of_other_cells_and_losses(
    cell: str, loss: str, name: str, formula: str, said: str, tmp_path: Path
) -> None:
    found = line(tmp_path, name, formula, cell=cell, loss=loss)
    assert found.verdict == "wrong"
    assert found.remarks[-1].replace("_t", "") == said.replace("_t", "")


def test_no_explanation_replaces_more_than_half(tmp_path: Path) -> None:
    found = line(tmp_path, "dO", "Y_t")
    assert (found.verdict, found.remarks, found.better) == ("wrong", (), "dE_t")
    found = line(tmp_path, "dCA", "x @ Wz")
    assert (found.remarks, found.better) == ((), "dS * Z")


def test_one_slip_is_reported_once(tmp_path: Path) -> None:
    """Lines that read the wrong one read the truth."""
    lines = {
        "dS": "dO + dS_prev_next",
        "dCA": "dS * (1 - Z)",
        "daCA": "dCA * (1 - CA * CA)",
        "dRS": "daCA @ Wrecca.T",
        "dWca": "sum_t x_t^T daCA_t",
    }
    found = graded(tmp_path, sheet(lines))
    assert [line.name for line in found.of("wrong")] == ["dCA"]
    assert found.verdict == "4 of 5 lines are right, 1 wrong"
    assert not found


def test_the_line_of_the_file(tmp_path: Path) -> None:
    found = line(tmp_path, "dCA", "dS * (1 - Z)")
    assert found.number == 6
    assert str(found) == ("wrong: dCA = dS * (1 - Z)  (write Z for 1 - Z; right is dCA = dS * Z)")
