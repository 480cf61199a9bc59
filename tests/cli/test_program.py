"""`gru-codegen program`: the program of a kernel, at any stage, in a terminal or a file."""

from __future__ import annotations

from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.ir.printing import printed
from gru_codegen.ir.reading import read_program
from gru_codegen.request import Request
from gru_codegen.stages import every_stage
from tests.cli.running import ROOT, Outcome, Run, files, refused

LSTM = "program --cell lstm --loss bce --readout linear --unroll 3 --layout folded"


def test_the_optimised_program_is_printed(run: Run) -> None:
    program = gc.program(gc.GRU)
    assert run("program") == Outcome(0, printed(program), "")
    assert read_program(run("program").out) == program


def test_the_words_are_those_of_generate(run: Run) -> None:
    bce = gc.losses["bce"]
    program = gc.program(gc.cells["lstm"], loss=bce, readout="linear", unroll=3, layout="folded")
    assert run(*LSTM.split()).out == printed(program)
    textbook = gc.program(gc.GRU, style="textbook")
    assert run("program", "--style", "textbook").out == printed(textbook)


@pytest.mark.parametrize("after", ["lower", "factor_sums", "eliminate_common_subexpressions_2"])
def test_the_program_after_a_pass(after: str, run: Run) -> None:
    found = run("program", "--after", after, "--no-origins")
    assert found == Outcome(0, printed(gc.program(gc.GRU, after=after), origins=False), "")


def test_every_pass(run: Run) -> None:
    found = run("program", "--every-pass", "--style", "textbook")
    assert found == Outcome(0, every_stage(Request(gc.GRU, style="textbook")), "")


def test_it_is_written_to_a_file(run: Run, folder: Path) -> None:
    assert run("program", "-o", "gru.txt") == Outcome(0, "wrote gru.txt\n", "")
    assert files(folder) == {"gru.txt"}
    assert read_program(Path("gru.txt").read_text()) == gc.program(gc.GRU)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "--after fission_loop",
            "--after: there is no pass 'fission_loop'; did you mean fi",
        ),
        (
            "--style textbook --after unroll",
            "--after: there is no pass 'unroll' here, but with unroll N; known: lower, ",
        ),
        (
            "--layout rows --after store_feature_major",
            "--after: there is no pass 'store_feature_major' here, but with layout columns or "
            "layout folded; known: lower, eliminate_common_subexpressions, ",
        ),
        (
            "--after factor_adjoints",
            "--after: there is no pass 'factor_adjoints' here, but with style textbook; did you ",
        ),
        ("--after ", "--after: there is no pass ''; known: lower, "),
        ("--after lower --every-pass", "--after shows one stage and --every-pass all; leave one "),
        ("--style textbook --layout rows", "--layout is for the fast style; leave it or --style"),
        ("--loss l2mean", "there is no loss 'l2mean'; did you mean l2-mean?"),
        ("--output /dev/null/k.txt", "cannot write /dev/null/k.txt: /dev/null is not a folder"),
        ("--cell gro", "there is no cell 'gro'"),
    ],
)
def test_what_is_refused(arguments: str, said: str, run: Run, folder: Path) -> None:
    assert refused(run("program", *arguments.split(" "))).startswith(said)
    assert files(folder) == set()


def test_the_declaration_is_not_written_over(run: Run, folder: Path) -> None:
    declaration = (ROOT / "examples" / "my_cell.toml").read_text()
    Path("cell.toml").write_text(declaration)
    refusal = refused(run("program", "--cell", "cell.toml", "-o", "cell.toml"))
    assert refusal.startswith("cell.toml is the declaration itself")
    assert Path("cell.toml").read_text() == declaration


@pytest.mark.parametrize("columns", ["60", "100"])
def test_the_help_fits(columns: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = run("program", "--help").out.partition("Examples:")[0]
    assert max(map(len, out.splitlines())) <= int(columns)
