"""Run a command in a process of its own, which can be stopped whatever it does."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import click

from gru_codegen.cli.errors import BadInput, CheckFailed, Ended, Stopped
from gru_codegen.cli.terminal import is_terminal, say

__all__ = ["apart", "run_apart"]

#: The exit status of a command that has done what it was asked: 0 could be that of any `os._exit`.
_DONE = 88
#: The longest that a file may run, in seconds: a day. Operating systems wait no number of seconds.
LONGEST = 24 * 60 * 60


def apart(seconds: int) -> Callable[[Any], Any]:
    """The options of a command that runs a file of others: --timeout, and one for `run_apart`."""

    def add(command: Any) -> Any:
        timeout = click.option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(0, LONGEST, min_open=True),
            default=seconds,
            show_default=True,
            callback=_number,
            help=f"How long it may run; then it is stopped, with the exit status "
            f"{Stopped.exit_code}.",
        )
        return click.option("--here", is_flag=True, hidden=True)(timeout(command))

    return add


def _number(_context: click.Context, _option: click.Parameter, value: float) -> float:
    if math.isnan(value):
        raise BadInput("--timeout nan: it is a number of seconds")
    return value


def run_apart(runs: str, seconds: float, *arguments: str) -> None:
    """Run the command that is being run in a process of its own; what it prints is passed on.

    arguments: those of the command there, if not all of those here.

    Raises
    ------
    Stopped: it took longer than so many seconds; it is killed.
    CheckFailed: what it `runs` has ended the process.
    Ended: it has ended with another status than 0, and said why.
    """
    code = f"""
import sys
sys.path[:] = {sys.path!r}
from gru_codegen.cli import main
sys.exit(main({command_here(*arguments)!r}) or {_DONE})
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env=dict(os.environ),  # not what a library such as readline has set besides
        stdin=subprocess.DEVNULL,
        stdout=None if is_terminal(sys.stdout) else subprocess.PIPE,
        stderr=None if is_terminal(sys.stderr) else subprocess.PIPE,
        start_new_session=True,  # where there are sessions: Ctrl-C is for this process alone
    )
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(child)
        raise Stopped(
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
    if child.returncode != _DONE:
        raise Ended(child.returncode)


def command_here(*arguments: str) -> list[str]:
    """The command that is being run, as the process of its own gets it."""
    context = click.get_current_context()
    return [str(context.command.name), "--here", *_given(context, arguments)]


def _given(context: click.Context, instead: tuple[str, ...]) -> Iterator[str]:
    """The options and arguments of a command line, as they were given; of arguments others."""
    default, arguments = click.core.ParameterSource.DEFAULT, list(instead)
    for param in context.command.params:
        name = str(param.name)
        if name in ("here", "timeout") or context.get_parameter_source(name) is default:
            continue
        value: Any = context.params[name]
        if isinstance(param, click.Argument):
            if not instead:
                arguments.append(value)
        elif isinstance(param, click.Option) and param.is_flag:
            yield param.opts[-1]
        else:
            yield f"{param.opts[-1]}={value}"
    yield from ("--", *arguments)


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
