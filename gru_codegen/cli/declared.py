"""A generated file beside its declaration and what the generator makes of that now."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from gru_codegen import pipeline
from gru_codegen.cell import Cell
from gru_codegen.cli.recorded import cell_of, loss_of, version_of
from gru_codegen.errors import VerificationError
from gru_codegen.losses import L2, Loss, losses
from gru_codegen.modules import is_forward_alone, load_source
from gru_codegen.request import Request
from gru_codegen.verify import Check, Report, verify
from gru_codegen.version import __version__

__all__ = ["against_declaration"]


def against_declaration(
    kernel: ModuleType,
    file: str,
    text: str,
    specs: tuple[str, str | None],
    cell: Cell,
    loss: Loss | None,
    how: Mapping[str, Any],
) -> tuple[Report, str]:
    """The report of the checks of `kernel`, and the command that makes its file again.

    Raises VerificationError if the kernel has other arguments: there is nothing to compare.

    text: of the file. cell, loss: what it is declared to be; the loss is the one of the package
    that the file names, if None. specs: the names of the two here. how: the keywords of the checks.
    """
    try:
        known = L2 if is_forward_alone(kernel) else losses[kernel.LOSS] if loss is None else loss
        request = Request.of(kernel, cell, known)
        made = pipeline.source(request, cell_of(text), loss_of(text))
    except (KeyError, ValueError) as error:  # what it says of itself is no request
        report = verify(kernel, **how)
        return replace(report, limits=f"No kernel of {specs[0]} is like it: {error}."), ""
    module = load_source(made, request.name)
    _require_arguments(kernel, module, file, specs[0])
    again = f"{' '.join(request.command(*specs))} --output {shlex.quote(file)}"
    report = pipeline.check(kernel, cell, loss=request.loss, **how)
    said = list(pipeline.said_otherwise(kernel, module))
    row = Check("module", "says what is declared", None, float(len(said)), 0, ", ".join(said))
    report = replace(report, checks=(*report.checks, row))
    if text != made:  # of one that fails, the error says how to make it again
        remedy = f" To make it again: {again}" if report else ""
        report = replace(report, limits=f"{report.limits}\n{_edited(file, text)}{remedy}")
    return report, again


def _require_arguments(kernel: ModuleType, made: ModuleType, file: str, spec: str) -> None:
    """Refuse a kernel that has other weights, inputs or states than are declared."""
    own, right = (list(getattr(each, "SHAPES", made.SHAPES)) for each in (kernel, made))
    more, fewer = ([name for name in a if name not in b] for a, b in ((own, right), (right, own)))
    if more or fewer:
        parts = [f"it has {', '.join(more)}"] * bool(more)
        parts += [f"it lacks {', '.join(fewer)}"] * bool(fewer)
        raise VerificationError(f"{file} is no kernel of {spec}: {' and '.join(parts)}")


def _edited(file: str, text: str) -> str:
    why = "it has been edited"
    if (version := version_of(text)) not in (None, __version__):
        why = f"gru_codegen {version} has made it, and this is {__version__}"
    return f"{file} is not what the generator makes of its declaration: {why}."
