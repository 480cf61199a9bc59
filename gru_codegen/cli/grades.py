"""The command `grade`: a reader's own derivation, checked line by line."""

from __future__ import annotations

import os
from functools import partial

import click

from gru_codegen.cli import options
from gru_codegen.cli.completion import complete_files
from gru_codegen.cli.errors import BadInput, CheckFailed, choose
from gru_codegen.cli.options import requested, require_known, require_output
from gru_codegen.cli.terminal import columns, deliver, say, working
from gru_codegen.known import is_in_module

__all__ = ["grade"]

FORMATS = ("text", "json")


@click.command(
    "grade",
    short_help="Check a derivation of your own, line by line.",
    epilog="""\b
Examples:
  gru-codegen grade --template gru --output mine.toml
  gru-codegen grade mine.toml
  gru-codegen grade --template lstm --readout linear --loss cross-entropy
  gru-codegen grade mine.toml --format json""",
)
@click.argument("file", required=False, shell_complete=complete_files)
@click.option(
    "--template",
    metavar="CELL",
    shell_complete=options.complete_cell,
    help="Write a blank file for this cell, to fill in.",
)
@options.loss
@options.readout
@options.choice("format", FORMATS, "A table for the terminal or a JSON object.", "markup")
@click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    default="-",
    show_default=True,
    shell_complete=complete_files,
    help="Where to write the blank file; - is standard output.",
)
@click.pass_context
def grade(
    context: click.Context,
    file: str | None,
    template: str | None,
    loss: str,
    readout: str,
    markup: str,
    output: str,
) -> None:
    """Check the derivation in FILE: adjoints and gradients that you have found by hand.

    The adjoint of a value, dZ of Z, is the derivative of the loss with respect to it.
    FILE is TOML; nothing in it is evaluated. Each line is compared with what is derived here, and
    for a wrong one the slip is looked for. The exit status is 0 if every line is right, 1 if one is
    wrong or missing, and 2 if FILE is at fault.
    """
    if file is None and template is None:
        raise BadInput("give a FILE to check, or --template CELL for a blank one to fill in")
    if file is not None and template is not None:
        raise BadInput(f"{file} is there to be checked and --template to begin; give one of them")
    choose("format", markup, FORMATS)
    for name in ("loss", "readout", "output", "markup"):
        if context.get_parameter_source(name) is click.core.ParameterSource.DEFAULT:
            continue
        if name == "markup" and template is not None:
            raise BadInput("--format is for a FILE; a blank one is TOML")
        if name == "output" and file is not None:
            raise BadInput("--output is for --template; the verdict goes to standard output")
        if name in ("loss", "readout") and file is not None:
            raise BadInput(f"--{name} is for --template; {file} says of itself what it is about")
    if template is not None:
        _write_blank(template, loss, readout, output)
    elif file is not None:
        _grade(file, markup)


def _grade(file: str, markup: str) -> None:
    if not os.path.lexists(file):
        raise BadInput(f"{file} does not exist")
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.grade import grade

        found = grade(file, progress=partial(progress, f"grading {file}"))
    width = columns(120)  # longer lines are hard to read
    text = found.json() if markup == "json" else found.text(width)
    say(f"{text}\n".encode(), end=False)
    if not found:
        wrong, missing = len(found.of("wrong")), len(found.of("missing"))
        counts = [f"{wrong} {'line is' if wrong == 1 else 'lines are'} wrong"] * bool(wrong)
        counts += [f"{missing} {'is' if missing == 1 else 'are'} missing"] * bool(missing)
        raise CheckFailed(f"{file}: {', '.join(counts)}")


def _write_blank(cell: str, loss: str, readout: str, output: str) -> None:
    if output != "-" and os.path.lexists(output):
        raise BadInput(f"{output} is there already, maybe filled in; name another file")
    require_known(cell, loss, readout)
    require_output(output, cell, loss)
    with working() as progress:
        progress("importing SymPy")
        from gru_codegen.derive import derive
        from gru_codegen.grade import template

        request = requested(cell, loss, readout)
        for word, spec in {"cell": cell, "loss": loss}.items():
            if is_in_module(spec):
                raise BadInput(
                    f"{spec} is an object in a module, which a file of formulas cannot name; "
                    f"write the {word} as FILE.toml"
                )
        progress(f"deriving {cell}")
        derivation = derive(request.complete, request.loss)
        text = template(derivation, _seen_from(output, cell), readout, _seen_from(output, loss))
    deliver(text, output)


def _seen_from(output: str, spec: str) -> str:
    """The name of a declaration in the file that is written: the path of a file from there."""
    if spec.lower().endswith(".toml") and output != "-":
        return os.path.relpath(spec, os.path.dirname(output) or ".")
    return spec
