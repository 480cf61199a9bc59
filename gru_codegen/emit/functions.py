"""The functions that compute: one for each phase, and the helpers that their expressions call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gru_codegen.emit import numpy as target
from gru_codegen.emit.blocks import Blocks
from gru_codegen.emit.lines import WIDTH, assignments, called, signature
from gru_codegen.emit.storage import Storage, variables
from gru_codegen.ir import Call, Phase, Statement, Var, parts, reads, statements

__all__ = ["Function", "constants", "helpers", "phase_function"]

#: What each phase's function says that it does.
_DOCS = {
    "forward": "Compute the states, first time step to last.",
    "loss": "Compute the loss of all time steps.",
    "backward": "Compute the adjoints, last time step to first; return gradients and carries.",
    "inputs": "Compute the gradient of the input of every time step.",
}
#: What it returns.
_RETURNS = {
    "forward": "None",
    "loss": "Any",
    "backward": "tuple[Params, tuple[Array, ...]]",
    "inputs": "Array",
}
#: What the entry points call the arrays that they are given.
_ARGUMENTS = {"input": "x", "target": "y", "loss weights": "V"}


@dataclass(frozen=True)
class Function:
    """The function of one phase.

    arguments, in_pullback: what the entry points pass to it, and what a pullback does.
    result: what it returns after its lines; "" if they return already, or if nothing is.
    """

    doc: str
    signature: str
    arguments: str
    in_pullback: str
    lines: str
    result: str


def phase_function(phase: Phase, storage: Storage) -> Function:
    """The function that computes `phase`."""
    program, used = storage.program, variables(phase)
    roles = {var.role for var in used}
    parameters = ["params: Params"] if roles & {"weight", "gradient"} else []
    arguments = ["params"] if parameters else []
    parameters += [f"{v.name}: Array" for v in used if v.role in ("input", "target")]
    parameters += ["V: Array | None"] if "loss weights" in roles else []
    arguments += [_ARGUMENTS[v.role] for v in used if v.role in _ARGUMENTS]
    seeds = [var.name for var in used if _is_given_seed(var, phase, storage)]
    parameters += [*(f"{name}: Array" for name in seeds), "w: Workspace"]
    lines = list(_preamble(phase, used, storage))
    if phase.name == "backward":
        parameters.append("last: tuple[Array, ...] | None = None")
        if program.steps == 1 and not storage.fast:
            lines += [f"    {carry.name}: Any = None" for carry in program.carries]
    lines += Blocks(storage).lines(phase.blocks)
    results = [var.name for var in used if var.role == "loss"]
    if results and lines[-1].startswith(f"    {results[0]} = "):
        results, lines[-1] = [], lines[-1].replace(f"{results[0]} =", "return", 1)
    if "gradient" in roles:
        gradients = [f"d{weight.name}" for weight in program.weights]
        lines.append(called("gradients = ", "Params", gradients))
        carries = ", ".join(carry.name for carry in program.carries)
        results += ["gradients", f"({carries}{',' * (len(program.carries) == 1)})"]
    if phase.name == "inputs":
        results = [v.name for v in program.entries["pullback"] if v.role == "adjoint"]
    return Function(
        _DOCS[phase.name],
        signature(f"_{phase.name}", parameters, _RETURNS[phase.name]),
        ", ".join([*arguments, *(f"w.{name}" for name in seeds), "w"]),
        ", ".join([*arguments, *("d_outputs" for _ in seeds), "w"]),
        "\n".join(lines),
        ", ".join(results),
    )


def constants(storage: Storage) -> dict[str, int]:
    """The numbers that calls in place take as 0-d arrays, by name."""
    return _constants(storage, storage.program.statements())


def helpers(storage: Storage) -> list[str]:
    """The functions that expressions call, each as one block of text."""
    used = {
        part.operation
        for statement in storage.program.statements()
        for part in parts(statement.value)
        if isinstance(part, Call)
        and not (storage.in_place(statement) and part.operation == "sigmoid")
    }
    return ["\n".join(lines) for name, lines in target.FUNCTIONS.items() if name in used]


def _is_given_seed(var: Var, phase: Phase, storage: Storage) -> bool:
    """Whether `var` is the adjoint of the outputs, which only the loss computes itself."""
    return var == storage.program.seed and phase.name != "loss"


def _preamble(phase: Phase, used: list[Var], storage: Storage) -> Iterator[str]:
    """Lines that give local names to weights, arrays and numbers."""
    declared = storage.program.weights
    weights = [weight.name for weight in declared if weight in used]
    unpacked = f"    {', '.join(weights)} = params"
    if 1 < len(weights) == len(declared) and len(unpacked) <= WIDTH:
        yield unpacked
    else:
        yield from assignments(weights, [f"params.{name}" for name in weights])
    names = []
    for var in used:
        if storage.in_workspace(var) and not _is_given_seed(var, phase, storage):
            offsets = _offsets(phase, var, storage)
            if var.name in storage.shifted and any(offsets):
                names.append(storage.shifted_name(var))
            if 0 in offsets:
                names.append(var.name)
    names += ["ended"] if any(var.role == "lengths" for var in used) else []
    yield from assignments(names, [f"w.{name}" for name in names])
    for name in sorted(var.name for var in used if var.name in storage.of_pullback):
        shape = storage.sizes(storage.of_pullback[name], over_time=True)
        yield f"    {name} = np.empty({shape}, w.dtype)"
    numbers = list(_constants(storage, statements(phase.blocks)))
    yield from assignments(numbers, [f"w.{name}" for name in numbers])


def _offsets(phase: Phase, var: Var, storage: Storage) -> set[int]:
    """How far from the current step `phase` touches `var`; it writes at the step itself."""
    found = set()
    for statement in statements(phase.blocks):
        if statement.target.var.name == var.name:
            found.add(0)
        for ref in reads(statement.value):
            if ref.var.name == var.name:
                shifted = ref.when is not None and var.name in storage.shifted
                found.add(ref.when.offset if ref.when is not None and shifted else 0)
    return found


def _constants(storage: Storage, found: Iterator[Statement]) -> dict[str, int]:
    numbers = {n for s in found if storage.in_place(s) for n in target.constants(s)}
    return {target.constant(n): n for n in sorted(numbers)}
