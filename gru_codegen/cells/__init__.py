"""The cells that come with the package, by name."""

from __future__ import annotations

from gru_codegen.cell import Cell
from gru_codegen.cells.gru import GRU

__all__ = ["GRU", "cells"]

#: Every cell of the package by its name.
cells: dict[str, Cell] = {cell.name: cell for cell in (GRU,)}
