"""Program -> names and lines -> the template -> the module's source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gru_codegen.cost import Polynomial, cost
from gru_codegen.emit import numpy as target
from gru_codegen.ir import (
    Block,
    Call,
    Every,
    Expr,
    Loop,
    Now,
    Origin,
    Phase,
    Program,
    Ref,
    Shape,
    Statement,
    Step,
    Var,
    kept_for_every_step,
    parts,
    reads,
    statements,
)

__all__ = ["Heading", "emit"]

WIDTH = 100
#: What each phase's function says that it does.
_DOCS = {
    "forward": "Compute the states, first time step to last.",
    "loss": "Compute the loss of all time steps.",
    "backward": "Compute the adjoints, last time step to first; return gradients and carries.",
    "inputs": "Compute the gradient of the input of every time step.",
}
#: What the entry points call the arrays that they are given.
_ARGUMENTS = {"input": "x", "target": "y", "loss weights": "V"}
#: What a Workspace calls the sizes.
SIZES = {"B": "batch_size", "D": "input_size", "H": "hidden_size", "O": "output_size"}
#: What it returns.
_RETURNS = {
    "forward": "None",
    "loss": "Any",
    "backward": "tuple[Params, tuple[Array, ...]]",
    "inputs": "Array",
}
#: When a statement for an optional argument is run.
_CONDITIONS = {
    "pullback": "last is not None",
    "loss weights": "V is not None",
    "lengths": "ended is not None",
}
#: Stands for the index of the step until the lines of a body are repeated for each step.
_INDEX = "\0"


@dataclass(frozen=True)
class Heading:
    """What a module says of itself.

    Attributes
    ----------
    cell, title, source: name, name in words and publication of the cell.
    loss, loss_title: the same of the loss; readout: of the readout.
    style: "fast" or "textbook".
    command: the command that makes the module again.
    equations: rows (left side, right side, shape, meaning) in plain text.
    inputs: the name of the cell's input, and of the loss's target.
    """

    cell: str
    title: str
    source: str
    loss: str
    loss_title: str
    readout: str
    style: str
    command: str
    equations: tuple[tuple[str, str, str, str], ...]
    input: str
    target: str
    targets: str


def emit(program: Program, heading: Heading) -> str:
    """The source of the module that runs `program`."""
    module = _Module(program, heading.style == "fast")
    phases = {phase.name: module.phase(phase) for phase in program.phases}
    states = [var for var in module.variables if var.role == "value" and var.boundary is not None]
    rolling = program.steps is None
    context = {
        "heading": heading,
        "unroll": program.steps,
        "fast": heading.style == "fast",
        "equations": _aligned(heading.equations),
        "shapes": _shapes(heading, program),
        "weights": program.weights,
        "size_weight": next(w for w in program.weights if w.shape[-1] == "H"),
        "states": states,
        "sizes": [size for size in "BDHO" if any(size in v.shape for v in module.variables)],
        "first_states": {
            v.name: f"w._{v.name}[0]" if rolling else f"w.{v.name}_prev[0]" for v in states
        },
        "state_type": "State" if len(states) > 1 else "Array",
        "last_state": _tuple(
            "State",
            [
                f"w._{v.name}[w.steps].copy()" if rolling else f"w.{v.name}[-1].copy()"
                for v in states
            ],
        ),
        "output": program.entries["forward"][0],
        "output_letters": _letters(("T", *program.entries["forward"][0].shape)),
        "buffers": module.buffers(),
        "scratch": module.scratch(),
        "constants": module.constants(),
        "functions": module.functions(),
        "phases": phases,
        "counts": any(var.role == "count" for var in module.variables),
        "carries": program.carries,
        "cost": {"forward": cost(program, ("forward",)), "gradients": cost(program)},
        "stored": module.stored(),
        "steps": {} if rolling else {"T": program.steps},
        "over_time": module.over_time(),
        "used_sizes": {
            size
            for buffer in (*module.buffers(), *module.scratch())
            for size in buffer.shape.split(", ")
        },
    }
    return _environment().get_template("kernel.py.jinja").render(context)


def _aligned(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Equations with their shapes and meanings in columns, or below them if that is too wide."""
    left, right, shape, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{a:<{left}} = {b:<{right}}   {c:<{shape}}   {d}" for a, b, c, d in rows]
    if max(map(len, lines)) <= WIDTH - 4:
        return lines
    return [line for a, b, c, d in rows for line in (f"{a:<{left}} = {b}", f"    {c}   {d}")]


