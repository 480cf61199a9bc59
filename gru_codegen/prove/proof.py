"""The proof that a generated module computes what its declaration says: a run on a finite field."""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, inf
from types import ModuleType
from typing import Any

import numpy as np

from gru_codegen.cell import Cell
from gru_codegen.derive import Derivation, derive
from gru_codegen.losses import Loss
from gru_codegen.modules import raised_in_kernel
from gru_codegen.prove import runtime
from gru_codegen.prove.calls import GIVEN, Call, calls
from gru_codegen.prove.expected import Reference
from gru_codegen.prove.field import Field
from gru_codegen.prove.functions import compares
from gru_codegen.prove.lines import lines_of
from gru_codegen.prove.points import Point
from gru_codegen.prove.workspaces import spoil, workspace_for
from gru_codegen.verify.report import Check

__all__ = ["Proof", "prove"]

#: The numbers of steps at which a module for any number is run, in this order: its workspace has to
#: grow, to do with less, with one more and with one less.
ANY = (3, 5, 1, 2, 1)
#: A comparison of the wrong numbers comes out right at most three times in five, 0.6^70 < 1e-15.
COMPARISONS = 70


@dataclass(frozen=True, repr=False)
class Proof:
    """The result of `prove`; truthy if every number agreed.

    Attributes
    ----------
    subject: the name of the module.
    steps: the numbers of steps T at which it was run, in order.
    calls: how many calls were compared. kinds: which, each entry point with what it was given.
    entries: how many numbers of their results.
    points: how many random points these were, each with random functions and an order of its own.
    seed: of the points.
    seconds: of this process.
    refutation: the first result that differs, or the fault, in one line; "" if there is none.
    """

    subject: str
    steps: tuple[int, ...]
    calls: int
    entries: int
    points: int
    seed: int
    seconds: float
    refutation: str = ""
    kinds: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.refutation and self.entries > 0

    @property
    def verdict(self) -> str:
        """One line: what was compared, or what differs."""
        if self.refutation:
            return f"refuted: {self.refutation}"
        if not self.entries:
            return "nothing was compared"
        steps = ", ".join(map(str, dict.fromkeys(self.steps)))
        return (
            f"proved: {self.entries} numbers of {self.calls} calls at T = {steps} are those of the "
            "declaration, in GF(2^61 - 1)"
        )

    @property
    def check(self) -> Check:
        """The row of a report, beside checks in floating point."""
        error = 0.0 if self else inf
        return Check("all", "proof in GF(2^61 - 1)", None, error, 0, self.refutation)

    def __repr__(self) -> str:
        return f"<Proof of {self.subject}: {self.verdict}; seed {self.seed}, {self.seconds:.2g} s>"


