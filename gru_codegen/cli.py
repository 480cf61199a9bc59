"""The command line: generate, verify, inspect, cells.

SymPy, NumPy and rich are imported by the command that needs them, so that help and usage errors
come at once. A command ends with a `click.ClickException` when something is wrong; `main` makes it
one line on standard error and the exit status: 1 for a check that failed, 2 for bad input, 70 for a
fault of this program, 130 for an interruption.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches, unified_diff
from functools import partial
from reprlib import repr as shortened
from textwrap import indent
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gru_codegen.errors import GruCodegenError, ProgramError
from gru_codegen.files import require_place, write_whole

if TYPE_CHECKING:
    from gru_codegen.verify import Report

__all__ = ["main", "program"]

PROGRAM = "gru-codegen"
FOLDER = "generated"
MOST_STEPS = 65536  # written out, a step of the GRU is some 2.5 kB of source

Value = TypeVar("Value")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, `sys.argv` unless told otherwise, and return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # whatever a file name or a locale is
    try:
        with _ending_with_the_pipe():
            program.main(arguments, PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"{PROGRAM}: error: {_said(error)}", err=True)
        return error.exit_code
    return 0


# --- errors ---------------------------------------------------------------------------------------


class _CheckFailed(click.ClickException):
    exit_code = 1


class _BadInput(click.ClickException):
    exit_code = 2


class _Fault(click.ClickException):
    exit_code = 70  # EX_SOFTWARE of sysexits.h


class _Interrupted(click.ClickException):
    exit_code = 130  # 128 + SIGINT


class _Program(click.Group):
    """The commands, with the errors of the package and of the user as exceptions of click."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise _Interrupted("interrupted") from None
        except MemoryError:
            raise _BadInput("out of memory; fewer time steps, or --unroll any, need less") from None
        except ProgramError as error:
            raise _Fault(f"{error}; this is a fault of {PROGRAM}, please report it") from error
        except GruCodegenError as error:
            raise _BadInput(str(error)) from error

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if not name.startswith("-") and name not in self.commands:
            raise _Unknown("command", name, self.commands)
        return super().resolve_command(context, arguments)


class _Unknown(click.UsageError):
    """There is no `kind` called `name`; says which there are, and which may have been meant."""

    def __init__(self, kind: str, name: str, known: Iterable[str], option: str = "") -> None:
        known = list(known)
        close = get_close_matches(name.lower(), known, n=1)
        meant = f" did you mean {close[0]}?" if close else ""
        where = f"{option}: " if option else ""
        listed = ", ".join(known)
        super().__init__(f"{where}there is no {kind} {shortened(name)};{meant} known: {listed}")


def _choose(option: str, name: str, known: Mapping[str, Value], kind: str = "") -> Value:
    if name not in known:
        raise _Unknown(kind or option, name, known, f"--{option}")
    return known[name]


def _said(error: click.ClickException) -> str:
    """The message of `error` in one line, with the way to the right usage if it lacks one."""
    if isinstance(error, click.NoSuchOption) and error.ctx:
        known = [name for param in error.ctx.command.get_params(error.ctx) for name in param.opts]
        error = _Unknown("option", error.option_name, (n for n in known if n.startswith("--")))
    message = re.sub(r"\s*[\r\n]\s*", " ", error.format_message())
    if isinstance(error, click.UsageError) and not isinstance(error, _Unknown):
        message = message[0].lower() + message[1:].rstrip(".")  # click writes a sentence
        if type(error) is not click.BadParameter:
            message += f"; see {error.ctx.command_path if error.ctx else PROGRAM} --help"
    return message


@contextmanager
def _ending_with_the_pipe() -> Iterator[None]:
    """Let `... | head -1` end this program as it ends any other: quietly, by SIGPIPE."""
    if not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


# --- terminal -------------------------------------------------------------------------------------

Progress = Callable[..., None]


@contextmanager
def _progress() -> Iterator[Progress]:
    """Yield ``progress(doing, done=0, total=None)``: a bar on standard error if a terminal is."""
    if not sys.stderr.isatty():
        yield lambda doing, done=0, total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def progress(doing: str, done: int = 0, total: int | None = None) -> None:
            bar.update(task, description=doing, completed=done, total=total)

        yield progress