def _shapes(heading: Heading, program: Program) -> str:
    """The shapes of input and weights, in words."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for weight in program.weights:
        groups.setdefault(weight.shape, []).append(weight.name)
    said = [f"{heading.input}_t is (B, D)"]
    for shape, names in groups.items():
        said.append(f"{_listed(names)} {'are' if len(names) > 1 else 'is'} {_letters(shape)}")
    return "; ".join(said)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@cache
def _environment() -> Environment:
    package = Path(__file__).resolve().parent.parent
    shipped, source_tree = package / "templates", package.parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(shipped if shipped.is_dir() else source_tree),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["remarked"] = _remarked
    environment.filters["hang"] = lambda text, indent: textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent
    ).strip()
    environment.filters["wrap"] = lambda text: textwrap.fill(
        " ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False
    )
    environment.filters["letters"] = _letters
    environment.filters["sizes"] = lambda shape: _letters(tuple(map(_size, shape)))
    return environment


@dataclass(frozen=True)
class _Buffer:
    """An array of the Workspace: `rows` more than T steps, `shape` of one step."""

    name: str
    shape: str
    rows: int
    shifted: str
    meaning: str


@dataclass(frozen=True)
class _Function:
    """The function of one phase: its parameters, and what its callers pass for them."""

    doc: str
    signature: str
    arguments: str
    in_pullback: str
    lines: str
    result: str


class _Module:
    """Decides where each variable lives and how each reference is spelled."""

    def __init__(self, program: Program, fast: bool) -> None:
        self.program = program
        self.fast = fast
        self.kept = kept_for_every_step(program)
        self.variables = list(program.variables().values())
        self.shape = {var.name: var.shape for var in self.variables}
        self.order = [var.name for results in program.entries.values() for var in results]
        offsets = {
            (ref.var.name, ref.when.offset)
            for phase in program.phases
            for block in phase.blocks
            for statement in statements((block,))
            for ref in reads(statement.value)
            if ref.when is not None
        }
        # What only a pullback asks for is made when it does.
        elsewhere = {v.name for p in program.phases if p.name != "inputs" for v in self._used(p)}
        self.local = {
            v.name
            for p in program.phases
            if p.name == "inputs"
            for v in self._used(p)
            if v.role in ("adjoint", "work") and v.name not in elsewhere
        }
        self.shifted = {name: offset for name, offset in offsets if offset and name in self.kept}

    # --- storage ----------------------------------------------------------------------------

    def _lives_in_workspace(self, var: Var) -> bool:
        if var.name in self.local:
            return False
        if var.role == "work":
            return True
        computed = var.role in ("value", "adjoint")
        return computed and (self.fast or var.name in self.kept)

    def buffers(self) -> list[_Buffer]:
        """The arrays with one matrix per time step."""
        return [
            _Buffer(
                var.name,
                ", ".join(map(_size, var.shape)),
                rows=1 if var.name in self.shifted else 0,
                shifted=self._shifted_name(var) if var.name in self.shifted else "",
                meaning=var.meaning,
            )
            for var in self.variables
            if self._lives_in_workspace(var) and var.name in self.kept
        ]

    def scratch(self) -> list[_Buffer]:
        """The arrays that every step uses anew."""
        return [
            _Buffer(var.name, ", ".join(map(_size, var.shape)), 0, "", var.meaning)
            for var in self.variables
            if self._lives_in_workspace(var) and var.name not in self.kept
        ]

    def stored(self) -> Polynomial:
        """How many numbers a Workspace holds."""
        total = Polynomial()
        for buffer in (*self.buffers(), *self.scratch()):
            shape = self.shape[buffer.name]
            if buffer.name in self.kept:
                total += Polynomial.product(1, ("T", *shape))
            if buffer.name not in self.kept or buffer.rows:
                total += Polynomial.product(1, shape)
        return total

    def constants(self) -> dict[str, int]:
        """The numbers that in-place calls take as 0-d arrays."""
        if not self.fast:
            return {}
        found = {
            n for s in self.program.statements() if self._in_place(s) for n in target.constants(s)
        }
        return {target.constant(n): n for n in sorted(found)}

    def functions(self) -> list[str]:
        """The helper functions that expressions call, each as one block of text."""
        used = {
            p.operation
            for s in self.program.statements()
            for p in parts(s.value)
            if isinstance(p, Call) and not (self._in_place(s) and p.operation == "sigmoid")
        }
        return ["\n".join(lines) for name, lines in target.FUNCTIONS.items() if name in used]

    def over_time(self) -> bool:
        """Whether any GEMM runs over the rows of all steps."""
        return any(
            isinstance(ref.when, Every) for s in self.program.statements() for ref in reads(s.value)
        )

    # --- functions --------------------------------------------------------------------------

    def phase(self, phase: Phase) -> _Function:
        """The function of one phase."""
        used = self._used(phase)
        roles = {var.role for var in used}
        parameters = ["params: Params"] if "weight" in roles or "gradient" in roles else []
        parameters += [f"{v.name}: Array" for v in used if v.role in ("input", "target")]
        parameters += ["V: Array | None"] if "loss weights" in roles else []
        arguments = ["params"] if parameters[0].startswith("params") else []
        arguments += [_ARGUMENTS[v.role] for v in used if v.role in _ARGUMENTS]
        seeded = [var.name for var in used if self._is_given_seed(var, phase)]
        parameters += [f"{name}: Array" for name in seeded]
        in_pullback = [*arguments, *("d_outputs" for _ in seeded), "w"]
        arguments += [f"w.{name}" for name in seeded]
        parameters.append("w: Workspace")
        arguments.append("w")
        lines = list(self._preamble(phase, used))
        if phase.name == "backward":
            parameters.append("last: tuple[Array, ...] | None = None")
            if self.program.steps == 1 and not self.fast:
                lines += [f"    {carry.name}: Any = None" for carry in self.program.carries]
        for origin, blocks in groupby(phase.blocks, key=_origin):
            if isinstance(origin, Origin):
                lines += self._group(origin, blocks, "    ", "")
                continue
            for block in blocks:
                if isinstance(block, Loop):
                    lines += self._before_loop(block)
                lines += self._block(block)
        results = [var.name for var in used if var.role == "loss"]
        if results and lines[-1].startswith(f"    {results[0]} = "):
            results, lines[-1] = [], lines[-1].replace(f"{results[0]} =", "return", 1)
        if any(var.role == "gradient" for var in used):
            names = [f"d{weight.name}" for weight in self.program.weights]
            lines.append(f"    gradients = {_params(names)}")
            results.append("gradients")
            carries = "".join(f"{carry.name}, " for carry in self.program.carries)
            results.append(
                f"({carries.rstrip() if len(self.program.carries) == 1 else carries[:-2]})"
            )
        if phase.name == "inputs":
            results = [v.name for v in self.program.entries["pullback"] if v.role == "adjoint"]
        return _Function(
            _DOCS[phase.name],
            _signature(f"_{phase.name}", parameters, _RETURNS[phase.name]),
            ", ".join(arguments),
            ", ".join(in_pullback),
            "\n".join(lines),
            ", ".join(results),
        )

    def _is_given_seed(self, var: Var, phase: Phase) -> bool:
        """Whether `var` is the adjoint of the outputs, which only the loss computes itself."""
        return var == self.program.seed and phase.name != "loss"

    def _used(self, phase: Phase) -> list[Var]:
        found: dict[str, Var] = {}
        for statement in statements(phase.blocks):
            for ref in (*reads(statement.value), statement.target):
                found.setdefault(ref.var.name, ref.var)
        return list(found.values())

    def _preamble(self, phase: Phase, used: list[Var]) -> Iterator[str]:
        weights = [weight.name for weight in self.program.weights if weight in used]
        unpacked = f"    {', '.join(weights)} = params"
        if len(weights) == len(self.program.weights) and len(unpacked) <= WIDTH:
            yield unpacked
        else:
            yield from _assignments(weights, [f"params.{name}" for name in weights])
        names = []
        for var in used:
            if self._is_given_seed(var, phase):
                continue
            if self._lives_in_workspace(var):
                reads_now = self._reads(phase, var)
                if var.name in self.shifted and any(reads_now):
                    names.append(self._shifted_name(var))
                if 0 in reads_now or self._writes(phase, var):
                    names.append(var.name)
        names += ["ended" for var in used if var.role == "lengths"]
        yield from _assignments(names, [f"w.{name}" for name in names])
        for name in sorted(self.local & {var.name for var in used}):
            sizes = ", ".join(f"w.{SIZES[size]}" for size in self.shape[name])
            yield f"    {name} = np.empty((w.steps, {sizes}), w.dtype)"
        if self.fast:
            numbers = sorted(
                {
                    n
                    for s in statements(phase.blocks)
                    if self._in_place(s)
                    for n in target.constants(s)
                }
            )
            if numbers:
                some = [target.constant(n) for n in numbers]
                yield from _assignments(some, [f"w.{name}" for name in some])

    def _reads(self, phase: Phase, var: Var) -> set[int]:
        return {
            ref.when.offset if ref.when is not None and var.name in self.shifted else 0
            for s in statements(phase.blocks)
            for ref in reads(s.value)
            if ref.var.name == var.name
        }

    def _writes(self, phase: Phase, var: Var) -> bool:
        return any(s.target.var.name == var.name for s in statements(phase.blocks))

    def _before_loop(self, loop: Loop) -> Iterator[str]:
        """What the loop takes as given: sums that start at zero, carries at their boundary."""
        targets = {s.target.var: s for s in statements(loop.body)}
        for var, statement in targets.items():
            if statement.accumulate and var.role == "gradient":
                yield f"    {var.name} = np.zeros_like(params.{var.name[1:]})"
            elif statement.accumulate:
                yield f"    {var.name}: Any = 0"
            elif isinstance(var.boundary, Ref) and var.boundary.var.role == "last":
                beyond = self._spell(var.boundary, "")
                if self._lives_in_workspace(var):
                    yield f"    {var.name}[...] = 0 if last is None else {beyond}"
                else:
                    sizes = ", ".join(f"w.{SIZES[size]}" for size in var.shape)
                    zeros = f"np.zeros(({sizes}), w.dtype)"
                    yield f"    {var.name} = {zeros} if last is None else {beyond}"

    # --- blocks -----------------------------------------------------------------------------

    def _block(self, block: Block) -> Iterator[str]:
        if isinstance(block, Loop):
            steps = "range(w.steps)" if block.direction == "forward" else "reversed(range(w.steps))"
            yield f"    for t in {steps}:"
            yield from self._body(block.body, "        ", "t")
        elif isinstance(block, Step):
            yield ""
            yield f"    # --- step {block.index + 1} of {self.program.steps} ---"
            yield self._unrolled_body(block).replace(_INDEX, str(block.index))

    def _unrolled_body(self, step: Step) -> str:
        bodies = self.__dict__.setdefault("_bodies", {})
        key = id(step.body)
        if key not in bodies:
            bodies[key] = "\n".join(self._body(step.body, "    ", _INDEX))
        text: str = bodies[key]
        return text

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[str]:
        found = list(statements(body))
        if self.fast:
            yield from self._views(found, indent, index)
        for origin, group in groupby(found, key=lambda statement: statement.origin):
            yield from self._group(origin, group, indent, index)

    def _group(
        self, origin: Origin, group: Iterable[Any], indent: str, index: str
    ) -> Iterator[str]:
        """The statements of one equation, under a comment that says it."""
        yield from _comment(origin.equation, indent, origin.meaning)
        for given, some in groupby(group, key=lambda statement: statement.given):
            if given:
                yield f"{indent}if {' and '.join(_CONDITIONS[name] for name in given)}:"
            for statement in some:
                yield from self._lines(statement, indent + "    " * bool(given), index)

    def _views(self, found: list[Statement], indent: str, index: str) -> Iterator[str]:
        """One step's matrices, named once for all the lines that use them."""
        names: dict[str, str] = {}
        for statement in found:
            for ref in (*reads(statement.value), statement.target):
                optional = ref.var.role in ("loss weights", "lengths")
                if isinstance(ref.when, Now) and self._is_indexed(ref.var) and not optional:
                    name = self._array(ref)
                    names[f"{name}_t"] = f"{name}[{index}]"
        yield from _assignments(list(names), list(names.values()), indent)

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        def spell(ref: Ref) -> str:
            return self._spell(ref, index)

        if self._in_place(statement):
            yield from (indent + line for line in target.in_place(statement, spell))
            return
        sign = "+=" if statement.accumulate else "="
        start = f"{indent}{spell(statement.target)} {sign} "
        value = target.as_expression(statement.value, spell)
        if len(start) + len(value) <= WIDTH:
            yield start + value
        else:
            yield from _broken(start, statement.value, spell, indent)

    def _in_place(self, statement: Statement) -> bool:
        return self.fast and statement.target.var.role not in ("loss", "gradient")

    # --- names ------------------------------------------------------------------------------

    def _is_indexed(self, var: Var) -> bool:
        optional = var.role in ("loss weights", "lengths")
        return optional or var.role in ("input", "target") or var.name in self.kept

    def _array(self, ref: Ref) -> str:
        offset = ref.when.offset if ref.when is not None else 0
        return (
            self._shifted_name(ref.var)
            if offset and ref.var.name in self.shifted
            else (ref.var.name)
        )

    def _shifted_name(self, var: Var) -> str:
        return f"{var.name}_{'prev' if self.shifted[var.name] < 0 else 'next'}"

    def _spell(self, ref: Ref, index: str) -> str:
        if ref.var.role == "count":
            return "w.count"
        if ref.var.role == "last":
            return f"last[{[c.boundary for c in self.program.carries].index(ref)}]"
        name = self._array(ref)
        if not isinstance(ref.when, Now) or not self._is_indexed(ref.var):
            return name
        optional = ref.var.role in ("loss weights", "lengths")
        return f"{name}_t" if self.fast and not optional else f"{name}[{index}]"


