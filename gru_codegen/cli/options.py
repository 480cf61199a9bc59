"""The options that several commands have, and what is asked for by them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import click

from gru_codegen.cli.completion import among, complete_files, names_or_files
from gru_codegen.cli.errors import BadInput, choose
from gru_codegen.files import require_place
from gru_codegen.known import is_in_module, none_called, one_of_your_own
from gru_codegen.steps import fault_of_steps

if TYPE_CHECKING:
    from gru_codegen.passes import Layout, Style
    from gru_codegen.request import Request

__all__ = [
    "EXTRAS",
    "LAYOUTS",
    "LOSSES",
    "READOUTS",
    "STYLES",
    "cell",
    "choice",
    "complete_cell",
    "complete_loss",
    "extras",
    "layout",
    "loss",
    "output",
    "readout",
    "requested",
    "require_declared",
    "require_known",
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

    how = {**among(("any",)), "metavar": "[N|any]"}
    return click.option(
        "--unroll", **how, default="any", show_default=True, callback=steps, help=text
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


def _cells() -> Collection[str]:
    """The names of the cells of the package."""
    from gru_codegen.cells import files_by_name

    return files_by_name()


def choice(name: str, names: Collection[str], text: str, called: str = "") -> Callable[[Any], Any]:
    """The option --`name`, which takes one of `names`; the first is the default.

    called: what the command calls it, if not by its name.
    """
    first, words = next(iter(names)), (f"--{name}", called or name)
    return click.option(*words, **among(names), default=first, show_default=True, help=text)


# What options take by name. It is known where it is declared too, but NumPy and SymPy are imported
# there, and help and the refusal of a name have no need of them.
LOSSES = ("l2", "l2-mean", "huber", "bce", "cross-entropy", "cross-entropy-mean")
STYLES: tuple[Style, ...] = ("fast", "textbook")
LAYOUTS: tuple[Layout, ...] = ("rows", "blocked", "columns", "folded")
EXTRAS = ("credit", "trace")
PARTS = ("forward",)
#: The readouts and their outputs.
READOUTS = {"none": "the output of the cell itself", "linear": "O_t = S_t Wout + bout"}


complete_cell = names_or_files(_cells)
complete_loss = names_or_files(lambda: LOSSES)

cell = click.option(
    "--cell",
    metavar="CELL",
    default="gru",
    show_default=True,
    shell_complete=complete_cell,
    help="A name, package.module:NAME or FILE.toml.",
)
loss = click.option(
    "--loss",
    metavar="LOSS",
    default="l2",
    show_default=True,
    shell_complete=complete_loss,
    help=f"{', '.join(LOSSES[:-1])} or {LOSSES[-1]}; package.module:NAME or FILE.toml.",
)
readout = choice("readout", READOUTS, f"Put out the state, or {READOUTS['linear']}.")
style = choice("style", STYLES, "Batched and in place, or one expression per equation.")
layout = click.option(
    "--layout",
    **among(LAYOUTS),
    help="How the fast style stores and multiplies matrices; --tune of `generate` finds the "
    "fastest.  [default: columns]",
)
extras = click.option(
    "--with",
    "extras",
    **among(EXTRAS),
    multiple=True,
    help="Add credit(), which says whose error gives how much of every gradient, at which step, or "
    "trace(), which returns every matrix that the equations compute, of every step.",
)
only = click.option(
    "--only",
    **{**among(PARTS), "metavar": "forward"},
    help="A kernel for inference: the forward pass, and no loss, no gradients, no memory for them.",
)
#: Where the text of `inspect` and `program` goes.
output = click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    default="-",
    show_default=True,
    shell_complete=complete_files,
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
    """The request, by the names that the command line has for its parts.

    Call `require_known` before.
    """
    from gru_codegen.parse import cell_called, loss_called
    from gru_codegen.request import Request

    known_style = choose("style", style, STYLES)
    known_layout = None if layout is None else choose("layout", layout, LAYOUTS)
    rest = (unroll, known_style, known_layout, extras, only)
    return Request(cell_called(cell), loss_called(loss), readout, *rest)


def require_known(
    cell: str,
    loss: str,
    readout: str,
    style: str = "fast",
    layout: str | None = None,
    extras: tuple[str, ...] = (),
    only: str | None = None,
) -> None:
    """Refuse names that there are not, and what cannot be had together; SymPy is not imported."""
    require_declared(cell, loss)
    choose("style", style, STYLES)
    choose("readout", readout, READOUTS)
    for extra in extras:
        choose("with", extra, EXTRAS, "extra")
    if layout is not None:
        choose("layout", layout, LAYOUTS)
        if style == "textbook":
            raise BadInput("--layout is for the fast style; leave it or --style textbook out")
    if only is not None:
        choose("only", only, PARTS, "part")
        if loss != "l2" or "credit" in extras:
            other = "--with credit" if "credit" in extras else f"--loss {loss}"
            raise BadInput(f"--only forward has no loss and no gradients; leave it or {other} out")


def require_declared(cell: str | None = None, loss: str | None = None) -> None:
    """Refuse a name that no cell or loss of the package has, and a file that is not there."""
    for kind, spec, known in (("cell", cell, _cells()), ("loss", loss, LOSSES)):
        if spec is None or is_in_module(spec) or spec.lower().endswith(".py"):
            continue  # of a module: to be imported, or told about, where it is
        if spec.lower().endswith(".toml"):
            if not os.path.lexists(spec):
                raise BadInput(f"{spec} does not exist")
        elif spec not in known:
            raise BadInput(f"{none_called(kind, spec, known)}; {one_of_your_own(kind)}")


def require_output(output: str, *declared: str) -> None:
    """Refuse a place where nothing can be written, and that of what is `declared` in a file."""
    if output == "-":
        return
    require_place(output, make_folder=True)
    for spec in declared:
        both_exist = os.path.exists(output) and os.path.exists(spec)
        if spec.lower().endswith(".toml") and both_exist and os.path.samefile(output, spec):
            raise BadInput(f"{output} is the declaration itself; name another file with --output")
