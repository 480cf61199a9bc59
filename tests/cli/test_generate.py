from __future__ import annotations

import errno
import functools
import itertools
import os
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.request import Request
from gru_codegen.verify import Report
from tests.cells.sample import SAMPLE
from tests.cli.running import (
    Outcome,
    Run,
    files,
    on_terminal,
    plant_faults,
    recorded,
    refused,
    stop,
)

# Every cell, every loss, both styles, both forms; not every one with every other.
KERNELS = [
    *itertools.product(SAMPLE, ["l2"], ["fast", "textbook"], ["any"]),
    *itertools.product(["gru"], gc.losses, ["fast", "textbook"], ["1", "2"]),
]


@pytest.mark.parametrize(("cell", "loss", "style", "unroll"), KERNELS)
def test_generate_writes_what_the_library_generates(
    cell: str, loss: str, style: str, unroll: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = functools.cache(pipeline.source)  # a request that is made again is not worked on again
    monkeypatch.setattr(pipeline, "source", made)
    outcome = run(
        *("generate", "--no-verify", "--cell", cell, "--loss", loss),
        *("--style", style, "--unroll", unroll),
    )
    steps = None if unroll == "any" else int(unroll)
    declared, cost = gc.cells[cell], gc.losses[loss]
    source = gc.generate(declared, loss=cost, unroll=steps, style=style)  # type: ignore[arg-type]
    path = f"generated/{Request(declared, cost, 'none', steps, style).name}.py"  # type: ignore[arg-type]

    assert files(Path()) == {path}
    assert Path(path).read_bytes() == source.encode()
    said = {"1": "1 time step", "2": "2 time steps", "any": "any number of time steps"}[unroll]
    assert outcome == Outcome(
        0, f"wrote {path}: {declared.title}, {said}, {style} style; not checked\n", ""
    )

    # The command in its header asks for the same again, and writes it.
    Path(path).unlink()
    assert run(*recorded(source), "--no-verify").status == 0
    assert Path(path).read_bytes() == source.encode()
    assert made.cache_info().misses == 2  # of the first command, and of the library


def test_a_kernel_is_checked_before_it_is_written(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[Report] = []
    check = pipeline.check

    def reported(*arguments: Any, **keywords: Any) -> Report:
        assert files(folder) == set()
        reports.append(check(*arguments, **keywords))
        return reports[-1]

    monkeypatch.setattr(pipeline, "check", reported)
    outcome = run("generate", "--cell", "lstm", "--unroll", "2")
    [report] = reports
    said = "long short-term memory, 2 time steps, fast style"
    verdict = f"pass: all {len(report.checks)} checks"
    assert outcome == Outcome(0, f"wrote generated/lstm_t2.py: {said}; {verdict}\n", "")


def test_what_is_generated_by_default(run: Run, folder: Path) -> None:
    assert run("generate", "--no-verify") == Outcome(
        0,
        "wrote generated/gru.py: gated recurrent unit, any number of time steps, fast style; "
        "not checked\n",
        "",
    )
    assert files(folder) == {"generated/gru.py"}
    assert Path("generated/gru.py").read_text() == gc.generate(gc.GRU)


@pytest.mark.parametrize("option", ["--output", "-o"])
def test_output_to_a_file(option: str, run: Run, folder: Path) -> None:
    outcome = run("generate", "--unroll", "2", option, "model/kernel.py")
    assert outcome.status == 0
    assert outcome.out.startswith("wrote model/kernel.py: gated recurrent unit, 2 time steps, ")
    assert files(folder) == {"model/kernel.py"}
    # The header names the options of the kernel alone, wherever it lies.
    assert Path("model/kernel.py").read_text() == gc.generate(gc.GRU, unroll=2)


@pytest.mark.parametrize("options", [[], ["--no-verify"]])
def test_output_to_standard_output(options: list[str], run: Run, folder: Path) -> None:
    outcome = run("generate", "--unroll", "2", "--output", "-", *options)
    assert outcome == Outcome(0, gc.generate(gc.GRU, unroll=2), "")
    assert files(folder) == set()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("full", "it is a folder; name a file in it"),
        ("full/", "it is a folder; name a file in it"),
        ("", "it is no name; name a file"),
        ("full/k.py/k.py", "full/k.py is not a folder"),
        ("k" * 300, "File name too long"),
        ("full/k.py/a/k.py", "full/k.py is not a folder"),
    ],
)
def test_output_where_no_file_can_be(path: str, message: str, run: Run, folder: Path) -> None:
    os.mkdir("full")
    Path("full/k.py").write_text("old")
    said = refused(run("generate", "--no-verify", "--output", path))
    assert said == f"cannot write {path or repr(path)}: {message}".replace("\n", " ")
    assert files(folder) == {"full/k.py"}
    assert Path("full/k.py").read_text() == "old"


