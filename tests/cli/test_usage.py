from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import cli, pipeline
from gru_codegen.parse import ways
from gru_codegen.request import Request
from tests.cli.running import Outcome, Run, files, refused, stop

GENERATE = (
    "--cell, --unroll, --loss, --style, --readout, --layout, --with, --only, --tune, --output, "
    "--check, --force, --no-verify, --certificate, --help"
)
INSPECT = (
    "--cell, --unroll, --loss, --readout, --wrt, --at, --expand, --format, --fragment, --ascii, "
    "--output, --help"
)
CELLS, LOSSES = (f"known: {', '.join(known)}" for known in (gc.cells, gc.losses))
CELLS += f"; {ways().partition('; ')[0]}"
LOSSES += f"; {ways().partition('; ')[2]}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "missing command; see gru-codegen --help"),
        (
            "generat",
            "there is no command 'generat'; did you mean generate? "
            "known: generate, verify, check, inspect, cells, program, audit, grade, credit",
        ),
        (
            "xyz",
            "there is no command 'xyz'; "
            "known: generate, verify, check, inspect, cells, program, audit, grade, credit",
        ),
        ("--versoin", "there is no option '--versoin'; did you mean --version? known: --version, "
         "--help"),
        ("--cell gru", "there is no option '--cell'; known: --version, --help"),
        ("generate --unrol 8", "there is no option '--unrol'; did you mean --unroll? "
         f"known: {GENERATE}"),
        ("generate -q", f"there is no option '-q'; known: {GENERATE}"),
        ("generate 8", "got unexpected extra argument (8); did you mean --unroll 8? see "
         "gru-codegen generate --help"),
        ("generate lstm", "got unexpected extra argument (lstm); did you mean --cell lstm? see "
         "gru-codegen generate --help"),
        ("generate xyz", "got unexpected extra argument (xyz); see gru-codegen generate --help"),
        ("generate --loss mse", f"there is no loss 'mse'; did you mean l2-mean? {LOSSES}"),
        (
            "gen",
            "there is no command 'gen'; did you mean generate? "
            "known: generate, verify, check, inspect, cells, program, audit, grade, credit",
        ),
        ("generate --cell", "option '--cell' requires an argument; see gru-codegen generate "
         "--help"),
        ("generate --loss", "option '--loss' requires an argument; see gru-codegen generate "
         "--help"),
        ("inspect --loss", "option '--loss' requires an argument; see gru-codegen inspect --help"),
        ("generate --check=no", "option '--check' does not take a value; see gru-codegen generate "
         "--help"),
        ("generate --cell none.toml", "none.toml does not exist"),
        ("generate --loss none.toml", "none.toml does not exist"),
        ("generate --check --force", "--check writes nothing; leave it or --force out"),
        ("generate --only back", "--only: there is no part 'back'; known: forward"),
        ("grade none.toml", "none.toml does not exist"),
        ("generate --cell grv", f"there is no cell 'grv'; did you mean gru? {CELLS}"),
        ("generate --cell GRU", f"there is no cell 'GRU'; did you mean gru? {CELLS}"),
        ("generate --cell ''", f"there is no cell ''; {CELLS}"),
        ("generate --loss l22", f"there is no loss 'l22'; did you mean l2? {LOSSES}"),
        ("generate --loss xyz", f"there is no loss 'xyz'; {LOSSES}"),
        (
            "generate --style fats",
            "--style: there is no style 'fats'; did you mean fast? known: fast, textbook",
        ),
        (
            "generate --check --output -",
            "invalid value for '--output': --check compares with a file, and - is standard "
            "output; name the file",
        ),
        (
            "generate --layout row",
            "--layout: there is no layout 'row'; did you mean rows? "
            "known: rows, blocked, columns, folded",
        ),
        *(
            (
                f"generate --style textbook --layout {layout}",
                "--layout is for the fast style; leave it or --style textbook out",
            )
            for layout in ("rows", "columns")
        ),
        *(
            (
                f"generate --tune '{sizes}'",
                f"invalid value for '--tune': {sizes!r} is not three sizes from 1 to 99999; "
                "give batch, input and state size as 32,64,128; the time steps are those of "
                "--unroll",
            )
            for sizes in ("", "32", "1,2", "1,2,3,4", "1,2,3,", "0,1,2", "1,2,-3", "1,2,123456",
                          "1,2,x", "1,2,٣", "1.0,2,3", "1;2;3")
        ),
        *(
            (
                f"generate --tune 1,2,3 {other}",
                "--tune looks for the fastest layout of the fast style; leave it or "
                f"{other} out",
            )
            for other in ("--check", "--style textbook")
        ),
        (
            "generate --tune 1,2,3 --layout rows",
            "--tune looks for the fastest layout of the fast style; leave it or --layout out",
        ),
        ("generate --tune 1,2,3 --style fats", "--style: there is no style 'fats'; did you mean "
         "fast? known: fast, textbook"),
        ("generate --cell sru --tune 2,3,4", "--tune: input_size: this cell needs inputs of the "
         "size of its state, 4, got 3"),
        ("check", "missing argument 'FILE...'; see gru-codegen check --help"),
        ("verify", "missing argument 'FILE...'; see gru-codegen verify --help"),
        ("inspect --from latex", "there is no option '--from'; did you mean --format? "
         f"known: {INSPECT}"),
        ("inspect --format tex", "--format: there is no format 'tex'; did you mean text? "
         "known: text, latex, html, json"),
        ("inspect --readout liner", "--readout: there is no readout 'liner'; did you mean linear? "
         "known: none, linear"),
        ("inspect --cell grv", f"there is no cell 'grv'; did you mean gru? {CELLS}"),
        ("inspect --loss xyz", f"there is no loss 'xyz'; {LOSSES}"),
        (
            "inspect --wrt wz",
            "--wrt: there is no weight 'wz'; did you mean Wz? "
            f"known: {', '.join(str(weight) for weight in gc.GRU.weights)}",
        ),
        ("inspect --output /dev/null/k.txt", "cannot write /dev/null/k.txt: /dev/null is not a "
         "folder"),
        ("cells gru sru", "got unexpected extra argument (sru); see gru-codegen cells --help"),
        ("cells grv", f"there is no cell 'grv'; did you mean gru? {CELLS}"),
    ],
)  # fmt: skip
def test_bad_usage(arguments: str, message: str, run: Run, folder: Path) -> None:
    outcome = run(*shlex.split(arguments))
    assert refused(outcome) == message
    assert outcome.out == ""
    assert files(folder) == set()


