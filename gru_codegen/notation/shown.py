"""Objects that show themselves: in a line of text, and in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gru_codegen.notation.spelling import LATEX, TEXT, Spelling
from gru_codegen.notation.writing import Notation

__all__ = ["Declared", "Shown"]


class Shown:
    """A formula that shows itself: in a line of text, and in a notebook as LaTeX.

    It may have a `notation`, which writes its symbols; else they are written by their names.
    """

    def _sides(self) -> tuple[Any, ...]:
        raise NotImplementedError

    @property
    def _writing(self) -> Notation:
        return getattr(self, "notation", None) or Notation((), ())

    def _written(self, spelling: Spelling, equals: str) -> str:
        return equals.join(self._writing.write(side, spelling) for side in self._sides())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._written(TEXT, ' = ')}>"

    def __str__(self) -> str:
        return self._written(TEXT, " = ")

    def _repr_latex_(self) -> str:
        return f"$${self._written(LATEX, ' = ')}$$"


class Declared:
    """A declaration that shows itself: by its name in a line, in a notebook by its equations."""

    name: str
    title: str
    equations: Sequence[Any]

    @property
    def notation(self) -> Notation:
        """The order and the writing of its symbols."""
        raise NotImplementedError

    def _rows(self) -> Iterable[tuple[Any, Any]]:
        """The two sides of each equation."""
        return [(each.target, each.expression) for each in self.equations]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.title}>"

    def _repr_latex_(self) -> str:
        write, arrange = self.notation.latex, self.notation.arrange
        rows = (f"{write(left)} &= {write(arrange(right))}" for left, right in self._rows())
        lines = " \\\\\n".join(rows)
        return f"$$\\begin{{aligned}}\n{lines}\n\\end{{aligned}}$$"
