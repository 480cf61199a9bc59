"""A document as LaTeX on A4: article, amsmath, xcolor and geometry are all that it needs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gru_codegen.derive.writing import Prose, Row, latex_lines
from gru_codegen.explain.code import Code
from gru_codegen.explain.model import (
    Block,
    Box,
    Document,
    Equations,
    Errors,
    Fold,
    Graph,
    Listing,
    Paragraph,
    Table,
)
from gru_codegen.notation import LATEX, Notation

__all__ = ["render"]

_PREAMBLE = r"""% Written by gru-codegen inspect --format latex; typeset it with pdflatex.
\documentclass[a4paper,fleqn]{article}
\usepackage{amsmath}
\usepackage{xcolor}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{1ex}
\setlength{\mathindent}{1.5em}
\renewcommand{\arraystretch}{1.15}
\allowdisplaybreaks
\clubpenalty=10000
\widowpenalty=10000
\begin{document}"""

#: What a fragment needs of the document that it is pasted into.
_NEEDS = r"""% Written by gru-codegen inspect --format latex --fragment.
% It needs \usepackage{amsmath,xcolor}, and \allowdisplaybreaks where displays are long."""

#: How many columns of text, as `Spelling.width` counts them, fit on a line.
_WIDTH = 84
_CODE_WIDTH = 96
#: The part of a line that the last column of a table has at least, where it wraps.
_LEAST = 0.3

#: A line break after which no page begins, and one after which a page may.
_KEPT, _FREE = "\\\\*\n", "\\\\\n"

#: Begins a page where only a few lines are left of one.
_NOT_LAST = "\\par\\vskip 0pt plus 6\\baselineskip\\penalty-100\\vskip 0pt plus -6\\baselineskip\n"

_COLOURS = {"own": ("red!60!black", "1.2pt"), "later": ("green!40!black", "0.4pt")}


def render(document: Document, fragment: bool = False) -> str:
    """The whole file, or the sections alone, to be pasted into another."""
    notation = document.notation
    title = rf"\begin{{center}}\Large {_prose(document.title, notation)}\end{{center}}"
    facts = [((name,), (fact,)) for name, fact in document.facts.items()]
    parts = [_NEEDS] if fragment else [_PREAMBLE, title, _table(Table(facts), notation)]
    for section in document.sections:
        parts.append(rf"\section{{{_prose(section.heading, notation)}}}")
        parts = [*parts, *_joined(section.blocks, document)]
    return "\n\n".join(parts if fragment else [*parts, r"\end{document}"]) + "\n"


def _joined(blocks: Iterable[Block], document: Document) -> list[str]:
    """The blocks; a display or a table belongs to the paragraph before: no page break."""
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, Equations) and parts:
            parts[-1] += "\n" + _equations(block, document.code)
        elif isinstance(block, Table) and parts:
            parts[-1] += "\n\\par\\nopagebreak\n" + _table(block, document.notation)
        else:
            parts += _block(block, document)
    return parts


def _block(block: Block, document: Document) -> Iterator[str]:
    notation = document.notation
    if isinstance(block, Paragraph):
        yield _prose(block.prose, notation)
    elif isinstance(block, Equations):
        yield _equations(block, document.code)
    elif isinstance(block, Table):
        yield _table(block, notation)
    elif isinstance(block, Errors):
        yield from (_box(box, document) for box in block.boxes)
        yield f"Together:\n{_equations(block.sum, None)}"
    elif isinstance(block, Graph):
        yield _table(Table(list(_reads(block))), block.notation, 0)
    elif isinstance(block, Listing):
        yield from _listing(block.code)
    elif isinstance(block, Fold):
        yield from _joined([Paragraph((*block.summary, ":")), *block.blocks], document)


def _prose(prose: Prose, notation: Notation, step: str | int = "t") -> str:
    return notation.prose(prose, LATEX, step)


# --- equations -----------------------------------------------------------------------------------


def _equations(block: Equations, code: Code | None) -> str:
    """One display; the last line of an equation carries its remark, at the right margin.

    Neither its first nor its last equation stands alone on a page, and none is divided.
    """
    groups = [[part for row in group for part in _parts(row, block)] for group in block.groups]
    rows = [lines for group in groups for lines in _lines(group, block, code)]
    ends = [len(group) for group in groups]
    _, *others = (row for group in groups for row in group)
    breaks = [_KEPT if row.left is None else _FREE for row in others]
    starts = [n for n, row in enumerate(others) if row.left is not None]
    for place in (starts[0], starts[-1]) if starts else ():
        breaks[place] = _KEPT
    place = 0
    for count in ends[:-1]:
        place += count
        breaks[place - 1] = breaks[place - 1].replace("\n", "[1.2ex]\n")
    body = "".join(
        row + between
        for row, between in zip((_KEPT.join(lines) for lines in rows), [*breaks, ""], strict=True)
    )
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"


def _parts(row: Row, block: Equations) -> Iterator[Row]:
    """A row for each right side; the code belongs to the last one, the remark to the first."""
    for number, right in enumerate((row.right, *row.also)):
        last = number == len(row.also)
        yield Row(
            row.left if number == 0 else None,
            right,
            row.remark if number == 0 else (),
            row.equation if last else None,
            boxed=row.boxed and number == 0,
        )


def _lines(group: Sequence[Row], block: Equations, code: Code | None) -> Iterator[list[str]]:
    (written,) = latex_lines([group], block.notation, block.step, _WIDTH)
    for row, lines in zip(group, written, strict=True):
        if row.boxed:
            lines[:] = [_boxed(lines)]
        for number, symbol in block.key.items():
            if symbol == row.left:  # its mark stands before the name
                begin, end = LATEX.marks(number)
                lines[0] = rf"{begin}\hspace{{1em}}{end} \quad {lines[0]}"
        if remark := _prose(row.remark, block.notation, block.step):
            lines[-1] += rf" \tag*{{\small {remark}}}"
        line = code.line_of(row.equation) if code is not None else None
        if line is not None:
            wrapped = textwrap.wrap(f"{line.number}  {line.text}", _CODE_WIDTH)
            for text in wrapped:
                lines.append(rf"& \quad \text{{\footnotesize {LATEX.verbatim(text)}}}")
        yield lines


def _boxed(lines: list[str]) -> str:
    """The right side of an equation in a frame, on however many lines it is."""
    left, _, first = lines[0].partition(" &= ")
    right = " \\\\ ".join([first, *(line.removeprefix("&") for line in lines[1:])])
    if len(lines) > 1:
        right = rf"\begin{{array}}{{l}} {right} \end{{array}}"
    return rf"{left} &= \boxed{{{right}}}"


def _box(box: Box, document: Document) -> str:
    """A frame, told apart by its title, its colour and its width."""
    colour, rule = _COLOURS[box.whose]
    title = _prose(box.title, document.notation)
    return (
        f"{{\\setlength{{\\fboxrule}}{{{rule}}}%\n"
        f"\\fcolorbox{{{colour}}}{{white}}{{\\begin{{minipage}}{{0.95\\linewidth}}\n"
        f"\\textbf{{{title}}}\n{_equations(box.equations, None)}\n"
        "\\end{minipage}}}"
    )


# --- tables, the graph, the code -----------------------------------------------------------------


def _table(table: Table, notation: Notation, step: str | int = "t") -> str:
    """Columns; the last one, if it is long, takes the remaining width, and wraps."""
    every = [table.heading, *table.rows] if table.heading else table.rows
    rows = [[_prose(cell, notation, step) for cell in row] for row in every]
    *widths, last = (max(map(LATEX.width, column)) for column in zip(*rows, strict=True))
    rest = max(1 - (sum(widths) + 3 * len(rows[0])) / _WIDTH, _LEAST)
    wraps = last > _LEAST * _WIDTH
    columns = "l" * len(widths) + (rf"p{{{rest:.2f}\linewidth}}" if wraps else "l")
    return (
        f"\\begin{{tabular}}{{@{{\\hspace{{1.5em}}}}{columns}@{{}}}}\n"
        + " \\\\\n".join(" & ".join(row) for row in rows)
        + "\n\\end{tabular}"
    )


def _reads(graph: Graph) -> Iterator[tuple[Prose, Prose]]:
    """Each value, and all that reads it."""
    for symbol, edges in graph.reads():
        readers: list[Any] = []
        for edge in edges:
            path = f" ({edge.path})" if edge.path else ""
            readers += [", " if readers else "read by ", edge.end, path]
        yield (symbol,), tuple(readers)


def _listing(code: Code) -> Iterator[str]:
    for lines in code.functions.values():
        text = "\n".join(f"{line.number:>4}  {line.text}".rstrip() for line in lines)
        yield f"{_NOT_LAST}{{\\scriptsize\\begin{{verbatim}}\n{text}\n\\end{{verbatim}}}}"
