"""The command `inspect`: the derivation, laid open."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from gru_codegen.cli import options
from gru_codegen.cli.errors import BadInput, choose
from gru_codegen.cli.options import requested, require_known, require_output
from gru_codegen.cli.terminal import deliver, working
from gru_codegen.steps import MOST_SHOWN

if TYPE_CHECKING:
    from gru_codegen.explain import Expansion, Format

__all__ = ["inspect"]

FORMATS: tuple[Format, ...] = ("text", "latex", "html", "json")
EXPANSIONS: tuple[Expansion, ...] = ("hand", "full")

#: Wider lines of prose are hard to read.
_WIDEST, _NARROWEST = 120, 40


@click.command(
    short_help="Show the derivation: equations, adjoints, gradients.",
    epilog="""\b
Examples:
  gru-codegen inspect
  gru-codegen inspect --unroll 2 --at 2
  gru-codegen inspect --unroll 2 --at 1 --wrt Wz
  gru-codegen inspect --cell lstm --readout linear --loss cross-entropy
  gru-codegen inspect --format latex --output gru.tex
  gru-codegen inspect --unroll 2 --format html --output gru.html""",
)
@options.cell
@options.unroll(
    "Write N time steps out as well, one by one; any: only the formulas of a step t.",
    MOST_SHOWN,
    "the recurrences, which hold for any number",
)
@options.loss
@options.readout
@click.option(
    "--wrt",
    metavar="WEIGHT",
    multiple=True,
    help="The gradient of this weight; may be given again.  [default: all weights]",
)
@click.option(
    "--at", metavar="STEP", type=int, help="This one of the --unroll time steps.  [default: all]"
)
@options.choice(
    "expand",
    EXPANSIONS,
    "How far to write out a gradient at a time step: to names of the forward pass, or fully.",
)
@options.choice(
    "format",
    FORMATS,
    "Text for the terminal, a LaTeX document, a page for browsers, or data.",
    "markup",
)
@click.option("--fragment", is_flag=True, help="LaTeX to paste into a document.")
@click.option("--ascii", is_flag=True, help="Text without the characters of Unicode.")
@options.output
def inspect(
    cell: str,
    unroll: int | None,
    loss: str,
    readout: str,
    wrt: tuple[str, ...],
    at: int | None,
    expand: str,
    markup: str,
    fragment: bool,
    ascii: bool,
    output: str,
) -> None:
    """Show where the gradients come from: every equation, its derivatives, and its line of code."""
    require_known(cell, loss, readout)
    require_output(output, cell, loss)
    spelling = choose("format", markup, FORMATS)
    expansion = choose("expand", expand, EXPANSIONS)
    if fragment and spelling != "latex":
        raise BadInput("--fragment is for --format latex")
    if ascii and spelling != "text":
        raise BadInput("--ascii is for --format text")
    if at is not None and unroll is None:
        raise BadInput(f"--at {at}: of how many time steps? give --unroll as well")
    if at is not None and not 1 <= at <= (unroll or at):
        raise BadInput(f"--at {at}: --unroll {unroll} has the steps 1 to {unroll}")
    if expand == "full" and unroll is None:
        raise BadInput("--expand full: of how many time steps? give --unroll as well")
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.inspection import inspect as inspected

        request = requested(cell, loss, readout)
        weights = [str(each) for each in request.complete.weights]
        for weight in wrt:
            choose("wrt", weight, weights, "weight")
        progress(f"deriving {cell}")
        text = inspected(
            request.cell,
            loss=request.loss,
            readout=readout,
            unroll=unroll,
            at=at,
            wrt=wrt,
            expand=expansion,
            format=spelling,
            spec=cell,
            loss_spec=loss,
            fragment=fragment,
            width=_width(output),
            ascii=ascii or not _draws(output),
        )
    deliver(text.rstrip("\n") + "\n", output)


def _width(output: str) -> int:
    """The columns of the terminal, or of a file."""
    if output != "-":
        return 100
    columns = shutil.get_terminal_size((100, 24)).columns
    return max(_NARROWEST, min(columns, _WIDEST))


def _draws(output: str) -> bool:
    """True if the text goes to a terminal that has the characters of Unicode."""
    stdout = sys.stdout
    encoding = (getattr(stdout, "encoding", None) or "").lower().replace("-", "")
    return output == "-" and stdout is not None and stdout.isatty() and encoding == "utf8"
