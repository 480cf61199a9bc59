"""The commands and their options.

SymPy, NumPy and rich are imported by the command that needs them, so that help and usage errors
come at once.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from gru_codegen.cli import checks, options
from gru_codegen.cli.audits import audit
from gru_codegen.cli.certificates import beside, require_file, write_certificate
from gru_codegen.cli.completion import complete_files
from gru_codegen.cli.credits import credit
from gru_codegen.cli.errors import PROGRAM, BadInput, CheckFailed, Program
from gru_codegen.cli.grades import grade
from gru_codegen.cli.inspect import inspect
from gru_codegen.cli.listing import list_cells
from gru_codegen.cli.options import requested, require_known
from gru_codegen.cli.places import require_own, require_place_of_kernel, warn_of_name
from gru_codegen.cli.programs import show_program
from gru_codegen.cli.terminal import say, show, show_difference, tell, warn, working
from gru_codegen.cli.verifies import verify
from gru_codegen.files import require_place, write_whole
from gru_codegen.regular import open_regular
from gru_codegen.steps import MOST_STEPS
from gru_codegen.version import __version__

if TYPE_CHECKING:
    from gru_codegen.request import Request
    from gru_codegen.tune import Timing

__all__ = ["program"]

FOLDER = "generated"
STEPS_TO_TUNE = 32  # for kernels that take any number
NEAR = 1.05  # of the least time; another run may say otherwise
#: What tells how many threads NumPy's BLAS may take.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        say(f"{PROGRAM} {__version__}")
        context.exit()


# --- commands -------------------------------------------------------------------------------------


@click.group(
    cls=Program,
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
  0 done; 1 a check failed; 2 bad input; 70 a fault of gru-codegen;
  124 a file ran for too long; 130 interrupted""",
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
@options.cell
@options.unroll(
    "Straight-line code for exactly N time steps, or a time loop of any length.",
    MOST_STEPS,
    "a time loop of any length",
)
@options.loss
@options.style
@options.readout
@options.layout
@options.extras
@options.only
@click.option(
    "--tune",
    metavar="B,D,H",
    callback=options.sizes,
    help="Time every layout at these sizes, in float32 and for as many time steps as --unroll "
    f"says ({STEPS_TO_TUNE} for any), and take the fastest.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    shell_complete=complete_files,
    help=f"Where to write; - is standard output. A missing folder is made.  "
    f"[default: {FOLDER}/NAME.py]",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; show how the file there differs, and exit with 1 if it does.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Write also over a file that is no generated kernel, and under the name of a module that "
    "Python imports.",
)
@click.option("--no-verify", is_flag=True, help="Skip the checks of what was generated.")
@click.option(
    "--certificate",
    is_flag=True,
    help="Write what was proved and checked beside the file, as NAME.certificate.json.",
)
def generate(
    cell: str,
    unroll: int | None,
    loss: str,
    style: str,
    readout: str,
    layout: str | None,
    extras: tuple[str, ...],
    only: str | None,
    tune: tuple[int, int, int] | None,
    output: str | None,
    check: bool,
    force: bool,
    no_verify: bool,
    certificate: bool,
) -> None:
    """Generate a kernel: one NumPy module with forward pass, loss and exact gradients.

    It is proved and checked against the declaration, by finite differences and by complex steps
    before it is written, and a file that fails is never written.
    """
    if certificate:
        require_file(output, check, no_verify)
    if check:
        _require_check(output, force)
    if tune is not None and (layout is not None or check or style == "textbook" or only):
        other = "--layout" if layout is not None else "--check" if check else "--style textbook"
        other = "--only" if only else other
        raise BadInput(
            f"--tune looks for the fastest layout of the fast style; leave it or {other} out"
        )
    require_known(cell, loss, readout, style, layout, extras, only)
    if output is not None and not check:
        require_place_of_kernel(output, force, cell, loss)
    with working() as progress:
        progress("importing SymPy")
        request = requested(cell, loss, readout, unroll, style, layout, extras, only)
        timed = None if tune is None else _timed(request, tune, progress)
    if tune is not None and timed is not None:  # said when the bar has gone
        request = _fastest(request, tune, timed)
    with working() as progress:
        from gru_codegen import pipeline
        from gru_codegen.modules import load_source

        name = request.name
        path = os.path.join(FOLDER, f"{name}.py") if output is None else output
        if output is None and not check:
            require_place_of_kernel(path, force)
        if certificate:
            require_place(beside(path), make_folder=True)
        again = " ".join(request.command(cell, loss))
        if output is not None:
            again += f" --output {shlex.quote(output)}"
        on_disk = _on_disk(path, again) if check else ""

        progress(f"generating {name}")
        source = pipeline.source(request, cell, loss)
        if output is None and not (check or force):
            require_own(path, source)
        report = None
        if not no_verify:
            kernel = load_source(source, name)
            checking = partial(progress, f"checking {name}")
            report = pipeline.check(kernel, request.cell, loss=request.loss, progress=checking)
    if report is not None and not report:
        if path != "-":
            show(report)
        raise CheckFailed(f"{name} fails its checks, so nothing is written; {report.verdict}")
    if path == "-":
        say(source.encode(), end=False)
    elif check:
        if show_difference(on_disk, source, path):
            raise CheckFailed(f"{path} is not what would be generated; to write it: {again}")
        tell(f"{path} is what would be generated")
    else:
        write_whole(path, source, make_folder=True)
        steps = "1 time step" if unroll == 1 else f"{unroll or 'any number of'} time steps"
        verdict = "not checked" if report is None else report.verdict
        tell(f"wrote {path}: {request.cell.title}, {steps}, {style} style; {verdict}")
        warn_of_name(path)
        if certificate and report is not None:
            tell(f"wrote {write_certificate(path, source, request, report)}")


