"""Cells and losses as functions of the package take them: an object, its name, a path or a text."""

from __future__ import annotations

import os
from reprlib import repr as shortened
from typing import Any

from gru_codegen.cell import Cell
from gru_codegen.losses import Loss, require_other_name
from gru_codegen.parse.called import cell_called, loss_called
from gru_codegen.parse.declaration import read_cell
from gru_codegen.parse.document import text_of
from gru_codegen.parse.loss import read_loss

__all__ = [
    "declared_cell",
    "declared_loss",
    "load_cell",
    "load_loss",
    "spec_of",
]


def load_cell(given: str | os.PathLike[str]) -> Cell:
    """Load a cell by its name, from a file or from a text.

    given: the name of a cell that comes with the package, as ``lstm-peephole``; the path of a TOML
        file, which ends in ``.toml``; the text of such a file, which has more lines than one; or
        ``package.module:NAME`` for a `Cell` in a module, which is imported, from the working folder
        too. docs/own_cell.md says what a text may hold. Nothing in it is evaluated.

    The same text gives the same `Cell`, so that what is derived of it is remembered.

    Raises
    ------
    TypeError: `given` is neither a string nor a path.
    CellError: there is no such cell, or its declaration is at fault. The first line of the message
        says it all; below it a fault in a text is shown in its line.

    >>> load_cell("lstm").title
    'long short-term memory'
    """
    name = _text("cell", given)
    return read_cell(text_of(name)) if _is_text(name) else cell_called(name)


def load_loss(given: str | os.PathLike[str]) -> Loss:
    """Load a loss by its name, from a file or from a text, as `load_cell` does a cell.

    given: the name of a loss that comes with the package, as ``huber``, or else as for `load_cell`.
        docs/own_loss.md says what a text may hold.

    Raises
    ------
    TypeError: `given` is neither a string nor a path.
    CellError: there is no such loss, its declaration is at fault, or it has the name of one of the
        package.
    """
    name = _text("loss", given)
    return read_loss(text_of(name, "a loss")) if _is_text(name) else loss_called(name)


def declared_cell(given: Any) -> Cell:
    """The cell that a function is given, as an object or as for `load_cell`.

    Raises TypeError for what can be none, and CellError as `load_cell` does.
    """
    if isinstance(given, Cell):
        return given
    return load_cell(_text("cell", given, "a Cell, such as gc.GRU, its name or its file"))


def declared_loss(given: Any) -> Loss:
    """The loss that a function is given, as an object or as for `load_loss`.

    Raises TypeError for what can be none, and CellError as `load_loss` does, or where it has the
    name of one of the package, for which files and reports would take it.
    """
    if isinstance(given, Loss):
        require_other_name(given)
        return given
    return load_loss(_text("loss", given, "a Loss, such as gc.L2, its name or its file"))


def spec_of(given: Any) -> str | None:
    """The name on the command line of a declaration that is given; None if it has none there."""
    if not isinstance(given, (str, os.PathLike)):
        return None
    name = os.fspath(given)
    return None if not isinstance(name, str) or _is_text(name) else name


def _is_text(name: str) -> bool:
    """Return whether this is a text, and no name: a path that has lines is refused as one."""
    is_file = name.lower().endswith(".toml") and "=" not in name  # a comment may end so
    return "\n" in name.strip() and not is_file


def _text(role: str, given: Any, words: str = "its name, its file or the text of one") -> str:
    """The string or path that is given; TypeError where it is neither."""
    text = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(text, str):
        raise TypeError(f"{role}: expected {words}, got {shortened(given)}")
    return text
