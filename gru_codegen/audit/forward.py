"""Forward passes with one fault, and which of them gives the loss that a function returns."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.audit.edits import edits, one_minus, opposite
from gru_codegen.audit.factors import Factor, factor_of_numbers
from gru_codegen.audit.points import Point
from gru_codegen.cell import Cell, Equation
from gru_codegen.evaluate import evaluate_declaration
from gru_codegen.losses import Loss, losses

__all__ = ["ONE", "Computed", "Losses", "variant_of"]

ONE = Factor.one()
_COMES = "comes from a forward pass that"


@dataclass(frozen=True)
class Computed:
    """The loss that a function computes: the declared one, or with a fault.

    Attributes
    ----------
    text: the fault in words; empty if there is none.
    at_last: whether the cost of the last step is all of it.
    from_zero: whether it starts from zero, whatever the initial state.
    scale: the multiple of the loss of cell and loss that it is.
    """

    cell: Cell
    loss: Loss
    text: str = ""
    at_last: bool = False
    from_zero: bool = False
    scale: Factor = ONE

    def at(self, point: Point) -> float:
        """The loss, without the scale."""
        states = point.states
        if self.from_zero:
            states = {name: np.zeros_like(value) for name, value in states.items()}
        x, y = [point.x], point.y

        def total(steps: int) -> float:
            inputs = [array[:steps] for array in x]
            with np.errstate(all="ignore"):
                found = evaluate_declaration(
                    self.cell, self.loss, point.weights, inputs, y[:steps], states
                )
            return float(found.costs.sum())

        loss = total(len(y)) - (total(len(y) - 1) if self.at_last and len(y) > 1 else 0)
        T, B, columns = point.y.shape
        numbers = (1 if self.at_last else T) * B * self.loss.columns(columns)
        return loss / numbers if self.loss.mean else loss

    def multiple(self, found: Losses) -> Factor | None:
        """The known factor by which the losses `found` are multiples of this; None if none is."""
        ratios: list[tuple[float, Mapping[str, int]]] = []
        scale = None
        for point, loss in zip(found.points, found.values, strict=True):
            expected = self.at(point)
            if not (np.isfinite(loss) and np.isfinite(expected)) or expected == 0:
                return None
            ratios.append((loss / expected, point.sizes))
            scale = factor_of_numbers(ratios, found.close)
            if scale is None:
                return None
        return scale


class Losses(NamedTuple):
    """The losses of a function at points, and the relative error that they may have."""

    points: Sequence[Point]
    values: Sequence[float]
    close: float


def variant_of(declared: Computed, found: Losses) -> Computed | None:
    """The computed loss that has the values `found`.

    That is the declared loss or another one, else a multiple of them, else that of a forward pass
    with one fault, or a multiple of that; None if there is no such.
    """
    plain = [(each, each.multiple(found)) for each in (declared, *_losses(declared))]
    known = [replace(each, scale=scale) for each, scale in plain if scale is not None]
    if known:
        return next((each for each in known if each.scale == ONE), known[0])
    for computed in _cells(declared):
        scale = computed.multiple(found)
        if scale is not None:
            return replace(computed, scale=scale)
    return None


def _losses(declared: Computed) -> Iterator[Computed]:
    """Other losses of the same outputs, of the last step, or from a state of zero.

    Targets are numbers, whatever they stand for: those of losses of the same kind come first.
    """
    kind = declared.loss.targets
    others = [loss for loss in losses.values() if loss != declared.loss]
    others.sort(key=lambda loss: loss.targets != kind)
    last = "the cost of the last step alone"
    zero = "starts from zero, whatever the initial state"
    yield replace(declared, at_last=not declared.at_last, text=f"is {last}")
    yield replace(declared, from_zero=True, text=zero)
    for loss in others:
        named = f"is that of the loss {loss.name}"
        yield replace(declared, loss=loss, text=named)
        yield replace(declared, loss=loss, at_last=True, text=f"{named}, {last}")


def _cells(declared: Computed) -> Iterator[Computed]:
    """Cells with one equation changed; first those whose gate means the other thing."""
    cell = declared.cell
    for equation in cell.equations:
        gate = equation.target
        changed = [replace(e, expression=opposite(e.expression, gate)) for e in cell.equations]
        text = f"{_COMES} has 1 - {gate} for {gate}, the other convention of the {equation.meaning}"
        yield replace(declared, cell=_with(cell, changed), text=text)
    for place, equation in enumerate(cell.equations):
        for expression in edits(equation.expression, partial(_instead, cell, place)):
            equations = list(cell.equations)
            try:
                equations[place] = replace(equation, expression=expression)
                text = cell.notation.text(cell.notation.arrange(expression))
            except Exception:  # a form that has no notation is no fault that anyone makes
                continue
            target = cell.notation.text(equation.target)
            yield replace(
                declared, cell=_with(cell, equations), text=f"{_COMES} has {target} = {text}"
            )


def _instead(cell: Cell, place: int, symbol: MatrixSymbol) -> Iterator[Any]:
    """Symbols that may stand for another one in the equation at `place`."""
    if symbol in cell.weights:
        yield from cell.weights
        return
    yield from cell.states.values()
    yield from (equation.target for equation in cell.equations[:place])
    yield one_minus(symbol)


def _with(cell: Cell, equations: Sequence[Equation]) -> Cell:
    """The cell with other equations, which need not read all weights."""
    other = copy.copy(cell)
    object.__setattr__(other, "equations", tuple(equations))
    return other
