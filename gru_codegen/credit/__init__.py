"""`credit` of a kernel, shown: whose error gives how much of every gradient, and at which step.

data     the arguments of a call: from a file, or seeded random numbers
measures of what is found: norms, reach, truncation
table    what is left of an error, and what truncation leaves out, as text
picture  the same as a heat map and as lines
"""

from __future__ import annotations

from gru_codegen.credit.data import (
    Data,
    from_file,
    random_data,
    require_credit,
    require_data,
)
from gru_codegen.credit.measures import CELL, norms, reach, truncation
from gru_codegen.credit.picture import draw, heat_map
from gru_codegen.credit.table import text

__all__ = [
    "CELL",
    "Data",
    "draw",
    "from_file",
    "heat_map",
    "norms",
    "random_data",
    "reach",
    "require_credit",
    "require_data",
    "text",
    "truncation",
]
