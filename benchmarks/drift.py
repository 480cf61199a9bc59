"""float32 over long sequences: how far results are from those in float64 of the same numbers.

    OMP_NUM_THREADS=1 python -m benchmarks.drift

prints a table of errors, each relative to the largest entry of its array: of the outputs of all
steps, of those of the last tenth alone, of the loss, and of the gradients, the largest of all
weights. Of five draws it has the median and, in brackets, the largest. docs/trust.md shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sympy import Rational

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix, ones
from gru_codegen.functions import tanh

Array = NDArray[Any]

__all__ = ["CASES", "Case", "errors", "table"]

STEPS = (10, 100, 1_000, 10_000)
DRAWS = 5
BATCH, INPUTS, HIDDEN = 4, 8, 32


def _leaky() -> Cell:
    """An integrator that forgets a thousandth a step, so that a thousand roundings add up."""
    x, S, S_prev = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H)
    W, Wrec, b = matrix("W", D, H), matrix("Wrec", H, H), matrix("b", 1, H)
    drive = tanh(x * W + S_prev * Wrec + ones(B, 1) * b)
    return Cell(
        name="leaky",
        title="leaky integrator",
        source="a benchmark",
        inputs=(x,),
        weights=(W, Wrec, b),
        states={S: S_prev},
        equations=(Equation(S, Rational(999, 1000) * S_prev + Rational(1, 1000) * drive, "state"),),
    )


class Case(NamedTuple):
    """A cell and numbers of steps.

    recurrent: how much larger the recurrent weights are than `init_params` draws them.
    """

    name: str
    cell: Cell
    recurrent: int = 1
    steps: tuple[int, ...] = STEPS


CASES = (
    Case("GRU", gc.GRU),
    Case("LSTM", gc.cells["lstm"]),
    Case("leaky", _leaky()),
    # Chaotic: its gradients are too large for any float beyond some hundred steps.
    Case("GRU, recurrent weights times 8", gc.GRU, 8, (10, 30, 100)),
)


def errors(kernel: ModuleType, steps: int, draw: int, recurrent: int = 1) -> dict[str, float]:
    """Return the errors of a kernel in float32, whose arguments are exact in float64 as well."""
    rng = np.random.default_rng(draw)
    x = rng.standard_normal((steps, BATCH, INPUTS), np.float32)
    y = rng.standard_normal((steps, BATCH, HIDDEN), np.float32)
    drawn = kernel.init_params(INPUTS, HIDDEN, rng=draw, dtype=np.float32)._asdict()
    params = kernel.Params(
        *(w * np.float32(recurrent if w.shape == (HIDDEN, HIDDEN) else 1) for w in drawn.values())
    )
    wide = type(params)(*(weight.astype(np.float64) for weight in params))
    single, double = (
        (kernel.forward(weights, x)[0], kernel.loss_and_gradients(weights, x, y))
        for weights in (params, wide)
    )
    late = slice(-(steps // 10), None)
    pairs = zip(single[1].gradients, double[1].gradients, strict=True)
    return {
        "outputs": _error(single[0], double[0]),
        "late outputs": _error(single[0][late], double[0][late]),
        "loss": _error(single[1].loss, double[1].loss),
        "gradients": max(_error(found, exact) for found, exact in pairs),
    }


def _error(found: Any, exact: Any) -> float:
    return float(np.max(np.abs(found - exact)) / np.max(np.abs(exact)))


def table() -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    names = ("outputs", "late outputs", "loss", "gradients")
    yield f"| cell | T | {' | '.join(names)} |"
    yield f"|---|---|{'---|' * len(names)}"
    for case in CASES:
        kernel = gc.load(case.cell)
        for steps in case.steps:
            draws = [errors(kernel, steps, draw, case.recurrent) for draw in range(DRAWS)]
            columns = [[each[name] for each in draws] for name in names]
            shown = [f"{median(column):.1e} ({max(column):.1e})" for column in columns]
            yield f"| {case.name} | {steps:,} | {' | '.join(shown)} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
