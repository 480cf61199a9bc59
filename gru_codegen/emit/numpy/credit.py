"""The function that gives the terms of gradients, error by error: a backward pass for all errors.

It is made of the textbook program, whatever the style of the kernel, and has what it keeps for
later steps in arrays of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gru_codegen.emit.lines import WIDTH, Line, assignments, parenthesised, signature
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.blocks import Blocks
from gru_codegen.emit.numpy.boundaries import Boundaries
from gru_codegen.emit.numpy.errors import AlongErrors, Errors
from gru_codegen.emit.numpy.expressions import as_expression, as_terms
from gru_codegen.emit.numpy.functions import (
    Function,
    named_arguments,
    needed_names,
    preamble,
)
from gru_codegen.emit.numpy.names import Names
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.emit.numpy.statements import Statements
from gru_codegen.emit.sizes import Sizes, in_code, parameter
from gru_codegen.ir import Block, Const, Expr, Loop, Now, Ref, Statement, statements, writes
from gru_codegen.plan import Plan, View

__all__ = ["errors_function"]

_DOC = """\
Yield the terms of every gradient at step t, by weight, from the last step to the first.

    They are E[k->t] for k = t .. T - 1, one behind the other: what the error of step k adds to the
    gradient by way of the weights at step t.
    """
_REMARK = "# an adjoint has a matrix for each error k = t .. T - 1: that of step t, then later ones"


def errors_function(plan: Plan, first: Mapping[str, str]) -> Function:
    """The function that yields the terms of the gradients which the program of `plan` computes.

    first: the attributes of the Workspace that hold initial states, by the names of the states.
    """
    (phase,) = plan.program.phases
    attributes, used = Attributes(plan), list(phase.variables().values())
    names = Names(attributes)
    lines = _Blocks(names, phase.blocks).lines(phase.blocks)
    called_by = named_arguments(plan.program)
    given = [var.name for var in used if var.name in called_by]
    needed = needed_names(names, {*names.taken(), *(name for line in lines for name in line.reads)})
    kept = {view.name for view in attributes.views()}
    lines = [
        *map(Line, preamble(used, names, needed - kept)),
        *map(Line, _arrays(attributes, needed & kept, first)),
        *lines,
    ]
    parameters = ["params: Params", *(f"{name}: Array" for name in given), "V: Array | None"]
    return Function(
        "errors",
        _DOC,
        signature("_errors", [*parameters, "w: Workspace"], "Iterator[tuple[int, str, Array]]"),
        ", ".join(["params", *(called_by[name] for name in given), "V", "w"]),
        "",
        "",
        tuple(lines),
        "",
        names.steps,
        names,
        (),
    )


def _arrays(attributes: Attributes, needed: set[str], first: Mapping[str, str]) -> Iterator[str]:
    """Lines that make the arrays of all steps, and give names to their steps."""
    plan = attributes.plan
    within = {size for array in plan.arrays for shape in array.shapes for size in shape}
    letters = [letter for letter in Sizes.of(plan.program).letters if letter in within]
    sizes = [f"w.{parameter(letter)}" for letter in letters]
    yield from assignments(["T", *map(in_code, letters)], ["w.steps", *sizes])
    for array in plan.arrays:
        views = [view for view in plan.views if view.place.array == array]
        name = attributes.form(array.name, "all") if array.extra else array.name
        yield f"    {name} = np.empty(({attributes.shape(array)}), w.dtype)"
        if array.extra:
            yield f"    {name}[0] = w.{first[array.name]}"
            shown = {attributes.of(Ref(view.var, Now(view.offset))): view for view in views}
            shown = {each: view for each, view in shown.items() if each in needed}
            steps = [f"{name}[{_steps(view)}]" for view in shown.values()]
            yield from assignments(list(shown), steps)


def _steps(view: View) -> str:
    start = view.place.first
    return f"{start} : T + {start}" if start else ":T"


class _Blocks(Blocks):
    """Writes the last loop, the backward one, along all errors."""

    def __init__(self, names: Names, blocks: tuple[Block, ...]) -> None:
        super().__init__(names, "gradients")
        loop = blocks[-1]
        assert isinstance(loop, Loop)  # as `gradients_alone` leaves it
        self.backward = loop
        self.boundaries = _Boundaries(names)
        self.statements = _Statements(names, tuple(statements(loop.body)))

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[Line]:
        if body is not self.backward.body:
            yield from super()._body(body, indent, index)
            return
        yield Line(f"{indent}{_REMARK}")
        yield from super()._body(body, indent, index)


class _Boundaries(Boundaries):
    """Begins carries with the errors of no step at all."""

    def before(self, loop: Loop) -> Iterator[Line]:
        for carry in self.plan.program.carries:
            if carry in {ref.var for s in statements(loop.body) for ref in writes(s)}:
                sizes = self.attributes.sizes(carry).removeprefix("(")
                yield Line(f"    {carry.name} = np.empty((0, {sizes}, w.dtype)")


class _Statements(Statements):
    """Writes the statements of the backward loop along all errors, the others as they are."""

    def __init__(self, names: Names, backward: tuple[Statement, ...]) -> None:
        super().__init__(names)
        self.backward = {id(statement) for statement in backward}
        self.errors = Errors(backward, self.plan.program.carries)

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        if id(statement) not in self.backward:
            yield from super()._lines(statement, indent, index)
            return
        operands = Operands(self.names, index)
        notation = AlongErrors(operands.spell, runtime=self.names.runtime, errors=self.errors)
        target = statement.target.var
        if target.role == "gradient":
            terms = as_expression(self.errors.terms(statement.value), notation)
            yield f'{indent}yield t, "{target.adjoint_of}", {terms}'
            return
        if target in self.plan.program.carries:
            along = self.errors.complete(statement.value)
        else:
            along = self.errors.along(statement.value)
        yield from self._made(statement.target, along, indent, notation)
        if target.name in self.plan.spread:
            sizes = self._sizes(statement.target)
            yield f"{indent}{target.name} = np.broadcast_to({target.name}, {sizes})"

    def _made(self, target: Ref, along: Expr, indent: str, notation: AlongErrors) -> Iterator[str]:
        """The line, or lines, in which an adjoint gets its value for all errors."""
        start, text = f"{indent}{target.var.name} = ", as_expression(along, notation)
        if isinstance(along, Const):  # a bare number has no dtype
            text = f"np.full({self._sizes(target)}, {text}, w.dtype)"
        if len(start) + len(text) <= WIDTH:
            yield start + text
        else:
            before, terms, behind = as_terms(along, notation)
            yield from parenthesised(start + before, terms, behind, indent)

    def _sizes(self, target: Ref) -> str:
        """The shape of an adjoint in code, with the number of errors in front if it has several."""
        sizes = self.attributes.sizes(target.var)
        has_axis = self.errors.has_axis(target)
        return f"(w.steps - t, {sizes.removeprefix('(')}" if has_axis else sizes
