"""Measures of what `credit` returns, of each weight and of those of the cell together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELL", "last_error", "norms", "reach", "truncation"]

Array = NDArray[Any]

#: The name of all weights together by way of which an error reaches other steps than its own. Those
#: of a readout it reaches at its own step alone, where they would outweigh the others.
CELL = "cell"


def norms(found: Any) -> dict[str, Array]:
    """The norms (T, T) of the terms: rows are errors, columns steps."""
    tables = found.norms._asdict()
    return {**tables, CELL: _together([tables[name] for name in _travelling(found)])}


def last_error(found: Any) -> int | None:
    """The last step with an error; None if there is none."""
    steps = np.flatnonzero(~np.isnan(np.diagonal(found.norms[0])))
    return int(steps[-1]) if len(steps) else None


def reach(found: Any, k: int) -> dict[str, Array]:
    """The norms of the error of step `k` at steps 0 .. k, over that at step `k`; NaN if it is 0."""
    return {name: _over(table[k, : k + 1], table[k, k]) for name, table in norms(found).items()}


def truncation(found: Any) -> dict[str, Array]:
    """The norms of what n = 0 .. T steps of back-propagation leave out, over the gradient's."""
    rests, names = found.truncation._asdict(), _travelling(found)
    sizes = {name: np.linalg.norm(getattr(found.gradients, name).astype(float)) for name in names}
    parts = [rests[name] * size for name, size in sizes.items() if size]
    whole = np.linalg.norm(list(sizes.values()))
    return {**rests, CELL: _over(_together(parts or [rests[names[0]]]), whole)}


def _travelling(found: Any) -> list[str]:
    """The weights by way of which errors reach other steps; all, if there is no such."""
    below = np.tri(len(found.norms[0]), k=-1, dtype=bool)
    names = found.norms._fields
    travelling = [name for name in names if np.nansum(getattr(found.norms, name)[below]) > 0]
    return travelling or [*names]


def _together(tables: Iterable[Array]) -> Array:
    return np.asarray(np.sqrt(sum(table**2 for table in tables)))


def _over(numbers: Array, whole: Any) -> Array:
    return numbers / whole if whole else np.full_like(numbers, np.nan)
