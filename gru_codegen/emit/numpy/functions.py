"""The functions that compute: one for each phase, and the helpers that their expressions call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from gru_codegen.emit.entry_points import arguments_of
from gru_codegen.emit.lines import WIDTH, Line, assignments, call_lines, signature
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.blocks import Blocks
from gru_codegen.emit.numpy.helpers import helpers_of
from gru_codegen.emit.numpy.names import Kind, Local, Names
from gru_codegen.emit.numpy.outputs import given_adjoints
from gru_codegen.emit.sizes import Sizes, in_code, parameter
from gru_codegen.ir import Call, Phase, Program, Shape, Var, parts, statements, writes
from gru_codegen.names import public
from gru_codegen.plan import Plan

__all__ = [
    "Function",
    "helpers",
    "named_arguments",
    "needed_names",
    "phase_function",
    "preamble",
]

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

    arguments: what entry points with targets pass to it; unweighted, in_pullback: what those
    without targets do, and a pullback.
    result: what it returns after its lines; "" if they return already, or if nothing is.
    steps: the matrices of one step that its loop names, each of which array.
    names: what its lines needed. locals: the local names that it gives a value.
    """

    name: str
    doc: str
    signature: str
    arguments: str
    unweighted: str
    in_pullback: str
    lines: tuple[Line, ...]
    result: str
    steps: dict[str, str]
    names: Names
    locals: tuple[Local, ...]


def phase_function(phase: Phase, attributes: Attributes) -> Function:
    """The function that computes `phase`."""
    plan, used = attributes.plan, list(phase.variables().values())
    program, names = plan.program, Names(attributes)
    roles = {var.role for var in used}
    arguments, parameters = owned(owners(used, program))
    called_by = named_arguments(program)
    parameters += [f"{v.name}: Array" for v in used if v.name in called_by]
    arguments += [called_by[v.name] for v in used if v.name in called_by]
    if "loss weights" in roles:
        parameters.append("V: Array | None")
        arguments.append("V")
    seeds = {v.name: d for v, d in _given_seeds(phase, plan).items() if v in used}
    parameters += [*(f"{name}: Array" for name in seeds), "w: Workspace"]
    blocks = Blocks(names, phase.name)
    lines = blocks.lines(phase.blocks)
    if phase.name == "backward":
        parameters.append("last: tuple[Array, ...] | None = None")
        if not plan.in_place:
            unset = _pullback_only(plan, phase)
            lines = [*(Line(f"    {name}: Any = None") for name in unset), *lines]
    results = [var.name for var in used if var.role == "loss"]
    if blocks.statements.losses:
        lines = [Line(f"    {results[0]} = np.zeros({blocks.statements.losses}, w.dtype)"), *lines]
        results = [f"{results[0]}.sum()"]
    if "gradient" in roles:
        by_weight = {var.adjoint_of: var.name for var in used if var.role == "gradient"}
        gradients = [by_weight[weight.name] for weight in program.weights]
        lines += map(Line, call_lines("gradients = ", "Params", gradients))
        carried = [_carry(carry, names) for carry in program.carries]
        results += ["gradients", f"({', '.join(carried)}{',' * (len(carried) == 1)})"]
    if phase.name == "inputs":
        results, returns = [_gradients_of_inputs(plan)], _type_of_inputs(program)
    else:
        returns = _RETURNS[phase.name]
    needed = needed_names(names, {*names.taken(), *(name for line in lines for name in line.reads)})
    lines = [*map(Line, preamble(used, names, needed - {*seeds})), *lines]
    return Function(
        phase.name,
        _DOCS[phase.name],
        signature(f"_{phase.name}", parameters, returns),
        ", ".join([*arguments, *(f"w.{name}" for name in seeds), "w"]),
        ", ".join([*_unweighted(arguments), "w"]),
        ", ".join([*_unweighted(arguments), *seeds.values(), "w"]),
        tuple(lines),
        "" if blocks.statements.returns else ", ".join(results),
        names.steps,
        names,
        tuple(names.local[name] for name in needed),
    )


def owners(used: Iterable[Var], program: Program) -> set[str]:
    """The arguments that have those of the variables `used` that are the same at all steps."""
    read = [var for var in used if var.role == "weight" and var.name not in program.made]
    found = {"constants" if var in program.constants else "params" for var in read}
    return found | ({"params"} if any(var.role == "gradient" for var in used) else set())


def owned(owners: Collection[str]) -> tuple[list[str], list[str]]:
    """The names of `owners` in the order of arguments, and as parameters."""
    types = {"params": "Params", "constants": "Constants"}
    names = [name for name in types if name in owners]
    return names, [f"{name}: {types[name]}" for name in names]


