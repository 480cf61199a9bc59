"""The declaration that a generated file records: whose kernel it is."""

from __future__ import annotations

import re
import shlex

__all__ = ["cell_of", "loss_of", "other_declaration"]


def other_declaration(on_disk: str, source: str) -> str | None:
    """The name of the cell of the file `on_disk`, if `source` is no later kernel of the same one.

    It is if the command in both headers names the same cell, whose declaration may have changed,
    or if the equations are the same, wherever they are declared. None as well if `on_disk` is no
    generated file.
    """
    cell = cell_of(on_disk)
    same = cell == cell_of(source) or _equations(on_disk) == _equations(source)
    return None if same else cell


def cell_of(source: str) -> str | None:
    """The cell in the command that a header says makes the file."""
    return _option(source, "--cell")


def loss_of(source: str) -> str | None:
    """The loss in it."""
    return _option(source, "--loss")


def _option(source: str, name: str) -> str | None:
    """The value of an option of the command in a header; it may take several lines."""
    command = re.search(r"^    gru-codegen (generate (?:.*\\\n)*.*)$", source, re.MULTILINE)
    if command is None:
        return None
    try:
        words = shlex.split(command[1].replace("\\\n", ""))
        return words[words.index(name) + 1]
    except (ValueError, IndexError):
        return None


def _equations(source: str) -> str | None:
    found = re.search(r'^EQUATIONS = """(.*?)^"""', source, re.MULTILINE | re.DOTALL)
    return found and found[1]
