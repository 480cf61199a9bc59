"""Run command lines in children with little time and little memory."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

# What commands import late is imported once, and not by every child.
from gru_codegen import cli

__all__ = ["CELL", "MOST_MEGABYTES", "Ended", "limited", "refusal"]

#: What a child may take, beyond what it has when it begins.
MOST_SECONDS, MOST_MEGABYTES = 20, 500
TRACEBACK = 99
_PAGE = resource.getpagesize()

CELL = '''\
name = "mine"
title = "my cell"
source = "a test"
states = ["S"]
weights = { W = "(D, H)", U = "(H, H)", b = "(H,)" }
equations = """
S = tanh(x @ W + S_prev @ U + b)  # state
"""
'''


class Ended(NamedTuple):
    """The end of a child: its status, its seconds, those of them on a CPU, all that it wrote."""

    status: int
    seconds: float
    busy: float
    said: str


def limited(run: Callable[[], int], folder: Path, seconds: int = MOST_SECONDS) -> Ended:
    """Run something in a child, in `folder`; a child that takes too long is killed."""
    ours, theirs = os.pipe()
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _become(run, folder, theirs, seconds)
    os.close(theirs)
    with open(ours, "rb") as stream:
        said = stream.read()
    _, status, used = os.wait4(child, 0)
    taken, busy = time.perf_counter() - began, used.ru_utime + used.ru_stime
    words = said.decode(errors="backslashreplace")
    return Ended(os.waitstatus_to_exitcode(status), taken, busy, words)


def _become(run: Callable[[], int], folder: Path, output: int, seconds: int) -> None:
    """Go on as the child, which never returns."""
    status = TRACEBACK
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        for stream, number in (("stdout", 1), ("stderr", 2)):
            setattr(sys, stream, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        os.chdir(folder)
        has = int(Path("/proc/self/statm").read_text().split()[0]) * _PAGE
        resource.setrlimit(resource.RLIMIT_AS, (has + MOST_MEGABYTES * 2**20,) * 2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        status = run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def refusal(arguments: Sequence[str], folder: Path, seconds: float = 2) -> str:
    """The one line by which a command line is refused, soon and with little memory."""
    ended = limited(lambda: cli.main(arguments), folder)
    assert ended.status == 2, ended
    assert ended.busy < seconds, ended
    runs, *others = ended.said.splitlines()
    first = others[0] if runs.endswith(" is run, as an import would run it") else runs
    assert first.startswith("gru-codegen: error: "), ended
    assert first.isprintable()
    return first.removeprefix("gru-codegen: error: ")
