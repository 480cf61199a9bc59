"""The pipeline: Cell -> Derivation -> Program -> optimised Program -> source -> module."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import cache
from reprlib import repr as shortened
from types import ModuleType
from typing import Any

from gru_codegen.cell import Cell
from gru_codegen.cells import cells
from gru_codegen.compare import compare
from gru_codegen.derive import Derivation, derive
from gru_codegen.derive.writing import mask_name, shift_rows, written_loss
from gru_codegen.emit import Heading, emit
from gru_codegen.losses import L2, Loss
from gru_codegen.lower import lower
from gru_codegen.modules import load_source
from gru_codegen.passes import DEFAULT_LAYOUT, LAYOUTS, STYLES, Layout, Style, optimise
from gru_codegen.readouts import readouts
from gru_codegen.requirements import require_generable
from gru_codegen.steps import MOST_STEPS, fault_of_steps, whole
from gru_codegen.verify import Report, verify

__all__ = ["check", "command", "default_name", "generate", "load"]


def generate(
    cell: Cell,
    *,
    loss: Loss = L2,
    readout: str = "none",
    unroll: int | None = None,
    style: Style = "fast",
    layout: Layout | None = None,
    spec: str | None = None,
) -> str:
    """The source of the kernel of `cell`: a plain NumPy module.

    readout: "none", or "linear" for outputs O_t = S_t Wout + bout.
    unroll: the number of time steps that the code is written out for, at most 65536; None is
    `any`, a time loop.
    spec: what the command line calls the cell, for the command in the module's header; if None
    the name of a cell of the package, and for any other the call of this function stands there.
    style: "fast", batched and in place, or "textbook", one expression per equation.
    layout: how the fast style stores and multiplies matrices: "rows", "blocked", "columns", which
    it is if None, or "folded"; see `passes`. The textbook style has none.

    Raises
    ------
    TypeError: `cell` or `loss` is no declaration; they are not taken by name.
    CellError: no kernel can be made of the cell: it has two inputs, or sizes of its own.
    DerivationError: the declaration cannot be derived.
    ValueError: `unroll` is not a number of steps from 1 to 65536, or there is no such style,
        readout or layout.
    """
    _check_declared(cell, loss)
    layout = _checked(style, readout, layout)
    unroll = _steps(unroll)
    require_generable(complete(cell, readout))
    derivation = derive(complete(cell, readout), loss)
    program = optimise(lower(derivation), style, unroll, layout)
    if spec is None and cells.get(cell.name) is cell:
        spec = cell.name
    choices = (loss, unroll, style, readout, layout)
    again = _call(*choices) if spec is None else command(spec, *choices)
    return emit(program, _heading(derivation, again, readout, style, layout))


@cache  # one cell for one cell and readout, since `derive` remembers by identity
def complete(cell: Cell, readout: str) -> Cell:
    """The cell together with its readout."""
    return readouts[readout](cell)


def load(
    cell: Cell,
    *,
    loss: Loss = L2,
    readout: str = "none",
    unroll: int | None = None,
    style: Style = "fast",
    layout: Layout | None = None,
) -> ModuleType:
    """The kernel of `cell` as a module; a debugger steps through its generated lines.

    What it takes and raises is as for `generate`.
    """
    source = generate(cell, loss=loss, readout=readout, unroll=unroll, style=style, layout=layout)
    name = default_name(cell, loss, unroll, style, readout, layout or DEFAULT_LAYOUT)
    return load_source(source, name)


def check(
    kernel: ModuleType,
    cell: Cell,
    *,
    loss: Loss = L2,
    seed: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> Report:
    """What guards `generate`: the kernel against the declaration, and its gradients.

    First outputs, states and loss are compared with the declared equations evaluated directly,
    then come all the checks of `verify`. `progress(done, total)` is called by the latter.
    """
    declared = compare(kernel, complete(cell, kernel.READOUT), loss, seed=seed)
    report = verify(kernel, seed=seed, progress=progress)
    return Report((*declared, *report.checks), report.subject, limits="")


def default_name(
    cell: Cell,
    loss: Loss,
    unroll: int | None,
    style: Style,
    readout: str = "none",
    layout: Layout = DEFAULT_LAYOUT,
) -> str:
    """The module's name: the cell's, and whatever is not the default."""
    parts = [cell.name]
    if loss.name != L2.name:
        parts.append(loss.name)
    if readout != "none":
        parts.append(readout)
    if unroll is not None:
        parts.append(f"t{unroll}")
    if style != "fast":
        parts.append(style)
    if layout != DEFAULT_LAYOUT:
        parts.append(layout)
    return "_".join(parts).replace("-", "_")


def command(
    spec: str,
    loss: Loss,
    unroll: int | None,
    style: Style,
    readout: str = "none",
    layout: Layout = DEFAULT_LAYOUT,
) -> str:
    """The command that generates the kernel of the cell that the command line calls `spec`."""
    steps = "any" if unroll is None else unroll
    return (
        f"gru-codegen generate --cell {shlex.quote(spec)} --unroll {steps} --loss {loss.name} "
        f"{'' if readout == 'none' else f'--readout {readout} '}--style {style}"
        f"{'' if layout == DEFAULT_LAYOUT else f' --layout {layout}'}"
    )


def _call(loss: Loss, unroll: int | None, style: Style, readout: str, layout: Layout) -> str:
    """The call that makes the kernel of a cell which the command line has no name for."""
    given = [] if loss.name == L2.name else [f"loss=gru_codegen.losses[{loss.name!r}]"]
    given += [] if readout == "none" else [f"readout={readout!r}"]
    given += [] if unroll is None else [f"unroll={unroll}"]
    given += [] if style == "fast" else [f"style={style!r}"]
    given += [] if layout == DEFAULT_LAYOUT else [f"layout={layout!r}"]
    return f"gru_codegen.generate({', '.join(['cell', *given])})"


def _check_declared(cell: Any, loss: Any) -> None:
    if not isinstance(cell, Cell):
        raise TypeError(f"cell: expected a Cell, such as gc.GRU or gc.cells['lstm'], got {cell!r}")
    if not isinstance(loss, Loss):
        raise TypeError(f"loss: expected a Loss, such as gc.L2 or gc.losses['bce'], got {loss!r}")


def _checked(style: str, readout: str, layout: Layout | None) -> Layout:
    """The layout, once it is known that there is such a one, and such a style and readout."""
    if readout not in readouts:
        raise ValueError(f"readout: there is no {readout!r}; there are {', '.join(readouts)}")
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(f"layout: there is no {layout!r}; there are {', '.join(LAYOUTS)}")
    if style == "textbook" and layout is not None:
        raise ValueError(
            f"layout: {layout!r} is for the fast style; textbook keeps rows as declared"
        )
    if style not in STYLES:
        raise ValueError(f"style: there is no {style!r}; there are {', '.join(STYLES)}")
    return layout or DEFAULT_LAYOUT


def _steps(unroll: Any) -> int | None:
    """The number of time steps, checked; None is any number."""
    steps = whole(unroll)
    fault = None if steps is None else fault_of_steps(steps)
    if fault is not None:
        raise ValueError(
            f"unroll: {shortened(steps)} {fault}; give a whole number from 1 to {MOST_STEPS}, or "
            "None for a time loop of any length"
        )
    return steps


def _heading(
    derivation: Derivation,
    again: str,
    readout: str,
    style: Style,
    layout: Layout,
) -> Heading:
    cell, loss, text = derivation.cell, derivation.loss, derivation.notation.text
    equations = [
        (text(e.target), text(e.declared), _letters(e.target), e.meaning)
        for e in derivation.equations
        if not e.named_here
    ]
    first = len(equations) - len(loss.equations)
    equations[first:first] = [
        (text(shift), right, _letters(shift), "shift")
        for shift, right in shift_rows(derivation).items()
    ]
    equations.append(("L", written_loss(derivation), "()", "loss"))
    return Heading(
        cell=cell.name,
        title=cell.title,
        source=cell.source,
        loss=loss.name,
        loss_title=loss.title,
        readout=readout,
        style=style,
        layout="rows" if style == "textbook" else layout,
        again=again,
        equations=tuple(equations),
        input=cell.inputs[0].name,
        target=loss.target.name,
        targets=loss.targets,
        mask=mask_name(derivation),
    )


def _letters(matrix: Any) -> str:
    return f"({', '.join(map(str, matrix.shape))})"
