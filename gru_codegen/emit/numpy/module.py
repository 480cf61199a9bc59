"""A module as a whole: what the template is given, and the source that it makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gru_codegen.cost import cost
from gru_codegen.emit.entry_points import Interface, arguments_of
from gru_codegen.emit.header import Heading, aligned, shapes_in_words, storage_in_words
from gru_codegen.emit.lines import (
    Line,
    assignments,
    called,
    command,
    filled,
    hung,
    hung_sum,
    together,
)
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.emit.numpy.constants import (
    code_of_inputs,
    made_constants,
    numbers_of_sizes,
    signature_of_prepared,
)
from gru_codegen.emit.numpy.credit import errors_function
from gru_codegen.emit.numpy.functions import Function, helpers, named_arguments, phase_function
from gru_codegen.emit.numpy.outputs import code_of_outputs, code_of_targets, shapes_of_outputs
from gru_codegen.emit.numpy.requirements import require_boundaries, require_interface
from gru_codegen.emit.numpy.runtime import method, runtime
from gru_codegen.emit.numpy.trace import trace_function
from gru_codegen.emit.numpy.weights import compared, draws, helpers_of_draws, of_weights, sources
from gru_codegen.emit.numpy.workspace import workspace_lines
from gru_codegen.emit.sizes import Sizes, added, in_code, letters, quoted
from gru_codegen.emit.source_map import SourceMap
from gru_codegen.ir import Program, Shape, Var
from gru_codegen.names import public
from gru_codegen.plan import Plan, plan, validate
from gru_codegen.polynomials import Polynomial

__all__ = ["emit", "map_source"]


def emit(
    program: Program,
    heading: Heading,
    terms: Program | None = None,
    traced: Program | None = None,
) -> str:
    """The source of the module that runs `program`.

    terms: the program of the gradients alone, for a module that has `credit`.
    traced: that of all values of the forward pass, for one that has `trace`.

    Raises
    ------
    ProgramError: there is something in it that this target cannot spell.
    """
    return _source(_lines(program, heading, terms, traced))


def map_source(
    program: Program,
    heading: Heading,
    terms: Program | None = None,
    traced: Program | None = None,
) -> SourceMap:
    """The same, with which of its lines compute which equation of `program`."""
    lines = _lines(program, heading, terms, traced)
    texts = {each: formula.text for each, formula in program.equations.items()}
    numbered = [(number, line.equations) for number, line in enumerate(lines, start=1)]
    return SourceMap.of(_source(lines), texts, numbered)


def _source(lines: Iterable[Line]) -> str:
    return "".join(f"{line.code}\n" for line in lines)


def _lines(
    program: Program, heading: Heading, terms: Program | None, traced: Program | None
) -> list[Line]:
    """The lines of the module, one by one: its head, the functions that compute, its tail."""
    require_interface(program, heading.inputs)
    planned = validate(plan(program, in_place=heading.style == "fast"))
    require_boundaries(planned, _declared_states(program))
    attributes = Attributes(planned)
    functions = [phase_function(phase, attributes) for phase in program.phases]
    workspace = workspace_lines(attributes, functions, _declared_states(program))
    calls = workspace.calls.union(*(function.names.calls for function in functions))
    outputs = _states(program, attributes) | code_of_outputs(program, attributes)
    outputs |= code_of_targets(planned, heading, outputs["outputs"])
    plans = [planned]
    first = {state.name: attributes.form(state.name, "first") for state in outputs["states"]}
    if traced is not None:
        plans.append(plan(traced, in_place=False))
        functions.append(trace_function(plans[-1], first, named_arguments(program)))
        calls |= functions[-1].names.calls
    if terms is not None:
        plans.append(validate(plan(terms, in_place=True)))
        functions.append(errors_function(plans[-1], first, named_arguments(program)))
        calls |= {"_measured", "_rooms", *functions[-1].names.calls}
    context = {
        "heading": heading,
        "unroll": program.steps,
        "alone": heading.targets is None,
        "fast": planned.in_place,
        "columns": program.orientation == "columns",
        "storage": storage_in_words(planned),
        "equations": aligned(heading.equations),
        "weights": program.weights,
        "steps": {} if program.steps is None else {"T": program.steps},
        "cost": {
            "forward": cost(program, ("forward",), planned),
            "gradients": cost(program, ("forward", "loss", "backward"), planned),
        },
        "functions": helpers(*plans),
        "phases": {function.name: function for function in functions},
        "masked": any(attributes.mask in (*f.steps.values(), *f.names.local) for f in functions),
        "mask": attributes.mask,
        "counts": any(var.role == "count" for var in program.variables().values()),
        "runtime": runtime([*_called(program, heading), *calls]),
        "stored": _stored(planned, heading),
        "copied": _copied(program, heading),
        "workspace": workspace,
        **_sizes(program, heading),
        **outputs,
        **_entry_points(program, heading, outputs, traced, credit=terms is not None),
    }
    head, tail = (
        _environment().get_template(f"{part}.py.jinja").render(context) for part in ("head", "tail")
    )
    drafts = [Line(head), *(line for f in functions for line in _function(f)), Line(tail)]
    return [line for draft in drafts for line in _one_by_one(draft)]


def _one_by_one(draft: Line) -> Iterable[Line]:
    """The lines of a text that may have several."""
    if "\n" not in draft.code:
        return (draft,)
    return (replace(draft, code=code) for code in draft.code.splitlines())


def _function(function: Function) -> Iterator[Line]:
    """The function of a phase, two blank lines above it."""
    yield from (Line(""), Line(""))
    yield Line(function.signature)
    yield Line(f'    """{function.doc}"""')
    yield from function.lines
    if function.result:
        yield Line(f"    return {function.result}")


def _entry_points(
    program: Program,
    heading: Heading,
    states: dict[str, Any],
    traced: Program | None,
    *,
    credit: bool,
) -> dict[str, Any]:
    """The functions that the module is called by, and how what they return is spelled."""
    state = states["state_type"]
    interface = Interface.of(program, heading.inputs, heading.targets, state)
    trains = heading.targets is not None
    classes = [
        *(["AllGradients"] if trains else []),
        *(["Constants"] if interface.constants else []),
        *(["Credit"] if credit else []),
        *(["Inputs"] if interface.several else []),
        *(["Outputs"] if states["several_outputs"] else []),
        "Params",
        *(["Result"] if trains else []),
        *(["State"] if state == "State" else []),
        *(["Trace"] if traced is not None else []),
        "Workspace",
    ]
    functions = ["init_params", "params_from_npz", "params_to_npz"]
    values = () if traced is None else traced.entries["trace"]
    entry_points = interface.entry_points(credit=credit, values=[public(v.name) for v in values])
    first = "State(*(carry.copy() for carry in first))" if state == "State" else "first[0].copy()"
    return {
        "entry_points": entry_points,
        "credit": credit,
        "traced": values,
        "constants": interface.constants,
        "prepared": signature_of_prepared(interface),
        "fixed": ["params", *(["constants"] if interface.constants else [])],
        "inputs": interface.inputs,
        "several": interface.several,
        **code_of_inputs(interface),
        "without_gradient": interface.without_gradient,
        "pulled": f"tuple[Params, Any, {state}]",
        "names": [*classes, *sorted([*functions, *(entry.name for entry in entry_points)])],
        "results": {
            "outputs": states["copied_outputs"],
            "state": states["last_state"],
            "loss": "_scalar(total, w)",
            "gradients": "gradients",
            "params": "gradients",
            "x": "d_x" if interface.differentiated else interface.none,
            "s0": first,
        },
    }


def _sizes(program: Program, heading: Heading) -> dict[str, Any]:
    """The sizes, each with the argument that tells it, and the shapes of the arguments."""
    sizes = Sizes.of(program)
    outputs = ("T", *program.outputs[0].shape)
    several = len(_declared_states(program)) > 1
    weights = {letter for weight in program.weights for letter in weight.shape}
    names, values = sizes.parameters(weights)
    numbers = [in_code(letter) for letter in ("B", *sizes.columns)] + sizes.further
    number_letters = ("B", *sizes.columns, *(n for n in sizes.letters if n not in "BDH"))
    inputs = [program.variables()[name] for name in heading.inputs]
    called_by = arguments_of(heading.inputs)
    made = made_constants(program)
    return {
        "sizes": sizes,
        "size_names": _size_names(sizes),
        "size_keywords": _keywords(_size_names(sizes)),
        **of_weights(program, sizes),
        **draws(program, heading),
        "weight_size_keywords": _keywords(_size_names(sizes)[1:]),
        "workspace_arguments": [
            *numbers[:3],
            "dtype",
            *(f"{name}={name}" for name in sizes.further),
        ],
        "fit_arguments": ["workspace", quoted(number_letters), letters(tuple(numbers)), "dtype"],
        "first_input": next(iter(called_by.values())),
        "sources": sources(sizes, {called_by[v.name]: v.shape[1] for v in inputs}),
        "shapes": shapes_in_words(inputs, program.given, ((var, words) for var, words, *_ in made)),
        "numbers_of_sizes": numbers_of_sizes(program),
        "made": made,
        "shapes_of": {
            **{called_by[var.name]: ("T", *var.shape) for var in inputs},
            **({} if heading.targets is None else {"y": _shape_of_targets(heading, outputs)}),
            **shapes_of_outputs(program),
            **{
                f"s0.{public(v.name)}" if several else "s0": v.shape
                for v in _declared_states(program)
            },
            **{f"params.{public(weight.name)}": weight.shape for weight in program.weights},
            **{f"constants.{public(each.name)}": each.shape for each in program.given_constants},
        },
        **compared(program, inputs),
        "vector": next((weight for weight in program.weights if len(weight.shape) == 1), None),
        "params_names": list(assignments(names, values)),
    }


def _size_names(sizes: Sizes) -> list[str]:
    """The parameters of all sizes; the batch's, which no weight has, comes first."""
    return ["batch_size", "input_size", "hidden_size", *sizes.further]


