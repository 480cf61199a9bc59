"""The file that a command writes to."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from benchmarks.results import RESULTS

__all__ = ["PARTS", "destination"]

#: Results of a part of all, which nothing is made of. Git ignores it.
PARTS = RESULTS.parents[1] / "build"


def destination(file: str, *whole: str) -> Path:
    """The path of `file` for the command that is running.

    Only a command that measures everything writes over the committed results: one without options
    but those called `whole`. A part of all goes to `PARTS`.
    """
    context = click.get_current_context()
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return (PARTS if given - set(whole) else RESULTS) / file