def named_sizes(plan: Plan, others: Iterable[Shape] = ()) -> Iterator[str]:
    """Lines that give names to the number of steps and the sizes of arrays, and of `others`."""
    shapes = (*(shape for array in plan.arrays for shape in array.shapes), *others)
    within = {size for shape in shapes for size in shape}
    used = [letter for letter in Sizes.of(plan.program).letters if letter in within]
    code = [f"w.{parameter(letter)}" for letter in used]
    yield from assignments(["T", *map(in_code, used)], ["w.steps", *code])


def named_arguments(program: Program) -> dict[str, str]:
    """The names of inputs and targets in entry points, by those in equations."""
    targets = [var.name for var in program.variables().values() if var.role == "target"]
    return {**arguments_of(_inputs(program)), **dict.fromkeys(targets, "y")}


def _unweighted(arguments: Iterable[str]) -> list[str]:
    """The same without loss weights."""
    return ["None" if argument == "V" else argument for argument in arguments]


def _pullback_only(plan: Plan, phase: Phase) -> list[str]:
    """The carries without an array that no step computes but for a pullback."""
    computed = {ref.var for s in statements(phase.blocks) if not s.given for ref in writes(s)}
    carries = [carry for carry in plan.program.carries if not plan.is_stored(carry)]
    return [carry.name for carry in carries if carry not in computed]


def _carry(carry: Var, names: Names) -> str:
    of_all_steps = names.plan.is_carried_over_time(carry)
    name = names.end(carry, "first") if of_all_steps else names.local_name(carry)
    return f"{name}.T" if names.orientation == "columns" else name


def _gradients_of_inputs(plan: Plan) -> str:
    """The code of the gradient of x: an array, or Inputs with None where an input has none."""
    pulled = {v.adjoint_of: v for v in plan.program.entries["pullback"] if v.role == "adjoint"}
    inputs = _inputs(plan.program)
    found = {x: _input_gradient(pulled[x], plan) if x in pulled else "None" for x in inputs}
    if len(found) == 1:
        return next(iter(found.values()))
    return f"Inputs({', '.join(f'{public(name)}={code}' for name, code in found.items())})"


def _type_of_inputs(program: Program) -> str:
    return "Inputs" if len(_inputs(program)) > 1 else "Array"


def _inputs(program: Program) -> list[str]:
    return [var.name for var in program.variables().values() if var.role == "input"]


def _input_gradient(var: Var, plan: Plan) -> str:
    if var.name in plan.results:
        return var.name
    columns = plan.program.orientation == "columns"
    return f"_turned({var.name}).copy()" if columns else f"{var.name}.copy()"


def helpers(*plans: Plan) -> list[str]:
    """The functions that expressions call, each as one block of text."""
    return helpers_of(
        {
            part.operation
            for plan in plans
            for statement in plan.program.statements()
            if not plan.writes_in_place(statement)  # such an operation is written out
            for part in parts(statement.value)
            if isinstance(part, Call)
        }
    )


def _given_seeds(phase: Phase, plan: Plan) -> dict[Var, str]:
    """The adjoints of outputs that are arguments, and what a pullback has for each."""
    program = plan.program
    if plan.in_place or phase.name == "loss":
        return {}
    return dict(zip(program.seeds, given_adjoints(program), strict=False))


def needed_names(names: Names, reads: Iterable[str]) -> set[str]:
    """The local names `reads`, and those that their values are made of."""
    needed: set[str] = set()
    open_names = list(reads)
    while open_names:
        name = open_names.pop()
        if name not in needed and name in names.local:
            needed.add(name)
            open_names += names.local[name].reads
    return needed


def preamble(used: list[Var], names: Names, needed: set[str]) -> Iterator[str]:
    """Lines that give local names to what the lines below them need."""
    attributes, plan = names.attributes, names.plan
    by_kind: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for name, local in names.local.items():
        if name in needed:
            by_kind[local.kind].append(name)
    declared = [weight.name for weight in plan.program.weights]
    by_kind[Kind.WEIGHT].sort(key=lambda name: name in declared and declared.index(name))
    given = [var.name for var in plan.program.given]
    by_kind[Kind.CONSTANT].sort(key=given.index)
    sizes = [parameter(letter) for letter in Sizes.of(plan.program).letters]
    by_kind[Kind.SIZE].sort(key=lambda name: sizes.index(names.local[name].source))
    by_kind[Kind.NUMBER].sort(key=names.numbers.__getitem__)
    unpacked = f"    {', '.join(declared)} = params"
    if by_kind[Kind.WEIGHT] == declared and len(declared) > 1 and len(unpacked) <= WIDTH:
        yield unpacked
        del by_kind[Kind.WEIGHT]
    derived = by_kind.pop(Kind.DERIVED)
    for group in by_kind.values():
        yield from assignments(group, [names.local[name].code for name in group])
    for name in sorted(var.name for var in used if var.name in plan.results):
        var = plan.results[name]
        shape = attributes.sizes(var, over_time=var.timed)
        yield f"    {name} = np.empty({shape}, w.dtype)"
    yield from assignments(derived, [names.local[name].code for name in derived])
