"""The cells that come with the package, by name: every file of this folder is one.

A new file is all that a new cell takes: what it declares is found here, and by the command line,
by the checks and by the tests that run over all cells. A file is read when its cell is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from gru_codegen.cell import Cell
from gru_codegen.cells.gru import GRU

__all__ = ["GRU", "cells"]


class _Cells(Mapping[str, Cell]):
    """Cells by their names; that of `gru-bias` is GRU_BIAS in the file gru_bias.py."""

    def __init__(self) -> None:
        files = sorted(module.name for module in iter_modules(__path__))
        self.files = {file.replace("_", "-"): file for file in files}

    def __getitem__(self, name: str) -> Cell:
        if name not in self.files:
            raise KeyError(f"there is no cell {name!r}; known: {', '.join(self)}")
        module = import_module(f"{__name__}.{self.files[name]}")
        cell: Cell = getattr(module, self.files[name].upper())
        return cell

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        return f"<cells {', '.join(self)}>"


#: Every cell of the package by its name: the reference cell, then the rest of the family.
cells: Mapping[str, Cell] = _Cells()
