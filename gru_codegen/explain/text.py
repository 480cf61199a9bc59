"""A document as plain text, at most 100 columns wide where formulas can be broken."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.derive.writing import text_lines
from gru_codegen.explain.model import Document, Equations, Paragraph, Table
from gru_codegen.notation import TEXT, Notation

__all__ = ["render"]

_WIDTH = 100
_INDENT = "    "

# Lines of prose are not broken within a formula.
_NO_BREAK = "\N{NO-BREAK SPACE}"
_PROSE = replace(TEXT, inline=lambda formula: formula.replace(" ", _NO_BREAK))


def render(document: Document) -> str:
    """The whole text."""
    title = document.notation.prose(document.title, TEXT)
    blocks = [f"{title}\n{'=' * len(title)}"]
    for number, section in enumerate(document.sections, start=1):
        heading = f"{number}. {document.notation.prose(section.heading, TEXT)}"
        blocks.append(f"{heading}\n{'-' * len(heading)}")
        for block in section.blocks:
            blocks.append("\n".join(_lines(block, document.notation)))
    return "\n\n".join(blocks) + "\n"


def _lines(block: Paragraph | Equations | Table, notation: Notation) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield _filled(notation.prose(block.prose, _PROSE))
    elif isinstance(block, Equations):
        width = _WIDTH - len(_INDENT)
        for line in text_lines(block.groups, block.notation, block.step, width):
            yield f"{_INDENT}{line}".rstrip()
    else:
        yield from _table(block, notation)


def _table(table: Table, notation: Notation) -> Iterator[str]:
    """Columns; the last one is wrapped."""
    rows = [[notation.prose(cell, _PROSE) for cell in row] for row in table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, last in rows:
        padded = [f"{cell:<{width}}   " for cell, width in zip(cells, widths, strict=True)]
        start = _INDENT + "".join(padded)
        yield _filled(last, start).rstrip()


def _filled(words: str, start: str = "") -> str:
    lines = textwrap.fill(
        words,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
        break_long_words=False,
    )
    return lines.replace(_NO_BREAK, " ")
