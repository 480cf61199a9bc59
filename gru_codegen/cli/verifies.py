"""The command `verify`: a generated file against itself, its declaration and the generator."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from gru_codegen.cli.apart import apart, run_apart
from gru_codegen.cli.certificates import BESIDE, is_certified, verify_certificate
from gru_codegen.cli.completion import complete_files
from gru_codegen.cli.errors import BadInput, CheckFailed
from gru_codegen.cli.options import complete_cell, complete_loss, require_declared
from gru_codegen.cli.recorded import cell_of, loss_of
from gru_codegen.cli.several import kernels_of, one_by_one
from gru_codegen.cli.terminal import show, tell, working
from gru_codegen.known import is_in_module

if TYPE_CHECKING:
    from gru_codegen.verify import Report

__all__ = ["verify"]


@click.command(short_help="Check generated files; runs them.")
@click.argument("files", nargs=-1, metavar="FILE...", shell_complete=complete_files)
@click.option(
    "--cell",
    metavar="CELL",
    shell_complete=complete_cell,
    help="Its declaration: a name, package.module:NAME or FILE.toml.  [default: the cell of the "
    "package or the FILE.toml in the command that its header has]",
)
@click.option(
    "--loss",
    metavar="LOSS",
    shell_complete=complete_loss,
    help="The declaration of its loss likewise.  [default: that in the same command]",
)
@apart(60)
@click.option(
    "--proof",
    is_flag=True,
    help="Insist on the proof that its own lines compute what its declaration says, exactly: "
    "refuse a file whose declaration is not known, and import the module that it names.",
)
@click.option(
    "--certify",
    is_flag=True,
    help="Also prove, by interval arithmetic, how far loss and gradients in float64 are at most "
    "from the exact ones; takes python-flint.",
)
@click.option(
    "--certificate",
    metavar="JSON",
    is_flag=False,
    flag_value=BESIDE,
    shell_complete=complete_files,
    help="Put every statement of its certificate to the test, the one beside FILE unless named.",
)
@click.pass_context
def verify(
    context: click.Context,
    files: tuple[str, ...],
    cell: str | None,
    loss: str | None,
    timeout: float,
    proof: bool,
    certify: bool,
    certificate: str | None,
    here: bool,
) -> None:
    """Check the gradients of each FILE, a generated kernel; a folder is all kernels in it.

    FILE is run, as an import would, in a process of its own. It is checked against its own loss
    and, if that is found, against its declaration, which is a proof too; what the generator makes
    of that now shows whether FILE has been edited. The exit status is 1 if a check fails.
    Functions that others have written are for `audit`.
    """
    if certificate is not None and (proof or certify or cell is not None or loss is not None):
        raise BadInput("--certificate has the proof and the declaration; leave the others out")
    if certificate is not None and certificate.lower().endswith(".py"):  # it has no name here
        files, certificate = (certificate, *files), BESIDE
        context.params["certificate"] = certificate
    if not files:
        raise click.MissingParameter(ctx=context, param=context.command.params[0])
    if here:
        (file,) = files
        if certificate is not None:
            verify_certificate(file, certificate)
        else:
            _verify_here(file, cell, loss, proof, certify)
        return
    kernels = kernels_of(files)
    if certificate not in (None, BESIDE) and len(kernels) > 1:
        raise BadInput(f"{certificate} is the certificate of one FILE, and here are {len(kernels)}")

    def run(file: str) -> None:
        if _will_run(file, cell, loss, proof, certificate):
            tell(f"{file} is run, as an import would run it")
        run_apart(file, timeout, file)

    one_by_one(kernels, run)


def _will_run(
    file: str, cell: str | None, loss: str | None, proof: bool, certificate: str | None
) -> bool:
    """Return whether `file` will be run; what can be refused without that is refused now."""
    if certificate is not None:
        return is_certified(file, certificate)
    require_declared(cell, loss)
    from gru_codegen.modules import python_source

    text = python_source(file)
    specs = {
        "cell": (cell, _declaration(text, file, cell, proof)),
        "loss": (loss, _loss(text, loss, proof)),
    }
    # No module is imported here; and a name in a header is hardly worth the import of SymPy.
    for kind, (given, spec) in specs.items():
        is_file = spec is not None and spec.lower().endswith(".toml")
        if spec is not None and not is_in_module(spec) and (given is not None or is_file):
            _loaded(kind, spec)
    return True


def _verify_here(
    file: str, spec: str | None, loss_spec: str | None, proof: bool, certify: bool
) -> None:
    with working() as progress:
        progress("importing NumPy")
        from gru_codegen.modules import load_file, python_source
        from gru_codegen.verify import verify

        text = python_source(file)
        named = {"cell": spec, "loss": loss_spec}
        spec = _declaration(text, file, spec, proof)
        loss_spec = _loss(text, loss_spec, proof)
        cell = None if spec is None else _loaded("cell", spec)  # before the file is run
        loss = None if loss_spec is None else _loaded("loss", loss_spec)
        report: Report
        kernel, again = load_file(file), ""
        _require_named(kernel, file, named, {"cell": cell, "loss": loss})
        how: Any = {"certify": certify, "progress": partial(progress, f"checking {file}")}
        if spec is None or cell is None:
            report = verify(kernel, loss=_definition(loss), **how)
            report = replace(report, limits=f"{report.limits}\n{_unknown(cell_of(text))}")
        else:
            from gru_codegen.cli.declared import against_declaration

            specs = (spec, loss_spec)
            report, again = against_declaration(kernel, file, text, specs, cell, loss, how)
    show(report)
    if not report:
        remedy = f"; to make it again: {again}" if again else ""
        raise CheckFailed(f"{file} fails its checks; {report.verdict}{remedy}")


def _require_named(
    kernel: Any, file: str, named: Mapping[str, str | None], declared: Mapping[str, Any]
) -> None:
    """Refuse a declaration on the command line that is not the one that the file says it is of."""
    says = {"cell": kernel.CELL, "loss": getattr(kernel, "LOSS", "none")}
    for kind, spec in named.items():
        if spec is not None and says[kind] != declared[kind].name:
            of = "" if spec == declared[kind].name else f", which is {declared[kind].name}"
            raise BadInput(
                f"{file} says that its {kind} is {says[kind]}, and you said --{kind} {spec}{of}"
            )


def _loaded(kind: str, spec: str) -> Any:
    from gru_codegen.parse import cell_called, loss_called

    return (cell_called if kind == "cell" else loss_called)(spec)


def _definition(loss: Any) -> Any:
    """The definition of a loss that is declared; None for what checks know by its name."""
    if loss is None:
        return None
    from gru_codegen.compare import definition_of

    return definition_of(loss)


def _loss(text: str, given: str | None, proof: bool) -> str | None:
    """The declaration of the loss of a file: that given, or that it records; None of the package.

    A name in the file is that of a loss of the package: the module says it too.
    """
    named = loss_of(text)
    if given is not None or named is None:
        return given
    of_its_own = is_in_module(named) or named.lower().endswith(".toml")
    return named if of_its_own and (proof or _is_harmless(named)) else None


def _declaration(text: str, file: str, given: str | None, proof: bool) -> str | None:
    """The declaration that the `text` of `file` is held to: that given, or that it records."""
    named = cell_of(text)
    if given is None and named is not None and (proof or _is_harmless(named)):
        return named
    if given is None and proof:
        raise BadInput(f"{file} records no declaration; name its cell with --cell")
    return given


def _unknown(named: str | None) -> str:
    """The reason why a file is not held to its declaration, and the remedy."""
    if named is None:
        return "Its header names no declaration: name it with --cell."
    if is_in_module(named):
        return f"Its declaration, {named}, would be imported: --cell {named} or --proof does."
    return (
        f"Its declaration, {named} by the command in its header, is not there: go where it is, or "
        "name it with --cell."
    )


def _is_harmless(spec: str) -> bool:
    """Return whether looking a cell up runs nothing: no module that only the file names."""
    return not is_in_module(spec) and (not spec.lower().endswith(".toml") or os.path.isfile(spec))
