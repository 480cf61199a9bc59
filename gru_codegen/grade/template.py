"""A blank derivation: every adjoint and gradient of a cell, to be filled in."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import mean_factor, shift_rows, written_loss
from gru_codegen.equations import letters

__all__ = ["template"]


def template(
    derivation: Derivation, cell: str, readout: str = "none", loss: str | None = None
) -> str:
    """The text of the file; all are by name, the loss by its own if None."""
    return "\n".join(_lines(derivation, cell, readout, loss or derivation.loss.name)) + "\n"


def _lines(derivation: Derivation, cell: str, readout: str, loss: str) -> Iterator[str]:
    text = derivation.notation.text
    yield f"# {derivation.cell.title}: fill in, then: gru-codegen grade FILE"
    yield "#"
    yield "# The forward equations of step t:"
    shifts = shift_rows(derivation)
    for equation in derivation.forward_equations:
        for shift in [each for each in shifts if each in equation.declared.free_symbols]:
            yield f"#   {text(shift)} = {shifts.pop(shift)}"
        yield f"#   {text(equation.target)} = {text(equation.declared)}"
    yield f"#   L = {written_loss(derivation)}"
    shown = derivation.forward_equations
    parts = [equation for equation in derivation.equations if equation not in shown]
    if parts:
        yield "# and names for parts of them:"
    for equation in parts:
        yield f"#   {text(equation.target)} = {text(equation.expression)}"
    yield "#"
    yield "# A B is the matrix product and A o B the elementwise one, A^T the transpose; in code"
    yield "# A @ B, A * B and A.T. One sample is one row. dA is the derivative of L by A."
    if derivation.loss.mean:
        yield f"# Leave {mean_factor(derivation.loss)} out: what is asked for here is of the sum."
    yield f'cell = "{cell}"'
    yield f'loss = "{loss}"'
    yield f'readout = "{readout}"'
    yield ""
    yield '[names]  # of your own for what the derivation has, as h = "S"'
    yield ""
    yield '[formulas]  # names of your own may stand between, as d1 = "dS_t o Z_t"'
    yield "# adjoints of step t, in an order in which they can be computed"
    yield from _carries(derivation)
    for adjoint in derivation.adjoints:
        yield f'{adjoint.target.name} = ""  # {letters(adjoint.target)}'
    yield "# gradients, as sum_t ..."
    for gradient in derivation.gradients:
        yield f'{gradient.target.name} = ""  # {letters(gradient.target)}'


def _carries(derivation: Derivation) -> Iterator[str]:
    """Comments on what a step passes back."""
    cell, text = derivation.cell, derivation.notation.text
    target = {adjoint.of: adjoint.target for adjoint in derivation.adjoints}
    for adjoint in derivation.adjoints:
        if adjoint.carry is not None:
            previous = cell.states[adjoint.of]
            back, carry = target[previous].name, text(adjoint.carry)
            yield f"# {back} is what step t passes back to {text(previous)};"
            yield f"# {carry} is what step t+1 passes back to {text(adjoint.of)}"
