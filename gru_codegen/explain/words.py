"""The words of a document, and the formulas between them."""

from __future__ import annotations

import re
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import Prose
from gru_codegen.explain.model import Paragraph
from gru_codegen.notation import Schema

__all__ = ["at", "counted", "formula", "prose", "says", "shape"]

#: How LaTeX has the formulas of the prose, where it differs from the text.
_IN_LATEX = {
    "t = 1 .. T": r"t = 1, \dots, T",
    "t = T .. 1": r"t = T, \dots, 1",
    "A o B": r"A \circ B",
    "A o F": r"A \circ F",
    "A^T": r"A^{\top}",
    "tr(A^T F)": r"\operatorname{tr}(A^{\top} F)",
    "dA": r"\mathrm{d}A",
    "dv": r"\mathrm{d}v",
    "dv_t": r"\mathrm{d}v_t",
    "v_t = F_v(...)": r"v_t = F_v(\dots)",
    "Lag": r"\Lambda",
    "Lag = L": r"\Lambda = L",
    "L + sum_t sum_v <dv_t, F_v - v_t>": (
        r"L + \sum_{t=1}^{T} \sum_{v} \langle \mathrm{d}v_t, F_v - v_t \rangle"
    ),
    "<A, F> = tr(A^T F)": r"\langle A, F \rangle = \operatorname{tr}(A^{\top} F)",
    "<dv_t, v_t>": r"\langle \mathrm{d}v_t, v_t \rangle",
    "<dv_t, F_v>": r"\langle \mathrm{d}v_t, F_v \rangle",
    "dLag/dv_t = 0": r"\partial \Lambda / \partial v_t = 0",
    "dL/dW": r"\mathrm{d}L / \mathrm{d}W",
}

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def formula(text: str) -> Schema:
    """A formula about formulas, in both spellings."""
    return Schema(text, _IN_LATEX.get(text, text))


def shape(letters: Any) -> Schema:
    """A shape, as (B, H)."""
    written = f"({', '.join(map(str, letters))})"
    return Schema(written, written)


def counted(number: int, noun: str) -> str:
    """A number of things in words: ``six weights``, ``one weight``, ``23 derivatives``."""
    many = f"{number:,}" if number >= len(_NUMBERS) else _NUMBERS[number]
    return f"{many} {noun}" if number == 1 else f"{many} {noun}s"


def prose(words: str, /, **inserted: Prose) -> Prose:
    """`words`, in which formulas stand between backticks and {names} for what is `inserted`."""
    parts: list[Any] = []
    for part in re.split(r"(`[^`]+`|\{\w+\})", words):
        if part.startswith("`"):
            parts.append(formula(part.strip("`")))
        elif part.startswith("{"):
            parts += inserted[part[1:-1]]
        elif part:
            parts.append(part)
    return tuple(parts)


def says(words: str, /, **inserted: Prose) -> Paragraph:
    """A paragraph, its formulas as in `prose`."""
    return Paragraph(prose(words, **inserted))


def at(derivation: Derivation, symbol: MatrixSymbol, step: int | str) -> Schema:
    """A symbol of the recurrences with the index that it has at `step`."""
    notation = derivation.notation
    return Schema(notation.text(symbol, step), notation.latex(symbol, step))
