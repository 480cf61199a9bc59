"""The command `cells`: what can be generated."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

import click

from gru_codegen.cli.options import READOUTS, complete_cell, require_declared
from gru_codegen.cli.terminal import bound, fitted, say, working

if TYPE_CHECKING:
    from gru_codegen.cell import Cell

__all__ = ["list_cells"]


@click.command("cells", short_help="List the cells with their equations, and the losses.")
@click.argument("cell", required=False, shell_complete=complete_cell)
def list_cells(cell: str | None) -> None:
    """List the cells by families with their equations, and the losses; or one CELL alone.

    CELL is a name, package.module:NAME or FILE.toml.
    """
    require_declared(cell)
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.losses import losses
        from gru_codegen.parse import cell_called, cells, families, ways

        if cell is None:
            parts = [
                part
                for family, names in families().items()
                for part in (f"{family}\n", *(_described(cells[name]) for name in names))
            ]
        else:
            parts = [_described(cell_called(cell))]
    if cell is None:
        parts.append("losses")
        parts += [f"    {loss.name}: {loss.title}" for loss in losses.values()]
        parts.append("readouts")
        parts += [f"    {name}: {formula}" for name, formula in READOUTS.items()]
        parts.append(f"\n{ways()}\n")
    say(fitted("\n".join(parts), bound()).encode(), end=False)


def _described(cell: Cell) -> str:
    source, equations = (indent(text, "    ") for text in (cell.source, str(cell)))
    return f"{cell.name}: {cell.title}\n{source}\n\n{equations}\n"
