"""A reader's own derivation, checked line by line: `grade`, and the blank file to fill in.

`reading` reads a formula, `sheet` a file of them; `evaluation` gives terms their values, `judge`
says which are equal; `diagnosis` says what is wrong, by `edits`; `grading` puts it together.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from reprlib import repr as shortened

from gru_codegen.grade.grading import graded
from gru_codegen.grade.result import Grade, Line
from gru_codegen.grade.sheet import Sheet
from gru_codegen.grade.template import template

__all__ = ["Grade", "Line", "grade", "template"]


def grade(
    path: str | os.PathLike[str], *, progress: Callable[[int, int], object] | None = None
) -> Grade:
    """Check the derivation in the TOML file at `path`; nothing in it is evaluated.

    Each line is compared with the derivation of the cell that the file names, at three random
    points in float64 and at one with 50 digits. `progress(done, total)` is called by the line.

    Raises
    ------
    CellError: the file cannot be read, or names, formulas or the cell in it are at fault; the
        message points at the line and column where there is one.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path: expected that of a TOML file, got {shortened(path)}")
    return graded(Sheet.open(os.fspath(path)), progress)
