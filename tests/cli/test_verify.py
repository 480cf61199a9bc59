from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.modules import load_file
from gru_codegen.verify import Report, certified
from tests.cli.running import FAULT, ROOT, Outcome, Run, files, on_terminal, refused

EDITED = "it has been edited"
RUNS = "k.py is run, as an import would run it"
SAID = re.compile(r"^module +says what is declared +(\S+) +0  (pass|FAIL)$", re.MULTILINE)

#: A GRU by name and by its weights, whose reset gate does nothing.
OTHER = """
name = "gru"
title = "gated recurrent unit"
source = "nowhere"
states = ["S"]
equations = '''
Z  = sigmoid(x @ Wz + S_prev @ Wrecz)            # update gate
R  = sigmoid(x @ Wr + S_prev @ Wrecr)            # reset gate
CA = tanh(x @ Wca + S_prev @ Wrecca)             # candidate activation
S  = (1 - Z) * S_prev + Z * CA * R               # state
'''

[weights]
Wz = "(D, H)"
Wrecz = "(H, H)"
Wca = "(D, H)"
Wrecca = "(H, H)"
Wr = "(D, H)"
Wrecr = "(H, H)"
"""


def rows(report: Report) -> list[list[str]]:
    """The rows of a table as they are in every table, however wide its columns are."""
    return [" ".join(check.cells).split() for check in report.checks]


def shown(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


def test_verify_prints_the_report(kernel: Path, run: Run, folder: Path) -> None:
    """Also against the declaration, which the header names, and what is generated now."""
    outcome = run("verify", "k.py")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith(f"{RUNS}\ngru, loss l2, fast style, T = 2\n")
    for row in rows(pipeline.check(load_file(kernel), gc.GRU)):
        assert row in shown(outcome.out)
    assert SAID.search(outcome.out)
    *_, verdict, proof = outcome.out.splitlines()
    assert verdict.startswith("pass: all ")
    assert proof.startswith("proved: ")
    assert files(folder) == {"k.py"}


def test_a_file_without_a_declaration_is_checked_against_its_own_loss(here: Run) -> None:
    Path("k.py").write_text(gc.generate(gc.GRU, spec="own.toml", unroll=2))
    outcome = here("verify", "k.py")
    there = "own.toml by the command in its header, is not there: go where it is, or name it with"
    why = f"Its declaration, {there} --cell."
    assert outcome == Outcome(0, f"{RUNS}\n{gc.verify(load_file('k.py'))}\n{why}\n", "")
    assert "A file alone can only be checked against its own loss" in outcome.out


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("trap:CELL", "Its declaration, trap:CELL, would be imported: --cell trap:CELL or --proof"),
        (None, "Its header names no declaration: name it with --cell."),
    ],
)
def test_why_a_file_is_not_held_to_its_declaration(spec: str | None, said: str, here: Run) -> None:
    Path("k.py").write_text(gc.generate(replace(gc.GRU), spec=spec, unroll=1))
    assert said in here("verify", "k.py").out


def test_a_module_that_only_the_file_names_is_not_imported(run: Run) -> None:
    Path("trap.py").write_text("open('sprung', 'w')\n")
    Path("k.py").write_text(gc.generate(gc.GRU, spec="trap:CELL", unroll=2))
    assert run("verify", "k.py").status == 0
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--cell", "lstm"), "its cell is gru, and you said --cell lstm"),
        (("--cell", "own.toml"), "its cell is gru, and you said --cell own.toml, which is mine"),
        (("--loss", "huber"), "its loss is l2, and you said --loss huber"),
    ],
)
def test_a_declaration_that_the_file_is_not_of_is_refused(
    given: tuple[str, str], said: str, kernel: Path, here: Run
) -> None:
    text = (ROOT / "examples" / "my_cell.toml").read_text()
    Path("own.toml").write_text(re.sub('name = ".*"', 'name = "mine"', text, count=1))
    outcome = here("verify", "k.py", *given)
    assert refused(outcome) == f"k.py says that {said}"
    assert outcome.out == f"{RUNS}\n"


def test_a_declaration_with_other_arguments_is_not_compared(here: Run) -> None:
    text = (ROOT / "examples" / "my_cell.toml").read_text()
    Path("own.toml").write_text(text)
    assert here("generate", "--cell", "own.toml", "--no-verify", "-o", "k.py").status == 0
    Path("own.toml").write_text(text.replace("Wrec", "Wback"))
    for given in ((), ("--cell", "own.toml")):
        said = refused(here("verify", "k.py", *given))
        it = "it has params.Wrecz and it lacks params.Wbackz"
        assert said == f"k.py is no kernel of own.toml: {it}"


