"""A module as a whole: what the template is given, and the source that it makes of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gru_codegen.cost import Polynomial, cost
from gru_codegen.emit.functions import helpers, phase_function
from gru_codegen.emit.header import Heading, aligned, shapes_in_words
from gru_codegen.emit.lines import filled, hung, remarked
from gru_codegen.emit.sizes import in_code, letters
from gru_codegen.emit.storage import Storage
from gru_codegen.emit.workspace import gathered_refs, workspace_lines
from gru_codegen.ir import Program

__all__ = ["emit"]


def emit(program: Program, heading: Heading) -> str:
    """The source of the module that runs `program`."""
    fast, columns = heading.style == "fast", program.layout == "columns"
    storage = Storage(program, fast)
    states = [var for var in program.entries["gradients"] if var.role == "value"]
    output = program.entries["forward"][0]
    functions = [phase_function(phase, storage) for phase in program.phases]
    stored = storage.stored()
    for ref in gathered_refs(functions).values():
        stored += Polynomial.product(1, ("T", *ref.var.shape))
    context = {
        "heading": heading,
        "unroll": program.steps,
        "fast": fast,
        "columns": columns,
        "equations": aligned(heading.equations),
        "shapes": shapes_in_words(heading.input, program.weights),
        "weights": program.weights,
        "size_weight": next(w for w in program.weights if w.shape[-1] == "H"),
        "states": states,
        "sizes": [size for size in "BDHO" if any(size in v.shape for v in storage.variables)],
        "turned": ".T" if columns else "",
        "state_type": "State" if len(states) > 1 else "Array",
        "last_state": _tuple(
            "State", [f"w.{v.name}_last{'.T' if columns else ''}.copy()" for v in states]
        ),
        "output": output,
        "outputs": f"_turned(w.{output.name})"
        if program.layout == "columns"
        else f"w.{output.name}",
        "output_letters": letters(("T", *output.shape)),
        "workspace": workspace_lines(storage, functions, states),
        "functions": helpers(storage),
        "phases": {function.name: function for function in functions},
        "masked": any("mask" in function.steps.values() for function in functions),
        "seed": program.seed,
        "counts": any(var.role == "count" for var in storage.variables),
        "cost": {"forward": cost(program, ("forward",)), "gradients": cost(program)},
        "stored": stored,
        "steps": {} if program.steps is None else {"T": program.steps},
        "flattened": any("_rows(" in function.lines for function in functions),
    }
    return _environment().get_template("kernel.py.jinja").render(context)


def _tuple(name: str, values: list[str]) -> str:
    """A NamedTuple of several values; a single one is handed out as it is."""
    return f"{name}({', '.join(values)})" if len(values) > 1 else values[0]


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
    environment.filters["remarked"] = remarked
    environment.filters["hang"] = hung
    environment.filters["wrap"] = filled
    environment.filters["letters"] = letters
    environment.filters["sizes"] = lambda shape: letters(tuple(map(in_code, shape)))
    return environment
