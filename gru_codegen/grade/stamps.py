"""Lines of single time steps, as `inspect` prints them: dL_2/dWz at 2, daZ_1[own].

The number of a step is that of the line; formulas are compared at the middle step of the points, so
x_2 in a line of step 2 is x_t, and S_1 is S_{t-1}. A loss says whose error is meant: L_2 at step 2
is the step's own, L_2 at step 1 arrives. For each of the two an adjoint has a symbol of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gru_codegen.derive import AdjointEquation
from gru_codegen.grade.terms import Term, name, number, total

__all__ = [
    "EACH",
    "LABEL",
    "Stamp",
    "are_stamped",
    "is_share",
    "labelled",
    "split_sums",
    "whole_gradient",
]

#: Whose error an adjoint carries, behind its name.
LABEL = r"\[(?:own|later)\]"
EACH = ("own", "later")

_SHARE = re.compile(
    r"dL(?:_(?P<one>\d{1,3})|_\{(?P<first>\d{1,3})\.\.\d{1,3}\})?"
    r"/d(?P<weight>[A-Za-z][\w']*)(?: at (?P<step>\d{1,3}))?"
)
_AT_STEP = re.compile(rf"(?P<name>[A-Za-z][\w']*?)_(?P<step>\d{{1,3}})(?P<label>{LABEL})?")


@dataclass(frozen=True)
class Stamp:
    """The left side of a line of one time step.

    called: the name that it is of, without its step. step: its number.
    whose: own or later, of the errors; "" for both together.
    """

    called: str
    step: int
    whose: str = ""

    @classmethod
    def of(cls, text: str) -> Stamp | None:
        """The stamp of a left side; None if it has none.

        Raises ValueError with a message for a loss that the step has no part in.
        """
        if match := _AT_STEP.fullmatch(text):
            return cls(match["name"], int(match["step"]), (match["label"] or "").strip("[]"))
        match = _SHARE.fullmatch(text)
        if match is None:
            return None
        loss = match["one"] or match["first"]
        if match["step"] is None:
            raise ValueError(f"at which step is the weight used? write, for example, {text} at 1")
        step = int(match["step"])
        if loss is not None and int(loss) < step:
            raise ValueError(f"L_{loss} does not depend on the use of a weight at step {step}")
        whose = "" if loss is None else "own" if int(loss) == step else "later"
        return cls(f"d{match['weight']}", step, whose)


def is_share(text: str) -> bool:
    """Return whether a left side is the derivative of a loss by a weight at a step."""
    return _SHARE.fullmatch(text) is not None


def whole_gradient(text: str) -> str:
    """The name of a gradient that is written as a derivative: of dL/dWz it is dWz."""
    match = _SHARE.fullmatch(text)
    whole = match is not None and text.startswith("dL/") and match["step"] is None
    return f"d{match['weight']}" if match is not None and whole else text


def are_stamped(texts: Iterable[str]) -> bool:
    """Return whether any left side may be of a single step."""
    return any(_AT_STEP.fullmatch(text) or _SHARE.fullmatch(text) for text in texts)


def labelled(term: Term, adjoints: Iterable[str], whose: str) -> Term:
    """The term with the adjoints of its step those of the error of one kind."""
    known = set(adjoints)
    if term.kind == "name" and term.value[1] == 0 and term.value[0] in known:
        return name(f"{term.value[0]}[{whose}]")
    parts = tuple(labelled(part, known, whose) for part in term.parts)
    return replace(term, parts=parts) if parts else term


def split_sums(
    adjoint: AdjointEquation, terms: Iterable[Term], carry: Term | None
) -> Iterator[tuple[str, Term]]:
    """The formula of an adjoint for the own error and for the one that arrives.

    terms: those of the equation, in its order. The error of a step is what has no adjoint in it.
    """
    pairs = list(zip(adjoint.terms, terms, strict=True))
    parts = {
        "own": [term for _, term in pairs],
        "later": [term for each, term in pairs if each.of is not None],
    }
    if carry is not None:
        parts["later"].append(carry)
    for whose in EACH:
        yield whose, total(parts[whose]) if parts[whose] else number(0)
