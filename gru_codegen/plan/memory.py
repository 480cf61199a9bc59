"""Run a planned program on arrays that really share storage."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.errors import ProgramError
from gru_codegen.interpret import Machine
from gru_codegen.ir import Call, Every, Now, Option, Ref, Shape, Statement, reads, writes
from gru_codegen.plan.arrays import Array, Place, Plan
from gru_codegen.plan.validity import overwritten_safely

__all__ = ["run"]


def run(
    plan: Plan,
    arrays: Mapping[str, NDArray[Any]],
    steps: int,
    given: Collection[Option] = (),
    *,
    phases: Collection[str] | None = None,
) -> dict[str, Any]:
    """The value of every variable by name, as `interpret` gives it, each where the plan puts it.

    Variables that share a place have what was written there last; what was never written is NaN.

    Raises
    ------
    ProgramError: an operation writes its result over an operand that it still reads.
    """
    return _PlannedMachine(plan, arrays, steps, given).run_phases(phases)


class _PlannedMachine(Machine):
    def __init__(
        self,
        plan: Plan,
        arrays: Mapping[str, NDArray[Any]],
        steps: int,
        given: Collection[Option],
    ) -> None:
        self.plan = plan
        self.memory: dict[str, NDArray[Any]] = {}
        super().__init__(plan.program, arrays, steps, given)

    # --- places -----------------------------------------------------------------------------

    def place(self, name: str) -> Place | None:
        """The place of the variable; targets may have that of the first seed."""
        return self.plan.places.get(name) or self.plan.places.get(self.storage(name))

    def memory_of(self, array: Array) -> NDArray[Any]:
        """The numbers of `array`, (steps, rows, columns); NaN until they are written."""
        if array.name not in self.memory:
            steps = 1 if array.extra is None else self.steps + array.extra
            rows = self.size(_as_matrix(array.shapes[0])[0])
            columns = sum(self.size(_as_matrix(shape)[1]) for shape in array.shapes)
            self.memory[array.name] = np.full((steps, rows, columns), np.nan)
        return self.memory[array.name]

    def view(self, place: Place, step: int | None) -> NDArray[Any]:
        """One step of the matrix, or vector, at `place`."""
        shapes = place.array.shapes
        widths = [self.size(_as_matrix(shape)[1]) for shape in shapes]
        low, high = sum(widths[: place.start]), sum(widths[: place.stop])
        along = 0 if place.array.extra is None or step is None else place.first + step
        matrix = self.memory_of(place.array)[along, :, low:high]
        dimensions = len(shapes[place.start])
        row: NDArray[Any] = matrix if dimensions == 2 else matrix[0]
        return row if dimensions else row.reshape(())

    def views(self, ref: Ref, t: int | None) -> list[NDArray[Any]]:
        """The matrices that `ref` means, of those within the steps that there are."""
        place = self.place(ref.var.name)
        if place is None:
            return []
        if ref.when is None:
            return [self.view(place, None)]
        steps = range(self.steps) if isinstance(ref.when, Every) else [t or 0]
        shifted = (step + ref.when.offset for step in steps)
        return [self.view(place, step) for step in shifted if 0 <= step < self.steps]

    # --- values -----------------------------------------------------------------------------

    def give(self, name: str) -> None:
        """Write an argument where the program keeps it."""
        place = self.place(name)
        if place is None:
            super().give(name)
        else:
            for step, value in enumerate(self.arrays[name]):
                self.view(place, step)[...] = value

    def assign(self, statement: Statement, t: int | None) -> None:
        """Run `statement`, which must not lose an operand while it writes its result."""
        if self.plan.in_place and isinstance(statement.value, Call):
            safe = set(overwritten_safely(statement.value))
            targets = [view for ref in writes(statement) for view in self.views(ref, t)]
            for ref in (ref for ref in reads(statement.value) if ref not in safe):
                for view in self.views(ref, t):
                    if any(np.shares_memory(view, target) for target in targets):
                        raise ProgramError(f"{statement}: the result is written over {ref}")
        super().assign(statement, t)

    def write(self, target: Ref, value: Any, t: int | None) -> None:
        """Write `value` into the array of `target`."""
        views = [] if target.var.parts else self.views(target, t)
        if not views:
            super().write(target, value, t)
        elif isinstance(target.when, Every) and np.ndim(value) > len(target.var.shape):
            for view, each in zip(views, value, strict=True):
                view[...] = each
        else:
            for view in views:
                view[...] = value

    def read(self, ref: Ref, t: int | None) -> Any:
        """Return the value of `ref`, as it is now."""
        if ref.var.parts or ref.when is not None or self.place(ref.var.name) is None:
            return super().read(ref, t)
        return self.views(ref, t)[0].copy()

    def at(self, ref: Ref, index: int) -> Any:
        """Return the value of `ref` at one step, or what its boundary is."""
        if self.place(ref.var.name) is None or not 0 <= index < self.steps:
            return super().at(ref, index)
        return self.views(Ref(ref.var, Now(index)), 0)[0].copy()

    def results(self) -> dict[str, Any]:
        """Every value by name; a timed one is a list over the steps."""
        values = dict(super().results())
        for name, var in self.program.variables().items():
            if name in self.plan.places:
                views = self.views(Ref(var, Every() if var.timed else None), None)
                values[name] = views if var.timed else views[0]
        return values


def _as_matrix(shape: Shape) -> tuple[str, str]:
    """The rows and columns of a matrix; a vector is one row, a number one entry."""
    rows, columns = ("1", "1", *shape)[-2:]
    return rows, columns
