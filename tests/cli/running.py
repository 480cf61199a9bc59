"""Run command lines, in this process and in others."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import gru_codegen as gc
from gru_codegen import pipeline

ROOT = Path(__file__).parents[2]

# The package keeps what it has been asked for once: that has to be before tests plant faults in it.
assert gc.generate is pipeline.generate

# Appended to the source of any kernel: the gradient of the first weight gets the wrong sign.
FAULT = """
_faultless = loss_and_gradients


def loss_and_gradients(*args, **kwargs):
    total, gradients, state = _faultless(*args, **kwargs)
    return Result(total, gradients._replace(**{Params._fields[0]: -gradients[0]}), state)
"""


class Outcome(NamedTuple):
    """What a command left behind: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


def refused(outcome: Outcome, status: int = 2) -> str:
    """The one line that a command said on standard error before it ended with `status`."""
    assert outcome.status == status
    (line,) = outcome.err.splitlines()
    assert line.startswith("gru-codegen: error: ")
    return line.removeprefix("gru-codegen: error: ")


def recorded(source: str) -> list[str]:
    """The arguments of the command that a kernel's header says makes it, on however many lines."""
    (command,) = re.findall(r"^    gru-codegen ((?:.*\\\n)*.*)$", source, re.MULTILINE)
    return shlex.split(command.replace("\\\n", ""))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def stop(raised: BaseException) -> Callable[..., Any]:
    """A function that raises."""

    def stop(*_: object, **__: object) -> None:
        raise raised

    return stop


def plant_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every kernel that is generated from now on a faulty one."""
    source = pipeline.source
    monkeypatch.setattr(pipeline, "source", lambda *a, **k: source(*a, **k) + FAULT)


def process(*arguments: str, also: Any = (), **options: Any) -> subprocess.Popen[bytes]:
    """Start Python; `also` is what its environment has besides."""
    given = {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", **dict(also)}
    environment = {**os.environ, **given}
    return subprocess.Popen([sys.executable, *arguments], env=environment, **options)


def on_terminal(*arguments: str, also_stdout: bool, **also: str) -> tuple[int, bytes, bytes]:
    """Run a command with standard error, and maybe output, on a terminal: status, both outputs.

    also: of its environment.
    """
    ours, theirs = pty.openpty()
    stdout = theirs if also_stdout else subprocess.PIPE
    command = ("-m", "gru_codegen", *arguments)
    with process(*command, also=also, stdout=stdout, stderr=theirs) as child:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # the other end of the terminal has been closed
            pass
        os.close(ours)
        out = child.stdout.read() if child.stdout else b""
    return child.returncode, shown, out
