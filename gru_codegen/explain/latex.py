"""A document as a LaTeX file on A4: article, amsmath and geometry are all that it needs."""

from __future__ import annotations

from gru_codegen.derive.writing import latex_lines
from gru_codegen.explain.model import Document, Equations, Paragraph, Table
from gru_codegen.notation import LATEX, Notation

__all__ = ["render"]

_PREAMBLE = r"""% Written by gru-codegen inspect --format latex; typeset it with pdflatex.
\documentclass[a4paper,fleqn]{article}
\usepackage{amsmath}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{1ex}
\setlength{\mathindent}{1.5em}
\renewcommand{\arraystretch}{1.15}
\allowdisplaybreaks
\begin{document}"""

#: How many columns of text, as `Spelling.width` counts them, fit on a line.
_WIDTH = 84


def render(document: Document) -> str:
    """The whole file."""
    notation = document.notation
    parts = [_PREAMBLE, rf"\begin{{center}}\Large {_prose(document.title, notation)}\end{{center}}"]
    for section in document.sections:
        parts.append(rf"\section{{{_prose(section.heading, notation)}}}")
        for block in section.blocks:
            if isinstance(block, Paragraph):
                parts.append(_prose(block.prose, notation))
            elif isinstance(block, Table):
                parts.append(_table(block, notation))
            else:  # a display belongs to the paragraph before: no empty line, no page break
                parts[-1] += "\n" + _equations(block)
    return "\n\n".join([*parts, r"\end{document}"]) + "\n"


def _prose(prose: tuple[object, ...], notation: Notation, step: str | int = "t") -> str:
    return notation.prose(prose, LATEX, step)


def _equations(block: Equations) -> str:
    """One display; the last line of an equation carries its remark, at the right margin."""
    written = latex_lines(block.groups, block.notation, block.step, _WIDTH)
    displayed = []
    for group, rows in zip(block.groups, written, strict=True):
        for row, lines in zip(group, rows, strict=True):
            if remark := _prose(row.remark, block.notation, block.step):
                lines[-1] += rf" \tag*{{\small {remark}}}"
        displayed.append(" \\\\\n".join(line for lines in rows for line in lines))
    return "\\begin{align*}\n" + " \\\\[1.2ex]\n".join(displayed) + "\n\\end{align*}"


def _table(table: Table, notation: Notation) -> str:
    """Columns; the last one takes the remaining width, and wraps."""
    rows = [[_prose(cell, notation) for cell in row] for row in table.rows]
    *widths, _ = (max(map(LATEX.width, column)) for column in zip(*rows, strict=True))
    rest = max(1 - (sum(widths) + 3 * len(rows[0])) / _WIDTH, 0.3)
    columns = "l" * len(widths) + rf"p{{{rest:.2f}\linewidth}}"
    return (
        f"\\begin{{tabular}}{{@{{\\hspace{{1.5em}}}}{columns}@{{}}}}\n"
        + " \\\\\n".join(" & ".join(row) for row in rows)
        + "\n\\end{tabular}"
    )
