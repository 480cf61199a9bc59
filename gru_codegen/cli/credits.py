"""The command `credit`: whose error gives how much of every gradient, and at which step."""

from __future__ import annotations

import os

import click

from gru_codegen.cli.apart import apart, run_apart
from gru_codegen.cli.completion import complete_files
from gru_codegen.cli.errors import BadInput
from gru_codegen.cli.terminal import columns, say, tell, working
from gru_codegen.files import require_place

__all__ = ["credit"]

_ENDINGS = (".png", ".svg", ".pdf")


@click.command(
    short_help="Show whose error gives how much of every gradient.",
    epilog="""\b
Examples:
  gru-codegen generate --with credit
  gru-codegen credit generated/gru_credit.py
  gru-codegen credit generated/gru_credit.py --data run.npz -o credit.png""",
)
@click.argument("file", shell_complete=complete_files)
@click.option(
    "--data",
    metavar="FILE.npz",
    shell_complete=complete_files,
    help="Arrays by name: x, y, the weights, s0, lengths, mask, loss_weights (docs/credit.md).  "
    "[default: seeded random numbers]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.png",
    shell_complete=complete_files,
    help="Draw it as well, as .png, .svg or .pdf; takes matplotlib.",
)
@apart(60)
def credit(file: str, data: str | None, output: str | None, timeout: float, here: bool) -> None:
    """Show how far errors travel in FILE, a kernel that is generated --with credit.

    FILE is run, as an import would, in a process of its own. The tables say how much of the last
    error is left at earlier steps, and how much of a gradient back-propagation leaves out that is
    truncated to some steps. The picture has the errors of all steps.
    """
    if output is not None:
        _require_picture(output)
    if not here:
        from gru_codegen.modules import python_source

        python_source(file)
        if data is not None:
            from gru_codegen.credit import require_data

            require_data(data)
        tell(f"{file} is run, as an import would run it")
        run_apart(file, timeout)
        return
    with working() as progress:
        progress("importing NumPy")
        from gru_codegen.credit import draw, from_file, random_data, require_credit, text
        from gru_codegen.modules import load_file

        kernel = load_file(file)
        require_credit(kernel, file)
        given = random_data(kernel) if data is None else from_file(kernel, data)
        progress(f"measuring {file}")
        found = given.measured(kernel)
        title = f"{file}: {kernel.CELL}, loss {kernel.LOSS}; {given.source}"
        if output is not None:
            draw(found, title, output)
    width = columns()
    say(f"{click.wrap_text(title, width)}\n\n{text(found, width)}")
    if output is not None:
        say(f"\nwrote {output}")


def _require_picture(output: str) -> None:
    """Refuse a place where no picture can be written, before anything is computed."""
    if os.path.splitext(output)[1].lower() not in _ENDINGS:
        raise BadInput(f"--output: {output} is no picture; end its name in {', '.join(_ENDINGS)}")
    require_place(output, make_folder=True)
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BadInput("the picture takes matplotlib: pip install 'gru-codegen[plot]'") from None
