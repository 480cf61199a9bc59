"""The hooks and the action run commands that there are; docs/upkeep.md shows what they print."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gru_codegen.cli import program
from tests.docs.test_changing_the_compiler import said
from tests.docs.test_commands import faults

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "upkeep.md").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")


def test_the_hooks_and_the_action_run_commands_that_there_are() -> None:
    entries = re.findall(r"^  entry: (.*)$", HOOKS, re.M)
    steps = re.findall(r"run: (gru-codegen .*)$", ACTION, re.M)
    assert [each.split()[1] for each in (*entries, *steps)] == ["check", "verify"] * 2
    assert [fault for each in (*entries, *steps) for fault in faults(each)] == []
    assert re.findall(r"^- id: (.*)$", HOOKS, re.M) == re.findall("gru-codegen-[a-z]+", PAGE)
    given = re.findall(r"inputs\.([a-z-]+)", ACTION)
    assert {*given} == {*re.findall(r"^  ([a-z-]+):$", ACTION.partition("\nruns:")[0], re.M)}


def test_the_hook_passes_on_this_repository_and_sees_a_change(tmp_path: Path) -> None:
    """It is run as pre-commit runs it: the entry, then its arguments, from the top folder."""
    shutil.copytree(ROOT / "generated", tmp_path / "generated")
    (entry, *_), (arguments, *_) = (
        re.findall(rf"^  {key}: (.*)$", HOOKS, re.M) for key in ("entry", "args")
    )
    command = [*shlex.split(entry)[1:], *arguments.strip("[]").split(", ")]

    def run() -> int:
        code = f"import sys; from gru_codegen.cli import main; sys.exit(main({command!r}))"
        return subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode

    assert run() == 0
    kernel = tmp_path / "generated" / "gru_t1.py"
    kernel.write_text(kernel.read_text().replace('STYLE = "fast"', 'STYLE = "slow"'))
    assert run() == 1


def test_the_page_shows_what_is_printed() -> None:
    ((command, printed),) = re.findall(r"^    \$ (.*)\n    (.*)$", PAGE, re.M)
    assert said(ROOT, command) == f"{printed}\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no Bash here")
def test_bash_completes_after_the_line_of_the_page(tmp_path: Path) -> None:
    (line,) = re.findall(r"^    (.*\S) +# Bash$", PAGE, re.M)
    asked = (
        "compopt() { :; }\n"  # which is for a shell that somebody types into
        "COMP_WORDS=(gru-codegen generate --cell lstm-c); COMP_CWORD=3\n"
        '_gru_codegen_completion gru-codegen; echo "${COMPREPLY[@]}"\n'
    )
    (tmp_path / "gru-codegen").write_text(f'#!/bin/sh\nexec {sys.executable} -m gru_codegen "$@"\n')
    (tmp_path / "gru-codegen").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shell = ["bash", "-c", f"{line}\n{asked}"]
    done = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == "lstm-coupled\n", done.stderr
    assert "generate" in program.commands
