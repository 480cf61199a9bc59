"""Derivation -> a document to read or print: every equation, with the one it comes from.

`sections` says what is shown, in expressions; `text` and `latex` each spell one format.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from gru_codegen.derive import Derivation
from gru_codegen.explain import latex, text
from gru_codegen.explain.model import Document
from gru_codegen.explain.sections import explained
from gru_codegen.steps import MOST_SHOWN, fault_of_steps, whole

__all__ = ["FORMATS", "Format", "document"]

Format = Literal["text", "latex"]

#: Every format by name.
FORMATS: dict[str, Callable[[Document], str]] = {"text": text.render, "latex": latex.render}


def document(
    derivation: Derivation,
    *,
    unroll: int | None = None,
    wrt: str | None = None,
    format: Format = "text",
) -> str:
    """The derivation of a cell's gradients, laid open.

    unroll: write the equations out for this many time steps as well, with subscripts 1 .. T.
    wrt: the name of a weight; show only what its gradient needs.
    format: "text", or "latex", a whole file that needs amsmath and geometry.

    Raises
    ------
    ValueError: there is no such weight or format, or `unroll` is no number of steps from 1 to 64.
    """
    if format not in FORMATS:
        raise ValueError(f"format: there is no {format!r}; there are {', '.join(FORMATS)}")
    weights = [weight.name for weight in derivation.cell.weights]
    if wrt is not None and wrt not in weights:
        raise ValueError(
            f"wrt: {wrt!r} is no weight of {derivation.cell.name}; its weights are "
            f"{', '.join(weights)}"
        )
    return FORMATS[format](explained(derivation, _steps(unroll), wrt))


def _steps(unroll: Any) -> int | None:
    steps = whole(unroll)
    if steps is not None and fault_of_steps(steps, MOST_SHOWN):
        raise ValueError(
            f"unroll: expected 1 to {MOST_SHOWN} time steps, got {steps}; the recurrences, shown "
            "without it, hold for any number"
        )
    return steps