def _keywords(names: list[str]) -> list[str]:
    return [f"{name}={name}" for name in names]


def _states(program: Program, attributes: Attributes) -> dict[str, Any]:
    """The states, and the code that reads the last of each."""
    states = _declared_states(program)
    first = [f"w.{attributes.form(state.name, 'first')}" for state in states]
    last = [f"w.{attributes.form(state.name, 'last')}.copy()" for state in states]
    return {
        "states": states,
        "first": f"({', '.join(first)})" if len(states) > 1 else first[0],
        "state_shapes": {s.name: ", ".join(added([n], "w.") for n in s.shape) for s in states},
        "state_names": tuple(public(state.name) for state in states),
        "last_state": f"State({', '.join(last)})" if len(states) > 1 else last[0],
        "state_type": "State" if len(states) > 1 else "Array",
    }


def _stored(plan: Plan, heading: Heading) -> Polynomial:
    """The number of numbers in a Workspace, those of labels turned into targets among them."""
    total = plan.numbers()
    for var in plan.program.constants:
        if var.name in plan.program.made:
            total += Polynomial.product(1, var.shape)
    if plan.in_place and heading.targets == "labels":
        total += Polynomial.product(1, ("T", *plan.program.outputs[0].shape))
    return total


def _copied(program: Program, heading: Heading) -> str:
    """The further arrays of a Workspace after calls with optional arguments, in words."""
    inputs = arguments_of(heading.inputs)
    x = sum(
        (Polynomial.product(1, ("T", *program.variables()[name].shape)) for name in inputs),
        start=Polynomial(),
    )
    y = Polynomial.product(1, ("T", *program.outputs[0].shape))
    steps = {} if program.steps is None else {"T": program.steps}
    x_more, y_more = (str(each.fixed(steps)) for each in (x, y))
    for_lengths = f"{x_more} more after a call with lengths or a mask, for a copy of x"
    if heading.targets in (None, "labels") or program.targets_in_seed:
        return for_lengths
    for_either = f"{y_more} more after one with these or loss weights, for a copy of y"
    return f"{for_lengths}; {for_either}"


