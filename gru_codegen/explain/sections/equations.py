"""The section of all adjoint equations and gradients, in the order of computation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gru_codegen.derive import AdjointEquation, Derivation, Gradient
from gru_codegen.derive.writing import Prose, Row, known_adjoint, listed, start_rows
from gru_codegen.explain.model import Block, Equations, Paragraph, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.words import at, says, shape
from gru_codegen.ir import EquationId
from gru_codegen.notation import Schema

__all__ = ["adjoint_rows", "equations_section", "gradient_rows"]


def equations_section(part: Part) -> Section:
    """Section of the adjoints and of the gradients."""
    return Section(
        "adjoints", ("All adjoints and gradients",), [*_adjoints(part), *_gradients(part)]
    )


def _adjoints(part: Part) -> Iterator[Block]:
    derivation = part.derivation
    carried = [a.carry for a in part.adjoints if a.carry is not None]
    previous = derivation.cell.states.values()
    states = (
        "A state is read by its own step and by the next one: its adjoint is the sum of its own "
        "error and of what step `t+1` passes back, {carried}. Step `t` in its turn passes back "
        "{back}. "
    )
    yield says(
        "The same rules, applied to every equation, from the last to the first. Where several "
        "equations read a variable, its adjoint is the sum of what they pass back; the words at a "
        "formula say through which it comes. "
        f"{states if carried else ''}In this order, for `t = T .. 1`:",
        carried=listed(carried),
        back=listed(a.target for a in part.adjoints if a.of in previous),
    )
    yield Equations([adjoint_rows(derivation, part.adjoints)], derivation.notation)
    known = known_adjoint(derivation)
    if known is not None:
        labels = " where every row of {target} adds up to 1, as of labels"
        yield says(
            "With what these read written out, the adjoint of the outputs is the one that everyone "
            f"knows{labels if derivation.loss.targets == 'labels' else ''}; that is proved:",
            target=(derivation.loss.target,),
        )
        yield Equations([[Row(derivation.seeds[0], known)]], derivation.notation)


def adjoint_rows(derivation: Derivation, adjoints: tuple[AdjointEquation, ...]) -> list[Row]:
    """The recurrences of `adjoints`, behind the values that they start from."""
    return [
        *start_rows(derivation, adjoints),
        *(
            Row(
                a.target,
                a.factored,
                (*_origin(a), ", ", shape(a.of.shape)),
                EquationId("adjoint", a.of.name),
            )
            for a in adjoints
        ),
    ]


def _origin(adjoint: AdjointEquation) -> Prose:
    """The equations that an adjoint comes through, and whether the next step passes it back."""
    if adjoint.carry is None:
        return _through(adjoint)
    step = Schema("t+1", "t+1")
    if not adjoint.terms:
        return ("what step ", step, " passes back")
    return (*_through(adjoint), ", and what step ", step, " passes back")


def _through(formula: AdjointEquation | Gradient) -> Prose:
    readers: list[Any] = [term.of or Schema("L", "L") for term in formula.terms]
    return ("through ", *listed(readers)) if readers else ("read by nothing",)


def _gradients(part: Part) -> Iterator[Block]:
    if part.outside:
        yield says(
            "What is computed of weights alone has no time step. Its adjoint is the sum of what "
            "all steps pass back, and of what others like it pass back, once behind all steps:"
        )
        yield Equations([gradient_rows(part.outside)], part.derivation.notation)
    several = len(part.gradients) > 1
    weight = "A weight" if several else "The weight"
    yield says(
        f"{weight} that is used at every step has a gradient that is a sum over all steps:"
        if part.outside
        else f"{weight} is used at every step, so its gradient is a sum over all steps:"
    )
    yield Equations([gradient_rows(part.gradients)], part.derivation.notation)
    if part.is_all:
        yield Paragraph(_other_gradients(part.derivation))


def gradient_rows(gradients: tuple[Gradient, ...]) -> list[Row]:
    """The gradients, each a sum over time."""
    return [
        Row(
            g.target,
            g.total,
            (*_through(g), ", ", shape(g.weight.shape)),
            EquationId("gradient", g.weight.name),
        )
        for g in gradients
    ]


def _other_gradients(derivation: Derivation) -> Prose:
    """Sentence on the adjoints that are gradients of inputs and initial states."""
    cell = derivation.cell
    inputs = [(a.target, "input ", a.of) for a in derivation.adjoints if a.of in cell.inputs]
    states = [
        (at(derivation, a.target, 1), "initial state ", at(derivation, a.of, 1))
        for a in derivation.adjoints
        if a.of in cell.states.values()
    ]
    parts: list[Any] = []
    for adjoint, role, symbol in (*inputs, *states):
        is_that_of = " that of the " if parts else " is the gradient of the "
        parts += [", " if parts else "", adjoint, is_that_of + role, symbol]
    return (*parts, ".")
