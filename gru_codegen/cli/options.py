"""The options that several commands have, and what is asked for by them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import click

from gru_codegen.cli.errors import PROGRAM, BadInput, choose
from gru_codegen.files import require_place
from gru_codegen.steps import fault_of_steps

if TYPE_CHECKING:
    from gru_codegen.request import Request

__all__ = [
    "READOUTS",
    "cell",
    "extras",
    "layout",
    "loss",
    "output",
    "readout",
    "requested",
    "require_output",
    "sizes",
    "style",
    "unroll",
]


def unroll(text: str, most: int, any_means: str) -> Callable[[Any], Any]:
    """The option --unroll: 1 to `most` time steps, or None for `any`."""

    def steps(_context: click.Context, _option: click.Parameter, value: str) -> int | None:
        if value == "any":
            return None
        fault: str | None = "is not a number of time steps"
        if re.fullmatch("[+-]?[0-9]+", value):
            number = float(value)  # by float, since int refuses a long row of digits
            fault = fault_of_steps(number, most)
            if fault is None:
                return int(number)
        raise click.BadParameter(
            f"{shortened(value)} {fault}; give a whole number from 1 to {most}, or any for "
            f"{any_means}"
        )

    return click.option(
        "--unroll", metavar="[N|any]", default="any", show_default=True, callback=steps, help=text
    )


def sizes(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[int, int, int] | None:
    """The option --tune: batch, input and state size."""
    if value is None:
        return None
    numbers = [int(part) for part in value.split(",") if re.fullmatch("[0-9]{1,5}", part.strip())]
    if len(numbers) != 3 or value.count(",") != 2 or 0 in numbers:
        raise click.BadParameter(
            f"{shortened(value)} is not three sizes from 1 to 99999; "
            "give batch, input and state size as 32,64,128; the time steps are those of --unroll"
        )
    batch, inputs, states = numbers
    return batch, inputs, states


def _choice(name: str, metavar: str, default: str, text: str) -> Callable[[Any], Any]:
    """The option --`name`, whose default its help shows."""
    return click.option(f"--{name}", metavar=metavar, default=default, show_default=True, help=text)


#: The readouts and their outputs.
READOUTS = {"none": "the output of the cell itself", "linear": "O_t = S_t Wout + bout"}

cell = _choice("cell", "CELL", "gru", "A name, package.module:NAME or FILE.toml.")
loss = _choice(
    "loss",
    "LOSS",
    "l2",
    f"A name, which `{PROGRAM} cells` lists, package.module:NAME or FILE.toml.",
)
readout = _choice(
    "readout", "[none|linear]", "none", f"Put out the state, or {READOUTS['linear']}."
)
style = _choice(
    "style",
    "[fast|textbook]",
    "fast",
    "Batched and in place, or one expression per equation.",
)
layout = click.option(
    "--layout",
    metavar="[rows|blocked|columns|folded]",
    help="How the fast style stores and multiplies matrices; "
    f"`{PROGRAM} generate --tune` finds the fastest.  [default: columns]",
)
extras = click.option(
    "--with",
    "extras",
    metavar="[credit|trace]",
    multiple=True,
    help="Add credit(), which says whose error gives how much of every gradient, at which step, or "
    "trace(), which returns every matrix that the equations compute, of every step.",
)
only = click.option(
    "--only",
    metavar="forward",
    help="A kernel for inference: the forward pass, and no loss, no gradients, no memory for them.",
)
#: Where the text of `inspect` and `program` goes.
output = click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    default="-",
    show_default=True,
    help="Where to write; - is standard output.",
)


def requested(
    cell: str,
    loss: str,
    readout: str,
    unroll: int | None = None,
    style: str = "fast",
    layout: str | None = None,
    extras: tuple[str, ...] = (),
    only: str | None = None,
) -> Request:
    """The request, by the names that the command line has for its parts."""
    from gru_codegen.parse import cell_called, loss_called
    from gru_codegen.passes import LAYOUTS, STYLES, Layout
    from gru_codegen.readouts import readouts
    from gru_codegen.request import EXTRAS, Request

    known_cell, known_loss = cell_called(cell), loss_called(loss)
    known_style = choose("style", style, {each: each for each in STYLES})
    choose("readout", readout, readouts)
    for extra in extras:
        choose("with", extra, {each: each for each in EXTRAS}, "extra")
    layouts: dict[str, Layout] = {each: each for each in LAYOUTS}
    known_layout = None if layout is None else choose("layout", layout, layouts)
    if known_layout is not None and known_style == "textbook":
        raise BadInput("--layout is for the fast style; leave it or --style textbook out")
    if only is not None:
        choose("only", only, {"forward": "forward"})
        if loss != "l2" or "credit" in extras:
            other = "--with credit" if "credit" in extras else f"--loss {loss}"
            raise BadInput(f"--only forward has no loss and no gradients; leave it or {other} out")
    rest = (unroll, known_style, known_layout, extras, only)
    return Request(known_cell, known_loss, readout, *rest)


def require_output(output: str, *declared: str) -> None:
    """Refuse a place where nothing can be written, and that of what is `declared` in a file."""
    if output == "-":
        return
    require_place(output)
    for spec in declared:
        both_exist = os.path.exists(output) and os.path.exists(spec)
        if spec.lower().endswith(".toml") and both_exist and os.path.samefile(output, spec):
            raise BadInput(f"{output} is the declaration itself; name another file with --output")