# --- lines ---------------------------------------------------------------------------------------


def _size(letter: str) -> str:
    """A size in code: O is too easily taken for a number."""
    return SIZES[letter] if letter == "O" else letter


def _letters(shape: Shape) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"


def _tuple(name: str, values: list[str]) -> str:
    """A NamedTuple of several values; a single one is handed out as it is."""
    return f"{name}({', '.join(values)})" if len(values) > 1 else values[0]


def _origin(block: Block) -> Origin | Block:
    """What consecutive blocks have in common under one comment: the equation of statements."""
    return block.origin if isinstance(block, Statement) else block


def _remarked(line: str, remark: str) -> str:
    """A line of a method, with a comment behind it or, where that is too long, above it."""
    indent = " " * 8
    if len(f"{indent}{line}  # {remark}") <= WIDTH:
        return f"{indent}{line}  # {remark}"
    return f"{indent}# {remark}\n{indent}{line}"


def _signature(name: str, parameters: list[str], returns: str) -> str:
    line = f"def {name}({', '.join(parameters)}) -> {returns}:"
    if len(line) <= WIDTH:
        return line
    inside = f"    {', '.join(parameters)}"
    if len(inside) > WIDTH:
        inside = "".join(f"    {parameter},\n" for parameter in parameters).rstrip("\n")
    return f"def {name}(\n{inside}\n) -> {returns}:"