@pytest.mark.parametrize("spec", ["nowhere:CELL", "own:NOTHING", "own:WRONG"])
def test_what_is_no_declaration_is_refused_before_the_file_is_run(
    spec: str, kernel: Path, run: Run
) -> None:
    Path("own.py").write_text("WRONG = 1\n")
    kernel.write_text(kernel.read_text() + "\nopen('sprung', 'w')\n")
    assert run("verify", "k.py", "--cell", spec).status == 2
    assert not Path("sprung").exists()


def test_a_declaration_in_a_file(here: Run) -> None:
    text = (ROOT / "examples" / "my_cell.toml").read_text()
    Path("own.toml").write_text(text)
    assert here("generate", "--cell", "own.toml", "--style", "textbook", "-o", "k.py").status == 0
    outcome = here("verify", "k.py")
    assert (outcome.status, outcome.err) == (0, "")
    assert SAID.search(outcome.out)
    Path("own.toml").write_text(text.replace("(1 - Z) * CA", "(1 - Z) * CA * CA"))
    failed = here("verify", "k.py")
    assert failed.status == 1
    assert SAID.findall(failed.out) == [("1.0e+00", "FAIL")]
    assert "EQUATIONS is not that of the declaration" in failed.out
    assert re.search(r"^outputs +the declared equations .* FAIL$", failed.out, re.MULTILINE)
    assert "to make it again: gru-codegen generate --cell own.toml " in failed.err
    Path("other.toml").write_text(text)
    assert here("verify", "k.py", "--cell", "other.toml").status == 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Compute the gradient of the input of", "Gradient of the input of", EDITED),
        (
            "def _outputs(outputs: Array, w: Workspace)",
            "def _outputs(outputs: Array, w: Any)",
            EDITED,
        ),
        (
            f"by gru_codegen {gc.__version__}",
            "by gru_codegen 0.0.9",
            f"gru_codegen 0.0.9 has made it, and this is {gc.__version__}",
        ),
    ],
)
def test_a_file_of_other_bytes_that_is_still_right_is_told_so(
    old: str, new: str, why: str, kernel: Path, here: Run
) -> None:
    source = kernel.read_text()
    assert source.count(old) >= 1
    kernel.write_text(source.replace(old, new))
    outcome = here("verify", "k.py")
    assert outcome.status == 0
    again = "gru-codegen generate --cell gru --unroll 2 --loss l2 --style fast --output k.py"
    assert outcome.out.splitlines()[-1] == (
        f"k.py is not what the generator makes of its declaration: {why}. To make it again: {again}"
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('CELL = "gru"', 'CELL = "lstm"', "CELL is not that of the declaration"),
        ('"params.Wca": ("D", "H")', '"params.Wca": ("H", "D")', "SHAPES is not that of"),
        ("\nZ_t  = ", "\nZ_t  = 2 ", "EQUATIONS is not that of the declaration"),
    ],
)
def test_what_it_says_of_itself_has_to_be_what_is_declared(
    old: str, new: str, fault: str, kernel: Path, here: Run
) -> None:
    source = kernel.read_text()
    assert old in source
    kernel.write_text(source.replace(old, new))
    outcome = here("verify", "k.py")
    assert outcome.status == 1
    assert f"module, says what is declared: {fault}" in outcome.out


