"""The command `check`: generated files against the commands in their own headers."""

from __future__ import annotations

import shlex

import click

from gru_codegen.cli.completion import complete_files
from gru_codegen.cli.errors import PROGRAM, BadInput, CheckFailed, said
from gru_codegen.cli.options import requested, require_known
from gru_codegen.cli.recorded import command_of, is_generated, version_of
from gru_codegen.cli.several import kernels_of, one_by_one
from gru_codegen.cli.terminal import show_difference, tell, working
from gru_codegen.errors import GruCodegenError
from gru_codegen.known import is_in_module
from gru_codegen.regular import open_regular
from gru_codegen.version import __version__

__all__ = ["check"]


@click.command(
    short_help="Compare generated files with what is generated now.",
    epilog="""\b
Examples:
  gru-codegen check generated/gru_t8.py
  gru-codegen check generated
  gru-codegen check $(git ls-files 'model/*.py')""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_files)
@click.option(
    "--imports",
    is_flag=True,
    help="Import the modules that the commands name, if a cell or a loss is package.module:NAME.",
)
def check(files: tuple[str, ...], imports: bool) -> None:
    """Make each FILE again, by the command in its header, and show what differs.

    No FILE is run, and none is written. A folder is all generated kernels in it. The exit status is
    1 if a file differs, and 2 if one cannot be made again. `verify` tells whether a file is right.
    """
    one_by_one(kernels_of(files), lambda file: _check(file, imports))


def _check(file: str, imports: bool) -> None:
    """Hold one file against what its command makes.

    Raises
    ------
    BadInput: it cannot be read, is no generated kernel, or there is no such command.
    CheckFailed: it differs.
    """
    text = _text(file)
    command = command_of(text)
    if command is None:
        why = "names no command that makes it" if is_generated(text) else "is no generated kernel"
        raise BadInput(f"{file} {why}")
    try:
        source = _made(command, imports)
    except (click.ClickException, GruCodegenError) as error:
        why = said(error) if isinstance(error, click.ClickException) else str(error)
        where = "; run this in the folder where it was made" * why.endswith("does not exist")
        raise BadInput(f"{file}: by the command in its header: {why}{where}") from error
    if not show_difference(text, source, file):
        tell(f"{file} is what its command makes")
        return
    fault = f"{file} is not what its command makes"
    if (version := version_of(text)) not in (None, __version__):
        fault += f": gru_codegen {version} has made it, and this is {__version__}"
    again = shlex.join([PROGRAM, *command, "--output", file])
    raise CheckFailed(f"{fault}; to write it: {again}")


def _made(command: list[str], imports: bool) -> str:
    """The kernel that a command makes: options of `generate`, behind that word."""
    generate = click.get_current_context().find_root().command
    assert isinstance(generate, click.Group)
    try:
        given = generate.commands["generate"].make_context(command[0], command[1:]).params
    except click.exceptions.Exit as error:
        raise BadInput(f"{shlex.join(command)} makes no kernel") from error
    names = ("cell", "loss", "readout", "unroll", "style", "layout", "extras", "only")
    cell, loss, readout, unroll, *rest = (given[name] for name in names)
    modules = [spec for spec in (cell, loss) if is_in_module(spec)]
    if modules and not imports:
        raise BadInput(f"{modules[0]} would be imported: --imports does that")
    require_known(cell, loss, readout, *rest)
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen import pipeline

        request = requested(cell, loss, readout, unroll, *rest)
        progress(f"generating {request.name}")
        return pipeline.source(request, cell, loss)


def _text(file: str) -> str:
    try:
        with open_regular(file) as stream:
            return stream.read().decode(errors="surrogateescape")
    except FileNotFoundError:
        raise BadInput(f"{file} does not exist") from None
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror or error}") from error
