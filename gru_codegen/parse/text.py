"""Text, and errors that point into it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gru_codegen.errors import CellError

__all__ = ["Text", "in_line"]

_WIDTH = 96


@dataclass(frozen=True)
class Text:
    """The text of a file; a place in it is an offset into `content`.

    Attributes
    ----------
    path: what errors call the file.
    content: its characters, every line ended by a line feed alone.
    """

    path: str
    content: str

    def error(self, message: str, start: int, end: int) -> CellError:
        """An error about the characters from `start` to `end`: its first line says it all.

        Below come the line of the file and carets under those characters.
        """
        begin = self.content.rfind("\n", 0, start) + 1
        line = self.content[begin:].split("\n", 1)[0]
        where = f"{self.path}:{self.line(start)}:{start - begin + 1}"
        left = max(0, min(start - begin - _WIDTH // 3, len(line) - _WIDTH))
        shown = "".join(map(_visible, line[left : left + _WIDTH]))
        column = start - begin - left
        carets = "^" * max(1, min(end - start, len(shown) - column))
        blank = re.sub(r"[^\t]", " ", shown[:column])  # a tab is as wide below as above
        return CellError(f"{where}: {in_line(message)}\n    {shown}\n    {blank}{carets}")

    def line(self, place: int) -> int:
        """The number of the line that `place` is in, counted from 1."""
        return self.content.count("\n", 0, place) + 1


def in_line(message: str) -> str:
    """A message in one line: what is not printed in a name of a file shows as an escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


def _visible(character: str) -> str:
    return character if character.isprintable() or character == "\t" else "\ufffd"
