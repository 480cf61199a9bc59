"""Ids of a page: those of its formulas and of the lines of its code, for links between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gru_codegen.derive.writing import Row
from gru_codegen.explain.code import CodeLine
from gru_codegen.explain.model import Block, Document, Equations, Errors, Fold, Listing
from gru_codegen.ir import EquationId

__all__ = ["CONTENT", "Anchors"]

#: The id of all that is no head of a page.
CONTENT = "content"


@dataclass(frozen=True)
class Anchors:
    """The ids of a page.

    Attributes
    ----------
    rows: each equation that has code with the first row that shows it.
    formulas: the ids of these rows: ``dZ``, ``dWz``.
    lines: the ids of the lines of code that equations link to, by their numbers: ``code-dZ``.
    """

    rows: dict[EquationId, Row] = field(default_factory=dict)
    formulas: dict[EquationId, str] = field(default_factory=dict)
    lines: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> Anchors:
        """The ids of a document; no two are the same."""
        anchors = cls()
        blocks = list(_flat(block for section in document.sections for block in section.blocks))
        taken = {CONTENT, *(section.id for section in document.sections)}
        taken |= {box.id for block in blocks if isinstance(block, Errors) for box in block.boxes}
        for row in (row for block in blocks for row in _rows(block)):
            if row.equation is not None and row.equation not in anchors.rows:
                anchors.rows[row.equation] = row
                anchors.formulas[row.equation] = _free(_name(row.equation), taken)
        if document.code is not None and any(isinstance(block, Listing) for block in blocks):
            for equation in anchors.rows:
                line = document.code.line_of(equation)
                if line is not None and line.number not in anchors.lines:
                    anchors.lines[line.number] = _free(f"code-{_name(equation)}", taken)
        return anchors

    def of_row(self, row: Row) -> str:
        """The id of a row; "" if its equation has none, or is shown above."""
        if row.equation is None or self.rows.get(row.equation) is not row:
            return ""
        return self.formulas[row.equation]

    def formula_of(self, line: CodeLine) -> EquationId | None:
        """The equation that a line of code links to."""
        shown = [each for each in line.equations if each in self.formulas]
        named = self.lines.get(line.number, "")
        first = (each for each in shown if named == f"code-{_name(each)}")
        return next(first, shown[0] if shown else None)


def _flat(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from _flat(block.blocks)


def _rows(block: Block) -> Iterator[Row]:
    if isinstance(block, Equations):
        yield from (row for group in block.groups for row in group)
    elif isinstance(block, Errors):
        for each in (*(box.equations for box in block.boxes), block.sum):
            yield from _rows(each)


def _name(equation: EquationId) -> str:
    """The name of what an equation defines."""
    derivative = "d" if equation.kind in ("adjoint", "gradient") else ""
    return derivative + equation.subject


def _free(name: str, taken: set[str]) -> str:
    """`name`, or a longer one where that is taken; taken from now on."""
    while name in taken:
        name += "-"
    taken.add(name)
    return name
