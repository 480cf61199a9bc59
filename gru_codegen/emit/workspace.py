"""The class Workspace: the lines that make its arrays, and those that name their steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gru_codegen.emit.attributes import Attributes
from gru_codegen.emit.functions import Function
from gru_codegen.emit.lines import WIDTH, assignments, called, remarked
from gru_codegen.emit.sizes import Sizes, in_code, multiplied, parameter
from gru_codegen.ir import Var

__all__ = ["WorkspaceLines", "workspace_lines"]

_INDENT = " " * 8


@dataclass(frozen=True)
class WorkspaceLines:
    """Lines of the methods of a Workspace.

    once: what every step uses anew, and numbers. arrays: what holds all steps. views: the names of
    the steps that are in use. The sizes that each of them reads stand before it.
    """

    once: list[str]
    arrays: list[str]
    views: list[str]


def workspace_lines(
    attributes: Attributes, functions: Iterable[Function], states: list[Var]
) -> WorkspaceLines:
    """The lines that make the arrays which the plan of `attributes` has and `functions` use."""
    functions = list(functions)
    plan = attributes.plan
    used = _used(attributes, functions)
    once = [
        remarked(f"self.{array.name} = np.empty(({attributes.shape(array)}), dtype)", array.meaning)
        for array in plan.arrays
        if array.extra is None
    ]
    once += [
        remarked(f"self.{view.name} = {view.code}", view.remark)
        for view in attributes.parts_of_scratch()
        if view.name in used
    ]
    row_blocks = _row_blocks(attributes, functions)
    once += row_blocks[False]
    numbers = {name: value for f in functions for name, value in f.names.numbers.items()}
    for name, value in sorted(numbers.items(), key=lambda item: item[1]):
        once.append(f"{_INDENT}self.{name} = np.full((), {value}, dtype)")
    for function in functions:
        once += _blocks_of_weights(function)
    arrays = [
        remarked(
            f"self._{array.name} = np.empty(({attributes.shape(array)}), dtype)", array.meaning
        )
        for array in plan.arrays
        if array.extra is not None
    ]
    views = [
        remarked(f"self.{view.name} = {view.code}", view.remark)
        for view in attributes.views()
        if view.name in used
    ]
    ends = attributes.ends(states, by_row=True)  # as they are given and handed out
    bounded = [
        *attributes.ends(list(plan.bounded), by_row=False),
        *attributes.ends_of_carries(),
    ]
    ends += [view for view in bounded if view.name in used]
    views += [remarked(f"self.{v.name} = {v.code}", v.remark) for v in ends]
    views += row_blocks[True]
    mask = attributes.mask
    if any(mask in (*f.steps.values(), *f.names.local) for f in functions):
        shape = "T, 1, B" if plan.program.layout == "columns" else "T, B, 1"
        arrays.append(remarked(f"self._{mask} = np.empty(({shape}), bool)", "which samples ended"))
        views.append(f"{_INDENT}self.{mask} = self._{mask}[:steps]")
    output = plan.program.entries["forward"][0].name
    if plan.program.layout == "columns":
        turned = attributes.form(output, "turned")
        views.append(f"{_INDENT}self.{turned} = _turned(self.{output})")
    for function in functions:
        views += _steps(function, attributes)
    letters = Sizes.of(plan.program).letters
    once, arrays, views = map(_without_repeats, (once, arrays, views))
    return WorkspaceLines(*(_with_sizes(lines, letters) for lines in (once, arrays, views)))


def _used(attributes: Attributes, functions: list[Function]) -> set[str]:
    """The attributes that functions and entry points read, or that others are made of."""
    program = attributes.program
    handed = [program.entries["forward"][0], *([program.seed] if program.seed else [])]
    return {
        *(var.name for var in handed),
        *(code.removeprefix("w.") for f in functions for code in f.names.local.values()),
        *(source for f in functions for source in f.steps.values()),
        *(attributes.of(ref) for f in functions for ref, _ in f.names.row_blocks.values()),
    }


def _row_blocks(attributes: Attributes, functions: Iterable[Function]) -> dict[bool, list[str]]:
    """The blocks of rows that products of a step take: of what every step uses anew, and of all
    steps."""
    lines: dict[bool, list[str]] = {False: [], True: []}
    found = {name: blocks for f in functions for name, blocks in f.names.row_blocks.items()}
    for name, (ref, weights) in found.items():
        source, entries = f"self.{attributes.of(ref)}", multiplied(weights)
        timed = attributes.plan.is_indexed(ref.var)
        code = (
            f"[_blocks(a, {entries}) for a in {source}]"
            if timed
            else f"_blocks({source}, {entries})"
        )
        lines[timed].append(f"{_INDENT}self.{name} = {code}")
    return lines


def _blocks_of_weights(function: Function) -> Iterator[str]:
    """Names for the blocks of weights laid side by side, and what stands in the others."""
    for name, code in function.names.blocks.items():
        line = f"{_INDENT}self.{name} = self.{code}"
        if len(line) > WIDTH:
            line = f"{_INDENT}self.{name} = (\n{_INDENT}    self.{code}\n{_INDENT})"
        yield line
    for array, constants in function.names.constants.items():
        for index, value in constants.items():
            yield f"{_INDENT}self.{array}[{index}] = {value}"
        yield f"{_INDENT}self.{array}.flags.writeable = False  # but for the blocks with a name"


def _steps(function: Function, attributes: Attributes) -> Iterator[str]:
    """The matrices of each step that the loop of `function` names."""
    if not function.steps:
        return
    arguments = [f"self.{source}" for source in function.steps.values()]
    start = f"{_INDENT}self.{attributes.form(function.name, 'steps')} = list("
    line = f"{start}zip({', '.join(arguments)}))"
    if len(line) <= WIDTH:
        yield line
        return
    yield start
    yield called("", "zip", arguments, f"{_INDENT}    ")
    yield f"{_INDENT})"


def _without_repeats(lines: list[str]) -> list[str]:
    """`lines`, none with the very remark of the one before."""
    found: list[str] = []
    before = ""
    for line in lines:
        code, remark = _parted(line)
        found.append(code if remark and remark == before else line)
        before = remark
    return found


def _parted(line: str) -> tuple[str, str]:
    """A line of code, and the remark behind it or above it."""
    if line.lstrip().startswith("#"):
        remark, _, code = line.partition("\n")
        return code, remark.strip()
    code, hash_sign, remark = line.partition("  # ")
    return code, f"# {remark}" if hash_sign else ""


def _with_sizes(lines: list[str], letters: tuple[str, ...]) -> list[str]:
    """`lines`, after those that name the sizes which they read."""
    code = re.sub("#.*", "", "\n".join(lines))
    used = [n for n in letters if re.search(rf"(?<![\w.]){in_code(n)}\b", code)]
    names = [in_code(letter) for letter in used]
    values = [f"self.{parameter(letter)}" for letter in used]
    if re.search(r"(?<![\w.])dtype\b", code):
        names, values = [*names, "dtype"], [*values, "self.dtype"]
    return [*assignments(names, values, _INDENT), *lines]
