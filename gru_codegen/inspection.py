"""The derivation of a cell, laid open beside the lines of its textbook kernel."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from os import PathLike
from typing import Any, Literal, NamedTuple

import numpy as np

from gru_codegen.cell import Cell
from gru_codegen.certificate import content_of
from gru_codegen.credit import random_data, reach, truncation
from gru_codegen.credit.measures import CELL, norms
from gru_codegen.derive import derive
from gru_codegen.emit import SourceMap
from gru_codegen.errors import CellError
from gru_codegen.explain import Expansion, Format, document
from gru_codegen.explain.model import Additions, Certified, Checked, Travel
from gru_codegen.known import require_arguments
from gru_codegen.losses import L2, Loss
from gru_codegen.modules import load_source
from gru_codegen.parse import cells, spec_of
from gru_codegen.pipeline import check, source, source_map
from gru_codegen.prove import Proof
from gru_codegen.request import Request
from gru_codegen.verify import Report

__all__ = ["inspect"]


def inspect(
    cell: Cell | str | PathLike[str],
    *,
    loss: Loss | str | PathLike[str] = L2,
    readout: str = "none",
    unroll: int | Literal["any"] | None = None,
    at: int | None = None,
    wrt: str | Sequence[str] = (),
    expand: Expansion = "hand",
    format: Format = "text",
    spec: str = "",
    loss_spec: str = "",
    **spelled: Any,
) -> str:
    """Lay the derivation of the gradients of a cell open, as text or in another format.

    cell, loss, readout: as for `load`.
    unroll: the number of time steps that are written out as well, with subscripts; None, or "any",
        is none, the equations of a step t alone.
    at: the one of these steps that is shown alone, with what acts at it; None is all.
    wrt: names of weights; only what their gradients need is shown. None given is all.
    expand: "hand" writes the gradients of single steps in forward values; "full" goes on, to
        inputs, weights and initial states alone.
    format: "text", "latex", a whole file, "html", a page that needs nothing else, or "json".
    spec: what the command line calls the cell, if `cell` is an object and none of the package. A
        document that is no text says by which command it is made, where there is one.
    loss_spec: likewise of the loss.

    spelled: `width` and `ascii` of a text, `fragment` of LaTeX; see `gru_codegen.explain.document`.

    Raises
    ------
    TypeError, CellError, DerivationError: as for `load`.
    ValueError: an argument is none of its values.

    >>> "dL_1/dW at 1    = x_1^T daS_1[own]" in inspect("rnn", unroll=2, at=1)
    True
    """
    require_arguments("inspect", spelled, (*_ARGUMENTS, "width", "ascii", "fragment"))
    request = Request.asked(cell, loss=loss, readout=readout, style="textbook")
    specs = _specs(request, spec or spec_of(cell) or "", loss_spec or spec_of(loss) or "")
    derivation, code = derive(request.complete, request.loss), _code(request, specs)
    given = {"unroll": unroll, "wrt": wrt, "at": at, "expand": expand, "format": format}
    return document(
        derivation,
        unroll=unroll,
        at=at,
        wrt=wrt,
        expand=expand,
        format=format,
        code=code,
        additions=_additions(request, specs, given, code),
        **spelled,
    )


#: The keywords of `inspect`, besides those of single formats.
_ARGUMENTS = tuple(inspect.__kwdefaults__ or ())


class _Specs(NamedTuple):
    """The names of cell and loss on the command line; both "" if it has none for one."""

    cell: str
    loss: str


def _specs(request: Request, cell: str, loss: str) -> _Specs:
    own = request.cell
    cell = cell or (own.name if cells.get(own.name) is own else "")
    loss = request.loss.name if request.is_known_loss else loss
    return _Specs(cell, loss) if cell and loss else _Specs("", "")


def _additions(
    request: Request, specs: _Specs, given: Mapping[str, Any], code: SourceMap | None
) -> Additions:
    """The document besides the derivation."""
    is_text, whole = given["format"] == "text", given["at"] is None
    return Additions(
        command="" if is_text else _command("inspect", request, specs, given),
        exercise=_exercise(request, specs),
        travel=_travel(request) if whole else None,
        checks=_checks(request, _report(request, specs)) if code and whole else (),
        certified=_certified(request, specs, code) if code and whole and not is_text else None,
    )


def _exercise(request: Request, specs: _Specs) -> str:
    """The command for a blank file of `grade`; "" where it would refuse the derivation."""
    try:
        derive(request.complete, request.loss).require_in_steps("grade")
    except CellError:
        return ""
    return _command("grade", request, specs, {"output": "mine.toml"})


@cache  # the formats of a document have it in common
def _report(request: Request, specs: _Specs) -> Report:
    """The report on the module that is shown."""
    code = _code(request, specs)
    assert code is not None
    return check(load_source(code.source, request.name), request.cell, loss=request.loss)


def _checks(request: Request, report: Report) -> list[Checked]:
    """The checks of a report by their methods."""
    weights = {weight.name for weight in request.complete.weights}
    methods: dict[str, list[Any]] = {}
    for each in report.checks:
        methods.setdefault(each.method, []).append(each)
    return [
        Checked(
            _listed("each weight" if c.weight in weights else c.weight for c in of),
            name,
            len(of),
            sum(c.passed for c in of),
            max(c.tolerance for c in of),
        )
        for name, of in methods.items()
    ]


def _certified(request: Request, specs: _Specs, code: SourceMap) -> Certified | None:
    """The certificate of the module that is shown, but for what differs from run to run.

    None, if it gets none, or the command line has no name for the cell.
    """
    report = _report(request, specs)
    if not report or not specs.cell:
        return None
    content, proof = content_of(code.source, request, report), report.proof
    assert isinstance(proof, Proof)
    file = f"generated/{request.name}.py"
    return Certified(
        module=content["module"]["sha256"],
        declaration=content["declaration"]["sha256"],
        proof=proof.verdict,
        calls=proof.kinds,
        generate=" ".join([*request.command(*specs), "--certificate"]),
        verify=f"gru-codegen verify {file} --certificate",
    )


def _listed(names: Iterable[str]) -> str:
    """The names, each once; what is for all weights at once says so."""
    return ", ".join(dict.fromkeys("all weights" if n == "all" else n for n in names))


def _command(name: str, request: Request, specs: _Specs, given: Mapping[str, Any]) -> str:
    """The command of this name for the cell; "" if the command line has no name for it."""
    cell = "template" if name == "grade" else "cell"
    options = {cell: specs.cell, "loss": specs.loss, "readout": request.readout, **given}
    defaults = {"loss": L2.name, "readout": "none", "expand": "hand"}
    words = [
        f"--{option} {shlex.quote(str(each))}"
        for option, value in options.items()
        for each in ([value] if isinstance(value, (str, int)) else value or ())
        if each not in ("", defaults.get(option))
    ]
    return " ".join([f"gru-codegen {name}", *words]) if specs.cell else ""


@cache
def _code(request: Request, specs: _Specs) -> SourceMap | None:
    """The kernel of the cell; None, if none can be made of it."""
    try:
        return source_map(
            request.cell,
            loss=request.loss,
            readout=request.readout,
            style=request.style,
            spec=specs.cell or None,
            loss_spec=specs.loss or None,
        )
    except CellError:
        return None


#: The steps back, and the steps of truncated back-propagation, that are shown.
_BACK, _CUT = (1, 5, 10, 20, 49), (1, 5, 10, 20)


@cache
def _travel(request: Request) -> Travel | None:
    """Measures of one run of random numbers.

    None, if no kernel can be made of the cell, or its numbers grow beyond float64 in that run.
    """
    try:
        text = source(replace(request, extras=("credit",)))
    except CellError:
        return None
    kernel = load_source(text, f"{request.name}_credit")
    data = random_data(kernel)
    with np.errstate(all="ignore"):
        found = data.measured(kernel)
        every = norms(found)[CELL]
    if not np.isfinite(every[-1]).all():
        return None
    step = len(every) - 1
    reached = {name: row[::-1] for name, row in reach(found, step).items()}
    left_out = truncation(found)
    return Travel(
        step + 1,
        {name: {n: float(row[n]) for n in _BACK} for name, row in reached.items()},
        {name: {n: float(row[n]) for n in _CUT} for name, row in left_out.items()},
        data.source.partition(";")[0],
    )
