"""Formulas that show themselves: in a line of text, and in a notebook."""

from __future__ import annotations

from typing import Any

from gru_codegen.notation import LATEX, TEXT, Notation, Spelling

__all__ = ["Shown"]


class Shown:
    """A formula that shows itself: in a line of text, and in a notebook as LaTeX.

    notation: the writing of its symbols; without one they are written by their names.
    """

    notation: Notation | None

    def _sides(self) -> tuple[Any, ...]:
        raise NotImplementedError

    @property
    def _writing(self) -> Notation:
        return self.notation or Notation((), ())

    def _written(self, spelling: Spelling, equals: str) -> str:
        return equals.join(self._writing.write(side, spelling) for side in self._sides())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._written(TEXT, ' = ')}>"

    def __str__(self) -> str:
        return self._written(TEXT, " = ")

    def _repr_latex_(self) -> str:
        return f"$${self._written(LATEX, ' = ')}$$"
