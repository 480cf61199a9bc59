"""Derivation -> a document to read or print: every equation, where it comes from, and its code.

`sections` says what is shown, in expressions; `text`, `latex`, `html` and `data` each spell one
format.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any, Literal

from gru_codegen.derive import Derivation
from gru_codegen.explain import html, latex, text
from gru_codegen.explain.code import Code, SourceMap
from gru_codegen.explain.data import as_data
from gru_codegen.explain.model import Additions
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections import explained
from gru_codegen.known import require_known
from gru_codegen.steps import MOST_SHOWN, fault_of_steps, whole

__all__ = ["EXPANSIONS", "FORMATS", "Expansion", "Format", "document"]

Format = Literal["text", "latex", "html", "json"]
FORMATS: tuple[Format, ...] = ("text", "latex", "html", "json")

#: How far the gradients of a time step are written out: adjoints alone, or all computed names.
Expansion = Literal["hand", "full"]
EXPANSIONS: tuple[Expansion, ...] = ("hand", "full")


def document(
    derivation: Derivation,
    *,
    unroll: int | Literal["any"] | None = None,
    at: int | None = None,
    wrt: str | Sequence[str] = (),
    expand: Expansion = "hand",
    format: Format = "text",
    code: SourceMap | None = None,
    width: int = text.WIDTH,
    ascii: bool = True,
    fragment: bool = False,
    additions: Additions | None = None,
) -> str:
    """The derivation of a cell's gradients, laid open.

    unroll: write the equations out for this many time steps as well, with subscripts 1 .. T.
    at: show this time step alone.
    wrt: the names of weights; show only what their gradients need.
    expand: write the gradients of single steps in forward values ("hand") or, after that, in
        inputs, weights and initial states alone ("full").
    format: "text", "latex", a whole file that needs amsmath, xcolor and geometry, "html", a page
        that needs nothing else, or "json".
    code: the module whose lines stand beside the equations, as `gru_codegen.source_map` gives it.
    width, ascii: of a text: its columns, and whether it keeps to ASCII.
    fragment: of LaTeX: the sections alone, to be pasted into a document.
    additions: what the document has from elsewhere: commands, measures, checks.

    Raises
    ------
    ValueError: there is no such weight, step, format or expansion, or `unroll` is no number of
        steps from 1 to 64.
    """
    steps = _steps(unroll)
    if not isinstance(wrt, Collection):
        raise ValueError(f"wrt: expected names of weights, got {wrt!r}")
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    _check(derivation, steps, at, names, expand, format)
    part = Part.of(derivation, names, steps, expand == "full", Code(code) if code else None)
    shown = explained(part, at, additions)
    if format == "text":
        return text.render(shown, width, ascii)
    if format == "latex":
        return latex.render(shown, fragment)
    if format == "html":
        return html.render(shown)
    return json.dumps(as_data(shown), indent=1) + "\n"


def _check(
    derivation: Derivation,
    steps: int | None,
    at: int | None,
    wrt: tuple[str, ...],
    expand: str,
    format: str,
) -> None:
    require_known("format", format, FORMATS)
    require_known("expand", expand, EXPANSIONS)
    weights = [weight.name for weight in derivation.cell.weights]
    for name in wrt:
        if name not in weights:
            raise ValueError(
                f"wrt: {name!r} is no weight of {derivation.cell.name}; its weights are "
                f"{', '.join(weights)}"
            )
    if at is not None and (isinstance(at, bool) or not isinstance(at, Integral)):
        raise ValueError(f"at: expected the number of a step, got {at!r}")
    if at is not None and steps is None:
        raise ValueError(f"at: step {at} of how many? give unroll as well")
    if at is not None and steps is not None and not 1 <= at <= steps:
        raise ValueError(f"at: expected a step from 1 to {steps}, got {at}")


def _steps(unroll: Any) -> int | None:
    steps = whole(unroll)
    if steps is not None and fault_of_steps(steps, MOST_SHOWN):
        raise ValueError(
            f"unroll: expected 1 to {MOST_SHOWN} time steps, got {steps}; the recurrences, shown "
            "without it, hold for any number"
        )
    return steps