def _show(report: Report) -> None:
    """Print the table and the verdict: the table a rich one on a terminal, plain in a pipe."""
    if not sys.stdout.isatty():
        click.echo(str(report))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from gru_codegen.verify.report import COLUMNS

    table = Table(box=SIMPLE_HEAD, show_edge=False)
    numbers = ("step", "worst error", "tolerance")
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in numbers else "left")
    for check in report.checks:
        table.add_row(*map(Text, check.cells), style="" if check.passed else "bold red")
    console = Console()
    console.print(Text(report.subject))
    console.print(table)
    console.print(Text(report.verdict, "bold green" if report else "bold red"))
    for check in report.failures:
        console.print(Text(f"  {check.weight}, {check.method}: {check.detail}"))
    console.print(Text(report.limits))


# --- options --------------------------------------------------------------------------------------


class _Steps(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """A number of time steps to write out, or `any`, which is None."""

    name = "steps"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        if value is None or value == "any":
            return None
        if not re.fullmatch("[+-]?[0-9]+", value):
            fault = "is not a number of time steps"
        elif float(value) < 1:
            fault = "is less than one time step"
        elif float(value) > MOST_STEPS:
            fault = "is too many time steps to write out one by one"
        else:
            return int(float(value))  # by float, since int refuses a long row of digits
        right = f"give a whole number from 1 to {MOST_STEPS}, or any for a time loop of any length"
        raise click.BadParameter(f"{shortened(value)} {fault}; {right}", ctx, param)


_cell = click.option("--cell", default="gru", show_default=True, help="The cell, by name.")
_loss = click.option("--loss", default="l2", show_default=True, help="The loss, by name.")


def _unroll(text: str) -> Callable[[Any], Any]:
    return click.option(
        "--unroll", type=_Steps(), metavar="[N|any]", default="any", show_default=True, help=text
    )


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version(PROGRAM)
    except PackageNotFoundError:
        number = "(a source tree, not installed)"
    click.echo(f"{PROGRAM} {number}")
    context.exit()


# --- commands -------------------------------------------------------------------------------------


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
    epilog="""\b
Examples:
  gru-codegen generate                     a time loop of any length, generated/gru.py
  gru-codegen generate --unroll 8          straight-line code for 8 time steps
  gru-codegen generate --unroll 8 --check  is generated/gru_t8.py what it should be?
  gru-codegen verify generated/gru_t8.py   check a file's gradients
  gru-codegen inspect --wrt Wz --unroll 2  the formulas behind them

\b
Exit status:
  0 done; 1 a check failed; 2 bad input; 70 a fault of gru-codegen; 130 interrupted""",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def program() -> None:
    """Declare a recurrent cell in SymPy; get its back-propagation through time in NumPy."""


@program.command(
    short_help="Generate a kernel, check it and write it.",
    epilog="""\b
Examples:
  gru-codegen generate
  gru-codegen generate --unroll 8 --style textbook
  gru-codegen generate --unroll 8 --output model/kernel.py
  gru-codegen generate --output - | less""",
)
@_cell
@_unroll("Straight-line code for exactly N time steps, or a time loop of any length.")
@_loss
@click.option(
    "--style",
    metavar="[fast|textbook]",
    default="fast",
    show_default=True,
    help="Batched and in place, or one expression per equation.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    help=f"Where to write; - is standard output.  [default: {FOLDER}/NAME.py]",
)
@click.option("--check", is_flag=True, help="Write nothing; show how the file there differs.")
@click.option("--no-verify", is_flag=True, help="Skip the checks of what was generated.")
def generate(
    cell: str,
    unroll: int | None,
    loss: str,
    style: str,
    output: str | None,
    check: bool,
    no_verify: bool,
) -> None:
    """Generate a kernel: one NumPy module with forward pass, loss and exact gradients.

    It is checked against the declaration, by finite differences and by complex steps before it
    is written, and a file that fails is never written.
    """
    if check and output == "-":
        raise click.BadParameter(
            "--check compares with a file, and - is standard output; name the file",
            param_hint="'--output'",
        )
    if output not in (None, "-") and not check:
        require_place(output)
    with _progress() as progress:
        progress("importing SymPy")
        from gru_codegen import pipeline
        from gru_codegen.cells import cells
        from gru_codegen.losses import losses
        from gru_codegen.modules import load_source
        from gru_codegen.passes import STYLES

        declared, cost = _choose("cell", cell, cells), _choose("loss", loss, losses)
        manner = _choose("style", style, {name: name for name in STYLES})
        name = pipeline.default_name(declared, cost, unroll, manner)
        path = output or os.path.join(FOLDER, f"{name}.py")
        again = pipeline.command(declared, cost, unroll, manner)
        if output:
            again += f" --output {shlex.quote(output)}"
        on_disk = _on_disk(path, again) if check else ""

        progress(f"generating {name}")
        source = pipeline.generate(declared, loss=cost, unroll=unroll, style=manner)
        report = None
        if not no_verify:
            kernel = load_source(source, name)
            checking = partial(progress, f"checking {name}")
            report = pipeline.check(kernel, declared, loss=cost, progress=checking)
    if report is not None and not report:
        if path != "-":
            _show(report)
        raise _CheckFailed(f"{name} fails its checks, so nothing is written; {report.verdict}")
    if path == "-":
        click.echo(source.encode(), nl=False)
    elif check:
        if difference := _difference(on_disk, source, path):
            click.echo(difference, nl=False)
            raise _CheckFailed(f"{path} is not what would be generated; to write it: {again}")
        click.echo(f"{path} is what would be generated")
    else:
        write_whole(path, source, make_folder=output is None)
        steps = {None: "any number of time steps", 1: "1 time step"}.get(
            unroll, f"{unroll} time steps"
        )
        verdict = "not checked" if report is None else report.verdict
        click.echo(f"wrote {path}: {declared.title}, {steps}, {manner} style; {verdict}")


def _on_disk(path: str, again: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        raise _CheckFailed(f"{path} does not exist; to write it: {again}") from None
    except OSError as error:
        raise _BadInput(f"cannot read {path}: {error.strerror or error}") from error


def _difference(old: str, new: str, path: str) -> str:
    """The unified diff from the file on the disk to what would be generated."""
    # By line feed alone, where `str.splitlines` also splits at a form feed and half a dozen others.
    before, after = (list(io.StringIO(text)) for text in (old, new))
    diff = unified_diff(before, after, f"{path} (on disk)", f"{path} (generated)")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff
    )


@program.command(short_help="Check the gradients of a generated file.")
@click.argument("file")
def verify(file: str) -> None:
    """Check the gradients of FILE, a generated kernel.

    FILE is run, as an import would. A file alone can only be checked against its own loss.
    """
    with _progress() as progress:
        progress("importing NumPy")
        from gru_codegen.modules import load_file
        from gru_codegen.verify import verify

        report = verify(load_file(file), progress=partial(progress, f"checking {file}"))
    _show(report)
    if not report:
        raise _CheckFailed(f"{file} fails its checks; {report.verdict}")


@program.command(
    short_help="Show the derivation: equations, adjoints, gradients.",
    epilog="""\b
Examples:
  gru-codegen inspect
  gru-codegen inspect --wrt Wrecr --unroll 3
  gru-codegen inspect --format latex --output gru.tex""",
)
@_cell
@_unroll("Write N time steps out, with subscripts, or the step for any t.")
@_loss
@click.option("--wrt", metavar="WEIGHT", help="The gradient of this weight.  [default: all]")
@click.option(
    "--format",
    "markup",
    metavar="[text|latex]",
    default="text",
    show_default=True,
    help="Text for the terminal or a LaTeX document.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    default="-",
    show_default=True,
    help="Where to write; - is standard output.",
)
def inspect(
    cell: str, unroll: int | None, loss: str, wrt: str | None, markup: str, output: str
) -> None:
    """Show the derivation: forward equations, adjoint equations, gradients."""
    markup = _choose("format", markup, {name: name for name in ("text", "latex")})
    if output != "-":
        require_place(output)
    with _progress() as progress:
        progress("importing SymPy")
        from gru_codegen.cells import cells
        from gru_codegen.derive import derive
        from gru_codegen.explain import document
        from gru_codegen.losses import losses

        declared, cost = _choose("cell", cell, cells), _choose("loss", loss, losses)
        if wrt is not None:
            _choose("wrt", wrt, {str(weight): weight for weight in declared.weights}, "weight")
        progress(f"deriving {cell}")
        text = document(derive(declared, cost), unroll=unroll, wrt=wrt, format=markup)
    text = text.rstrip("\n") + "\n"
    if output == "-":
        click.echo(text, nl=False)
    else:
        write_whole(output, text)
        click.echo(f"wrote {output}")


@program.command("cells", short_help="List the cells with their equations, and the losses.")
def list_cells() -> None:
    """List what can be generated: the cells with their equations, and the losses."""
    with _progress() as progress:
        progress("importing SymPy")
        from gru_codegen.cells import cells
        from gru_codegen.losses import losses

    for cell in cells.values():
        click.echo(f"{cell.name}: {cell.title}\n{indent(cell.source, '    ')}\n")
        click.echo(f"{indent(str(cell), '    ')}\n")
    click.echo("losses")
    for loss in losses.values():
        click.echo(f"    {loss.name}: {loss.title}")