def _shape_of_targets(heading: Heading, outputs: Shape) -> Shape:
    return outputs[:-1] if heading.targets == "labels" else outputs


def _called(program: Program, heading: Heading) -> Iterator[str]:
    """The functions of the runtime that the template calls."""
    yield from ("params_to_npz", "params_from_npz", "_checked", "_check_fit", "_check_sizes")
    if program.given_constants:
        yield from ("_cast_constants", "_check_constants")
    yield from (f"_{pattern}" for pattern, _ in program.made.values())
    yield "_cast_inputs" if heading.inputs[1:] else "_cast_input"
    yield from ("_number_type", "_zeroed", "_check_workspace", "_ended", "_masked")
    yield "_copied" if program.outputs[1:] else "_outputs"
    if heading.targets is not None:
        yield from ("_scalar", "_check_unspent", "_weights")
        yield "_like_all_outputs" if program.outputs[1:] else "_like_outputs"
    yield from helpers_of_draws(heading)
    yield "_start_all" if len(_declared_states(program)) > 1 else "_start"
    if heading.targets == "labels":
        yield from ("_labels", "_one_hot")
    if heading.targets == "fractions":
        yield "_check_fractions"
    if any(var.role == "count" for var in program.variables().values()):
        yield "_divisor"
    if heading.targets == "positive":
        yield "_check_positive"
    sizes = Sizes.of(program)
    if sizes.sources:
        yield "_size"
    if sizes.equal:
        yield "_check_equal"
    if program.orientation == "columns":
        yield "_turned"


def _declared_states(program: Program) -> list[Var]:
    return [var for var in program.entries["gradients"] if var.role == "value"]


@cache
def _environment() -> Environment:
    package = Path(__file__).resolve().parent.parent.parent
    shipped, source_tree = package / "templates", package.parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(shipped if shipped.is_dir() else source_tree),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["method"] = method
    environment.globals["called"] = called
    environment.globals["together"] = together
    environment.filters["command"] = command
    environment.filters["hang"] = hung
    environment.filters["hang_sum"] = hung_sum
    environment.filters["wrap"] = filled
    environment.filters["letters"] = letters
    environment.filters["in_code"] = in_code
    environment.filters["public"] = public
    environment.filters["quoted"] = quoted
    environment.filters["sizes"] = lambda shape: letters(tuple(map(in_code, shape)))
    return environment
