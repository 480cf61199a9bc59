"""NumPy as the target: a program and its plan as the lines of a module.

From the whole to its smallest part, each file using those below it:

    module       the whole, by the template in templates/
    requirements what no kernel has lines for, refused by name
    runtime      what is copied into a module: functions of gru_codegen/runtime/, as text
    workspace    the class that keeps the arrays
    functions    the function of each phase
    helpers      the functions that expressions call
    blocks       loops, steps and statements as lines, under their equations
    calls        statements as calls that write where their result is kept
    expressions  how NumPy spells each operation
    names        what references are called, and which names a function needs
    attributes   what the Workspace calls arrays and views, and how they are cut
    grid         matrices side by side and one below the other
"""

from __future__ import annotations

from gru_codegen.emit.numpy.module import emit, map_source

__all__ = ["emit", "map_source"]
