"""Commands that take several files, and folders of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import click

from gru_codegen.cli.errors import PROGRAM, BadInput, Ended, Interrupted, said, told_by_click
from gru_codegen.cli.places import text_at
from gru_codegen.cli.recorded import is_generated
from gru_codegen.cli.terminal import folded, warn

__all__ = ["kernels_of", "one_by_one", "tell_error"]


def kernels_of(paths: Sequence[str]) -> list[str]:
    """The files at `paths`, each once; a folder stands for the generated kernels in it.

    Raises BadInput if a folder has none.
    """
    found: dict[str, None] = {}
    for path in paths:
        inside = [path]
        if os.path.isdir(path):
            inside = _kernels_in(path)
        if not inside:
            raise BadInput(f"{path} is a folder without generated kernels")
        found.update(dict.fromkeys(sorted(inside)))
    return list(found)


def _kernels_in(folder: str) -> list[str]:
    """The generated kernels in a folder and below it, but for hidden folders such as .venv."""
    found = []
    for below, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        places = [os.path.join(below, name) for name in names if name.endswith(".py")]
        found += [place for place in places if is_generated(text_at(place))]
    return found


def one_by_one(files: Sequence[str], run: Callable[[str], object]) -> None:
    """Run a command for each file; what ends it for one of several is told, and the next comes.

    Raises Ended with the highest status of all; for one file alone, what `run` raises.
    """
    if len(files) == 1:
        run(files[0])
        return
    failed = []
    for file in files:
        try:
            with told_by_click():
                run(file)
        except Interrupted:
            raise
        except click.ClickException as error:
            failed.append(tell_error(error))
    if failed:
        warn(f"{len(failed)} of {len(files)} files fail")
        raise Ended(max(failed))


def tell_error(error: click.ClickException) -> int:
    """Say on standard error what has ended a command, if that is not said yet; its exit status."""
    if isinstance(error, Ended):
        return error.status
    first, *place = f"{PROGRAM}: error: {said(error)}".splitlines()
    click.echo("\n".join([folded(first, sys.stderr), *place]), err=True)
    return error.exit_code
