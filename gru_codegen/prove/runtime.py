"""Functions of a module that do something else for long arrays, at lengths where they do.

The lines that call them are run on short arrays, so these are proved by themselves: a sum that is
taken in pieces is the sum, and blocks of rows are all the rows, in order.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from gru_codegen.modules import raised_in_kernel
from gru_codegen.prove.field import Field

__all__ = ["fault"]

#: Lengths of a sum: of one piece, and of two pieces and a rest.
_LENGTHS = (1, 100, 2 * 2**12 + 7)
#: Rows and entries of weights: several blocks, one smaller than the others, and one block.
_BLOCKS = ((23, 10**5), (16, 10**5), (9, 10**5), (13, 80000), (7, 1), (24, 10**6), (11, 0))


def fault(kernel: ModuleType, module: Any, field: Field) -> str:
    """Return what is wrong with them in `kernel`, whose lines `module` runs; "" if nothing is."""
    for name, check in (("_inner", _of_inner), ("_blocks", _of_blocks)):
        try:
            found = check(kernel, module, field) if hasattr(kernel, name) else ""
        except Exception as error:
            found = f"raises {raised_in_kernel(error)}"
        if found:
            return f"{name} {found}"
    return ""


def _of_inner(_: ModuleType, module: Any, field: Field) -> str:
    for length in _LENGTHS:
        left, right = (
            field.elements(np.arange(1, length + 1, dtype=object) * int(field.random(name)))
            for name in ("left", "right")
        )
        total = field.element(0) + sum(a.n * b.n for a, b in zip(left, right, strict=True))
        if module._inner(left, right) != total:
            return f"of {length} numbers is not the sum of their products"
    return ""


def _of_blocks(kernel: ModuleType, *_: Any) -> str:
    for rows, entries in _BLOCKS:
        matrix = np.arange(2 * rows).reshape(rows, 2)
        blocks = kernel._blocks(matrix, entries)
        whole = np.concatenate(blocks)
        if whole.shape != matrix.shape or (whole != matrix).any():
            return f"of {rows} rows, for {entries} entries of weights, are not all rows in order"
        if not all(np.shares_memory(block, matrix) for block in blocks):
            return "returns copies"
    return ""