def _params(names: list[str]) -> str:
    line = f"Params({', '.join(names)})"
    if len(f"    return {line}") <= WIDTH:
        return line
    inside = textwrap.fill(
        ", ".join(names), WIDTH - 1, initial_indent=" " * 8, subsequent_indent=" " * 8
    )
    return f"Params(\n{inside},\n    )"


def _assignments(names: list[str], values: list[str], indent: str = "    ") -> Iterator[str]:
    """Several names at a time get their values, as many as a line holds but no more than six."""
    line = ""
    some: list[tuple[str, str]] = []
    for pair in zip(names, values, strict=True):
        longer = [*some, pair]
        left, right = (", ".join(column) for column in zip(*longer, strict=True))
        if some and (len(some) == 6 or len(f"{indent}{left} = {right}") > WIDTH):
            yield line
            longer, (left, right) = [pair], pair
        some, line = longer, f"{indent}{left} = {right}"
    if line:
        yield line


def _comment(equation: str, indent: str, meaning: str = "") -> list[str]:
    text = f"{meaning}: {equation}" if meaning and not meaning.startswith("adjoint") else equation
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}#     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _broken(start: str, value: Expr, spell: target.Speller, indent: str) -> Iterator[str]:
    """`start` and `value` over several lines: one for each term of the sum that it is or reads."""
    inside, behind = value, ""
    if isinstance(value, Call) and len(value.args) == 1:
        (argument,) = value.args
        whole = target.as_expression(value, spell)
        before, found, after = whole.partition(target.as_expression(argument, spell))
        if found:
            inside, start, behind = argument, start + before.removesuffix("("), after[1:]
    yield f"{start}("
    yield from (f"{indent}    {term}" for term in _addends(inside, spell))
    yield f"{indent}){behind}"


def _addends(expression: Expr, spell: target.Speller) -> list[str]:
    """The terms of a sum, each but the first beginning with its sign."""
    if isinstance(expression, Call) and expression.operation in ("add", "subtract"):
        left, right = expression.args
        sign = "+" if expression.operation == "add" else "-"
        last = target.as_expression(right, spell)
        loose = isinstance(right, Call) and right.operation in ("add", "subtract", "negate")
        return [*_addends(left, spell), f"{sign} ({last})" if loose else f"{sign} {last}"]
    return [target.as_expression(expression, spell)]
