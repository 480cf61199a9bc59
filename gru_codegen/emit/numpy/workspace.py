"""The class Workspace: the lines that make its arrays, and those that name their steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gru_codegen.emit.lines import WIDTH, assignments, called, remarked
from gru_codegen.emit.numpy.attributes import Attribute, Attributes
from gru_codegen.emit.numpy.functions import Function
from gru_codegen.emit.sizes import Sizes, in_code, multiplied, parameter
from gru_codegen.ir import Var
from gru_codegen.plan import Array

__all__ = ["WorkspaceLines", "workspace_lines"]

_INDENT = " " * 8


@dataclass(frozen=True)
class WorkspaceLines:
    """Lines of the methods of a Workspace.

    once: what every step uses anew, and numbers. arrays: what holds all steps. views: the names of
    the steps that are in use. The sizes that each of them reads stand before it. calls: the
    functions of `gru_codegen/runtime` that they call.
    """

    once: list[str]
    arrays: list[str]
    views: list[str]
    calls: frozenset[str]


@dataclass
class _Section:
    """Lines under construction, each with its remark.

    sizes: the letters of those that they read. calls: the functions that they call.
    """

    lines: list[tuple[str, str]] = field(default_factory=list)
    sizes: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    dtype: bool = False

    def add(self, code: str, remark: str = "", sizes: Iterable[str] = ()) -> None:
        """Add a line of code that reads `sizes`, each a letter or a sum of letters."""
        self.lines.append((code, remark))
        self.sizes.update(letter for size in sizes for letter in size.split("+"))

    def name(self, attributes: Iterable[Attribute]) -> None:
        """Add lines that give `attributes` their names."""
        for each in attributes:
            self.add(_assigned(each.name, each.code), each.remark, each.sizes)
            self.calls.update(each.calls)

    def make(self, array: Array, name: str, shape: str) -> None:
        """Add the line that makes `array`."""
        self.dtype = True
        sizes = [size for shape in array.shapes for size in shape]
        self.add(f"self.{name} = np.empty(({shape}), dtype)", array.meaning, sizes)

    def finished(self, letters: Iterable[str]) -> list[str]:
        """The lines, after those that name the sizes which they read; no remark stands twice."""
        used = [letter for letter in letters if letter in self.sizes]
        names = [in_code(letter) for letter in used] + ["dtype"] * self.dtype
        values = [f"self.{parameter(letter)}" for letter in used] + ["self.dtype"] * self.dtype
        lines = list(assignments(names, values, _INDENT))
        before = ""
        for code, remark in self.lines:
            lines.append(remarked(code, "" if remark == before else remark))
            before = remark
        return lines


def _assigned(name: str, code: str) -> str:
    """The line that gives an attribute its name, broken as formatters do if it is too long."""
    line = f"self.{name} = {code}"
    if len(_INDENT + line) <= WIDTH:
        return line
    start, bracket, index = line[:-1].rpartition("[")
    if code.endswith("]") and len(f"{_INDENT}{start}{bracket}") <= WIDTH:
        return f"{start}[\n{_INDENT}    {index}\n{_INDENT}]"
    return f"self.{name} = (\n{_INDENT}    {code}\n{_INDENT})"


def workspace_lines(
    attributes: Attributes, functions: Iterable[Function], states: list[Var]
) -> WorkspaceLines:
    """The lines that make the arrays which the plan of `attributes` has and `functions` use."""
    functions = list(functions)
    used = _used(attributes, functions)
    letters = Sizes.of(attributes.program).letters
    once, arrays, views = _Section(), _Section(), _Section()
    _add_arrays(attributes, once, arrays)
    once.name(view for view in attributes.parts_of_scratch() if view.name in used)
    blocks = list(_row_blocks(attributes, functions))
    once.name(block for block, timed in blocks if not timed)
    _add_numbers(functions, once)
    for function in functions:
        _add_blocks_of_weights(function, once)
    views.name(view for view in attributes.views() if view.name in used)
    views.name(attributes.ends(states, by_row=True))  # as they are given and handed out
    bounded = attributes.ends(list(attributes.plan.bounded), by_row=False)
    ends = [*bounded, *attributes.ends_of_carries()]
    views.name(view for view in ends if view.name in used)
    views.name(block for block, timed in blocks if timed)
    _add_mask(attributes, functions, arrays, views)
    if attributes.program.orientation == "columns":
        for output in attributes.program.outputs:
            turned = attributes.form(output.name, "turned")
            views.add(f"self.{turned} = _turned(self.{output.name})")
        views.calls.add("_turned")
    for function in functions:
        _add_steps(function, attributes, views)
    calls = once.calls | arrays.calls | views.calls
    made, held, named = (section.finished(letters) for section in (once, arrays, views))
    return WorkspaceLines(made, held, named, frozenset(calls))


def _add_arrays(attributes: Attributes, once: _Section, arrays: _Section) -> None:
    for array in attributes.plan.arrays:
        if array.extra is None:
            once.make(array, array.name, attributes.shape(array))
        else:
            arrays.make(array, f"_{array.name}", attributes.shape(array))


def _add_numbers(functions: Iterable[Function], once: _Section) -> None:
    numbers = {name: value for f in functions for name, value in f.names.numbers.items()}
    for name, value in sorted(numbers.items(), key=lambda item: item[1]):
        once.dtype = True
        once.add(f"self.{name} = np.full((), {value}, dtype)")


def _add_mask(
    attributes: Attributes, functions: Iterable[Function], arrays: _Section, views: _Section
) -> None:
    """Add which steps are padding, as matrices are stored, where a loop names it."""
    mask = attributes.mask
    named = {name for f in functions for name in (*f.steps.values(), *f.names.local)}
    if mask in named:
        shape = "T, 1, B" if attributes.program.orientation == "columns" else "T, B, 1"
        arrays.add(f"self._{mask} = np.empty(({shape}), bool)", "which samples ended", ["B"])
        views.add(f"self.{mask} = self._{mask}[:steps]")


def _used(attributes: Attributes, functions: list[Function]) -> set[str]:
    """The attributes that functions and entry points read, or that others are made of."""
    program = attributes.program
    return {
        *(var.name for var in (*program.outputs, *program.seeds)),
        *(local.source for f in functions for local in f.locals),
        *(source for f in functions for source in f.steps.values()),
        *(attributes.of(ref) for f in functions for ref, _ in f.names.row_blocks.values()),
    }


def _row_blocks(
    attributes: Attributes, functions: Iterable[Function]
) -> Iterator[tuple[Attribute, bool]]:
    """The blocks of rows that products of a step take, and whether they are those of all steps."""
    row_blocks = {name: blocks for f in functions for name, blocks in f.names.row_blocks.items()}
    for name, (ref, weights) in row_blocks.items():
        source, entries = f"self.{attributes.of(ref)}", multiplied(weights)
        timed = attributes.plan.is_indexed(ref.var)
        code = (
            f"[_blocks(a, {entries}) for a in {source}]"
            if timed
            else f"_blocks({source}, {entries})"
        )
        yield Attribute(name, code, "", weights, ("_blocks",)), timed


def _add_blocks_of_weights(function: Function, once: _Section) -> None:
    """Add names for the blocks of weights laid side by side, and what stands in the others."""
    for name, code in function.names.blocks.items():
        once.add(_assigned(name, f"self.{code}"))
    for array, constants in function.names.constants.items():
        once.dtype = True
        for index, value in constants.items():
            once.add(f"self.{array}[{index}] = {value}")
        once.add(f"self.{array}.flags.writeable = False", "but for the blocks with a name")
    once.sizes |= function.names.sizes_of_blocks


def _add_steps(function: Function, attributes: Attributes, views: _Section) -> None:
    """Add the matrices of each step that the loop of `function` names."""
    if not function.steps:
        return
    arguments = [f"self.{source}" for source in function.steps.values()]
    start = f"self.{attributes.form(function.name, 'steps')} = list("
    line = f"{start}zip({', '.join(arguments)}))"
    if len(_INDENT + line) <= WIDTH:
        views.add(line)
        return
    views.add(f"{start}\n{called('', 'zip', arguments, f'{_INDENT}    ')}\n{_INDENT})")
