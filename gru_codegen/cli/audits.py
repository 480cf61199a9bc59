"""The command `audit`: loss and gradients that somebody else has written."""

from __future__ import annotations

import json

import click

from gru_codegen.cli import options
from gru_codegen.cli.apart import apart, run_apart
from gru_codegen.cli.completion import complete_files
from gru_codegen.cli.errors import CheckFailed, choose, visible
from gru_codegen.cli.terminal import columns, say, tell, working
from gru_codegen.known import is_in_module

__all__ = ["audit"]

FORMATS = ("text", "json")


@click.command(
    short_help="Find what is wrong with gradients that are not generated.",
    epilog="""\b
Examples:
  gru-codegen audit gru_by_hand:loss_and_gradients
  gru-codegen audit lstm.py:backward --cell lstm --mapping lstm.toml
  gru-codegen audit char_rnn:lossFun --cell rnn --readout linear --loss cross-entropy \\
      --mapping char_rnn.toml --format json""",
)
@click.argument("function", metavar="MODULE:FUNCTION", shell_complete=complete_files)
@options.cell
@options.loss
@options.readout
@click.option(
    "--mapping",
    metavar="FILE.toml",
    shell_complete=complete_files,
    help="Names and storage of the weights in it, and how it is called (docs/audit.md).",
)
@options.choice("format", FORMATS, "Text for the terminal, or JSON.", "markup")
@apart(300)
def audit(
    function: str,
    cell: str,
    loss: str,
    readout: str,
    mapping: str | None,
    markup: str,
    timeout: float,
    here: bool,
) -> None:
    """Compare the loss and the gradients of a function in NumPy with those of a cell.

    MODULE:FUNCTION, or FILE.py:FUNCTION, is code that anybody has written; `verify` is for kernels
    that were generated. The code is run, as an import and a call would, on small random arrays,
    in a process of its own.
    Each wrong gradient is named, and the fault that gives just that gradient, if a known one does.

    The exit status is 1 if something is wrong, and 2 if the function raises.
    """
    choose("format", markup, FORMATS)
    if not here:
        place = _will_run(function, cell, loss, readout, mapping)
        said = f"{place} is run, as an import and a call would run it"
        if markup == "json":
            click.echo(visible(said), err=True)
        else:
            tell(said)
        run_apart(place, timeout)
        return
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.audit import audit, load_function
        from gru_codegen.parse import cell_called, loss_called

        declared, cost = cell_called(cell), loss_called(loss)
        found = load_function(function)
        progress(f"auditing {function}")
        result = audit(
            found, cell=declared, loss=cost, readout=readout, mapping=mapping, name=function
        )
    if markup == "json":
        say(json.dumps(result.to_dict(), indent=2))
    else:
        say(result.text(columns()))
    if not result:
        raise CheckFailed(f"{function}: {result.verdict}")


def _will_run(function: str, cell: str, loss: str, readout: str, mapping: str | None) -> str:
    """The module that will be run; what can be refused without that is refused now."""
    options.require_known(cell, loss, readout)
    from gru_codegen.audit import place_of, require_mapping
    from gru_codegen.parse import cell_called, loss_called

    place = place_of(function)
    if not (
        is_in_module(cell) or is_in_module(loss)
    ):  # else they are imported, which is not done here
        require_mapping(mapping, cell_called(cell), loss_called(loss), readout)
    return place