def test_a_bad_output_is_refused_before_the_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "source", stop(AssertionError("the work began")))
    Path("generated").write_text("old")
    for option in ([], ["--output", "generated/k.py"], ["--output", "k" * 300]):
        assert refused(run("generate", *option)).startswith("cannot write")
    Path("generated").unlink()
    os.makedirs("generated/gru.certificate.json")
    assert refused(run("generate", "--certificate")) == (
        "cannot write generated/gru.certificate.json: it is a folder; name a file in it"
    )


@pytest.mark.parametrize("command", ["generate --no-verify", "inspect", "program"])
def test_a_missing_folder_is_made(command: str, run: Run, folder: Path) -> None:
    assert run(*command.split(), "--output", "a b/c/k.py").status == 0
    assert files(folder) == {"a b/c/k.py"}


# --- what a kernel is not written over ------------------------------------------------------------


@pytest.mark.parametrize("place", ["k.py", "generated/gru.py"])
@pytest.mark.parametrize("there", ["import numpy\n", "CONTRACT = 1\n", "EQUATIONS = 1\n", "\xff"])
def test_what_is_no_kernel_is_written_over_with_force_alone(
    place: str, there: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkdir("generated")
    Path(place).write_text(there, encoding="latin-1")
    named = [] if place.startswith("generated") else ["--output", place]
    with monkeypatch.context() as before:
        before.setattr(pipeline, "source", stop(AssertionError("the work began")))
        assert refused(run("generate", *named)) == (
            f"{place} is no generated kernel; name another file with --output, or write over it "
            "with --force"
        )
    assert Path(place).read_text(encoding="latin-1") == there
    assert run("generate", "--no-verify", "--force", *named).status == 0
    assert Path(place).read_text() == gc.generate(gc.GRU)


@pytest.mark.parametrize("only", [None, "forward"])
def test_a_kernel_is_written_over_whatever_has_become_of_it(only: str | None, run: Run) -> None:
    for there in ("", " \n", gc.generate(gc.GRU, only=only).replace("gru-codegen", "nobody") + "#"):
        Path("k.py").write_text(there)
        assert run("generate", "--no-verify", "--output", "k.py").status == 0
        assert Path("k.py").read_text() == gc.generate(gc.GRU)


@pytest.mark.parametrize("name", ["numpy", "typing", "types", "tty", "sympy", "gru_codegen"])
def test_the_name_of_a_module_that_is_imported_is_refused(
    name: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"model/{name}.py"
    with monkeypatch.context() as before:
        before.setattr(pipeline, "source", stop(AssertionError("the work began")))
        assert refused(run("generate", "--output", path)) == (
            f"{path} would stand in the way of {name}, which Python imports by that name; name "
            "another file with --output, or write it with --force"
        )
    assert files(folder) == set()
    assert run("generate", "--no-verify", "--force", "--output", path).status == 0
    assert run("generate", "--no-verify", "--output", f"model/{name}.txt").status == 0
    assert run("generate", "--no-verify", "--output", f"model/{name}_kernel.py").status == 0


def test_a_module_that_no_file_stands_for_is_in_nobodys_way(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "made_here", ModuleType("made_here"))
    assert run("generate", "--no-verify", "--output", "made_here.py").status == 0


def test_a_cell_with_the_name_of_a_module_needs_another_file(run: Run) -> None:
    Path("own.toml").write_text(OWN.replace('"gru"', '"random"'))
    said = refused(run("generate", "--cell", "own.toml", "--no-verify"))
    assert said.startswith("generated/random.py would stand in the way of random, which Python ")
    named = ("generate", "--cell", "own.toml", "--no-verify", "--output", "generated/mine.py")
    assert run(*named).status == 0


def test_the_default_folder_is_a_file(run: Run, folder: Path) -> None:
    Path("generated").write_text("old")
    assert refused(run("generate", "--no-verify")) == (
        "cannot write generated/gru.py: generated is not a folder"
    )
    assert Path("generated").read_text() == "old"


def test_a_file_name_that_no_encoding_has(run: Run, folder: Path) -> None:
    path = os.fsdecode(b"\xff.py")
    outcome = run("generate", "--no-verify", "--output", path)
    assert outcome.status == 0
    assert outcome.out.startswith("wrote \\udcff.py: ")
    assert files(folder) == {path}


def test_a_full_disk_leaves_the_old_file(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("k.py").write_text(gc.generate(gc.GRU, unroll=1))
    monkeypatch.setattr(os, "fsync", stop(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    outcome = run("generate", "--no-verify", "--output", "k.py")
    assert refused(outcome) == "cannot write k.py: No space left on device"
    assert outcome.out == ""
    assert files(folder) == {"k.py"}
    assert Path("k.py").read_text() == gc.generate(gc.GRU, unroll=1)


# --- a kernel that fails its checks ---------------------------------------------------------------


@pytest.mark.parametrize(("name", "unroll"), [("gru", "2"), ("lstm", "any")])
def test_a_kernel_that_fails_its_checks_is_not_written(
    name: str, unroll: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = gc.generate(gc.cells[name], unroll=3)
    Path("k.py").write_text(old)
    plant_faults(monkeypatch)
    outcome = run("generate", "--cell", name, "--unroll", unroll, "--output", "k.py")
    said = refused(outcome, status=1)
    assert re.fullmatch(
        r"\w+ fails its checks, so nothing is written; FAIL: \d+ of \d+ checks", said
    )
    weight = gc.cells[name].weights[0]
    assert re.search(rf"^{weight} +complex step .* FAIL$", outcome.out, re.MULTILINE)
    assert f"\n  {weight}, complex step: " in outcome.out
    assert files(folder) == {"k.py"}
    assert Path("k.py").read_text() == old


def test_standard_output_stays_empty_when_the_checks_fail(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_faults(monkeypatch)
    outcome = run("generate", "--output", "-")
    assert refused(outcome, status=1).startswith("gru fails its checks, so nothing is written; ")
    assert outcome.out == ""


def test_no_verify_skips_the_checks(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_faults(monkeypatch)
    assert run("generate", "--no-verify").status == 0
    assert Path("generated/gru.py").read_text() == gc.generate(gc.GRU)


def test_the_kernel_of_another_declaration_is_not_written(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The update gate has changed sides: a sound cell, so that only the declaration can tell.
    *gates, state = gc.GRU.equations
    CA, S_prev = gates[-1].target, gc.GRU.states[state.target]
    exchanged = state.expression.xreplace({CA: S_prev, S_prev: CA})
    other = replace(gc.GRU, equations=(*gates, replace(state, expression=exchanged)))
    source = pipeline.source
    monkeypatch.setattr(pipeline, "source", lambda asked, *_: source(replace(asked, cell=other)))

    outcome = run("generate", "--unroll", "2")
    assert refused(outcome, status=1).startswith("gru_t2 fails its checks")
    assert re.search(r"^outputs +the declared equations .* FAIL$", outcome.out, re.MULTILINE)
    assert files(folder) == set()

    # The file alone cannot show it, as `verify` says.
    assert run("generate", "--unroll", "2", "--no-verify").status == 0
    assert run("verify", "generated/gru_t2.py").status == 0


OWN = """
name = "gru"
title = "a cell that is called as another one"
source = "a test"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)" }
equations = "S = tanh(x @ W + S_prev @ U)"
"""


def test_the_kernel_of_another_declaration_is_not_written_over(run: Run, folder: Path) -> None:
    Path("own.toml").write_text(OWN)
    assert run("generate", "--no-verify").status == 0
    before = Path("generated/gru.py").read_bytes()
    outcome = run("generate", "--cell", "own.toml", "--no-verify")
    assert refused(outcome) == (
        "generated/gru.py is the kernel of another declaration, --cell gru; remove it, "
        "or name another file with --output"
    )
    assert Path("generated/gru.py").read_bytes() == before
    named = ["generate", "--cell", "own.toml", "--no-verify", "--output", "generated/gru.py"]
    assert run(*named).status == 0
    assert refused(run("generate", "--no-verify")).startswith(
        "generated/gru.py is the kernel of another declaration, --cell own.toml; "
    )
    assert files(folder) == {"own.toml", "generated/gru.py"}


@pytest.mark.parametrize("command", ["generate --no-verify", "inspect"])
@pytest.mark.parametrize("output", ["own.toml", "./own.toml", "link.toml"])
def test_a_declaration_is_not_written_over(run: Run, command: str, output: str) -> None:
    Path("own.toml").write_text(OWN)
    Path("link.toml").symlink_to("own.toml")
    outcome = run(*command.split(), "--cell", "own.toml", "--output", output)
    assert refused(outcome) == (
        f"{output} is the declaration itself; name another file with --output"
    )
    assert Path("own.toml").read_text() == OWN


def test_a_later_kernel_of_the_same_declaration_is_written_over(run: Run) -> None:
    own, moved = Path("own.toml"), Path("moved.toml")
    own.write_text(OWN)
    assert run("generate", "--cell", "own.toml", "--no-verify").status == 0
    own.write_text(OWN.replace("tanh", "sigmoid"))  # the declaration has changed
    assert run("generate", "--cell", "own.toml", "--no-verify").status == 0
    own.rename(moved)  # or its place has
    assert run("generate", "--cell", "moved.toml", "--no-verify").status == 0
    assert run("generate", "--no-verify", "--force").status == 0  # another one, and it is meant


# --- --check --------------------------------------------------------------------------------------


AGAIN = "gru-codegen generate --cell gru --unroll 2 --loss l2 --style fast"


def check(run: Run, *options: str) -> Outcome:
    """Run `generate --check` for two steps; it may change nothing."""
    before = {path: path.read_bytes() for path in Path().rglob("*.py")}
    outcome = run("generate", "--unroll", "2", "--check", *options)
    assert {path: path.read_bytes() for path in Path().rglob("*.py")} == before
    return outcome


def test_check_of_the_file_that_would_be_generated(run: Run) -> None:
    run("generate", "--unroll", "2")
    said = "generated/gru_t2.py is what would be generated\n"
    assert check(run) == Outcome(0, said, "")
    assert check(run, "--no-verify") == Outcome(0, said, "")


def test_check_of_a_missing_file(run: Run, folder: Path) -> None:
    outcome = check(run)
    assert refused(outcome, status=1) == f"generated/gru_t2.py does not exist; to write it: {AGAIN}"
    assert outcome.out == ""
    assert os.listdir(folder) == []


def test_check_of_a_missing_file_in_a_missing_folder(run: Run) -> None:
    assert refused(check(run, "--output", "a b/k.py"), status=1) == (
        f"a b/k.py does not exist; to write it: {AGAIN} --output 'a b/k.py'"
    )


SOURCE = "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("on_disk", "diff"),
    [
        (b"one\n2\nthree\n", " one\n-2\n+two\n three\n"),
        (b"one\ntwo\nthree", " one\n two\n-three\n\\ No newline at end of file\n+three\n"),
        (b"one\r\ntwo\nthree\n", "-one\r\n+one\n two\n three\n"),
        (b"one\ntwo\x0cthree\nthree\n", " one\n-two\x0cthree\n+two\n three\n"),
        (b"one\nt\xffo\nthree\n", " one\n-t\N{REPLACEMENT CHARACTER}o\n+two\n three\n"),
        (b"", "+one\n+two\n+three\n"),
    ],
)
def test_check_of_a_file_that_differs(
    on_disk: bytes, diff: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "source", lambda *_, **__: SOURCE)
    Path("k.py").write_bytes(on_disk)
    outcome = check(run, "--no-verify", "--output", "k.py")
    said = f"k.py is not what would be generated; to write it: {AGAIN} --output k.py"
    assert refused(outcome, status=1) == said
    start, body = outcome.out.split(" @@\n")
    assert start.startswith("--- k.py (on disk)\n+++ k.py (generated)\n@@ -")
    assert body == diff


def test_check_of_a_kernel_that_was_edited(run: Run) -> None:
    run("generate", "--unroll", "2")
    path = Path("generated/gru_t2.py")
    source = path.read_text()
    path.write_text(source.replace('STYLE = "fast"', 'STYLE = "slow"'))
    outcome = check(run)
    said = f"generated/gru_t2.py is not what would be generated; to write it: {AGAIN}"
    assert refused(outcome, status=1) == said
    assert '\n-STYLE = "slow"\n+STYLE = "fast"\n' in outcome.out
    # What it says to run puts it right.
    assert run(*shlex.split(AGAIN)[1:]).status == 0
    assert path.read_text() == source


@pytest.mark.parametrize(
    ("name", "value"), [("TERM", "xterm"), ("TERM", "dumb"), ("NO_COLOR", "1")]
)
def test_a_difference_has_colours_where_a_terminal_has(
    name: str, value: str, run: Run, kernel: Path
) -> None:
    kernel.write_text(kernel.read_text().replace('STYLE = "fast"', 'STYLE = "slow"'))
    arguments = ("generate", "--unroll", "2", "--check", "--no-verify", "--output", "k.py")
    status, shown, _ = on_terminal(*arguments, also_stdout=True, **{name: value})
    text = re.sub(r"\x1b\[(?!\d+m)[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "")
    assert status == 1
    red, green, plain = (f"\x1b[{code}m" if value == "xterm" else "" for code in (31, 32, 0))
    changed = f'{red}-STYLE = "slow"{plain}\n{green}+STYLE = "fast"{plain}\n LAYOUT = "columns"\n'
    assert f"\n{changed}" in text
    piped = run(*arguments).out
    assert "\x1b" not in piped
    assert piped in re.sub(r"\x1b\[\d+m", "", text)


def test_check_of_no_file_name(run: Run) -> None:
    run("generate", "--unroll", "2", "--no-verify")
    assert refused(check(run, "--output", ""), status=1).startswith(" does not exist; to write it")


def test_check_of_a_folder(run: Run) -> None:
    os.mkdir("folder")
    assert refused(check(run, "--output", "folder")) == "cannot read folder: Is a directory"


def test_check_verifies_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_faults(monkeypatch)
    run("generate", "--unroll", "2", "--no-verify")
    assert refused(check(run), status=1).startswith("gru_t2 fails its checks")
    assert check(run, "--no-verify").status == 0
