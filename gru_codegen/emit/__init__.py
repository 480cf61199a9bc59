"""Program -> source: how an optimised program is written as a plain NumPy module.

`numpy/` spells a program and its plan in NumPy. Beside it stands what any target would need:

    header       the text at the head of a module
    entry_points the public functions of a module, as data
    comments     the equations of statements, above their lines
    wording      expressions in plain text
    source_map   which lines compute which equation
    lines        lines of Python and how they are wrapped
    sizes        sizes and shapes as text
"""

from __future__ import annotations

from gru_codegen.emit.header import Heading
from gru_codegen.emit.numpy import emit, map_source
from gru_codegen.emit.sizes import parameter
from gru_codegen.emit.source_map import SourceMap

__all__ = ["Heading", "SourceMap", "emit", "map_source", "parameter"]
