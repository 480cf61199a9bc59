"""Cells and losses from names and texts; nothing in a text is evaluated.

called  those that the command line names: a name, an object in a module, a text file
given   the same, objects and texts, as functions of the package take them
package the cells that come with the package
"""

from __future__ import annotations

from gru_codegen.parse.called import cell_called, loss_called, require_writable, ways
from gru_codegen.parse.given import (
    declared_cell,
    declared_loss,
    load_cell,
    load_loss,
    spec_of,
)
from gru_codegen.parse.package import cells, families

__all__ = [
    "cell_called",
    "cells",
    "declared_cell",
    "declared_loss",
    "families",
    "load_cell",
    "load_loss",
    "loss_called",
    "require_writable",
    "spec_of",
    "ways",
]
