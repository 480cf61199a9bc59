"""The program of a kernel at every stage: as it is lowered, and after each pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from os import PathLike
from typing import TYPE_CHECKING

from gru_codegen.cell import Cell
from gru_codegen.cost import gain
from gru_codegen.derive import Derivation, derive
from gru_codegen.ir import Program
from gru_codegen.ir.printing import printed
from gru_codegen.known import meant
from gru_codegen.losses import Loss
from gru_codegen.lower import lower
from gru_codegen.passes import LAYOUTS, after_each, forward_alone, passes
from gru_codegen.request import Choices, Request, names_its_choices
from gru_codegen.requirements import require_generable

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from Python 3.11 on

__all__ = [
    "LOWER",
    "derived",
    "elsewhere",
    "every_stage",
    "lowered",
    "program",
    "stage_names",
    "stages",
]

#: The stage before all passes.
LOWER = "lower"


@names_its_choices
def program(
    cell: Cell | str | PathLike[str], *, after: str | None = None, **choices: Unpack[Choices]
) -> Program:
    """Make the program that the kernel of a cell is emitted from; `str` gives all of it as text.

    cell: as for `load`, as is every argument that is not here.
    after: the pass after which it is asked for, "lower" for what the passes begin with. A pass
        that runs again is called so with a number, "eliminate_common_subexpressions_2". None is
        the last.

    Raises
    ------
    ValueError: there is no such pass in this style and layout. All else is as for `load`.
    """
    request = Request.asked(cell, **choices)
    names = list(stage_names(request))
    after = names[-1] if after is None else after
    if after not in names:
        there = elsewhere(request, after)
        said = f"there is no pass {after!r}{there};{meant(after, names)} there are"
        raise ValueError(f"after: {said} {', '.join(names)}")
    return next(program for name, program in stages(request) if name == after)


def derived(request: Request) -> Derivation:
    """The derivation of the cell with its readout, if a kernel can be made of it."""
    require_generable(request.complete)
    return derive(request.complete, request.loss)


def lowered(request: Request) -> Program:
    """The program before all passes, made once for all kernels of a declaration."""
    derived(request)
    program = _lowered(request.complete, request.loss)
    return program if request.only is None else forward_alone(program)


@lru_cache(maxsize=8)  # the kernels of a declaration are asked for one after another
def _lowered(cell: Cell, loss: Loss) -> Program:
    return lower(derive(cell, loss))


def stages(request: Request) -> Iterator[tuple[str, Program]]:
    """The program as it is lowered and after each pass, with the name of the stage."""
    program = lowered(request)
    changes = passes(request.style, request.unroll, request.stored)
    programs = chain([program], after_each(program, changes))
    yield from zip(stage_names(request), programs, strict=True)


def stage_names(request: Request) -> Iterator[str]:
    """The names of the stages."""
    yield LOWER
    times: Counter[str] = Counter()
    for change in passes(request.style, request.unroll, request.stored):
        name = change.__name__
        times[name] += 1
        yield name if times[name] == 1 else f"{name}_{times[name]}"


def elsewhere(request: Request, name: str) -> str:
    """Say, behind "there is no pass", in which other style or layout there is one called `name`.

    " here, but with layout columns or layout folded"; "" if no kernel has it.
    """
    others = {
        **{f"layout {each}": replace(request, style="fast", layout=each) for each in LAYOUTS},
        "style textbook": replace(request, style="textbook", layout=None),
        "unroll N": replace(request, unroll=1),
    }
    found = [words for words, other in others.items() if name in stage_names(other)]
    return f" here, but with {' or '.join(found)}" if found else ""


def every_stage(request: Request, *, origins: bool = True) -> str:
    """Text of each stage, below the gain of its pass; of a pass without effect only that."""
    sections: list[str] = []
    before: Program | None = None
    for name, program in stages(request):
        if before is None:
            text = f"=== {name}\n"
        elif program == before:
            text = f"=== {name}\nnothing changes\n"
        else:
            text = f"=== {gain(name, before, program)}\n"
        if program != before:
            text += f"\n{printed(program, origins=origins)}"
        sections.append(text)
        before = program
    return "\n".join(sections)
