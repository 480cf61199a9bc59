"""The equations of a derivation in rows, and rows as text and as LaTeX.

A row keeps its sides as expressions; only here and in `explain` do they become strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, count, islice
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.derive.formulas import AdjointEquation, Formulas, Gradient
from gru_codegen.ir import EquationId
from gru_codegen.losses import Loss
from gru_codegen.notation import LATEX, TEXT, Notation, OverTime, Schema, mathml

__all__ = [
    "Prose",
    "Row",
    "adjoint_rows",
    "aligned",
    "forward_rows",
    "gradient_rows",
    "html_table",
    "known_adjoint",
    "latex_lines",
    "listed",
    "loss_row",
    "mask_name",
    "mean_factor",
    "mean_number",
    "normal_rows",
    "remark_column",
    "shift_rows",
    "start_rows",
    "text_lines",
    "written_loss",
]

#: Words and formulas in turn.
Prose = tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """``left = right``, and a remark on it.

    equation: the equation of the derivation that it is, where code computes it.
    also: further right sides, each equal to the one before.
    boxed: whether the right side has a frame.
    """

    left: Any
    right: Any
    remark: Prose = ()
    equation: EquationId | None = None
    also: tuple[Any, ...] = ()
    boxed: bool = False


# --- the equations -------------------------------------------------------------------------------


def forward_rows(derivation: Formulas) -> tuple[Row, ...]:
    """The declared equations of one time step."""
    return tuple(Row(e.target, e.expression, (e.meaning,)) for e in derivation.cell.equations)


def normal_rows(derivation: Formulas) -> tuple[Row, ...]:
    """The equations that SymPy differentiates, those of the loss among them."""
    return tuple(Row(e.target, e.expression, (e.meaning,)) for e in derivation.equations)


def loss_row(derivation: Formulas) -> Row:
    """The loss: the sum of the cost over all time steps."""
    loss = derivation.loss
    mean = (", still to be divided by ", mean_number(loss)) if loss.mean else ()
    return Row(Schema("L", "L"), OverTime(loss.cost), (loss.title, *mean))


def adjoint_rows(derivation: Formulas, adjoints: Sequence[AdjointEquation]) -> tuple[Row, ...]:
    """The recurrences of `adjoints`, behind the values that they start from."""
    starts = start_rows(derivation, adjoints)
    return (*starts, *(Row(a.target, a.factored, _read_by(a)) for a in adjoints))


def start_rows(derivation: Formulas, adjoints: Iterable[AdjointEquation]) -> tuple[Row, ...]:
    """The carries of `adjoints` after the last step."""
    write = derivation.notation.write
    return tuple(
        Row(
            Schema(write(a.carry, TEXT, "T"), write(a.carry, LATEX, "T")),
            ZeroMatrix(*a.carry.shape),
            ("no step after the last",),
        )
        for a in adjoints
        if a.carry is not None
    )


def gradient_rows(gradients: Iterable[Gradient]) -> tuple[Row, ...]:
    """The gradients, each a sum over time."""
    return tuple(Row(g.target, g.total, _read_by(g)) for g in gradients)


def _read_by(formula: AdjointEquation | Gradient) -> Prose:
    """Remark on an adjoint or gradient: the equations that read its variable."""
    readers: list[Any] = [term.of or Schema("L", "L") for term in formula.terms]
    if getattr(formula, "carry", None) is not None:
        readers.append(Schema("step t+1", r"\text{step } t+1"))
    return ("read by ", *listed(readers)) if readers else ("read by nothing",)


def listed(formulas: Iterable[Any]) -> Prose:
    """Formulas with commas between."""
    return tuple(part for formula in formulas for part in (", ", formula))[1:]


# --- what headings and comments say besides ------------------------------------------------------


def written_loss(derivation: Formulas) -> str:
    """The right side of the equation of the loss, in plain text."""
    loss = derivation.loss
    total = derivation.notation.text(OverTime(loss.cost))
    return f"{mean_factor(loss)} {total}" if loss.mean else total


def mean_factor(loss: Loss) -> str:
    """The factor of one number in a mean, in plain text."""
    return f"1/({mean_number(loss).text})"


def mean_number(loss: Loss) -> Schema:
    """The number of targets, in its sizes: ``T B H`` where the output is a state."""
    sizes = ("T", *map(str, loss.numbers))
    return Schema(" ".join(sizes), r"\,".join(sizes))


def known_adjoint(derivation: Formulas) -> Schema | None:
    """The adjoint of the outputs as everyone knows it, if it is derived in another form."""
    loss, write = derivation.loss, derivation.notation.write
    if loss.known is None:
        return None
    text, latex = (
        f"{spelling.function(loss.known.function)}({write(loss.predictions[0], spelling)}) - "
        f"{write(loss.target, spelling)}"
        for spelling in (TEXT, LATEX)
    )
    return Schema(text, latex)


def shift_rows(derivation: Formulas) -> dict[MatrixSymbol, str]:
    """The right side of the equation of every shift of the loss, in plain text."""
    text = derivation.notation.text
    shifts = derivation.loss.shifts
    return {shift: f"largest of each row of {text(above)}" for shift, above in shifts.items()}


def mask_name(derivation: Formulas) -> str:
    """The name that texts give the mask of steps that are padding: M, or what else is free.

    No symbol and no size of the derivation has that name.
    """
    cell, loss = derivation.cell, derivation.loss
    symbols = (
        *(*cell.inputs, *cell.fixed, *cell.states, *cell.states.values()),
        *(*loss.predictions, loss.target, *loss.shifts),
        *(equation.target for equation in derivation.equations),
        *(adjoint.target for adjoint in derivation.adjoints),
    )
    names_in_use = {symbol.name for symbol in symbols}
    names_in_use |= {str(size) for symbol in symbols for size in symbol.shape}
    names = chain("MKUJ", (f"M{number}" for number in count(1)))
    return next(name for name in names if name not in names_in_use)


# --- the same as text and as LaTeX ---------------------------------------------------------------


def text_lines(
    groups: Iterable[Sequence[Row]], notation: Notation, step: str | int = "t", width: int = 100
) -> Iterator[str]:
    """The rows in columns, an empty line between groups; broken to stay within `width` columns."""
    groups = list(groups)
    rows = [row for group in groups for row in group]
    left = [notation.text(row.left, step) for row in rows]
    margin = max(map(len, left), default=0)
    room = width - margin - len(" = ")
    right = [
        ["  " * level + line for level, line in notation.lines(row.right, TEXT, room, step)]
        for row in rows
    ]
    remarks = [notation.prose(row.remark, TEXT, step) for row in rows]
    column = remark_column([len(lines[-1]) for lines in right], remarks, room)
    for lines, remark in zip(right, remarks, strict=True):
        if remark:
            last = f"{lines[-1]:<{column}}   {remark}"
            below = f"{'':<{column}}   {remark}"
            lines[-1:] = [last] if len(last) <= room else [lines[-1], below]
    drawn = zip(left, right, strict=True)
    for number, group in enumerate(groups):
        if number:
            yield ""
        for target, (first, *others) in islice(drawn, len(group)):
            yield f"{target:<{margin}} = {first}"
            yield from (f"{'':<{margin}}   {line}" for line in others)


def remark_column(lengths: Sequence[int], remarks: Sequence[str], room: int) -> int:
    """Column of remarks: behind the longest formula that leaves room for every remark."""
    longest = max(map(len, remarks), default=0)
    return max((length for length in lengths if length + 3 + longest <= room), default=0)


#: A sign that begins a line, or what is underlined there: behind {} it stands between operands.
_SIGN_FIRST = re.compile(r"^((?:\\underline\{)*)(?=[-+]|\\circ)")


def latex_lines(
    groups: Iterable[Sequence[Row]], notation: Notation, step: str | int = "t", width: int = 80
) -> list[list[list[str]]]:
    """For each row of each group its lines, each with the ``&`` at which all are aligned.

    A row without a left side goes on with the one before.
    """
    written = [
        [("" if row.left is None else notation.latex(row.left, step), row.right) for row in group]
        for group in groups
    ]
    margin = max((LATEX.width(left) for group in written for left, _ in group), default=0)

    def lines(left: str, right: Any) -> list[str]:
        room = width - margin - len(" = ")
        (_, first), *others = notation.lines(right, LATEX, room, step)
        continued = ((level, _SIGN_FIRST.sub(r"\1{}", line)) for level, line in others)
        return [
            f"{left} &= {first}",
            *("&" + r"\quad " * level + line for level, line in continued),
        ]

    return [[lines(*row) for row in group] for group in written]


def html_table(rows: Iterable[Row], notation: Notation, step: str | int = "t") -> str:
    """The rows as a table of MathML: both sides of each, and its remark."""

    def cells(row: Row) -> Iterator[str]:
        left, right = (mathml(notation.latex(side, step)) for side in (row.left, row.right))
        yield f'<td style="text-align: right"><math>{left}</math></td>'
        yield f'<td style="text-align: left"><math><mo>=</mo>{right}</math></td>'
        yield f'<td style="text-align: left">{escape(notation.prose(row.remark, TEXT, step))}</td>'

    lines = (f"<tr>{''.join(cells(row))}</tr>" for row in rows)
    return f"<table>{''.join(lines)}</table>"


def aligned(
    groups: Iterable[Sequence[Row]], notation: Notation, step: str | int = "t", width: int = 80
) -> str:
    """The rows in one display, for a notebook."""
    displayed = [
        " \\\\\n".join(line for lines in group for line in lines)
        for group in latex_lines(groups, notation, step, width)
    ]
    body = " \\\\[1ex]\n".join(displayed)
    return f"$$\\begin{{aligned}}\n{body}\n\\end{{aligned}}$$"
