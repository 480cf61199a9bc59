"""The cells of the corpus: every TOML file in a folder below this one, and those of the package."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sympy.matrices.expressions.matexpr import MatrixSymbol

import gru_codegen as gc
from gru_codegen.cells import FOLDER as PACKAGE
from gru_codegen.parse import load_cell
from tests.corpus.second import Array, Given

FOLDER = Path(__file__).parent
#: The file of each cell that is declared in TOML, by its name: the package's, then those here.
FILES = {
    file.stem: file
    for file in chain(sorted(PACKAGE.glob("*.toml")), sorted(FOLDER.glob("*/*.toml")))
}
#: T, B, D and H, all different; other sizes follow.
STEPS, BATCH, INPUT, HIDDEN, MORE = 3, 2, 4, 5, 6


@cache
def cell(name: str) -> gc.Cell:
    """The cell of that name; it is declared once, so it is derived once."""
    return load_cell(str(FILES[name]))


def given(declared: gc.Cell) -> Given:
    """Random arguments of order one half, or in the ranges that the declaration gives."""
    sizes = _sizes(declared)
    rng = np.random.default_rng(0)

    def drawn(symbol: MatrixSymbol, *first: int) -> Array:
        shape = (*first, *(sizes[str(letter)] for letter in symbol.shape))
        if symbol in declared.checks:
            return rng.uniform(*declared.checks[symbol], shape)
        return np.asarray(rng.standard_normal(shape) / 2)

    return Given(
        weights={weight.name: drawn(weight) for weight in declared.weights},
        inputs={each.name: drawn(each, STEPS) for each in declared.inputs},
        y=rng.standard_normal((STEPS, *(sizes[str(n)] for n in declared.outputs[0].shape))),
        s0={state.name: drawn(state) for state in declared.states},
        constants={c.name: drawn(c) for c, made in declared.constants.items() if made is None},
    )


def _sizes(declared: gc.Cell) -> dict[str, int]:
    sizes = {"1": 1, "B": BATCH, "D": INPUT, "H": HIDDEN}
    symbols = (
        *(*declared.inputs, *declared.weights, *declared.constants),
        *(*declared.states, *declared.outputs),
    )
    for letter in _letters(symbols):
        sizes.setdefault(letter, MORE + len(sizes) - 4)
    return sizes


def _letters(symbols: tuple[Any, ...]) -> Iterator[str]:
    for symbol in symbols:
        yield from map(str, symbol.shape)
