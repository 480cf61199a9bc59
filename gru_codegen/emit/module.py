"""A module as a whole: what the template is given, and the source that it makes of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gru_codegen.cost import cost
from gru_codegen.emit.functions import constants, helpers, phase_function
from gru_codegen.emit.header import Heading, aligned, shapes_in_words
from gru_codegen.emit.lines import filled, hung, remarked
from gru_codegen.emit.sizes import in_code, letters
from gru_codegen.emit.storage import Storage
from gru_codegen.ir import Program

__all__ = ["emit"]


def emit(program: Program, heading: Heading) -> str:
    """The source of the module that runs `program`."""
    fast = heading.style == "fast"
    storage = Storage(program, fast)
    states = [var for var in program.entries["gradients"] if var.role == "value"]
    rolling = program.steps is None
    output = program.entries["forward"][0]
    context = {
        "heading": heading,
        "unroll": program.steps,
        "fast": fast,
        "equations": aligned(heading.equations),
        "shapes": shapes_in_words(heading.input, program.weights),
        "weights": program.weights,
        "size_weight": next(w for w in program.weights if w.shape[-1] == "H"),
        "states": states,
        "sizes": [size for size in "BDHO" if any(size in v.shape for v in storage.variables)],
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
        "output": output,
        "output_letters": letters(("T", *output.shape)),
        "buffers": storage.buffers(),
        "scratch": storage.scratch(),
        "constants": constants(storage),
        "functions": helpers(storage),
        "phases": {phase.name: phase_function(phase, storage) for phase in program.phases},
        "counts": any(var.role == "count" for var in storage.variables),
        "cost": {"forward": cost(program, ("forward",)), "gradients": cost(program)},
        "stored": storage.stored(),
        "steps": {} if rolling else {"T": program.steps},
        "over_time": storage.over_time(),
        "used_sizes": {
            size
            for buffer in (*storage.buffers(), *storage.scratch())
            for size in buffer.shape.split(", ")
        },
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
