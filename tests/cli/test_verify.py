from __future__ import annotations

import re
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen.modules import load_file
from gru_codegen.verify import certified
from tests.cli.running import FAULT, Outcome, Run, files, on_terminal, refused


def test_verify_prints_the_report(kernel: Path, run: Run, folder: Path) -> None:
    report = gc.verify(load_file(kernel))
    assert run("verify", "k.py") == Outcome(0, f"{report}\n", "")
    assert "A file alone can only be checked against its own loss" in str(report)
    assert files(folder) == {"k.py"}


def test_verify_of_a_kernel_with_a_fault(kernel: Path, run: Run) -> None:
    kernel.write_text(kernel.read_text() + FAULT)
    outcome = run("verify", "k.py")
    assert re.fullmatch(
        r"k\.py fails its checks; FAIL: \d+ of \d+ checks", refused(outcome, status=1)
    )
    assert outcome.out == f"{gc.verify(load_file(kernel))}\n"
    assert re.search(r"^Wz +central difference .* FAIL$", outcome.out, re.MULTILINE)
    assert re.search(r"^Wrecz +central difference .* pass$", outcome.out, re.MULTILINE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Workspace:", "class Buffers:", "k.py is not a generated kernel: it defines no "
         "Workspace"),
        ("CONTRACT = 1\n", "CONTRACT = 2\n", "k.py is a kernel of contract 2, and this "
         "gru_codegen knows contract 1: generate it again with this version"),
        ('LOSS = "l2"', 'LOSS = "l3"', "k has the loss 'l3', for which no targets can be drawn; "
         f"known losses: {', '.join(gc.losses)}"),
        ("import numpy as np\n", "import numpy as np\nimport numpie\n", "k.py cannot be imported: "
         r"line \d+: ModuleNotFoundError: No module named 'numpie'"),
        ("CONTRACT = 1\n", "CONTRACT = = 1\n", r"k.py is not Python: line \d+: invalid syntax"),
    ],
)  # fmt: skip
def test_verify_of_a_kernel_that_was_spoilt(
    old: str, new: str, message: str, kernel: Path, run: Run
) -> None:
    source = kernel.read_text()
    assert source.count(old) == 1
    kernel.write_text(source.replace(old, new))
    outcome = run("verify", "k.py")
    assert re.fullmatch(message, refused(outcome))
    assert outcome.out == ""


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
def test_verify_of_what_is_no_kernel(content: bytes | None, message: str, run: Run) -> None:
    if content is not None:
        Path("k.py").write_bytes(content)
    outcome = run("verify", "k.py")
    assert re.fullmatch(message, refused(outcome))
    assert outcome.out == ""


def test_verify_of_a_folder(run: Run) -> None:
    assert refused(run("verify", ".")) == ". is a folder, not the file of a generated kernel"


# --- on a terminal --------------------------------------------------------------------------------


def test_a_terminal_shows_progress_and_a_table(kernel: Path) -> None:
    status, shown, _ = on_terminal("verify", "k.py", also_stdout=True)
    assert status == 0
    assert b"checking k.py" in shown
    assert "━".encode() in shown  # the bar
    assert "─".encode() in shown  # the table
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode()
    report = gc.verify(load_file(kernel))
    for line in (report.subject, report.verdict, report.limits):
        assert f"{line}\r\n" in text
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
    said = run("verify", "k.py", "--certify").out
    rows = [line for line in said.splitlines() if "interval arithmetic" in line]
    assert len(rows) == 1 + len(gc.GRU.weights)
    monkeypatch.setattr(certified, "flint", None)
    outcome = run("verify", "k.py", "--certify")
    assert refused(outcome).endswith("take python-flint: pip install 'gru-codegen[certify]'")


def test_verify_with_a_proof_holds_a_file_to_the_declaration_that_it_records(
    kernel: Path, run: Run
) -> None:
    kernel.write_text(gc.generate(gc.GRU, unroll=2, spec="gru"))
    outcome = run("verify", "k.py", "--proof")
    assert outcome.status == 0
    assert re.search(r"^all +proof in GF\(2\^61 - 1\) .* pass$", outcome.out, re.MULTILINE)
    assert re.search(r"^outputs +the declared equations .* pass$", outcome.out, re.MULTILINE)
    last = outcome.out.splitlines()[-1]
    assert re.fullmatch(r"proved: \d+ numbers of 12 calls at T = 2 are .*; seed \d+", last)
    other = run("verify", "k.py", "--proof", "--cell", "gru1")
    assert other.status == 1
    assert "refuted: " in other.out


def test_a_file_that_records_no_declaration_needs_one(kernel: Path, run: Run) -> None:
    kernel.write_text(kernel.read_text().replace("gru-codegen generate", "made"))
    said = refused(run("verify", "k.py", "--proof"))
    assert said == "k.py records no declaration; name its cell with --cell"
    assert run("verify", "k.py", "--proof", "--cell", "gru").status == 0
    assert "leave --cell out" in refused(run("verify", "k.py", "--cell", "gru"))