def test_a_file_that_runs_for_ever_is_stopped(run: Run) -> None:
    Path("k.py").write_text("while True:\n    pass\n")
    begun = time.monotonic()
    outcome = run("verify", "k.py", "--timeout", "1.5")
    assert 1.4 < time.monotonic() - begun < 30
    assert outcome.out == f"{RUNS}\n"
    assert refused(outcome, status=124) == (
        "k.py was stopped after 1.5 seconds: it may run for ever; --timeout gives it more"
    )


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups")
def test_what_it_has_started_is_stopped_too(run: Run) -> None:
    child = "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', "
    child += "'import time; time.sleep(600)'])\nopen('pid', 'w').write(str(child.pid))\n"
    Path("k.py").write_text(f"{child}while True:\n    pass\n")
    assert run("verify", "k.py", "--timeout", "3").status == 124
    pid = int(Path("pid").read_text())
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().split(")")[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("it goes on")


@pytest.mark.parametrize("status", [0, 3])
def test_a_file_that_ends_its_process_has_not_passed(status: int, run: Run) -> None:
    Path("k.py").write_text(f"import os\nos._exit({status})\n")
    assert run("verify", "k.py").status != 0


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf", "1e300", "1e7"])
def test_a_timeout_is_a_number_above_0_and_at_most_a_day(seconds: str, run: Run) -> None:
    assert "--timeout" in refused(run("verify", "k.py", "--timeout", seconds))


def test_verify_of_a_kernel_with_a_fault(kernel: Path, run: Run) -> None:
    kernel.write_text(kernel.read_text() + FAULT)
    outcome = run("verify", "k.py")
    assert re.fullmatch(
        r"k\.py fails its checks; FAIL: \d+ of \d+ checks; to make it again: gru-codegen .*",
        refused(outcome, status=1),
    )
    for row in rows(pipeline.check(load_file(kernel), gc.GRU)):
        assert row in shown(outcome.out)
    assert re.search(r"^Wz +central difference .* FAIL$", outcome.out, re.MULTILINE)
    assert re.search(r"^Wrecz +central difference .* pass$", outcome.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Workspace:", "class Buffers:", "k.py is not a generated kernel: it defines no "
         "Workspace"),
        ("CONTRACT = 1\n", "CONTRACT = 2\n", "k.py is a kernel of contract 2, and this "
         "gru_codegen knows contract 1: generate it again with this version"),
        ('LOSS = "l2"', 'LOSS = "l3"', "k has the loss 'l3', which is none of "
         f"{', '.join(gc.losses)}; to check it takes its declaration: .*"),
        ("import numpy as np\n", "import numpy as np\nimport numpie\n", "k.py cannot be imported: "
         r"line \d+: ModuleNotFoundError: No module named 'numpie'"),
        ("CONTRACT = 1\n", "CONTRACT = = 1\n", r"k.py is not Python: line \d+: invalid syntax"),
    ],
)  # fmt: skip
def test_verify_of_a_kernel_that_was_spoilt(
    old: str, new: str, message: str, kernel: Path, here: Run
) -> None:
    source = kernel.read_text()
    assert source.count(old) == 1
    kernel.write_text(source.replace(old, new))
    outcome = here("verify", "k.py")
    assert re.fullmatch(message, refused(outcome))
    assert outcome.out == ("" if "is not Python" in message else f"{RUNS}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "k.py does not exist"),
        (b"\x7fELF\xff", "k.py is not a generated kernel: byte 4 is not UTF-8 text"),
        (b"Dear reader,\n", "k.py is not Python: line 1: invalid syntax"),
        (b"import math\n", "k.py is not a generated kernel: it defines none of CONTRACT, .*"),
        (
            b"raise OSError('a\\nb')\n",
            "k.py is not a generated kernel: it defines none of CONTRACT, .*, "
            "and cannot be imported: line 1: OSError: a b",
        ),
        (
            b"import os\nos.nothing\n",
            "k.py is not a generated kernel: it defines none of CONTRACT, .*, and cannot be "
            "imported: line 2: AttributeError: module 'os' has no attribute 'nothing'",
        ),
        (b"raise SystemExit\nCONTRACT = 1\n", "k.py cannot be imported: line 1: SystemExit"),
        (b"from nothing_there import *\n", "k.py cannot be imported: line 1: ModuleNotF.*"),
    ],
)
def test_verify_of_what_is_no_kernel(content: bytes | None, message: str, here: Run) -> None:
    if content is not None:
        Path("k.py").write_bytes(content)
    outcome = here("verify", "k.py")
    assert re.fullmatch(message, refused(outcome))
    unread = content is None or "not Python" in message or "not UTF-8" in message
    assert outcome.out == ("" if unread else f"{RUNS}\n")


