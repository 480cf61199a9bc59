"""The command line: generate, verify, inspect, program, cells."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import click

from gru_codegen.cli.commands import program
from gru_codegen.cli.errors import PROGRAM, Interrupted
from gru_codegen.cli.several import tell_error
from gru_codegen.cli.terminal import ending_with_the_pipe

__all__ = ["main", "program"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, `sys.argv` unless told otherwise, and return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # no file name is beyond printing
    try:
        with ending_with_the_pipe():
            program.main(arguments, PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        return tell_error(error)
    except click.Abort:  # interrupted while the arguments were read, and click ended the line
        return Interrupted.exit_code
    return 0
