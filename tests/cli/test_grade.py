"""The command `grade`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gru_codegen as gc
from tests.cli.running import Run, refused

RIGHT = 'cell = "gru"\n[formulas]\ndS = "dO_t + dS_prev_{t+1}"\n'
WRONG = 'cell = "gru"\n[formulas]\ndS = "dO_t - dS_prev_{t+1}"\n'


def test_a_right_file(run: Run, folder: Path) -> None:
    Path("mine.toml").write_text(RIGHT)
    outcome = run("grade", "mine.toml")
    assert outcome.status == 0
    assert outcome.err == ""
    assert outcome.out.splitlines()[-1] == "1 of 1 line is right"


def test_a_wrong_line_is_a_failed_check(run: Run, folder: Path) -> None:
    Path("mine.toml").write_text(WRONG)
    outcome = run("grade", "mine.toml")
    assert refused(outcome, 1) == "mine.toml: 1 line is wrong"
    assert "the sign of dS_prev_{t+1} is wrong" in outcome.out


def test_the_width_of_the_terminal(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text(WRONG.replace("dS_prev_{t+1}", " + ".join(["dZ_t o R_t"] * 9)))
    for columns in (60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        widest = max(map(len, run("grade", "mine.toml").out.splitlines()))
        assert columns - 20 < widest <= columns


def test_json(run: Run, folder: Path) -> None:
    Path("mine.toml").write_text(WRONG)
    outcome = run("grade", "mine.toml", "--format", "json")
    assert outcome.status == 1
    assert json.loads(outcome.out)["lines"][0]["verdict"] == "wrong"


def test_a_blank_file_is_written_once_and_graded(run: Run, folder: Path) -> None:
    arguments = ("--template", "gru", "--loss", "bce", "--readout", "linear")
    assert run("grade", *arguments, "-o", "mine.toml").out == "wrote mine.toml\n"
    assert Path("mine.toml").read_text() == run("grade", *arguments).out
    outcome = run("grade", "mine.toml")
    assert refused(outcome, 1) == "mine.toml: 21 are missing"
    assert outcome.out.splitlines()[-1] == "0 of 21 lines are right, 21 missing"
    assert refused(run("grade", *arguments, "-o", "mine.toml")) == (
        "mine.toml is there already, maybe filled in; name another file"
    )


def test_a_blank_file_for_a_cell_in_a_file(run: Run, folder: Path) -> None:
    cell = Path(__file__).parents[2] / "examples" / "my_cell.toml"
    Path("cell.toml").write_text(cell.read_text())
    Path("below").mkdir()
    assert run("grade", "--template", "cell.toml", "-o", "below/mine.toml").status == 0
    assert '\ncell = "../cell.toml"\n' in Path("below/mine.toml").read_text()
    assert refused(run("grade", "below/mine.toml"), 1).endswith(" are missing")


@pytest.mark.parametrize(
    ("text", "status"),
    [(RIGHT, 0), (WRONG, 1), (RIGHT + 'dZ = ""\n', 1), (WRONG + 'dZ = ""\n', 1)],
)
def test_the_exit_status_is_what_the_result_is(
    text: str, status: int, run: Run, folder: Path
) -> None:
    Path("mine.toml").write_text(text)
    assert run("grade", "mine.toml").status == status == (not gc.grade("mine.toml"))
    said = " ".join(run("grade", "--help").out.split())
    assert "The exit status is 0 if every line is right, 1 if one is wrong or missing" in said


@pytest.mark.parametrize("loss", [name for name, loss in gc.losses.items() if loss.shifts])
def test_a_blank_file_has_every_equation_that_is_read(loss: str, run: Run) -> None:
    """Also of the shift, which is computed before the equation that reads it."""
    lines = run("grade", "--template", "gru", "--loss", loss).out.splitlines()
    shift = lines.index("#   M_t = largest of each row of O_t")
    assert lines[shift + 1] == "#   N_t = O_t - M_t"


@pytest.mark.parametrize(("arguments", "said"), [
    ("", "give a FILE to check, or --template CELL for a blank one to fill in"),
    ("a.toml --template gru", "a.toml is there to be checked and --template to begin; give one"),
    ("a.toml --output b.toml", "--output is for --template; the verdict goes to standard output"),
    ("--template gru --format json", "--format is for a FILE; a blank one is TOML"),
    ("a.toml", "a.toml does not exist"),
    ("a.toml --loss l2", "--loss is for --template; a.toml says of itself what it is about"),
    ("a.toml --format html", "--format: there is no format 'html'; known: text, json"),
    ("--template grv", "there is no cell 'grv'; did you mean gru?"),
    ("--template gru --loss l3", "there is no loss 'l3'; did you mean l2? known: l2, l2-mean"),
    ("--template gru_codegen.cells.gru:GRU", "gru_codegen.cells.gru:GRU is an object in a module"),
])  # fmt: skip
def test_usage(run: Run, arguments: str, said: str) -> None:
    assert refused(run("grade", *arguments.split())).startswith(said)