@pytest.mark.parametrize(
    ("recorded", "given"),
    [
        ("own.toml", []),
        ("missing.toml", ["--proof"]),
        ("gru", ["--cell", "own.toml"]),
        ("gru", ["--cell", "missing.toml"]),
        ("gru", ["--cell", "nothing"]),
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused_before_the_file_runs(
    recorded: str, given: list[str], here: Run
) -> None:
    Path("own.toml").write_text("states = 1\n")
    kernel = gc.generate(gc.GRU, spec=recorded, unroll=1)
    Path("k.py").write_text(f"{kernel}\nopen('it-ran', 'w')\n")
    outcome = here("verify", "k.py", *given)
    assert (outcome.status, outcome.out) == (2, "")
    assert (given[-1] if "--cell" in given else recorded) in outcome.err
    assert not Path("it-ran").exists()


def test_verify_of_a_folder(run: Run) -> None:
    assert refused(run("verify", ".")) == ". is a folder without generated kernels"


def test_a_name_that_there_is_not_is_told_once_with_its_line(kernel: Path, here: Run) -> None:
    """And so is the command that makes the file again, of one that has been edited and fails."""
    lines = kernel.read_text().splitlines()
    place = next(n for n, line in enumerate(lines) if "np.multiply(dS" in line)
    lines[place] = lines[place].replace("np.multiply(dS", "np.multiply(dQ")
    kernel.write_text("\n".join(lines) + "\n")
    outcome = here("verify", "k.py")
    said = f"NameError: name 'dQ' is not defined, in k.py, line {place + 1}: {lines[place].strip()}"
    failed = [line for line in outcome.out.splitlines() if "NameError" in line]
    assert re.fullmatch(rf"  \d+ checks cannot be made: {re.escape(said)}", failed[0])
    assert [line.endswith(said) for line in failed] == [True, True]
    assert failed[1].startswith("  all, proof in GF(2^61 - 1): loss_and_gradients ")
    assert "nan" not in outcome.out.replace("dQ", "")
    assert (outcome.out + outcome.err).count("gru-codegen generate ") == 1


def test_a_refutation_says_of_what_its_numbers_are(kernel: Path, here: Run) -> None:
    kernel.write_text(kernel.read_text() + FAULT)
    said = here("verify", "k.py").out
    assert re.search(r"Wz\[0, 0\] is \d+, not \d+, in GF\(2\^61 - 1\)$", said, re.MULTILINE)
    assert re.search(r"^all +proof in GF\(2\^61 - 1\) +inf +0  FAIL$", said, re.MULTILINE)


def test_the_table_follows_columns_in_a_pipe_too(
    kernel: Path, here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    outcome = here("verify", "k.py")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) < 110
    assert "equations" in outcome.out.split()


# --- on a terminal --------------------------------------------------------------------------------


def test_a_terminal_shows_progress_and_a_table(kernel: Path) -> None:
    status, shown, _ = on_terminal("verify", "k.py", also_stdout=True)
    assert status == 0
    assert b"checking k.py" in shown
    assert "━".encode() in shown  # the bar
    assert b"worst error  tolerance" in shown  # the table
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode()
    report = pipeline.check(load_file(kernel), gc.GRU)
    assert RUNS in text
    assert "pass: all " in text
    assert f"{report.subject}\r\n" in text
    for found in report.checks:
        row = r"\s+".join(re.escape(cell) for cell in found.cells if cell)
        assert re.search(rf"^\s*{row}\s*$", text, re.MULTILINE)


def test_a_terminal_shows_what_failed(kernel: Path) -> None:
    kernel.write_text(kernel.read_text() + FAULT)
    status, shown, _ = on_terminal("verify", "k.py", also_stdout=True)
    assert status == 1
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode()
    for found in gc.verify(load_file(kernel)).failures:
        assert re.sub(r"\s+", "", f"{found.weight}, {found.method}: {found.detail}") in re.sub(
            r"\s+", "", text
        )
    assert re.search(r"^gru-codegen: error: k\.py fails its checks; FAIL", text, re.MULTILINE)


def test_certified_bounds(run: Run, kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("verify", "--here", "k.py", "--certify").out
    rows = [line for line in said.splitlines() if "interval arithmetic" in line]
    assert len(rows) == 1 + len(gc.GRU.weights)
    monkeypatch.setattr(certified, "flint", None)
    outcome = run("verify", "--here", "k.py", "--certify")
    assert refused(outcome).endswith("take python-flint: pip install 'gru-codegen[certify]'")


def test_verify_with_a_proof_holds_a_file_to_the_declaration_that_it_records(
    kernel: Path, here: Run
) -> None:
    kernel.write_text(gc.generate(gc.GRU, unroll=2, spec="gru"))
    outcome = here("verify", "k.py", "--proof")
    assert outcome.status == 0
    assert re.search(r"^all +proof in GF\(2\^61 - 1\) .* pass$", outcome.out, re.MULTILINE)
    assert re.search(r"^outputs +the declared equations .* pass$", outcome.out, re.MULTILINE)
    last = outcome.out.splitlines()[-1]
    assert re.fullmatch(r"proved: \d+ numbers of \d+ calls at T = 2 are .*; seed \d+", last)
    Path("other.toml").write_text(OTHER)
    other = here("verify", "k.py", "--proof", "--cell", "other.toml")
    assert other.status == 1
    assert "refuted; seed " in other.out


def test_a_file_that_records_no_declaration_needs_one(kernel: Path, here: Run) -> None:
    kernel.write_text(kernel.read_text().replace("gru-codegen generate", "made"))
    outcome = here("verify", "k.py", "--proof")
    assert outcome.out == ""
    assert refused(outcome) == "k.py records no declaration; name its cell with --cell"
    assert here("verify", "k.py", "--proof", "--cell", "gru").status == 0
    assert here("verify", "k.py", "--cell", "gru").status == 0
