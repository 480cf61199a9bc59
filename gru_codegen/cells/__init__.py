"""The cells that come with the package, by name: every file of this folder is one.

A new file is all that a new cell takes: what it declares is found here, and by the command line,
by the checks and by the tests that run over all cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from gru_codegen.cell import Cell
from gru_codegen.cells.gru import GRU
from gru_codegen.errors import CellError
from gru_codegen.known import Known

__all__ = ["GRU", "cells"]


def _declared() -> Iterator[Cell]:
    """The cells of all files in alphabetical order, the reference cell so the first."""
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        yield from (value for value in vars(module).values() if isinstance(value, Cell))


def _by_name() -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for cell in _declared():
        if found.setdefault(cell.name, cell) is not cell:
            raise CellError(f"two cells of the package are called {cell.name}; rename one")
    return found


#: Every cell of the package by its name: the reference cell, then the rest of the family.
cells: dict[str, Cell] = Known("cell", _by_name())
