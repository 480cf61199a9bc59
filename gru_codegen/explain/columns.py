"""Cells of plain text in columns, wrapped where a table is wider than there is room."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

__all__ = ["NO_BREAK", "columns", "wrapped"]

#: Lines are not broken within a formula.
NO_BREAK = "\N{NO-BREAK SPACE}"

_BETWEEN = "   "


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`, but for words that are longer; one at least."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    return [line.replace(NO_BREAK, " ") for line in lines] or [""]


def columns(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The lines of a table within `width`; where that cannot be, its last column stands below."""
    least, natural = ([max(map(of, c)) for c in zip(*rows, strict=True)] for of in (_longest, len))
    room = width - len(_BETWEEN) * (len(least) - 1)
    fits = sum(least) <= room
    widths = _fitted(natural, least, room) if fits else natural
    for row in rows:
        cells = row if fits else row[:-1]
        parts = [wrapped(cell, size) for cell, size in zip(cells, widths, strict=False)]
        for line in zip_longest(*parts, fillvalue=""):
            padded = (f"{part:<{size}}" for part, size in zip(line, widths, strict=False))
            yield _BETWEEN.join(padded).rstrip()
        if not fits:
            yield from (f"    {line}" for line in wrapped(row[-1], width - 4))


def _longest(cell: str) -> int:
    """The length of the longest word."""
    return max(map(len, wrapped(cell, 1)))


def _fitted(natural: list[int], least: list[int], room: int) -> list[int]:
    """The widths of columns that fit: the widest that can be narrower gives way first."""
    widths = list(natural)
    while sum(widths) > room:
        able = [n for n, width in enumerate(widths) if width > least[n]]
        widths[max(able, key=widths.__getitem__)] -= 1
    return widths