def _require_check(output: str | None, force: bool) -> None:
    """Refuse what --check has no use for."""
    if output == "-":
        raise click.BadParameter(
            "--check compares with a file, and - is standard output; name the file",
            param_hint="'--output'",
        )
    if force:
        raise BadInput("--check writes nothing; leave it or --force out")


def _timed(
    request: Request, sizes: tuple[int, int, int], progress: Callable[..., object]
) -> list[Timing]:
    """The times of `request` in every layout at batch, input and state `sizes`."""
    from gru_codegen.tune import timings
    from gru_codegen.verify.configuration import Sizes

    steps = request.unroll or STEPS_TO_TUNE
    timing = partial(progress, "timing layouts")
    try:
        return timings(request, Sizes(steps, *sizes), progress=timing)
    except ValueError as error:  # a cell whose sizes have to be equal
        raise BadInput(f"--tune: {error}") from error
    except MemoryError as error:
        raise BadInput("--tune: out of memory; give smaller sizes, or fewer time steps") from error


def _fastest(request: Request, sizes: tuple[int, int, int], timed: list[Timing]) -> Request:
    """`request` in the layout that is the fastest; says how fast each is."""
    from gru_codegen.tune import fastest

    best, steps = fastest(timed), request.unroll or STEPS_TO_TUNE
    at = f"T={steps}, B={sizes[0]}, D={sizes[1]}, H={sizes[2]}, float32"
    times = ", ".join(f"{each.layout} {_duration(each.seconds)}" for each in timed)
    warn(f"{best.layout} is the fastest layout at {at}: {times}")
    near = [t.layout for t in timed if t != best and t.seconds <= NEAR * best.seconds]
    if near:
        warn(f"{' and '.join(near)} took no more than {NEAR - 1:.0%} longer: a near tie")
    if not any(name in os.environ for name in THREADS):
        one = f"for one thread: {THREADS[0]}=1 gru-codegen ..."
        warn(f"timed with BLAS's default number of threads; {one}")
    return replace(request, layout=best.layout)


def _duration(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} us"


def _on_disk(path: str, again: str) -> str:
    try:
        with open_regular(path) as file:
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        raise CheckFailed(f"{path} does not exist; to write it: {again}") from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error


program.add_command(verify)
program.add_command(checks.check)
program.add_command(inspect)
program.add_command(list_cells)
program.add_command(show_program)
program.add_command(audit)
program.add_command(grade)
program.add_command(credit)