NO_NUMBER = "is not a number of time steps"
TOO_FEW = "is less than one time step"
TOO_MANY = "is too many time steps to write out one by one"


RIGHT = {
    "generate": "give a whole number from 1 to 65536, or any for a time loop of any length",
    "inspect": "give a whole number from 1 to 64, or any for the recurrences, which hold for any "
    "number",
}


@pytest.mark.parametrize("command", RIGHT)
@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ("two", f"'two' {NO_NUMBER}"),
        ("1e9", f"'1e9' {NO_NUMBER}"),
        ("8.0", f"'8.0' {NO_NUMBER}"),
        ("1_000", f"'1_000' {NO_NUMBER}"),
        ("٣", f"'٣' {NO_NUMBER}"),
        ("8\n9", f"'8\\n9' {NO_NUMBER}"),
        ("nan", f"'nan' {NO_NUMBER}"),
        ("None", f"'None' {NO_NUMBER}"),
        ("ANY", f"'ANY' {NO_NUMBER}"),
        ("", f"'' {NO_NUMBER}"),
        ("x" * 5000, f"'xxxxxxxxxxxx...xxxxxxxxxxxxx' {NO_NUMBER}"),
        ("0", f"'0' {TOO_FEW}"),
        ("-0", f"'-0' {TOO_FEW}"),
        ("-1", f"'-1' {TOO_FEW}"),
        ("65537", f"'65537' {TOO_MANY}"),
        ("1000000000", f"'1000000000' {TOO_MANY}"),
        ("9" * 5000, f"'999999999999...9999999999999' {TOO_MANY}"),
    ],
)
def test_a_number_of_steps_that_is_refused(
    command: str, steps: str, fault: str, run: Run, folder: Path
) -> None:
    assert refused(run(command, "--unroll", steps)) == (
        f"invalid value for '--unroll': {fault}; {RIGHT[command]}"
    )
    assert files(folder) == set()


