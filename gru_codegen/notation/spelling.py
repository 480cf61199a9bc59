"""The marks of the output formats: plain text, and LaTeX's math mode."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import sympy as sp

from gru_codegen.ir import ELEMENTWISE
from gru_codegen.notation.forms import Schema
from gru_codegen.notation.layout import kept

__all__ = ["LATEX", "TEXT", "UNICODE", "Spelling", "mark_label"]


@dataclass(frozen=True)
class Spelling:
    """The marks of one output format.

    Attributes
    ----------
    symbol: a symbol by its name, whether it is an adjoint, its index or None, and its label, which
        says whose error an adjoint is; "" if it has none.
    function, transpose, fraction, schema: how these are spelled.
    local: a local derivative by its adjoint or None, the expression, and the argument.
    marks: what stands before and behind a formula that has the mark of this number.
    hadamard, product, ones, over_time: the marks themselves.
    words, inline, verbatim: words between formulas, a formula between words, code between words.
    width: how much of a line a formula takes, in columns of text.
    """

    symbol: Callable[[str, bool, str | None, str], str]
    function: Callable[[str], str]
    transpose: Callable[[str], str]
    fraction: Callable[[Any], str]
    schema: Callable[[Schema], str]
    local: Callable[[str | None, str, str], str]
    marks: Callable[[int], tuple[str, str]]
    hadamard: str
    product: str
    ones: str
    over_time: str
    words: Callable[[str], str]
    inline: Callable[[str], str]
    verbatim: Callable[[str], str]
    width: Callable[[str], float]


def _text_symbol(name: str, adjoint: bool, index: str | None, label: str = "") -> str:
    labelled = f"[{label}]" if label else ""
    if index is None:
        return f"{name}{labelled}"
    return f"{name}_{index}{labelled}" if index.isalnum() else f"{name}_{{{index}}}{labelled}"


def _text_local(adjoint: str | None, value: str, argument: str) -> str:
    return f"diff({value if adjoint is None else f'<{adjoint}, {value}>'}, {argument})"


# As the literature has them: weights, and the b and p of biases and peepholes, with their gate as
# subscript, the parts of a normal form with their equation as superscript. Other names are words.
_SUBSCRIPTED = re.compile(r"([A-Z]|[bp](?=[a-z]))(rec)?(out|[a-z]{0,2}|[0-9]*)")
_SUPERSCRIPTED = re.compile(r"([a-z])([A-Z]+)")


def _latex_symbol(name: str, adjoint: bool, index: str | None, label: str = "") -> str:
    if adjoint:
        of = name.removeprefix("d")
        if of.startswith("_"):  # a derivative that is given, with its argument as subscript
            return rf"\mathrm{{d}}_{{{_latex_symbol(of[1:], False, index, label)}}}"
        return rf"\mathrm{{d}}{_latex_symbol(of, False, index, label)}"
    name, primes = name.rstrip("'"), name.count("'")
    head, *tails = name.split("_")
    if not all((head, *tails)):  # an underscore that joins nothing
        head, tails = name, []
    lower: list[str] = []
    upper = [word if word.isdigit() else rf"\mathrm{{{word}}}" for word in tails]
    if match := _SUBSCRIPTED.fullmatch(head):
        head, *words = match.groups(default="")
        lower = [word if len(word) == 1 else rf"\mathrm{{{word}}}" for word in words if word]
    elif match := _SUPERSCRIPTED.fullmatch(head):
        head, of = match.groups()
        upper = [of if len(of) == 1 else rf"\mathit{{{of}}}", *upper]
    elif not (head.isalpha() and len(head) == 1):
        head = rf"\mathit{{{_escape(head)}}}"
    upper += [r"\prime"] * primes
    upper += [rf"\text{{{label}}}"] if label else []
    scripts = {"^": upper, "_": lower if index is None else [*lower, index]}
    return head + "".join(f"{m}{{{','.join(parts)}}}" for m, parts in scripts.items() if parts)


def _latex_local(adjoint: str | None, value: str, argument: str) -> str:
    scalar = f"({value})" if adjoint is None else rf"\langle {adjoint}, {value} \rangle"
    return rf"\partial {scalar} / \partial {argument}"


def mark_label(number: int) -> str:
    """The label of the mark of this number: each has another."""
    return str(number + 1)


def _latex_marks(number: int) -> tuple[str, str]:
    """One line under the formula, or two, and at its end the label."""
    lines = 1 + number % 2
    return r"\underline{" * lines, rf"\,{{\scriptscriptstyle [{mark_label(number)}]}}" + "}" * lines


def _escape(words: str) -> str:
    return re.sub(
        r"[\\{}$&#^_%~<>|]|-(?=-)",
        lambda match: _LATEX_CHARACTERS.get(match[0], rf"\{match[0]}"),
        words,
    )


def _breakable(code: str) -> str:
    """Code in which a line may end within a long hash."""
    return re.sub(r"[0-9a-f]{16}(?=[0-9a-f]{16})", r"\g<0>\\allowbreak{}", code)


_LATEX_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    "-": "-{}",  # two of them would be a dash
}


def _latex_function(name: str) -> str:
    latex = ELEMENTWISE[name].latex if name in ELEMENTWISE else ""
    return latex or rf"\operatorname{{{_escape(name)}}}"


def _latex_width(formula: str) -> float:
    """An estimate that has to be right to a tenth or so: subscripts are small, commands short."""
    glyphs = re.sub(r"\\(mathrm|mathit|mathbf|operatorname|,)", "", formula)
    glyphs = re.sub(r"\\([A-Za-z]+ ?|.)", "X", glyphs)
    glyphs, scripts = re.subn(r"[_^]\{", "", glyphs)
    return len(re.sub(r"[{}]", "", glyphs)) - 0.5 * scripts


TEXT = Spelling(
    symbol=_text_symbol,
    function=str,
    transpose="{}^T".format,
    fraction=str,
    schema=attrgetter("text"),
    local=_text_local,
    marks=kept,
    hadamard=" o ",
    product=" ",
    ones="ones",
    over_time="sum_t ",
    words=str,
    inline=str,
    verbatim=str,
    width=len,
)
UNICODE = replace(
    TEXT,
    transpose="{}\N{MODIFIER LETTER CAPITAL T}".format,
    hadamard=" \N{RING OPERATOR} ",
    over_time="\N{N-ARY SUMMATION}_t ",
)
LATEX = Spelling(
    symbol=_latex_symbol,
    function=_latex_function,
    # a second superscript needs braces around the first
    transpose=lambda operand: (rf"{{{operand}}}" if "^" in operand else operand) + r"^{\top}",
    fraction=lambda number: sp.latex(number).replace(r"\frac", r"\tfrac"),
    schema=attrgetter("latex"),
    local=_latex_local,
    marks=_latex_marks,
    hadamard=r" \circ ",
    product=r" \, ",
    ones=r"\mathbf{1}",
    over_time=r"\sum_{t=1}^{T} ",
    words=_escape,
    inline="${}$".format,
    verbatim=lambda code: rf"\texttt{{{_breakable(_escape(code))}}}",
    width=_latex_width,
)
