"""The cells that come with the package, by name.

Each is a file in this folder, and to be here is all it takes to be known: a new cell is one new
file.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from gru_codegen.cell import Cell
from gru_codegen.cells.gru import GRU

__all__ = ["GRU", "cells"]


def _declared() -> Iterator[Cell]:
    """The cells of every file, in the order of the files' names."""
    for file in sorted(module.name for module in iter_modules(__path__)):
        for value in vars(import_module(f"{__name__}.{file}")).values():
            if isinstance(value, Cell):
                yield value


#: Every cell of the package by its name.
cells: dict[str, Cell] = {cell.name: cell for cell in _declared()}
