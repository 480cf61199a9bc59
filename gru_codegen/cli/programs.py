"""The command `program`: what a kernel is emitted from, at every stage."""

from __future__ import annotations

import click

from gru_codegen.cli import options
from gru_codegen.cli.errors import BadInput, Unknown
from gru_codegen.cli.options import requested, require_known, require_output
from gru_codegen.cli.terminal import deliver, working
from gru_codegen.steps import MOST_STEPS

__all__ = ["show_program"]


@click.command(
    "program",
    short_help="Show the program that a kernel is emitted from.",
    epilog="""\b
Examples:
  gru-codegen program
  gru-codegen program --after lower --no-origins
  gru-codegen program --cell lstm --layout rows --after factor_sums
  gru-codegen program --unroll 4 --every-pass --output passes.txt""",
)
@options.cell
@options.unroll(
    "The loops written out for exactly N time steps, or loops of any length.",
    MOST_STEPS,
    "loops of any length",
)
@options.loss
@options.style
@options.readout
@options.layout
@click.option(
    "--after",
    metavar="PASS",
    help="The program after this pass, or after lower, before all of them; --every-pass shows "
    "their names.  [default: the last]",
)
@click.option("--every-pass", is_flag=True, help="Each stage in turn, and what its pass gained.")
@click.option("--no-origins", is_flag=True, help="Leave out which equations statements are from.")
@options.output
def show_program(
    cell: str,
    unroll: int | None,
    loss: str,
    style: str,
    readout: str,
    layout: str | None,
    after: str | None,
    every_pass: bool,
    no_origins: bool,
    output: str,
) -> None:
    """Show the program that a kernel is emitted from, after all passes or any of them.

    The text says all that the program is: statements, variables, and where they are stored.
    """
    if after is not None and every_pass:
        raise BadInput("--after shows one stage and --every-pass all; leave one of them out")
    require_known(cell, loss, readout, style, layout)
    require_output(output, cell, loss)
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.ir.printing import printed
        from gru_codegen.stages import elsewhere, every_stage, stage_names, stages

        request = requested(cell, loss, readout, unroll, style, layout)
        names = list(stage_names(request))
        wanted = names[-1] if after is None else after
        if wanted not in names:
            raise Unknown("pass", wanted, names, "--after", elsewhere(request, wanted))
        progress(f"compiling {request.name}")
        if every_pass:
            text = every_stage(request, origins=not no_origins)
        else:
            chosen = next(program for name, program in stages(request) if name == wanted)
            text = printed(chosen, origins=not no_origins)
    deliver(text, output)
