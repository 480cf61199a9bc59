"""The function that runs the equations one by one and keeps every matrix of every step.

It is made of the textbook program, whatever the style of the kernel, and makes its arrays itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gru_codegen.emit.lines import WIDTH, Line, assignments, call_lines, filled_lines, signature
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.blocks import Blocks
from gru_codegen.emit.numpy.functions import (
    Function,
    named_sizes,
    needed_names,
    owned,
    owners,
    preamble,
)
from gru_codegen.emit.numpy.names import Names
from gru_codegen.ir import Now, Ref
from gru_codegen.plan import Array, Plan

__all__ = ["trace_function"]

_DOC = "Run the equations one by one, first time step to last, and keep all that they compute."


def trace_function(plan: Plan, first: Mapping[str, str], called_by: Mapping[str, str]) -> Function:
    """The function that returns every value which the program of `plan` computes.

    first: the attributes of the Workspace that hold initial states, by the names of the states.
    called_by: what entry points call inputs, by their names in equations.
    """
    (phase,) = plan.program.phases
    attributes = Attributes(plan)
    names, used = Names(attributes), list(phase.variables().values())
    lines = Blocks(names, phase.name).lines(phase.blocks)
    lines += map(Line, _padding(attributes))
    names.ended()
    needed = needed_names(names, {*names.taken(), *(name for line in lines for name in line.reads)})
    stored = {*plan.places, *(view.name for view in attributes.views())}
    arrays = [line for array in plan.arrays for line in _array(attributes, array, first)]
    results = [var.name for var in plan.program.entries["trace"]]
    lines = [
        *map(Line, named_sizes(plan)),
        *map(Line, preamble(used, names, needed - stored)),
        *map(Line, arrays),
        *lines,
        *map(Line, call_lines("return ", "Trace", results)),
    ]
    given = [var.name for var in used if var.name in called_by]
    fixed, parameters = owned({"params", *owners(used, plan.program)})
    parameters += [*(f"{name}: Array" for name in given), "w: Workspace"]
    arguments = ", ".join([*fixed, *(called_by[name] for name in given), "w"])
    return Function(
        "trace",
        _DOC,
        signature("_trace", parameters, "Trace"),
        arguments,
        arguments,
        "",
        tuple(lines),
        "",
        names.steps,
        names,
        (),
    )


def _array(attributes: Attributes, array: Array, first: Mapping[str, str]) -> Iterator[str]:
    """Lines that make an array and name its steps; one that begins before them has a name more."""
    made = f"np.empty(({attributes.shape(array)}), w.dtype)"
    if not array.extra:
        yield f"    {array.name} = {made}"
        return
    name = attributes.form(array.name, "all")
    yield f"    {name} = {made}"
    yield f"    {name}[0] = w.{first[array.name]}"
    views = [view for view in attributes.plan.views if view.place.array == array]
    shown = {attributes.of(Ref(view.var, Now(view.offset))): view.place.first for view in views}
    shown.setdefault(array.name, 1)
    code = [
        f"{name}[{start} : T + {start}]" if start else f"{name}[:T]" for start in shown.values()
    ]
    yield from assignments(list(shown), code)


def _padding(attributes: Attributes) -> Iterator[str]:
    """Lines that leave nothing but the states where a step is padding."""
    entries, one = attributes.program.entries, attributes.names.of("one of them", "each")
    held = {var.name for var in entries["gradients"]}
    names = [var.name for var in entries["trace"] if var.name not in held]
    if names:
        yield "    # where a step is padding states stay, everything else is 0"
        yield "    if ended is not None:"
        line = f"        for {one} in ({', '.join(names)}{',' * (len(names) == 1)}):"
        if len(line) <= WIDTH:
            yield line
        else:
            yield f"        for {one} in ("
            yield from filled_lines(names, " " * 12)
            yield "        ):"
        yield f"            np.copyto({one}, 0, where=ended)"
