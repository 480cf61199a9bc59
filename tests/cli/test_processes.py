from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import gru_codegen as gc
from gru_codegen import explain
from gru_codegen.cli import inspect, options, terminal
from gru_codegen.passes import LAYOUTS, STYLES
from gru_codegen.readouts import readouts
from gru_codegen.request import EXTRAS
from tests.cli.running import ROOT, files, on_terminal, process


def test_progress_stays_out_of_standard_output() -> None:
    status, shown, out = on_terminal("generate", "--output", "-", also_stdout=False)
    assert status == 0
    assert b"generating gru" in shown
    assert out.decode() == gc.generate(gc.GRU)


@pytest.mark.parametrize("also_stdout", [True, False])
def test_an_error_is_folded_at_words_where_a_terminal_is(also_stdout: bool) -> None:
    status, shown, _ = on_terminal("cells", "nothing-of-the-kind", also_stdout=also_stdout)
    assert status == 2
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "")
    *_, said = text.partition("gru-codegen: error: ")
    lines = said.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 100
    assert "nothing-of-the-kind" in " ".join(lines)
    with process(
        "-m", "gru_codegen", "cells", "nothing-of-the-kind", stderr=subprocess.PIPE
    ) as child:
        assert child.stderr is not None
        piped = child.stderr.read().decode()
    assert piped.count("\n") == 1
    assert piped.split() == ["gru-codegen:", "error:", *said.split()]


def test_a_sentence_is_folded_at_words_where_a_terminal_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "wrote some/where.py: " + "a title of several words, " * 5
    terminal.tell(sentence)
    assert capsys.readouterr().out == f"{sentence}\n"
    monkeypatch.setattr(terminal, "is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "60")
    terminal.tell(sentence)
    out = capsys.readouterr().out
    assert 50 < max(map(len, out.splitlines())) <= 60
    assert out.split() == sentence.split()


def test_a_reader_who_leaves_ends_the_command_quietly() -> None:
    # Longer than what a pipe holds, so that the command is still writing.
    arguments = ("-m", "gru_codegen", "generate", "--unroll", "64", "--no-verify", "--output", "-")
    with process(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline().startswith(b'"""Gated recurrent unit')
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == -signal.SIGPIPE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
@pytest.mark.parametrize("command", ["cells", "verify k.py"])
def test_a_full_disk_behind_standard_output(command: str, kernel: Path) -> None:
    with (
        open("/dev/full", "wb") as full,
        process(
            "-m", "gru_codegen", *command.split(), stdout=full, stderr=subprocess.PIPE
        ) as child,
    ):
        _, err = child.communicate(timeout=60)
    said = b"gru-codegen: error: cannot write to standard output: No space left on device\n"
    assert (child.returncode, err) == (2, said)


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_output_is_no_error(closed: str, kernel: Path) -> None:
    shell = f'exec "$0" -m gru_codegen verify k.py {closed}>&-'
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")


#: A shell starts what it puts in the background with Ctrl-C ignored, and so do its children.
HEARD = "signal.signal(signal.SIGINT, signal.default_int_handler)"


def test_ctrl_c_ends_the_command_with_one_line(folder: Path) -> None:
    code = (
        "import os, signal, sys\n"
        f"{HEARD}\n"
        "from gru_codegen import cli, pipeline\n"
        "pipeline.source = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.exit(cli.main(['generate']))\n"
    )
    with process("-c", code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (130, b"", b"gru-codegen: error: interrupted\n")
    assert files(folder) == set()


def test_ctrl_c_while_the_command_line_is_imported() -> None:
    code = (
        "import os, signal, sys\n"
        f"{HEARD}\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from gru_codegen.__main__ import main\n"
        "sys.exit(main())\n"
    )
    with process("-c", code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (130, b"", b"gru-codegen: error: interrupted\n")


LIGHT: Sequence[Sequence[str]] = (
    ["--help"],
    ["--version"],
    ["generate", "--help"],
    ["generate", "--unroll", "0"],
    ["generat"],
    ["generate", "--cell", "grv"],
    ["generate", "--cell", "none.toml"],
    ["generate", "--loss", "l22"],
    ["generate", "--style", "fats"],
    ["generate", "--layout", "row"],
    ["generate", "--style", "textbook", "--layout", "rows"],
    ["generate", "--readout", "liner"],
    ["generate", "--with", "credits"],
    ["generate", "--only", "loss"],
    ["generate", "--only", "forward", "--loss", "huber"],
    ["generate", "--output", "/dev/null/k.py"],
    ["generate", "--output", "numpy.py"],
    ["inspect", "--cell", "grv"],
    ["inspect", "--format", "tex"],
    ["inspect", "--expand", "fully"],
    ["program", "--loss", "l22"],
    ["cells", "grv"],
    ["grade", "none.toml"],
    ["grade", "--template", "grv"],
    ["audit", "somewhere:something", "--cell", "grv"],
    ["audit", "somewhere:something", "--readout", "liner"],
    ["verify", "k.py", "--cell", "grv"],
    ["verify", "k.py", "--loss", "l22"],
)


def test_help_and_usage_errors_import_nothing_heavy() -> None:
    code = (
        "import contextlib, io, sys\n"
        "from gru_codegen import cli\n"
        f"for arguments in {LIGHT!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(None):\n"
        "        status = cli.main(arguments)\n"
        "    assert status == 0 if '-' in arguments[-1][:1] else status == 2, arguments\n"
        "print(sorted({'sympy', 'numpy', 'jinja2', 'rich'} & set(sys.modules)))\n"
    )
    with process("-c", code, stdout=subprocess.PIPE) as child:
        out, _ = child.communicate(timeout=60)
    assert ast.literal_eval(out.decode()) == []


def test_the_names_that_are_known_without_an_import() -> None:
    assert tuple(gc.losses) == options.LOSSES
    assert options.STYLES == STYLES
    assert tuple(LAYOUTS) == options.LAYOUTS
    assert options.EXTRAS == EXTRAS
    assert tuple(options.READOUTS) == tuple(readouts)
    assert (inspect.FORMATS, inspect.EXPANSIONS) == (explain.FORMATS, explain.EXPANSIONS)


def test_verify_imports_no_sympy_without_a_declaration(folder: Path) -> None:
    Path("k.py").write_text(gc.generate(gc.GRU, spec="own.toml", unroll=2))
    code = (
        "import sys\nfrom gru_codegen import cli\nstatus = cli.main(['verify', '--here', 'k.py'])\n"
        "sys.exit(status or 'sympy' in sys.modules)\n"
    )
    with process("-c", code, stdout=subprocess.PIPE) as child:
        child.communicate(timeout=60)
    assert child.returncode == 0
