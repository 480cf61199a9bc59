"""The text of a program, which determines it: `reading` reads it back to an equal one.

It begins with what holds of the whole program, a line each, and the variables, those first that
others are made of. Then come the phases. The comments before a statement are its origins; one
without any has those of the statement before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from gru_codegen.errors import ProgramError
from gru_codegen.ir.expressions import Expr, Ref, Var, refs
from gru_codegen.ir.operations import letters
from gru_codegen.ir.origins import INTERMEDIATE, Origin
from gru_codegen.ir.program import Block, Loop, Program, Statement, Step

__all__ = ["printed"]

_INDENT = "    "


def printed(program: Program, *, origins: bool = True) -> str:
    """The text of `program`; without `origins` it determines all but those.

    Raises
    ------
    ProgramError: two different variables of the program have one name.
    """
    sections = [_header(program), ["variables:", *_indented(map(_variable, _variables(program)))]]
    for phase in program.phases:
        lines = _Lines(phase.blocks, origins).lines
        sections.append([f"phase {phase.name}:", *_indented(lines)])
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _header(program: Program) -> list[str]:
    """Lines on the whole program, without those that would be empty."""
    made = program.made
    over = ", ".join(f"{new} over {old}" for new, old in program.overwrites.items())
    entries_of_header = {
        "program": program.name,
        "orientation": program.orientation,
        "steps": "any" if program.steps is None else str(program.steps),
        "weights": _names(program.weights),
        "constants": _names(program.constants),
        "made": ", ".join(f"{n} {' '.join(map(str, (of, *k)))}" for n, (of, k) in made.items()),
        "outputs": _names(program.outputs),
        "seeds": _names(program.seeds),
        "carries": _names(program.carries),
        "stored": over,
        "by row": " ".join(sorted(program.by_row)),
        "targets": "in the seed" if program.targets_in_seed else "",
    }
    entries = [
        f"entry {name}: {_names(results)}".rstrip() for name, results in program.entries.items()
    ]
    return [f"{key}: {value}" for key, value in entries_of_header.items() if value] + entries


def _names(variables: Iterable[Var]) -> str:
    return " ".join(var.name for var in variables)


# --- variables -----------------------------------------------------------------------------------


def _variables(program: Program) -> Iterable[Var]:
    """Every variable, after those that its boundary and its parts speak of."""
    variables: dict[str, Var] = {}

    def add(var: Var) -> None:
        if var.name in variables:
            if variables[var.name] != var:
                raise ProgramError(f"there are two different variables called {var.name}")
            return
        for ref in (*_of(var.boundary), *(part for row in var.parts for part in row)):
            add(ref.var)
        variables[var.name] = var

    for var in (*program.weights, *program.constants):
        add(var)
    for ref in (*program.references(), *_of_origins(program)):
        add(ref.var)
    named = (*program.carries, *(var for results in program.entries.values() for var in results))
    for var in (*named, *program.outputs, *program.seeds):
        add(var)
    return variables.values()


def _of_origins(program: Program) -> Iterator[Ref]:
    """References that origins mention."""
    definitions = dict.fromkeys(d for s in program.statements() for d in s.origin.computed)
    for target, value in definitions:
        yield from (target, *refs(value))


def _of(boundary: Expr | None) -> tuple[Ref, ...]:
    return () if boundary is None else refs(boundary)


def _variable(var: Var) -> str:
    """``value S[t] (B, H), beyond: s0  # the state``, or the rows of a pack behind its shape.

    ``adjoint dS[t] of S (B, H)``, and likewise of gradients.
    """
    step, subject = "[t]" if var.timed else "", f" of {var.adjoint_of}" if var.adjoint_of else ""
    text = f"{var.role} {var.name}{step}{subject} {letters(var.shape)}"
    if var.parts:
        text += f" = [{'; '.join(' '.join(map(str, row)) for row in var.parts)}]"
    if var.boundary is not None:
        text += f", beyond: {var.boundary}"
    return f"{text}  # {_in_one_line(var.meaning)}" if var.meaning else text


# --- statements ----------------------------------------------------------------------------------


def origin_lines(origin: Origin) -> list[str]:
    """Comments with the origin of a statement.

    ``# forward Z, forward R``, or ``# for adjoint Z, adjoint R`` of an intermediate; then
    ``# Z[t] = tanh(aZ)`` for what is computed in full.
    """
    equations, serves = (", ".join(map(str, ids)) for ids in (origin.equations, origin.serves))
    computed = [f"# {target} = {value}" for target, value in origin.computed]
    return [f"# {equations or f'for {serves}'.rstrip()}", *computed]


class _Lines:
    """The lines of a phase; steps that share a body are printed together, or refer to the first."""

    def __init__(self, blocks: tuple[Block, ...], origins: bool) -> None:
        self.origins = origins
        self.origin = INTERMEDIATE
        self.bodies: dict[int, int] = {}  # for each index the body that its last step has
        self.lines = list(self._of(blocks))

    def _of(self, blocks: tuple[Block, ...]) -> Iterator[str]:
        for _, group in groupby(blocks, lambda block: (type(block), _body(block))):
            run = list(group)
            first = run[0]
            if isinstance(first, Step):
                yield from self._steps([block for block in run if isinstance(block, Step)])
                continue
            for block in run:
                if isinstance(block, Statement):
                    yield from self._statement(block)
                elif isinstance(block, Loop):
                    yield block.heading
                    yield from _indented(self._of(block.body))

    def _statement(self, statement: Statement) -> Iterator[str]:
        if self.origins and statement.origin != self.origin:
            self.origin = statement.origin
            yield from origin_lines(statement.origin)
        yield str(statement)

    def _steps(self, run: list[Step]) -> Iterator[str]:
        body = run[0].body
        known = next((index for index, other in self.bodies.items() if other == id(body)), None)
        self.bodies |= dict.fromkeys((step.index for step in run), id(body))
        heading = f"t = {_indices([step.index for step in run])}:"
        if known is not None and body:
            yield f"{heading} as t = {known}"
            return
        yield heading
        yield from _indented(self._of(body))


def _body(block: Block) -> int:
    return 0 if isinstance(block, Statement) else id(block.body)


def _indices(indices: list[int]) -> str:
    """``1 to 62``, or ``3, 5`` where they are no row."""
    first, last = indices[0], indices[-1]
    row = range(first, last + 1) if first <= last else range(first, last - 1, -1)
    if len(indices) > 2 and indices == list(row):
        return f"{first} to {last}"
    return ", ".join(map(str, indices))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)


def _in_one_line(text: str) -> str:
    """`text` with no line break of its own."""
    return text.replace("\\", r"\\").replace("\n", r"\n")
