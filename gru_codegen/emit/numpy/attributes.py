"""The attributes of a Workspace: names for the arrays of a plan and their views, and their code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gru_codegen.emit.sizes import added, in_code, sliced
from gru_codegen.ir import Ref, Var
from gru_codegen.names import NewNames
from gru_codegen.plan import Array, Place, Plan, View

__all__ = ["Attribute", "Attributes"]


@dataclass(frozen=True)
class Attribute:
    """A name of the Workspace.

    code: its value. sizes: those in that code. calls: the functions of `gru_codegen/runtime` in it.
    """

    name: str
    code: str
    remark: str
    sizes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


class Attributes:
    """Names the arrays and views of a plan, and spells them as they are cut from each other."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.program = plan.program
        packs = [ref.var.name for ref in self.program.references() if ref.var.parts]
        weights = [var.name for var in (*self.program.weights, *self.program.constants)]
        self.names = NewNames([*self.program.variables(), *packs, *weights])

    # --- names ------------------------------------------------------------------------------

    def form(self, name: str, form: str) -> str:
        """The name of another form, step or end of what is called `name`: ``Z_t``."""
        return self.names.of((name, form), f"{name}_{form}")

    def of(self, ref: Ref) -> str:
        """The name of all steps of `ref`."""
        offset = ref.when.offset if ref.when is not None and self._has_steps(ref.var) else 0
        return self._shifted(ref.var, offset)

    def _shifted(self, var: Var, offset: int) -> str:
        if not offset:
            return var.name
        away = "" if abs(offset) == 1 else f"_{abs(offset)}"
        return self.form(var.name, f"{'prev' if offset < 0 else 'next'}{away}")

    def _has_steps(self, var: Var) -> bool:
        return self.plan.is_stored(var) and self.plan.place(var).array.extra is not None

    @property
    def mask(self) -> str:
        """The name of which steps are padding, as matrices are stored."""
        return self.names.of("mask", "mask")

    # --- arrays -----------------------------------------------------------------------------

    def shape(self, array: Array) -> str:
        """The shape of `array` in code; T is the number of steps that it can hold."""
        first, extra = array.shapes[0], array.extra
        steps = [] if extra is None else [f"T + {extra}" if extra else "T"]
        if len(first) < 2:
            return ", ".join([*steps, *map(in_code, first)]) + "," * (len(steps) != len(first))
        rows, columns = added([first[0]]), added([shape[-1] for shape in array.shapes])
        if array.orientation == "columns":
            return ", ".join([*steps, columns, rows])
        if array.stacked:
            return ", ".join([str(len(array.beside)), *steps, rows, in_code(array.beside[0])])
        return ", ".join([*steps, rows, columns])

    def sizes(self, var: Var, *, over_time: bool = False) -> str:
        """The shape of `var` in code outside the Workspace, where a sample is always a row."""
        own = [added([size], "w.") for size in var.shape]
        return f"({', '.join([*(['w.steps'] if over_time else []), *own])})"

    # --- views ------------------------------------------------------------------------------

    def views(self) -> list[Attribute]:
        """Names for all steps of variables and packs, once their number is known."""
        by_name: dict[str, Attribute] = {}
        for view in self.plan.views:
            if view.place.array.extra is None:
                continue
            name, code = self._shifted(view.var, view.offset), self._all_steps(view.place)
            sizes = _cut(view.place)
            calls: tuple[str, ...] = ()
            if name in self.program.by_row:
                turned, calls = self.form(name, "turned"), ("_turned",)
                by_name.setdefault(turned, Attribute(turned, f"_turned({code})", "", sizes, calls))
                code, calls = f"_rows({code})", ("_rows",)
            by_name.setdefault(name, Attribute(name, code, self._remark(view), sizes, calls))
        return list(by_name.values())

    def parts_of_scratch(self) -> list[Attribute]:
        """Names for parts of arrays that every step uses anew."""
        by_name: dict[str, Attribute] = {}
        for view in self.plan.views:
            array = view.place.array
            if array.extra is None and view.var.name != array.name:
                code = f"self.{array.name}{_slices(view.place, [])}"
                named = Attribute(view.var.name, code, self._meaning(view.var), _cut(view.place))
                by_name.setdefault(view.var.name, named)
        return list(by_name.values())

    def ends(self, timed: list[Var], *, by_row: bool) -> list[Attribute]:
        """Names before all steps and after them: with a sample per row, or as stored."""
        attributes = []
        turned = ".T" if by_row and self.program.orientation == "columns" else ""
        for var in timed:
            place = self.plan.place(var)
            before = place.first - 1
            after = f"steps + {before}" if before else "steps"
            for end, index, when in (("first", str(before), "before"), ("last", after, "after")):
                code = f"self._{place.array.name}{_slices(place, [index])}{turned}"
                remark = f"{var.name} {when} all steps"
                attributes.append(Attribute(self.form(var.name, end), code, remark, _cut(place)))
        return attributes

    def ends_of_carries(self) -> Iterator[Attribute]:
        """Names of the carries kept for all steps at the first step, and beyond the last."""
        for var in filter(self.plan.is_carried_over_time, self.program.carries):
            place = self.plan.place(var)
            after = f"steps + {place.first}" if place.first else "steps"
            for end, index in (("first", str(place.first)), ("last", after)):
                code = f"self._{place.array.name}{_slices(place, [index])}"
                where = "of the first step" if end == "first" else "after all steps"
                remark = f"{var.name} {where}"
                yield Attribute(self.form(var.name, end), code, remark, _cut(place))

    def _all_steps(self, place: Place) -> str:
        steps = f"{place.first} : steps + {place.first}" if place.first else ":steps"
        return f"self._{place.array.name}{_slices(place, [steps])}"

    def _remark(self, view: View) -> str:
        """The meaning of a view, unless its name or the remark on its array says so."""
        if view.offset:
            return f"{view.var.name} {'before' if view.offset < 0 else 'after'} each step"
        if view.var.parts or view.var.name == view.place.array.name:
            return ""
        return self._meaning(view.var)

    def _meaning(self, var: Var) -> str:
        over = self.program.overwrites.get(var.name)
        return var.meaning if over is None else f"{var.meaning}, written over {over}"


def _cut(place: Place) -> tuple[str, ...]:
    """The sizes that the indices of `place` are made of."""
    if place.array.stacked or place.whole:
        return ()
    last = place.stop if place.stop < len(place.array.shapes) else place.start
    return tuple(shape[-1] for shape in place.array.shapes[:last])


def _slices(place: Place, steps: list[str]) -> str:
    """The indices that cut `place` out of all steps of its array."""
    array = place.array
    if array.stacked:
        if place.stop == place.start + 1 and not place.whole:
            return f"[{', '.join([str(place.start), *steps])}]"
        index = ":" if place.whole else f"{place.start}:{place.stop}"
        cut = f"[{', '.join([index, *steps])}]" if steps or not place.whole else ""
        return f"{cut}.swapaxes(0, 1)" if steps else cut
    if place.whole:
        return f"[{steps[0]}]" if steps else ""
    sizes = [shape[-1] for shape in array.shapes]
    low = added(sizes[: place.start]) if place.start else ""
    high = added(sizes[: place.stop]) if place.stop < len(sizes) else ""
    return f"[{', '.join([*steps, sliced(low, high)])}]"
