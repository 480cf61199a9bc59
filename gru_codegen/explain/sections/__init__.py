"""The sections of a document: their order.

cell       the declaration, and the gradients to find
graph      what reads what
chain      one gradient in steps
equations  all adjoints and gradients
steps      single time steps: by hand, and by whose error
ways       how an error goes back through a step
sharing    what formulas share
options    sequences that end early, loss weights, pullbacks
travel     how far an error travels
proofs     the code, and what is proved
exercise   the reader's own derivation
appendix   the Lagrangian and the normal form
functions  the elementwise functions that are applied
"""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.derive.writing import Prose, listed
from gru_codegen.explain.model import Additions, Document, Section
from gru_codegen.explain.part import Part
from gru_codegen.explain.sections.appendix import appendix
from gru_codegen.explain.sections.cell import cell_section
from gru_codegen.explain.sections.chain import chain_section
from gru_codegen.explain.sections.equations import equations_section
from gru_codegen.explain.sections.exercise import exercise_section
from gru_codegen.explain.sections.graph import graph_section
from gru_codegen.explain.sections.options import options_section
from gru_codegen.explain.sections.proofs import code_section, proofs_section
from gru_codegen.explain.sections.sharing import sharing_section
from gru_codegen.explain.sections.steps import forward_section, step_section, steps_shown
from gru_codegen.explain.sections.travel import travel_section
from gru_codegen.explain.sections.ways import ways_section
from gru_codegen.explain.words import counted

__all__ = ["explained"]


def explained(part: Part, at: int | None = None, additions: Additions | None = None) -> Document:
    """The document on `part`; on its time step `at` alone, if that is given."""
    additions = additions or Additions()
    derivation = part.derivation
    cell, loss = derivation.cell, derivation.loss
    facts = {
        "cell": f"{cell.title} ({cell.name})",
        "source": cell.source,
        "loss": f"{loss.title} ({loss.name})",
    }
    if part.steps is not None:
        facts["time steps"] = str(part.steps)
    if part.code is not None:
        facts["line numbers"] = "those of the module that generate --style textbook writes"
    if additions.command:
        facts["made by"] = additions.command
    if at is not None:
        facts["equations"] = "shown by the same command without --at"
    sections = list(_whole(part, additions) if at is None else _step(part, at))
    return Document(_title(part, at), sections, derivation.notation, part.code, facts)


def _title(part: Part, at: int | None) -> Prose:
    """The question that the document answers."""
    cell = f"of the {part.derivation.cell.title}"
    several = len(part.weights) > 1
    do = "do" if several else "does"
    if part.is_all and several:
        gradients: Prose = (f"the {counted(len(part.weights), 'gradient')} {cell}",)
    else:
        noun = "the gradients of " if several else "the gradient of "
        gradients = (noun, *listed(part.weights), f" {cell}")
    if at is None:
        return (f"Where {do} ", *gradients, " come from?")
    return (f"What does time step {at} of {part.steps} add to ", *gradients, "?")


def _step(part: Part, at: int) -> Iterator[Section]:
    """The sections on one time step; what arrives from the next is shown where there is one."""
    yield step_section(part, at)
    if at != part.steps:
        yield from ways_section(part)


def _whole(part: Part, additions: Additions) -> Iterator[Section]:
    yield cell_section(part)
    yield graph_section(part)
    yield chain_section(part)
    yield equations_section(part)
    if part.steps is not None:
        yield forward_section(part)
        for step in steps_shown(part.steps):
            yield step_section(part, step)
    yield from ways_section(part)
    yield sharing_section(part)
    yield from code_section(part)
    if part.is_all:
        yield options_section(part.derivation)
    yield from travel_section(part, additions.travel)
    yield proofs_section(part, additions)
    yield from exercise_section(additions.exercise)
    yield appendix(part)
