"""The pipeline: Cell -> Derivation -> Program -> optimised Program -> source -> module, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import PathLike
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from gru_codegen.cell import Cell
from gru_codegen.compare import compare, definition_of
from gru_codegen.derive import Derivation
from gru_codegen.derive.writing import mask_name, shift_rows, written_loss
from gru_codegen.emit import Heading, SourceMap, emit, map_source
from gru_codegen.emit.entry_points import arguments_of
from gru_codegen.emit.header import aligned
from gru_codegen.errors import VerificationError
from gru_codegen.initial import distribution
from gru_codegen.ir import Program
from gru_codegen.kernel import Kernel, KernelModule
from gru_codegen.losses import L2, Loss, losses
from gru_codegen.modules import is_forward_alone, load_source, require_kernel
from gru_codegen.names import identifier
from gru_codegen.own_functions import declared_derivative, said
from gru_codegen.parse import (
    cells,
    declared_cell,
    declared_loss,
    require_writable,
    spec_of,
)
from gru_codegen.passes import optimise, terms_of_gradients, values_of_forward
from gru_codegen.prove import prove
from gru_codegen.request import Choices, Request, complete, names_its_choices
from gru_codegen.stages import derived, lowered
from gru_codegen.verify import Report, verify
from gru_codegen.version import __version__

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from Python 3.11 on

__all__ = ["check", "equations", "generate", "load", "said_otherwise", "source", "source_map"]

#: What a kernel says of itself and the generator has to say too.
_SAID = (
    *("CELL", "LOSS", "TARGETS", "EQUATIONS", "SIZES"),
    *("STATES", "OUTPUT", "OUTPUTS", "SHAPES", "ENTRY_POINTS", "CHECKS", "DERIVATIVES"),
)


@names_its_choices
def generate(
    cell: Cell | str | PathLike[str],
    *,
    spec: str | None = None,
    loss_spec: str | None = None,
    **choices: Unpack[Choices],
) -> str:
    """Generate the source of the kernel of a cell: a plain NumPy module.

    cell: as for `load`, as is every argument that is not here.
    spec: what the command line calls the cell, for the command in the module's header. If it is
        None, the name or file that is given as `cell`, or the name of a cell of the package; for
        any other the call of this function stands there.
    loss_spec: likewise what it calls a loss that does not come with the package.

    Raises
    ------
    TypeError, CellError, DerivationError, ValueError: as for `load`.
    CellError: a spec cannot stand in a header, as one with a double quote.

    >>> source = generate("gru", style="textbook")
    >>> "daZ[t] = dZ * Z[t] * (1 - Z[t])" in source
    True
    """
    request = Request.asked(cell, **choices)
    return source(request, *_specs(cell, choices, spec, loss_spec))


def source(request: Request, spec: str | None = None, loss_spec: str | None = None) -> str:
    """The source of the kernel that is asked for; specs and errors are as for `generate`."""
    return emit(*_program(request, spec, loss_spec))


def equations(request: Request) -> str:
    """The text of EQUATIONS in the kernel that is asked for."""
    heading = _heading(derived(request), request, ())
    return "".join(f"{line}\n" for line in aligned(heading.equations))


@names_its_choices
def source_map(
    cell: Cell | str | PathLike[str],
    *,
    spec: str | None = None,
    loss_spec: str | None = None,
    **choices: Unpack[Choices],
) -> SourceMap:
    """Map each equation of the derivation of `cell` to the lines of the kernel that compute it.

    What it takes and raises is as for `generate`; ``source_map(...).source`` is what that returns.
    """
    request = Request.asked(cell, **choices)
    return map_source(*_program(request, *_specs(cell, choices, spec, loss_spec)))


def _specs(
    cell: Cell | str | PathLike[str],
    choices: Choices,
    spec: str | None = None,
    loss_spec: str | None = None,
) -> tuple[str | None, str | None]:
    """The names of cell and loss on the command line: those that are said, or are given."""
    specs = spec or spec_of(cell), loss_spec or spec_of(choices.get("loss"))
    for name in specs:
        if name is not None:
            require_writable(name)
    return specs


def _program(
    request: Request, spec: str | None, loss_spec: str | None
) -> tuple[Program, Heading, Program | None, Program | None]:
    """The program of the kernel that is asked for, what its module says of itself, and extras.

    They are the programs of `credit` and of `trace`, if these are asked for.
    """
    derivation = derived(request)
    before = lowered(request)
    program = optimise(before, request.style, request.unroll, request.stored)
    if "credit" in request.extras:
        derivation.require_in_steps("credit")
    terms = terms_of_gradients(before) if "credit" in request.extras else None
    traced = values_of_forward(before) if "trace" in request.extras else None
    if spec is None and cells.get(request.cell.name) is request.cell:
        spec = request.cell.name
    again: tuple[str, ...] = (request.call,)
    if spec is not None and (request.is_known_loss or loss_spec is not None):
        again = request.command(spec, loss_spec)
    return program, _heading(derivation, request, again), terms, traced


@names_its_choices
def load(
    cell: Cell | str | PathLike[str], *, check: bool = False, **choices: Unpack[Choices]
) -> KernelModule:
    """Make the kernel of a cell, and load it as a module.

    A debugger steps through its generated lines. Nothing is written to disk.

    cell: a `Cell`, as `gru_codegen.LSTM`; its name, as "lstm"; the path of a TOML file; or
        "package.module:NAME".
    loss: a `Loss`, or its name, path and so on. It is "l2", half the sum of squares, unless another
        is given.
    readout: "none", or "linear" for outputs O_t = S_t Wout + bout.
    unroll: the number of time steps that the code is written out for, at most 65536. None, or
        "any", is a time loop, for any number.
    style: "fast", batched and in place, or "textbook", one expression per equation.
    layout: how the fast style stores and multiplies matrices: "rows", "blocked", "columns" or
        "folded". None is "columns". The textbook style has none.
    extras: functions besides those of every kernel: "credit", whose error acts at which step, and
        "trace", every matrix of every step.
    only: "forward" for a kernel of the forward pass alone, for inference: no loss, no gradients and
        no history that only they read. None is all.
    check: whether the kernel is proved and checked as by `check` first, which takes seconds.

    Raises
    ------
    TypeError: `cell` or `loss` is neither a declaration nor the name of one, or there is no such
        argument.
    CellError: there is no such cell or loss; or no kernel can be made of the cell, which has no
        input, or sizes that no array tells; or a loss of your own has the name of one of the
        package.
    DerivationError: the declaration cannot be derived.
    ValueError: `unroll` is not a number of steps from 1 to 65536, or there is no such style,
        readout, layout or extra.
    VerificationError: the kernel fails a check.

    >>> kernel = load("lstm", loss="cross-entropy", readout="linear")
    >>> params = kernel.init_params(input_size=3, hidden_size=4, output_size=2, rng=0)
    >>> params.Wout.shape
    (4, 2)
    """
    request = Request.asked(cell, **choices)
    kernel = load_source(source(request, *_specs(cell, choices)), request.name)
    if check and not (report := _checked(kernel, request.cell, request.loss)):
        raise VerificationError(f"{request.name}: {report.verdict}; {report.failures[0].detail}")
    return cast("KernelModule", kernel)


def check(
    kernel: ModuleType | Kernel,
    cell: Cell | str | PathLike[str],
    *,
    loss: Loss | str | PathLike[str] | None = None,
    seed: int = 0,
    certify: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Report:
    """Prove and check a kernel as `generate` does: against the declaration, and its gradients.

    First comes the proof in a finite field. Then outputs, states and loss are compared with the
    declared equations evaluated directly in floating point, and last come the checks of `verify`.

    kernel: the module, loaded or imported.
    cell: the declaration that it is held to, as for `load`.
    loss: likewise; if None, the loss of the package that the kernel names.
    seed: of the numbers that are drawn.
    certify: whether rounding errors are bounded too, as for `verify`.
    progress: is called with the numbers of checks that are done and of all, after each.

    Raises
    ------
    VerificationError: `kernel` is no generated module, or its loss is none of the package and not
        given.
    TypeError, CellError: as for `load`.
    ValueError: `seed` is not a whole number from 0 on.

    >>> report = check(load("rnn", unroll=2), "rnn")
    >>> bool(report), report.verdict.partition(":")[0]
    (True, 'pass')
    """
    kernel = require_kernel(kernel)
    declared, cost = declared_cell(cell), declared_loss(_loss_of(kernel) if loss is None else loss)
    return _checked(kernel, declared, cost, seed=seed, certify=certify, progress=progress)


def _loss_of(kernel: ModuleType) -> Loss:
    """The loss of the package that a kernel says it has."""
    if is_forward_alone(kernel):
        return L2
    if kernel.LOSS not in losses:
        raise VerificationError(
            f"{kernel.__name__} has the loss {kernel.LOSS!r}, which is none of "
            f"{', '.join(losses)}; give its declaration as loss"
        )
    return losses[kernel.LOSS]


def _checked(kernel: ModuleType, cell: Cell, loss: Loss, **how: Any) -> Report:
    whole = complete(cell, kernel.READOUT)
    proof = prove(kernel, whole, loss)
    declared = compare(kernel, whole, loss, seed=how.get("seed", 0))
    report = verify(kernel, loss=definition_of(loss), **how)
    rows = (proof.check, *declared, *report.checks)
    verdict = proof.verdict if proof else "refuted"  # the detail of its row says the rest
    said = f"{verdict}; seed {proof.seed}"
    return Report(rows, report.subject, limits=said, proof=proof)


def said_otherwise(kernel: ModuleType, made: ModuleType) -> Iterator[str]:
    """Yield, in words, what `kernel` says of itself and `made` of the same declaration does not."""
    for name in _SAID:
        actual, expected = (getattr(each, name, None) for each in (kernel, made))
        if actual != expected:
            yield f"{name} is not that of the declaration"
    if kernel.Params._fields != made.Params._fields:
        yield f"Params has {', '.join(kernel.Params._fields)}, not those of the declaration"


def _heading(derivation: Derivation, request: Request, again: tuple[str, ...]) -> Heading:
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
    if request.only is not None:
        del equations[first:]
    equations[:0] = [(f"{f.__name__}(a)", said(f), "()", "function") for f in cell.functions]
    if request.only is None:
        equations.append(("L", written_loss(derivation), "()", "loss"))
    return Heading(
        version=__version__,
        cell=cell.name,
        title=cell.title,
        source=cell.source,
        loss=loss.name,
        loss_title=loss.title,
        readout=request.readout,
        style=request.style,
        layout=request.stored,
        again=again,
        equations=tuple(equations),
        inputs=tuple(identifier(symbol.name) for symbol in cell.inputs),
        target=loss.target.name,
        targets=None if request.only else loss.targets,
        mask=mask_name(derivation),
        loss_weights=derivation.options.weighting.weights.name,
        checks=_ranges(cell, loss),
        init={weight.name: distribution(each) for weight, each in cell.init.items()},
        own_loss=not request.is_known_loss,
        derivatives=tuple(
            (each.__name__, declared_derivative(each))
            for each in cell.functions
            if each.declared is not None
        ),
    )


def _ranges(cell: Cell, loss: Loss) -> tuple[tuple[str, float, float], ...]:
    """The ranges that the declaration gives, by the names that kernels have for arguments."""
    called_by = arguments_of([symbol.name for symbol in cell.inputs])
    names = dict(zip(cell.inputs, called_by.values(), strict=True))
    names |= {weight: f"params.{weight.name}" for weight in cell.weights}
    names |= {constant: f"constants.{constant.name}" for constant in cell.constants}
    several = len(cell.states) > 1
    names |= {each: f"s0.{each.name}" if several else "s0" for each in cell.states}
    names[loss.target] = "y"
    given = {**cell.checks, **loss.checks}
    return tuple((names[each], float(low), float(high)) for each, (low, high) in given.items())


def _letters(matrix: Any) -> str:
    return f"({', '.join(map(str, matrix.shape))})"
