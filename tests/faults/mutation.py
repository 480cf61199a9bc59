"""Every small fault that could sit in a function of a kernel, one at a time.

A fault replaces one node of the function's syntax tree, so that it stands wherever the node stands,
whatever the cell, the style and the text of the line. Which names could be taken for each other is
read off a run: those that hold arrays of one shape.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType, ModuleType
from typing import Any

import numpy as np

#: What each name of a function, `w.Z` and `params.Wz` among them, holds when it returns.
Shapes = Mapping[str, tuple[int, ...]]
#: A kind of fault, and what is put in the place of a node.
Change = tuple[str, ast.AST]


@dataclass(frozen=True)
class Mutant:
    """A function with one fault.

    Attributes
    ----------
    kind: of the fault, in words.
    line: where it is, in the source of the kernel.
    was, now: the statement without and with the fault.
    code: defines the function.
    """

    kind: str
    line: int
    was: str
    now: str
    code: CodeType

    def __str__(self) -> str:
        return f"line {self.line}, {self.kind}: {self.was}  ->  {self.now}"


def mutants(source: str, name: str, shapes: Shapes) -> Iterator[Mutant]:
    """Every fault in the function `name` of `source`."""
    [function] = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    del function.body[0]  # the docstring
    mutator = _Mutator(function, shapes)
    for statement, place in _places(function):
        ...
