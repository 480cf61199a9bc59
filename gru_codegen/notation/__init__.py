"""SymPy's matrix expressions in writing: their natural order, as text and as LaTeX.

SymPy sorts sums and products by a canonical key of its own. Here a sum begins with what is known
first (inputs, previous states, then what the equations compute) and ends with what is subtracted;
an elementwise product begins with the adjoint, then the gates, then the states: ``x_t Wz + S_{t-1}
Wrecz``, ``(1 - Z_t) o S_{t-1}``, ``dS_t o (CA_t - S_{t-1})``.
"""

from __future__ import annotations

from gru_codegen.notation.forms import (
    Common,
    Local,
    OverTime,
    RowFunction,
    Schema,
    Verbatim,
    Where,
    leaves,
    over_time,
    signed,
)
from gru_codegen.notation.layout import bare, spans, spelled
from gru_codegen.notation.mathml import CLASSED, mathml, symbol_class
from gru_codegen.notation.shown import Declared, Shown
from gru_codegen.notation.spelling import LATEX, TEXT, UNICODE, Spelling, mark_label
from gru_codegen.notation.writing import Notation

__all__ = [
    "CLASSED",
    "LATEX",
    "TEXT",
    "UNICODE",
    "Common",
    "Declared",
    "Local",
    "Notation",
    "OverTime",
    "RowFunction",
    "Schema",
    "Shown",
    "Spelling",
    "Verbatim",
    "Where",
    "bare",
    "leaves",
    "mark_label",
    "mathml",
    "over_time",
    "signed",
    "spans",
    "spelled",
    "symbol_class",
]
