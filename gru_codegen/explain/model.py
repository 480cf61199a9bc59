"""A document before it has a format: its formulas are expressions still.

A format is one function of `Document`, so that every format shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gru_codegen.derive.writing import Prose, Row
from gru_codegen.notation import Notation

__all__ = ["Block", "Document", "Equations", "Paragraph", "Section", "Table"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of words and formulas."""

    prose: Prose


@dataclass(frozen=True)
class Equations:
    """Groups of equations, aligned with each other; their symbols count from `step`."""

    groups: Sequence[Sequence[Row]]
    notation: Notation
    step: str | int = "t"


@dataclass(frozen=True)
class Table:
    """Rows of as many cells each."""

    rows: Sequence[Sequence[Prose]]


Block = Paragraph | Equations | Table


@dataclass(frozen=True)
class Section:
    """Heading and its content."""

    heading: Prose
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A title and sections; `notation` writes the formulas in headings, paragraphs and tables."""

    title: Prose
    sections: Sequence[Section]
    notation: Notation
