"""A readout: outputs computed from the cell's own.

A readout makes of a cell another cell with the same states, one more equation and more weights. So
it is derived, lowered and emitted like everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gru_codegen.cell import Cell
from gru_codegen.equations import B, Equation, matrix, ones, size
from gru_codegen.names import outputs_name

__all__ = ["linear", "readouts"]

O = size("O")  # noqa: E741  # the output size is called O throughout


def linear(cell: Cell) -> Cell:
    """The same cell that puts out O_t = S_t Wout + bout, (B, O), S being its output.

    Of several outputs that takes the place of the first.

    Raises
    ------
    CellError: the cell uses one of the names Wout and bout itself.
    """
    state, *others = cell.outputs
    weight, bias = matrix("Wout", state.shape[1], O), matrix("bout", 1, O)
    output = matrix(outputs_name(cell.names), B, O)
    readout = Equation(output, state * weight + ones(B, 1) * bias, "readout")
    return replace(
        cell,
        weights=(*cell.weights, weight, bias),
        equations=(*cell.equations, readout),
        output=(output, *others),
    )


#: The readouts by name.
readouts: dict[str, Callable[[Cell], Cell]] = {"none": lambda cell: cell, "linear": linear}
