"""What is derived here is right: as inspect prints it, and as files of cells write it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.readouts import readouts
from gru_codegen.request import complete
from tests.cells.sample import SAMPLE
from tests.grade.files import graded, sheet

WHOLE = [(cell, "l2", "none") for cell in SAMPLE] + [
    ("gru", loss, readout) for loss in gc.losses for readout in readouts if loss != "l2"
]


def printed(cell: str, loss: str, readout: str) -> dict[str, str]:
    """Every adjoint and gradient as inspect prints it."""
    derivation = gc.derive(complete(gc.cells[cell], readout), gc.losses[loss])
    text = derivation.notation.text
    lines = {text(a.target): text(a.expression) for a in derivation.adjoints}
    forward = {text(e.target): text(e.declared) for e in derivation.equations}
    gradients = {g.target.name: f"sum_t {_within(text(g.summand))}" for g in derivation.gradients}
    return {**forward, **lines, **gradients}


def _within(summand: str) -> str:
    return f"({summand})" if " + " in summand else summand


def in_code(formula: str) -> str:
    """The same formula in the notation of files of cells."""
    code = formula.removeprefix("sum_t ")
    code = code.replace(" o ", " * ")
    before, after = r"(?:[\w}']|\)|\^T)", r"[A-Za-z(1]"
    code = re.sub(rf"({before}) (?={after})", r"\1 @ ", code)
    code = re.sub(r"\b((?!1 )\d+(?:/\d+)?) @ ", r"\1 * ", code)
    code = code.replace("^T", ".T").replace("_{t-1}", "_prev").replace("_{t+1}", "_next")
    return re.sub(r"_t\b", "", code)


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("sum_t S_{t-1}^T daZ_t", "S_prev.T @ daZ"),
        ("dS_t o CA_t - dS_t o S_{t-1}", "dS * CA - dS * S_prev"),
        ("2 E_t", "2 * E"),
        ("sigmoid(x_t Wz + S_{t-1} Wrecz + 1 bz)", "sigmoid(x @ Wz + S_prev @ Wrecz + 1 @ bz)"),
        ("1^T daZ_t", "1.T @ daZ"),
        ("tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)", "tanh(x @ Wca + (R * S_prev) @ Wrecca)"),
        ("dO_t + dS_prev_{t+1}", "dO + dS_prev_next"),
    ],
)
def test_the_notation_of_files_of_cells(formula: str, code: str) -> None:
    assert in_code(formula) == code


@pytest.mark.parametrize(("cell", "loss", "readout"), WHOLE)
@pytest.mark.parametrize("manner", ["paper", "code"])
def test_every_line_is_right(
    cell: str, loss: str, readout: str, manner: str, tmp_path: Path
) -> None:
    lines = printed(cell, loss, readout)
    if manner == "code":
        lines = {name: in_code(formula) for name, formula in lines.items()}
    found = graded(tmp_path, sheet(lines, cell=cell, loss=loss, readout=readout))
    assert [str(line) for line in found.lines if line.verdict != "right"] == []
    assert len(found.lines) == len(lines) > 10
    assert found


@pytest.mark.parametrize(("name", "formula", "of_file"), [
    ("dO", "softmax(O) - Y", {"loss": "cross-entropy"}),
    ("dO", "sigmoid(O_t) - Y_t", {"loss": "bce"}),
    ("dO", "clip(O - Y)", {"loss": "huber"}),
    ("dZ", "dS ⊙ (CA − S_{t-1})", {}),
    ("daCA", "dCA * (1 - CA**2)", {}),
    ("daCA", "dCA o (1 - CA^2)", {}),
    ("dWz", "x.T @ (dZ * Z * (1 - Z))", {}),
    ("dWz", "sum_t (x_t^T daZ_t)", {}),
    ("dWrecca", "sum_t (R_t o S_{t-1})^T daCA_t", {}),
    ("dbz", "sum_t 1^T daZ_t", {"cell": "gru-bias"}),
    ("dbz", "sum_t ones^T daZ_t", {"cell": "gru-bias"}),
    ("dbz", "ones.T @ daZ", {"cell": "gru-bias"}),
    ("dS_prev", "dS * (1 - Z) + daCA @ Wrecca.T * R + daR @ Wrecr.T + daZ @ Wrecz.T", {}),
    ("S", "S_prev + Z * (CA - S_prev)", {}),
    ("aZ", "x @ Wz + S_prev @ Wrecz + bz", {"cell": "gru-bias"}),
    ("dE_t", "E_t", {}),
    ("dE", "(O - Y) / 2 + E * 0.5", {}),
    ("dcost", "1", {"loss": "bce"}),
])  # fmt: skip
def test_another_form_is_right_too(
    name: str, formula: str, of_file: dict[str, str], tmp_path: Path
) -> None:
    found = graded(tmp_path, sheet({name: formula}, **of_file))  # type: ignore[arg-type]
    assert [line.verdict for line in found.lines] == ["right"]
