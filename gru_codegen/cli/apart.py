"""Run a command in a process of its own, which can be stopped whatever it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import click

from gru_codegen.cli.errors import CheckFailed
from gru_codegen.cli.terminal import is_terminal, say

__all__ = ["run_apart"]

#: The exit status of a command that has done what it was asked: 0 could be that of any `os._exit`.
_DONE = 88


def run_apart(arguments: list[str], runs: str, seconds: float) -> int:
    """The exit status of a command that runs the file `runs`; what it prints is passed on.

    Raises CheckFailed when it takes longer than so many seconds, and then it is killed, or when
    the file ends its process.
    """
    code = f"""
import sys
sys.path[:] = {sys.path!r}
from gru_codegen.cli import main
sys.exit(main({arguments!r}) or {_DONE})
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=None if is_terminal(sys.stdout) else subprocess.PIPE,
        stderr=None if is_terminal(sys.stderr) else subprocess.PIPE,
        start_new_session=True,  # where there are sessions: Ctrl-C is for this process alone
    )
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(child)
        raise CheckFailed(
            f"{runs} was stopped after {seconds:g} seconds: it may run for ever; "
            "--timeout gives it more"
        ) from None
    except BaseException:
        _kill(child)
        raise
    if child.returncode <= 0:
        raise CheckFailed(f"{runs} has ended the process that ran it, with {child.returncode}")
    if out:
        say(out, end=False)
    if err:
        click.echo(err, nl=False, err=True)
    return 0 if child.returncode == _DONE else child.returncode


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill it and, where there are sessions, all that it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()
