"""The result: its text, its JSON, its truth; and the blank file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.grade import Grade, Line, template
from gru_codegen.request import complete
from tests.grade.files import graded, sheet

LINES = {
    "a": "dS_t o CA_t",
    "b": "CA_t o R_t",
    "dRS": "daCA_t o Wrecca^T",
    "dS": "dO_t + dS_prev_{t+1}",
    "dCA": "",
}
TEXT = """\
mine.toml: gated recurrent unit, L2 cost, at every time step

a    right    the part dS_t o CA_t of dZ_t
b    own      CA_t o R_t
dRS  wrong    daCA_t o Wrecca^T
              daCA_t is (B, H), Wrecca^T is (H, H); the factors of an elementwise product must have
                one shape
              between daCA_t and Wrecca^T belongs the matrix product
              right is daCA_t Wrecca^T
dS   right
dCA  missing  (B, H)

2 of 5 lines are right, 1 wrong, 1 missing, 1 of your own"""


@pytest.fixture
def grade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grade:
    monkeypatch.chdir(tmp_path)
    return graded(Path(), sheet(LINES))


def test_the_text(grade: Grade) -> None:
    assert str(grade) == TEXT


@pytest.mark.parametrize("width", [40, 60, 100])
def test_the_text_follows_a_width(grade: Grade, width: int) -> None:
    text = grade.text(width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == TEXT.split()


def test_the_json(grade: Grade) -> None:
    found = json.loads(grade.json())
    assert {key: found[key] for key in ("passed", "verdict")} == {
        "passed": False,
        "verdict": grade.verdict,
    }
    assert found["lines"][2] == {
        "name": "dRS",
        "formula": "daCA_t o Wrecca^T",
        "number": 8,
        "verdict": "wrong",
        "remarks": list(grade.lines[2].remarks),
        "better": "daCA_t Wrecca^T",
    }


def test_a_result_is_true_when_nothing_is_wrong_or_missing() -> None:
    right, own = Line("dS", "dO", 1, "right"), Line("a", "Z", 1, "own")
    assert Grade("", (right, own))
    assert not Grade("", (right, Line("dS", "", 1, "missing")))
    assert not Grade("", (right, Line("dS", "Y", 1, "wrong")))
    assert not Grade("", ())


@pytest.mark.parametrize(
    ("cell", "loss", "readout"),
    [("gru", "l2", "none"), ("lstm-peephole", "cross-entropy", "linear"), ("sru", "bce", "none")],
)
def test_a_blank_file_asks_for_all_of_it(
    cell: str, loss: str, readout: str, tmp_path: Path
) -> None:
    derivation = gc.derive(complete(gc.cells[cell], readout), gc.losses[loss])
    blank = template(derivation, cell, readout)
    found = graded(tmp_path, blank)
    asked = [adjoint.target.name for adjoint in derivation.adjoints]
    asked += [gradient.target.name for gradient in derivation.gradients]
    assert [line.name for line in found.of("missing")] == asked
    assert found.lines == found.of("missing")
    assert not found

    text = derivation.notation.text
    for adjoint in derivation.adjoints:
        line = f'\n{adjoint.target.name} = "'
        blank = blank.replace(line, line + text(adjoint.expression))
    for gradient in derivation.gradients:
        line = f'\n{gradient.target.name} = "'
        blank = blank.replace(line, f"{line}sum_t {text(gradient.summand)}")
    assert graded(tmp_path, blank)


def test_a_blank_file_names_one_factor_of_a_mean_once() -> None:
    blank = template(gc.derive(gc.GRU, gc.losses["l2-mean"]), "gru", "none")
    assert "#   L = 1/(T B H) sum_t tr(E_t^T E_t)\n" in blank
    assert "# Leave 1/(T B H) out: what is asked for here is of the sum.\n" in blank


def test_progress_is_by_the_line(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(sheet({"a": "Z", "dS": "dO + dS_prev_next"}))
    seen: list[tuple[int, int]] = []
    gc.grade(tmp_path / "mine.toml", progress=lambda *at: seen.append(at))
    assert seen == [(0, 2), (1, 2)]
