"""The picture: all errors at all steps as a heat map, and one error as lines."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from gru_codegen.credit.measures import CELL, last_error, norms, reach
from gru_codegen.files import write_whole

__all__ = ["draw", "heat_map"]

_DECADES = 6  # that colours tell apart, below the error at its own step


def draw(found: Any, title: str, path: str) -> None:
    """Write a picture to `path`; its ending says of which kind.

    Raises
    ------
    ImportError: matplotlib is not installed.
    WriteError: it cannot be written; whatever was there stays.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    errors, one = figure.subplots(1, 2)
    figure.colorbar(heat_map(errors, norms(found)[CELL]), ax=errors, label="log10 of the norm")
    errors.set_title("Each error at each step, over that at its own", loc="left", fontsize=10)
    k = last_error(found)
    for name, row in ({} if k is None else reach(found, k)).items():
        is_cell = name == CELL
        one.plot(range(1, len(row) + 1), row, label=name, color="black" if is_cell else None)
    if k is not None:
        one.set_yscale("log", nonpositive="mask")
        one.legend(frameon=False, fontsize=8)
        one.set_title(f"Error of step {k + 1}, over that at its own step", loc="left", fontsize=10)
    one.set_xlabel("step t of the weights")
    figure.suptitle(title, fontsize=10)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=150, format=os.path.splitext(path)[1][1:].lower())
    write_whole(path, picture.getvalue(), make_folder=True)


def heat_map(axes: Any, table: Any) -> Any:
    """Draw norms (T, T), each row over its entry on the diagonal; NaN stays blank."""
    whole = np.diagonal(table)[:, None]
    relative = np.divide(table, whole, out=np.full_like(table, np.nan), where=whole > 0)
    smallest = 10.0**-_DECADES
    logarithms = np.log10(np.maximum(relative, smallest))
    steps = len(table)
    axes.set_xlabel("step t of the weights")
    axes.set_ylabel("step k of the error")
    return axes.imshow(
        logarithms,
        vmin=-_DECADES,
        vmax=0,
        origin="lower",
        extent=(0.5, steps + 0.5, 0.5, steps + 0.5),
        interpolation="nearest",
    )