def prove(kernel: ModuleType, cell: Cell, loss: Loss, *, seed: int | None = None) -> Proof:
    """Prove that `kernel` computes what `cell`, with its readout, and `loss` declare.

    seed: of the random points; None draws one, so that no module can be made to fit it.

    A kernel that raises is refuted. `docs/trust.md` says what follows of a proof and what does not.

    Raises
    ------
    DerivationError: the declaration cannot be derived.
    """
    seed = secrets.randbits(64) if seed is None else seed
    start = time.process_time()
    run = _Run(kernel, derive(cell, loss), seed)
    try:
        with _uncollected():
            run.all_points()
        refutation = ""
    except _Refuted as refuted:
        refutation = str(refuted)
    seconds = time.process_time() - start
    name = kernel.__name__
    kinds = tuple(run.kinds)
    return Proof(
        name, run.steps, run.calls, run.entries, run.points, seed, seconds, refutation, kinds
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles out: the numbers of a proof, which are millions, form none.

    Each of its rounds would walk over all that SymPy has made. It took a fifth of a proof.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Refuted(Exception):  # noqa: N818
    """Says what differs, and where."""


class _Run:
    """The run of one proof, and what it has compared so far."""

    def __init__(self, kernel: ModuleType, derivation: Derivation, seed: int) -> None:
        self.kernel, self.derivation, self.seed = kernel, derivation, seed
        self.steps: tuple[int, ...] = ANY if kernel.UNROLL is None else (kernel.UNROLL,)
        self.calls = self.entries = self.points = 0
        self.kinds: dict[str, None] = {}

    def all_points(self) -> None:
        """Compare at as many points as it takes."""
        for point in range(self._enough()):
            self._at(Field(self.seed, point))
            self.points += 1

    def _enough(self) -> int:
        """Return the points at which every line that compares has compared `COMPARISONS` times.

        A line may be of one step alone, as all are where steps are written out. It runs once for
        each number of steps, whose arguments are drawn anew.
        """
        cell, loss = self.derivation.cell, self.derivation.loss
        equations = (*cell.equations, *loss.equations)
        if not compares(equation.expression for equation in equations):
            return 1
        sizes = Point(Field(self.seed), cell, loss, max(self.steps), max(self.steps)).sizes
        columns = min(sizes.get(str(equation.target.shape[1]), 1) for equation in equations)
        return ceil(COMPARISONS / (len({*self.steps}) * sizes["B"] * columns))

    def _at(self, field: Field) -> None:
        steps, largest = dict.fromkeys(self.steps), max(self.steps)
        cell, loss = self.derivation.cell, self.derivation.loss
        references = {
            T: Reference(self.derivation, Point(field, cell, loss, T, largest)) for T in steps
        }
        # its equations are those of every T, and of the most steps there is every kind
        _hold_to_declaration(f"T = {largest}", references[largest])
        module = lines_of(self.kernel, field)
        if not self.points and (fault := runtime.fault(self.kernel, module, field)):
            raise _Refuted(fault)
        workspace = _attempt("Workspace", lambda: workspace_for(module, references[largest].point))
        spoil(workspace, field)
        for T in self.steps:
            for number, call in enumerate(calls(module, references[T])):
                self._compare(call, f"T = {T}", workspace if number else None, field)

    def _compare(self, call: Call, at: str, workspace: Any, field: Field) -> None:
        try:
            expected = call.expected()
        except ZeroDivisionError:  # the declaration is not defined there
            return
        where = f"{call} at {at}"
        found = _attempt(where, lambda: call.run(workspace))
        spoil(workspace, field)  # no result is a part of it, and the next call may read nothing
        for name, right in expected.items():
            self.entries += _same(f"{where}: {name}", found.get(name), right)
        self.calls += 1
        self.kinds[str(call)] = None


def _hold_to_declaration(at: str, reference: Reference) -> None:
    """Hold the derivation to the declared equations, whatever calls are given."""
    for entry_point, sets in GIVEN.items():
        for given in sets:
            where = f"the derivation at {at}, {entry_point} with {', '.join(sorted(given))}"
            try:
                same = reference.runs_as_declared(given)
                if entry_point in ("loss_and_gradients", "all_gradients", "vjp", "credit"):
                    pullback = entry_point == "vjp"
                    same &= reference.differentiates_as_declared(given, pullback=pullback)
            except ZeroDivisionError:
                continue
            if not same:
                raise _Refuted(f"{where}: it is not that of the declared equations")


def _attempt(where: str, action: Callable[[], Any]) -> Any:
    """The result of `action`; whatever it raises refutes."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        raise _Refuted(f"{where} raises {raised_in_kernel(error)}") from error


def _same(where: str, found: Any, right: Any) -> int:
    """Compare every entry, and return how many there are; None is right where there is none."""
    if right is None:
        if found is not None:
            raise _Refuted(f"{where} is there, and nothing declares it")
        return 0
    if found is None:
        raise _Refuted(f"{where} is missing")
    found, right = np.asarray(found, object), np.asarray(right, object)
    if found.shape != right.shape:
        raise _Refuted(f"{where} has shape {found.shape}, not {right.shape}")
    for index, entry in np.ndenumerate(right):
        if not _equal(found[index], entry):
            place = f"[{', '.join(map(str, index))}]" if index else ""
            raise _Refuted(f"{where}{place} is {found[index]}, not {entry}, in GF(2^61 - 1)")
    return len(right.flat)


def _equal(found: Any, right: Any) -> bool:
    try:
        return bool(right == found)
    except TypeError:  # no number of the field
        return False