def test_the_steps_that_inspect_writes_out(run: Run) -> None:
    assert refused(run("inspect", "--unroll", "65")) == (
        f"invalid value for '--unroll': '65' {TOO_MANY}; {RIGHT['inspect']}"
    )
    assert run("inspect", "--unroll", "64").status == 0


@pytest.mark.parametrize(
    ("steps", "expected"),
    [("1", 1), ("08", 8), ("+8", 8), ("65536", 65536), ("0" * 5000 + "8", 8), ("any", None)],
)
def test_a_number_of_steps(
    steps: str, expected: int | None, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def source(request: Request, *_: str) -> str:
        asked.append(request.unroll)
        return "source\n"

    monkeypatch.setattr(pipeline, "source", source)
    assert run("generate", "--unroll", steps, "--no-verify", "--output", "-").status == 0
    assert asked == [expected]


def test_an_interruption_while_the_arguments_are_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.program, "make_context", stop(KeyboardInterrupt()))
    assert run("generate") == Outcome(130, "", "\n")


@pytest.mark.parametrize(
    "arguments", ["", "generate", "verify", "check", "inspect", "cells", "program", "grade"]
)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(arguments: str, option: str, run: Run) -> None:
    status, out, err = run(*arguments.split(), option)
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: {' '.join(['gru-codegen', arguments]).strip()} ")
    assert all(len(line) <= 100 for line in out.splitlines())
    if arguments in ("", "generate", "inspect", "program", "grade"):
        assert "Examples:\n" in out


def test_every_example_of_the_help_is_understood(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    helps = [
        run(*command.split(), "--help").out
        for command in ("", "generate", "inspect", "program", "grade")
    ]
    examples = re.findall(r"^ +gru-codegen (.*?)(?:  .*| \|.*)?$", "".join(helps), re.MULTILINE)
    assert len(examples) == 23
    understood: list[str] = []
    for name, command in cli.program.commands.items():
        monkeypatch.setattr(command, "callback", lambda _name=name, **_: understood.append(_name))
    for example in examples:
        assert run(*shlex.split(example)) == Outcome(0, "", "")
    assert understood == [example.split()[0] for example in examples]


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == Outcome(0, f"gru-codegen {gc.__version__}\n", "")


# --- errors of the package ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (gc.CellError("cell 'gru': no"), 2, "cell 'gru': no"),
        (gc.DerivationError("Z: SymPy\n  refuses\r\nit"), 2, "Z: SymPy refuses it"),
        (gc.VerificationError("k.py is not Python"), 2, "k.py is not Python"),
        (
            gc.ProgramError("a statement reads what was not computed"),
            70,
            "a statement reads what was not computed; this is a fault of gru-codegen, please "
            "report it",
        ),
        (MemoryError(), 2, "out of memory; fewer time steps, or --unroll any, need less"),
        (
            RecursionError("maximum recursion depth exceeded"),
            2,
            "the equations are nested too deep; give their parts names of their own",
        ),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_a_status(
    error: BaseException,
    status: int,
    message: str,
    run: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "source", stop(error))
    assert refused(run("generate"), status) == message
    assert files(folder) == set()


def test_what_sigpipe_does_to_the_caller_stays_as_it_was(run: Run) -> None:
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        for arguments in (["--help"], ["generat"]):
            run(*arguments)
            assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGPIPE, before)


@pytest.mark.parametrize("command", ["", *cli.program.commands])
def test_help_is_as_narrow_as_the_terminal(
    command: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also its examples: a command that takes two lines is one that a shell takes."""
    words = [command] * bool(command)
    wide = run(*words, "--help").out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run(*words, "--help").out
    assert max(map(len, narrow.splitlines())) <= 60
    wide, narrow = ("".join(text.partition("Examples:")[1:]) for text in (wide, narrow))
    assert narrow.replace("\\\n", "").split() == wide.replace("\\\n", "").split()


@pytest.mark.parametrize("arguments", [("cells",), ("cells", "lstm-peephole")])
def test_cells_are_as_narrow_as_the_terminal(
    arguments: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    wide = run(*arguments).out
    assert max(map(len, wide.splitlines())) > 60
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run(*arguments).out
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == wide.split()
