"""Program -> source: how an optimised program is written as a plain NumPy module.

From the whole to its smallest part, each file using those below it:

    module       the whole, by the template in templates/
    requirements what no kernel has lines for, refused by name
    runtime      what is copied into a module: functions of gru_codegen/runtime/, as text
    workspace    the class that keeps the arrays
    functions    the function of each phase
    blocks       loops, steps and statements as lines, under their equations
    comments     the equations of statements, above their lines
    calls        statements as calls that write where their result is kept
    numpy        how NumPy spells each operation
    names        what references are called, and which names a function needs
    header       the text at the head of a module
    attributes   what the Workspace calls arrays and views, and how they are cut
    grid         matrices side by side and one below the other
    wording      expressions in plain text
    source_map   which lines compute which equation
    lines        lines of Python and how they are wrapped
    sizes        sizes and shapes as text
"""

from __future__ import annotations

from gru_codegen.emit.header import Heading
from gru_codegen.emit.module import emit, map_source
from gru_codegen.emit.sizes import parameter
from gru_codegen.emit.source_map import SourceMap

__all__ = ["Heading", "SourceMap", "emit", "map_source", "parameter"]
