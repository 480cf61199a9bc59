"""The generated module beside the formulas: which line computes which equation."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from gru_codegen.ir import EquationId

__all__ = ["Code", "CodeLine", "SourceMap"]

#: The functions of a module that compute: the others check what they are given.
_FUNCTIONS = ("_forward", "_loss", "_backward", "_inputs")


class SourceMap(Protocol):
    """A module, and the lines of it that compute each equation."""

    @property
    def source(self) -> str:
        """The module."""

    @property
    def ranges(self) -> Mapping[EquationId, tuple[range, ...]]:
        """The lines of each equation, in runs."""


@dataclass(frozen=True)
class CodeLine:
    """A line of the module: its number, its text, and the equations that it computes."""

    number: int
    text: str
    equations: tuple[EquationId, ...] = ()


@dataclass(frozen=True)
class Code:
    """The source of a module and the lines of its equations."""

    map: SourceMap

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines of the module, from the first."""
        return tuple(self.map.source.splitlines())

    @cached_property
    def statements(self) -> frozenset[int]:
        """The lines on which a statement is written that computes: no comment, no condition."""
        tokens = tokenize.generate_tokens(io.StringIO(self.map.source).readline)
        comments = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
        conditions = {n.lineno for n in ast.walk(self._tree) if isinstance(n, ast.If)}
        return frozenset(range(1, len(self.lines) + 1)) - comments - conditions

    def line_of(self, equation: EquationId | None) -> CodeLine | None:
        """The first line that computes `equation`; None if the module has none.

        A line of the backward pass may stand for a forward equation whose value it writes in full;
        it does not compute that.
        """
        if equation is None:
            return None
        numbers = (n for run in self.map.ranges.get(equation, ()) for n in run)
        backward = self._backward if equation.kind == "forward" else range(0)
        computing = (n for n in numbers if n in self.statements and n not in backward)
        number = next(computing, None)
        if number is None:
            return None
        return CodeLine(number, self.lines[number - 1].strip(), (equation,))

    @cached_property
    def functions(self) -> dict[str, tuple[CodeLine, ...]]:
        """The lines of each function that computes."""
        return {
            node.name: tuple(map(self._line, range(node.lineno, (node.end_lineno or 0) + 1)))
            for node in self._tree.body
            if isinstance(node, ast.FunctionDef) and node.name in _FUNCTIONS
        }

    @cached_property
    def _backward(self) -> range:
        """The lines of the backward pass."""
        numbers = [line.number for line in self.functions.get("_backward", ())]
        return range(numbers[0], numbers[-1] + 1) if numbers else range(0)

    def _line(self, number: int) -> CodeLine:
        of = (e for e, runs in self.map.ranges.items() if any(number in run for run in runs))
        return CodeLine(number, self.lines[number - 1], tuple(of))

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.map.source)
