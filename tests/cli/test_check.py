"""`check`: generated files against the commands in their own headers; and several at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from tests.cli.running import FAULT, ROOT, Outcome, Run, files, refused, stop

AGAIN = "gru-codegen generate --cell gru --unroll 2 --loss l2 --style fast --output k.py"


@pytest.fixture
def other(folder: Path) -> Path:
    """The file of a kernel that is not what its command makes."""
    os.makedirs("model/below")
    path = Path("model/below/other.py")
    path.write_text(gc.generate("lstm", unroll=1).replace('STYLE = "fast"', 'STYLE = "slow"'))
    return path


def test_a_file_is_made_again_by_the_command_in_its_header(run: Run, folder: Path) -> None:
    text = (ROOT / "examples" / "my_cell.toml").read_text()
    Path("own.toml").write_text(text)
    options = ("--layout", "rows", "--readout", "linear", "--loss", "huber", "--with", "trace")
    for arguments in (["--cell", "own.toml"], ["--unroll", "3", *options], ["--only", "forward"]):
        assert run("generate", "--no-verify", "--output", "k.py", *arguments).status == 0
        before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
        assert run("check", "k.py") == Outcome(0, "k.py is what its command makes\n", "")
        assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert run("generate", "--no-verify", "-o", "own.py", "--cell", "own.toml").status == 0
    Path("own.toml").write_text(text.replace("(1 - Z) * CA", "(1 - Z) * CA * CA"))
    said = refused(run("check", "own.py"), status=1)
    assert said.endswith("gru-codegen generate --cell own.toml --unroll any --loss l2 --style fast "
                         "--output own.py")  # fmt: skip
    Path("own.toml").unlink()
    said = refused(run("check", "own.py"))
    assert said == (
        "own.py: by the command in its header: own.toml does not exist; run this in the folder "
        "where it was made"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'STYLE = "fast"', b'STYLE = "slow"'),
        (b"\n", b"\r\n"),
        (b"the carry", b"the c\xffrry"),
        (b'"""Gated', b'\xef\xbb\xbf"""Gated'),
        (b"import numpy as np", b"open('sprung', 'w')\nimport numpy as np"),
    ],
)
def test_a_byte_that_differs_is_shown(
    old: bytes, new: bytes, run: Run, kernel: Path, folder: Path
) -> None:
    kernel.write_bytes(kernel.read_bytes().replace(old, new))
    outcome = run("check", "k.py")
    assert refused(outcome, status=1) == f"k.py is not what its command makes; to write it: {AGAIN}"
    assert outcome.out.startswith("--- k.py (on disk)\n+++ k.py (generated)\n@@ ")
    assert files(folder) == {"k.py"}  # nothing has run


def test_the_version_that_has_made_a_file_is_told(run: Run, kernel: Path) -> None:
    text = kernel.read_text().replace(f"by gru_codegen {gc.__version__}", "by gru_codegen 0.0.1")
    kernel.write_text(text)
    assert refused(run("check", "k.py"), status=1).startswith(
        f"k.py is not what its command makes: gru_codegen 0.0.1 has made it, and this is "
        f"{gc.__version__}; to write it: "
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("--cell gru", "--cell grv", "k.py: by the command in its header: there is no cell 'grv'"),
        ("--unroll 2", "--unroll x", "k.py: by the command in its header: invalid value for '-"),
        ("--unroll 2", "--unrol 2", "k.py: by the command in its header: there is no option '-"),
        ("--cell gru", "--help", "k.py: by the command in its header: generate --help --unroll 2 "),
        ("--cell gru", "--cell trap:CELL", "k.py: by the command in its header: trap:CELL would be "
         "imported: --imports does that"),
        ("--cell gru", "--cell 'gru", "k.py names no command that makes it"),
        ("gru-codegen generate", "gru_codegen.generate", "k.py names no command that makes it"),
        ("CONTRACT = 1", "", "k.py: by the command in its header: trap:CELL would be imported"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_made_again(
    old: str, new: str, said: str, run: Run, kernel: Path
) -> None:
    Path("trap.py").write_text("open('sprung', 'w')\n")
    text = kernel.read_text().replace(old, new, 1)
    if old == "CONTRACT = 1":
        text = text.replace("--loss l2", "--loss trap:CELL", 1)
    kernel.write_text(text)
    assert refused(run("check", "k.py")).startswith(said)
    assert not Path("sprung").exists()


def test_a_file_with_a_colon_in_its_path_is_no_module(run: Run) -> None:
    Path("a:b.toml").write_text((ROOT / "examples" / "my_cell.toml").read_text())
    Path("a:b_loss.toml").write_text((ROOT / "examples" / "pinball.toml").read_text())
    declared = ("--cell", "a:b.toml", "--loss", "a:b_loss.toml")
    assert run("generate", "--unroll", "1", "--no-verify", "-o", "k.py", *declared).status == 0
    assert run("check", "k.py") == Outcome(0, "k.py is what its command makes\n", "")
    outcome = run("verify", "k.py")
    assert outcome.status == 0
    assert "proved: " in outcome.out
    assert run("grade", "--template", "a:b.toml").status == 0
    assert "none:x.toml does not exist" in run("inspect", "--cell", "none:x.toml").err


def test_a_module_is_imported_when_that_is_said(run: Run) -> None:
    Path("mine.py").write_text("from gru_codegen import GRU as CELL\n")
    Path("k.py").write_text(gc.generate(gc.GRU, spec="mine:CELL"))
    assert run("check", "--imports", "k.py") == Outcome(0, "k.py is what its command makes\n", "")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.py", "none.py does not exist"),
        ("mine.py", "mine.py is no generated kernel"),
        ("empty", "empty is a folder without generated kernels"),
        ("pipe", "cannot read pipe: it is a pipe or a device, not a file"),
    ],
)
def test_what_is_no_kernel(path: str, said: str, run: Run) -> None:
    os.mkdir("empty")
    os.mkfifo("pipe")
    Path("mine.py").write_text("import numpy\n")
    Path("empty/mine.py").write_text("import numpy\n")
    assert refused(run("check", path)) == said


def test_every_file_is_told_of_and_the_worst_is_the_status(
    run: Run, kernel: Path, other: Path
) -> None:
    status, out, err = run("check", "k.py", str(other), "k.py")
    assert out.endswith(
        '"\n LAYOUT = "columns"\n UNROLL: int | None = 1\n SIZES = ("B", "D", "H")\n'
    )
    assert out.startswith("k.py is what its command makes\n--- model/below/other.py (on disk)\n")
    assert (status, err.splitlines()[1:]) == (1, ["1 of 2 files fail"])
    assert err.startswith(
        "gru-codegen: error: model/below/other.py is not what its command makes; "
    )

    status, out, err = run("check", str(other), "none.py", "k.py")
    assert (status, err.splitlines()[1:]) == (
        2,
        ["gru-codegen: error: none.py does not exist", "2 of 3 files fail"],
    )
    assert out.endswith("k.py is what its command makes\n")


def test_a_folder_is_the_generated_kernels_in_it(run: Run, kernel: Path, other: Path) -> None:
    Path("model/mine.py").write_text("import numpy\n")
    os.mkdir("model/.hidden")
    for place in ("model/k.py", "model/.hidden/k.py", "model/k.txt"):
        Path(place).write_text(kernel.read_text())
    status, out, err = run("check", "model", "k.py")
    assert status == 1
    assert "\nmodel/k.py is what its command makes\nk.py is what its command makes\n" in out
    assert err.endswith("\n1 of 3 files fail\n")


def test_an_interruption_ends_all(run: Run, kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "source", stop(KeyboardInterrupt()))
    Path("j.py").write_text(kernel.read_text())
    assert run("check", "k.py", "j.py") == Outcome(130, "", "gru-codegen: error: interrupted\n")


# --- verify, which takes several too --------------------------------------------------------------


def test_verify_takes_several_files(here: Run, kernel: Path) -> None:
    os.mkdir("model")
    Path("model/wrong.py").write_text(kernel.read_text() + FAULT)
    status, out, err = here("verify", "k.py", "model", "none.py")
    assert status == 2
    assert out.index("k.py is run") < out.index("pass: all") < out.index("model/wrong.py is run")
    assert "FAIL: " in out[out.index("model/wrong.py is run") :]
    first, second, third = err.splitlines()
    assert first.startswith("gru-codegen: error: model/wrong.py fails its checks; FAIL: ")
    assert (second, third) == ("gru-codegen: error: none.py does not exist", "2 of 3 files fail")
    assert here("verify", "k.py", "k.py").status == 0


def test_each_file_has_a_process_and_time_of_its_own(run: Run, kernel: Path) -> None:
    Path("ever.py").write_text(kernel.read_text() + "while True: pass\n")
    status, out, err = run("verify", "--timeout", "8", "ever.py", "k.py")
    assert status == 124
    assert "ever.py was stopped after 8 seconds" in err
    assert "pass: all " in out


def test_a_certificate_is_of_one_file(run: Run, kernel: Path, other: Path) -> None:
    assert run("generate", "--unroll", "1", "--certificate", "-o", "c.py").status == 0
    outcome = run("verify", "--certificate", "c.py")
    assert outcome.status == 0
    assert "\nvalid: " in outcome.out
    named = ("--certificate", "c.certificate.json")
    assert refused(run("verify", *named, "k.py", str(other))) == (
        "c.certificate.json is the certificate of one FILE, and here are 2"
    )
