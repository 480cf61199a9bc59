"""The function that gives the terms of gradients, error by error: a backward pass for all errors.

It is made of the textbook program, whatever the style of the kernel, and writes into arrays of its
own, which the Workspace keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gru_codegen.emit.lines import Line, assignments, signature, unpacked_lines
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.blocks import Blocks
from gru_codegen.emit.numpy.boundaries import Boundaries
from gru_codegen.emit.numpy.calls import calls
from gru_codegen.emit.numpy.errors import AlongErrors, Errors, Reach
from gru_codegen.emit.numpy.expressions import as_expression
from gru_codegen.emit.numpy.functions import (
    Function,
    named_sizes,
    needed_names,
    owned,
    owners,
    preamble,
)
from gru_codegen.emit.numpy.names import Kind, Names
from gru_codegen.emit.numpy.operands import Operands
from gru_codegen.emit.numpy.statements import Statements
from gru_codegen.emit.sizes import in_code
from gru_codegen.ir import (
    Block,
    Call,
    Every,
    Loop,
    Now,
    Ref,
    Shape,
    Statement,
    statements,
)
from gru_codegen.names import public
from gru_codegen.plan import Plan, View

__all__ = ["errors_function"]

_DOC = """\
Yield the terms of every gradient at step t, by weight, from the last step to the first.

    They are E[k->t] for k = t .. T - 1, one behind the other: what the error of step k adds to the
    gradient by way of the weights at step t. They stay until the next ones are asked for.
    """
_REMARK = "# an adjoint has a matrix for each error: at [t] that of step t, at [t + 1 :] later ones"


def errors_function(plan: Plan, first: Mapping[str, str], called_by: Mapping[str, str]) -> Function:
    """The function that yields the terms of the gradients which the program of `plan` computes.

    first: the attributes of the Workspace that hold initial states, by the names of the states.
    called_by: what entry points call inputs and targets, by their names in equations.
    """
    (phase,) = plan.program.phases
    *before, loop = phase.blocks
    assert isinstance(loop, Loop)  # as `join_phases` leaves it
    own = statements(tuple(before))
    errors = Errors(statements(loop.body), plan.program.carries, own)
    # Names are those of single steps, Z[t]: no Workspace lists the matrices of each.
    attributes, used = Attributes(replace(plan, in_place=False)), list(phase.variables().values())
    names = _Names(attributes, errors)
    lines = _Blocks(names, loop).lines(phase.blocks)
    given = [var.name for var in used if var.name in called_by]
    needed = needed_names(names, {*names.taken(), *(name for line in lines for name in line.reads)})
    sizes = named_sizes(plan, (weight.shape for weight in plan.program.weights))
    arrays = [*sizes, *_arrays(names, needed, first)]
    stored = {*plan.places, *(view.name for view in attributes.views())}
    lines = [*map(Line, arrays), *map(Line, preamble(used, names, needed - stored)), *lines]
    fixed, parameters = owned({"params", *owners(used, plan.program)})
    parameters += [*(f"{name}: Array" for name in given), "V: Array | None"]
    return Function(
        "errors",
        _DOC,
        signature("_errors", [*parameters, "w: Workspace"], "Iterator[tuple[int, str, Array]]"),
        ", ".join([*fixed, *(called_by[name] for name in given), "V", "w"]),
        "",
        "",
        tuple(lines),
        "",
        names.steps,
        names,
        (),
    )


def _arrays(names: _Names, needed: set[str], first: Mapping[str, str]) -> Iterator[str]:
    """Lines that give names to the arrays, which lie one behind the other, and to their steps."""
    attributes, plan = names.attributes, names.plan
    shapes: dict[str, list[str]] = {}
    for array in plan.arrays:
        name = attributes.form(array.name, "all") if array.extra else array.name
        steps = "T, " if array.name in names.errors.axis else ""
        own = attributes.shape(array) or "1,"  # a number is an array as well, to be written into
        shapes.setdefault(f"({steps}{own})", []).append(name)
    for weight, name in names.terms.items():
        sizes = ", ".join(["T", *map(in_code, weight)]) + "," * (not weight)
        shapes.setdefault(f"({sizes})", []).append(name)
    for shape, alike in shapes.items():
        yield from _rooms(alike, shape)
    for array in plan.arrays:
        if array.extra:
            name = attributes.form(array.name, "all")
            yield f"    {name}[0] = w.{first[array.name]}"
            views = [view for view in plan.views if view.place.array == array]
            shown = {attributes.of(Ref(view.var, Now(view.offset))): view for view in views}
            shown = {each: view for each, view in shown.items() if each in needed}
            yield from assignments(list(shown), [f"{name}[{_steps(v)}]" for v in shown.values()])


def _rooms(names: list[str], shape: str) -> list[str]:
    """Lines that give names to arrays of one shape."""
    room = f'"{names[0]} of credit"'
    if len(names) == 1:
        return [f"    {names[0]} = w.room({room}, {shape})"]
    return unpacked_lines(names, f"_rooms(w, {room}, {len(names)}, {shape})", "    ")


def _steps(view: View) -> str:
    start = view.place.first
    return f"{start} : T + {start}" if start else ":T"


class _Names(Names):
    """Spells an adjoint for the errors of which a line computes something.

    part: those errors. terms: the arrays of the terms of gradients, by the shape of the weights.
    """

    def __init__(self, attributes: Attributes, errors: Errors) -> None:
        super().__init__(attributes)
        self.errors, self.part = errors, Reach.OWN
        self.terms: dict[Shape, str] = {}

    def spell(self, ref: Ref, index: str) -> str:
        """`ref` in code, at the step called `index`."""
        name = ref.var.name
        if name not in self.errors.axis:
            return super().spell(ref, index)
        reach = self.errors.reach(ref) or Reach.OWN
        some = self.part if reach == Reach.ALL else reach
        return f"{self._use(name, name, Kind.ARRAY)}[{some.value}]"

    def number(self, value: int) -> str:
        """A number as it is: beside an array it has the dtype of that."""
        return str(value)

    def terms_of(self, weight: Shape) -> str:
        """The array for the terms of the gradient of a weight, which the next one uses again."""
        suffix = "".join(weight).replace("+", "") or "number"
        return self.terms.setdefault(weight, self.attributes.names.of(weight, f"E_{suffix}"))


class _Blocks(Blocks):
    """Writes the last loop, the backward one, along all errors."""

    def __init__(self, names: _Names, backward: Loop) -> None:
        super().__init__(names, "gradients")
        self.backward = backward
        self.boundaries = _Boundaries(names)
        self.statements = _Statements(names, backward)

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[Line]:
        if body is self.backward.body:
            yield Line(f"{indent}{_REMARK}")
        yield from super()._body(body, indent, index)


class _Boundaries(Boundaries):
    """Begins no carry: after the last step there are the errors of no step at all."""

    def before(self, loop: Loop) -> Iterator[Line]:
        """Begin nothing."""
        yield from ()


class _Items(Operands):
    """Operands whose targets are items of arrays wherever they can be, which are assigned whole."""

    names: _Names

    def assigned(self, target: Ref) -> str:
        """The left side of an assignment to every entry of `target`."""
        is_item = target.var.name in self.names.errors.axis or self.is_item(target)
        return self.spell(target) if is_item else super().assigned(target)


class _Statements(Statements):
    """Writes all statements in place, those of the backward loop along all errors."""

    names: _Names

    def __init__(self, names: _Names, backward: Loop) -> None:
        super().__init__(names)
        self.backward = {id(statement) for statement in statements(backward.body)}
        self.errors = names.errors

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        if id(statement) not in self.backward:
            operands = Operands(self.names, index)
            for line in calls(operands, statement):
                yield from line.lines(indent)
            return
        operands, target = _Items(self.names, index), statement.target
        is_gradient = target.var.role == "gradient"
        written = self._term if is_gradient else self._adjoint
        widens = self.errors.widens(statement)
        parts = self.errors.along(statement)
        if widens:
            yield f"{indent}{self._widened(target, operands)}"
        for part, along in parts:
            self.names.part = part
            yield from (f"{indent}{text}" for text in written(along, operands))
        self.names.part = Reach.OWN
        if is_gradient:
            reached = "t:" if self.errors.reach(target) == Reach.ALL else "t : t + 1"
            terms = self.names.terms_of(target.var.shape)
            yield f'{indent}yield t, "{public(target.var.adjoint_of)}", {terms}[{reached}]'

    def _widened(self, target: Ref, operands: Operands) -> str:
        """The line that gives each later error the one matrix: what is in place overwrites that."""
        self.names.part = Reach.OWN
        one = operands.spell(target)
        self.names.part = Reach.LATER
        return f"{operands.spell(target)} = {one}"

    def _adjoint(self, along: Statement, operands: Operands) -> Iterator[str]:
        """The lines in which an adjoint gets its value for some errors."""
        is_product = isinstance(along.value, Call) and along.value.operation == "matmul"
        if is_product and self.names.part != Reach.OWN:  # one product of the rows of all errors
            along = replace(along, target=replace(along.target, when=Every()))
        for line in calls(operands, along):
            yield from line.lines("")

    def _term(self, along: Statement, operands: Operands) -> Iterator[str]:
        """The line that computes the terms of a gradient of some errors."""
        part, value = self.names.part, along.value
        notation = AlongErrors(
            operands.spell, runtime=self.names.runtime, errors=self.errors, part=part
        )
        place = f"{self.names.terms_of(along.target.var.shape)}[{part.value}]"
        match value:
            case Call("contract", (Ref() as left, Ref() as right)) if notation.has_axis(
                right
            ) and not notation.has_axis(left):
                yield f"np.matmul({operands.spell(left)}.T, {operands.spell(right)}, {place})"
            case _:
                yield f"{place} = {as_expression(value, notation)}"
