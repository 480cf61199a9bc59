"""The functions that compute: one for each phase, and the helpers that their expressions call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gru_codegen.emit.attributes import Attributes
from gru_codegen.emit.blocks import Blocks
from gru_codegen.emit.entry_points import arguments_of
from gru_codegen.emit.lines import WIDTH, assignments, called, signature
from gru_codegen.emit.names import Names
from gru_codegen.emit.numpy import helpers_of
from gru_codegen.emit.sizes import Sizes, parameter
from gru_codegen.ir import Call, Phase, Program, Var, parts, statements, writes
from gru_codegen.plan import Plan

__all__ = ["Function", "helpers", "phase_function"]

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
}


@dataclass(frozen=True)
class Function:
    """The function of one phase.

    arguments, in_pullback: what the entry points pass to it, and what a pullback does.
    result: what it returns after its lines; "" if they return already, or if nothing is.
    steps: the matrices of one step that its loop names, each of which array.
    names: what its lines needed.
    """

    name: str
    doc: str
    signature: str
    arguments: str
    in_pullback: str
    lines: str
    result: str
    steps: dict[str, str]
    names: Names


def phase_function(phase: Phase, attributes: Attributes) -> Function:
    """The function that computes `phase`."""
    plan, used = attributes.plan, list(phase.variables().values())
    program, names = plan.program, Names(attributes)
    roles = {var.role for var in used}
    parameters = ["params: Params"] if roles & {"weight", "gradient"} else []
    arguments = ["params"] if parameters else []
    called_by = _arguments(program)
    parameters += [f"{v.name}: Array" for v in used if v.name in called_by]
    arguments += [called_by[v.name] for v in used if v.name in called_by]
    if "loss weights" in roles:
        parameters.append("V: Array | None")
        arguments.append("V")
    seeds = [var.name for var in used if _is_given_seed(var, phase, plan)]
    parameters += [*(f"{name}: Array" for name in seeds), "w: Workspace"]
    blocks = Blocks(names, phase.name)
    lines = blocks.lines(phase.blocks)
    if program.steps is not None:
        lines = blocks.with_steps(lines)
    if phase.name == "backward":
        parameters.append("last: tuple[Array, ...] | None = None")
        if not plan.in_place:
            unset = _pullback_only(program, phase)
            lines = [*(f"    {name}: Any = None" for name in unset), *lines]
    results = [var.name for var in used if var.role == "loss"]
    if blocks.losses:
        lines = [f"    {results[0]} = np.zeros(w.steps, w.dtype)", *lines]
        results = [f"{results[0]}.sum()"]
    elif results and lines[-1].startswith(f"    {results[0]} = "):
        results, lines[-1] = [], lines[-1].replace(f"{results[0]} =", "return", 1)
    if "gradient" in roles:
        gradients = [f"d{weight.name}" for weight in program.weights]
        lines.append(called("gradients = ", "Params", gradients))
        carried = [_carry(carry, names) for carry in program.carries]
        results += ["gradients", f"({', '.join(carried)}{',' * (len(carried) == 1)})"]
    if phase.name == "inputs":
        results = [_input_gradient(v, plan) for v in _input_gradients(plan)]
        returns = "Array" if len(results) == 1 else f"tuple[{', '.join('Array' for _ in results)}]"
    else:
        returns = _RETURNS[phase.name]
    _forget_unused(names, [*lines, *results])
    lines = [*_preamble(used, names, seeds), *lines]
    return Function(
        phase.name,
        _DOCS[phase.name],
        signature(f"_{phase.name}", parameters, returns),
        ", ".join([*arguments, *(f"w.{name}" for name in seeds), "w"]),
        ", ".join([*arguments, *("d_outputs" for _ in seeds), "w"]),
        "\n".join(lines),
        ", ".join(results),
        names.steps,
        names,
    )


def _arguments(program: Program) -> dict[str, str]:
    """What entry points call inputs and targets, by the names that equations give them."""
    variables = program.variables().values()
    inputs = arguments_of([var.name for var in variables if var.role == "input"])
    return {**inputs, **{var.name: "y" for var in variables if var.role == "target"}}


def _pullback_only(program: Program, phase: Phase) -> list[str]:
    """The carries that no step computes but for a pullback."""
    computed = {ref.var for s in statements(phase.blocks) if not s.given for ref in writes(s)}
    return [carry.name for carry in program.carries if carry not in computed]


def _carry(carry: Var, names: Names) -> str:
    of_all_steps = names.plan.is_carried_over_time(carry)
    name = names.end(carry, "first") if of_all_steps else names.local_name(carry)
    return f"{name}.T" if names.layout == "columns" else name


def _input_gradients(plan: Plan) -> list[Var]:
    return [v for v in plan.program.entries["pullback"] if v.role == "adjoint"]


def _input_gradient(var: Var, plan: Plan) -> str:
    if var.name in plan.results:
        return var.name
    columns = plan.program.layout == "columns"
    return f"_turned({var.name}).copy()" if columns else f"{var.name}.copy()"


def helpers(plan: Plan) -> list[str]:
    """The functions that expressions call, each as one block of text."""
    return helpers_of(
        {
            part.operation
            for statement in plan.program.statements()
            if not plan.writes_in_place(statement)  # such an operation is written out
            for part in parts(statement.value)
            if isinstance(part, Call)
        }
    )


def _is_given_seed(var: Var, phase: Phase, plan: Plan) -> bool:
    """Whether `var` is the adjoint of the outputs, as an argument: not in the Workspace."""
    return not plan.in_place and var == plan.program.seed and phase.name != "loss"


def _groups(local: dict[str, str], names: Names) -> Iterator[list[str]]:
    """Local names by what they are: sizes, numbers, weights made ready, arrays."""
    by_name = names.plan.program.variables()
    sizes = [parameter(letter) for letter in Sizes.of(names.plan.program).letters]

    def kind(name: str) -> int:
        if local[name].removeprefix("w.") in sizes:
            return 0
        if name in names.numbers:
            return 1
        return 2 if name in by_name and by_name[name].is_of_weights else 3

    groups: list[list[str]] = [[], [], [], []]
    for name in local:
        groups[kind(name)].append(name)
    groups[0].sort(key=lambda name: sizes.index(local[name].removeprefix("w.")))
    groups[1].sort(key=lambda name: names.numbers.get(name, 0))
    yield from groups


def _forget_unused(names: Names, lines: list[str]) -> None:
    """Drop the local names that none of `lines` uses, nor another local name."""
    while True:
        code = re.sub("#.*", "", "\n".join(lines))
        text = "\n".join([code, *names.local.values()])
        words = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", text))
        unused = [name for name in names.local if name not in words]
        if not unused:
            return
        for name in unused:
            del names.local[name]


def _preamble(used: list[Var], names: Names, seeds: list[str]) -> Iterator[str]:
    """Lines that give local names to what the lines below them need."""
    attributes, plan = names.attributes, names.plan
    declared = plan.program.weights
    local = {name: code for name, code in names.local.items() if name not in seeds}
    weights = [weight.name for weight in declared if weight.name in local]
    unpacked = f"    {', '.join(weights)} = params"
    if len(weights) == len(declared) and len(weights) > 1 and len(unpacked) <= WIDTH:
        yield unpacked
    else:
        yield from assignments(weights, [local[name] for name in weights])
    rest = {name: code for name, code in local.items() if name not in weights}
    direct = {name: code for name, code in rest.items() if code.startswith("w.")}
    derived = {name: code for name, code in rest.items() if name not in direct}
    for group in _groups(direct, names):
        yield from assignments(group, [direct[name] for name in group])
    for name in sorted(var.name for var in used if var.name in plan.results):
        var = plan.results[name]
        shape = attributes.sizes(var, over_time=var.timed)
        yield f"    {name} = np.empty({shape}, w.dtype)"
    yield from assignments(list(derived), list(derived.values()))
