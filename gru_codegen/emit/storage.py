"""Where each variable of a program lives, and what a reference to it is called in code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gru_codegen.cost import Polynomial
from gru_codegen.emit.sizes import added, in_code
from gru_codegen.ir import (
    OPERATIONS,
    Call,
    Const,
    Expr,
    Program,
    Ref,
    Statement,
    Var,
    is_within,
    kept_for_every_step,
    made_for_a_pullback,
    parts,
    reads,
    refs,
)
from gru_codegen.names import NewNames

__all__ = ["Array", "Place", "Storage", "View", "is_of_weights", "is_optional"]


@dataclass(frozen=True)
class Array:
    """An array of the Workspace: one variable, or several side by side.

    parts: the shapes of one step's matrices. steps: how many steps it holds beyond T; None if every
    step uses it anew. meaning: what it holds, in words.
    """

    name: str
    parts: tuple[tuple[str, ...], ...]
    steps: int | None
    meaning: str


@dataclass(frozen=True)
class Place:
    """Where a variable stands in its array.

    first: the element for step 0. start, stop: which of the parts it is, or they are.
    """

    array: Array
    first: int
    start: int
    stop: int


@dataclass(frozen=True)
class View:
    """A name of the Workspace for a variable, or for the steps before or after."""

    name: str
    code: str
    meaning: str


class Storage:
    """Decides for every variable between an array of the Workspace and a local one.

    An array of the Workspace holds all steps, or one that every step uses anew. A local one is made
    by the function that needs it: by a pullback what nothing else asks for, and in textbook style
    whatever is not kept from one step to another.
    """

    def __init__(self, program: Program, fast: bool) -> None:
        self.program = program
        self.fast = fast
        self.kept = kept_for_every_step(program)
        self.variables = list(program.variables().values())
        self.by_name = {var.name: var for var in self.variables}
        self.refs = list(self._refs())
        self.every = [*self.refs, *(part for pack in self.refs for part in reads(pack))]
        self.shifted = {
            ref.var.name: ref.when.offset
            for ref in self.every
            if ref.when is not None and ref.when.offset and ref.var.name in self.kept
        }
        self.of_pullback = made_for_a_pullback(program)
        packs = [ref.var.name for ref in self.refs if ref.var.parts]
        self.names = NewNames([*self.by_name, *packs, *(weight.name for weight in program.weights)])
        self.places = dict(self._places())
        #: Operands of what is not elementwise.
        self.multiplied = {
            argument.var
            for statement in program.statements()
            for call in parts(statement.value)
            if isinstance(call, Call) and not OPERATIONS[call.operation].elementwise
            for argument in call.args
            if isinstance(argument, Ref)
        }
        #: What is a number before its first step, where others read it.
        self.bounded = [
            var
            for var in self.variables
            if isinstance(var.boundary, Const) and self.shifted.get(var.name, 0) < 0
        ]

    def is_carried_over_time(self, var: Var) -> bool:
        """Whether `var` is a carry of which all steps are kept: its boundary is an element more."""
        return var in self.program.carries and var.name in self.kept

    def _refs(self) -> Iterator[Ref]:
        """Every reference of the program as it stands there, packs among them."""
        for statement in self.program.statements():
            yield from (*refs(statement.value), statement.target)

    # --- arrays -----------------------------------------------------------------------------

    def in_workspace(self, var: Var) -> bool:
        """Whether `var` is an array of the Workspace, or part of one."""
        if var.name in self.of_pullback:
            return False
        if var.role == "work":
            return True
        computed = var.role in ("value", "adjoint")
        return computed and (self.fast or var.name in self.kept)

    def in_place(self, statement: Statement) -> bool:
        """Whether `statement` writes into an array that is there already."""
        return self.fast and statement.target.var.role not in ("loss", "gradient")

    def is_spread(self, statement: Statement) -> bool:
        """Whether NumPy gives `statement` one column for all, and more than that is asked for.

        Arrays and elementwise operations spread it themselves; products and results do not.
        """
        var = statement.target.var
        if self.fast or self.in_workspace(var) or not _is_narrow(statement.value):
            return False
        return var.boundary is not None or var in self.multiplied

    def _places(self) -> Iterator[tuple[str, Place]]:
        """Each variable of the Workspace that has storage of its own, by name."""
        within: set[str] = set()
        for pack in self._longest_packs():
            run = pack.parts[0]
            vars_ = [ref.var for ref in run]
            within |= {var.name for var in vars_}
            if any(self.root(var.name) != var.name for var in vars_):
                continue
            kept = any(var.name in self.kept for var in vars_)
            offsets = [ref.when.offset if ref.when is not None else 0 for ref in run]
            base = max(self._before(v) + o for v, o in zip(vars_, offsets, strict=True))
            extra = max(self._extra(v, base - o) for v, o in zip(vars_, offsets, strict=True))
            names = [var.name for var in vars_]
            plain = pack.name == "_".join(names)  # which says it
            meaning = "" if plain else f"{', '.join(names[:-1])} and {names[-1]}"
            shapes = tuple(var.shape for var in vars_)
            array = Array(pack.name, shapes, extra if kept else None, meaning)
            for number, (var, offset) in enumerate(zip(vars_, offsets, strict=True)):
                yield var.name, Place(array, base - offset, number, number + 1)
        for var in self.variables:
            owns = var.name not in within and self.root(var.name) == var.name
            if owns and self.in_workspace(var):
                first = self._before(var)
                steps = self._extra(var, first) if var.name in self.kept else None
                yield (
                    var.name,
                    Place(Array(var.name, (var.shape,), steps, var.meaning), first, 0, 1),
                )

    def _longest_packs(self) -> list[Var]:
        """The packs that are not within others."""
        found = dict.fromkeys(ref.var for ref in self.refs if len(ref.var.parts) == 1)
        return [
            pack
            for pack in found
            if not any(
                other is not pack and is_within(pack.parts[0], other.parts[0]) for other in found
            )
        ]

    def _before(self, var: Var) -> int:
        """How many elements stand before step 0: the initial state."""
        return 1 if self.shifted.get(var.name, 0) < 0 else 0

    def _extra(self, var: Var, first: int) -> int:
        after = self.shifted.get(var.name, 0) > 0 or self.is_carried_over_time(var)
        return first + (1 if after else 0)

    def place(self, var: Var) -> Place:
        """Where `var`, or the pack `var`, is stored."""
        if not var.parts:
            return self.places[self.root(var.name)]
        parts = var.parts[0]
        first, last = self.place(parts[0].var), self.place(parts[-1].var)
        offset = parts[0].when.offset if parts[0].when is not None else 0
        return Place(first.array, first.first + offset, first.start, last.stop)

    def root(self, name: str) -> str:
        """The variable in whose storage `name` is; one that unrolling has removed has none."""
        while self.program.overwrites.get(name) in self.by_name:
            name = self.program.overwrites[name]
        return name

    def arrays(self) -> list[Array]:
        """Every array of the Workspace, in the order in which they are met."""
        return list(dict.fromkeys(place.array for place in self.places.values()))

    def shape(self, array: Array) -> str:
        """The shape of `array` in code; T is the number of steps that it can hold."""
        first = array.parts[0]
        steps = [] if array.steps is None else [f"T + {array.steps}" if array.steps else "T"]
        if len(first) == 1:
            return ", ".join([*steps, in_code(first[0])]) + "," * (not steps)
        rows, columns = added([first[0]]), added([shape[-1] for shape in array.parts])
        by_column = self.program.layout == "columns" and array.name not in self.program.by_row
        if by_column and first[0] == "B":
            return ", ".join([*steps, columns, rows])
        if self._is_stacked(array):
            beside = _beside(array)
            return ", ".join([str(len(beside)), *steps, rows, in_code(beside[0])])
        return ", ".join([*steps, rows, columns])

    def _is_stacked(self, array: Array) -> bool:
        """Whether neighbours lie one behind the other, in rows, along an axis of their own."""
        rows = self.program.layout == "rows" and array.parts[0][0] == "B"
        sizes = _beside(array)
        return rows and len(sizes) > 1 and len(set(sizes)) == 1

    def stored(self) -> Polynomial:
        """How many numbers a Workspace holds."""
        total = Polynomial()
        for array in self.arrays():
            for shape in array.parts:
                if array.steps is not None:
                    total += Polynomial.product(1, ("T", *shape))
                total += Polynomial.product(1 if array.steps is None else array.steps, shape)
        return total

    def views(self) -> list[View]:
        """What the Workspace calls the steps of its arrays, once their number is known."""
        found: dict[str, View] = {}
        for ref in self.every:
            if self.is_stored(ref.var) and self.place(ref.var).array.steps is not None:
                name, code = self.attribute(ref), self._all_steps(ref)
                if name in self.program.by_row:
                    turned = self.form(name, "turned")
                    found.setdefault(turned, View(turned, f"_turned({code})", ""))
                    code = f"_rows({code})"
                found.setdefault(name, View(name, code, self._remark(ref)))
        return list(found.values())

    def _remark(self, ref: Ref) -> str:
        """What a view is, unless its name or the remark on its array says so."""
        if self.attribute(ref) != ref.var.name:
            return f"{ref.var.name} {'before' if self._before(ref.var) else 'after'} each step"
        if ref.var.parts or ref.var.name == self.place(ref.var).array.name:
            return ""
        return self._meaning(ref.var)

    def _meaning(self, var: Var) -> str:
        over = self.program.overwrites.get(var.name)
        return var.meaning if over is None else f"{var.meaning}, written over {over}"

    def is_stored(self, var: Var) -> bool:
        """Whether `var` is in the Workspace: by itself, as a part, or as a pack."""
        if var.parts:
            return var.role == "work" and self.is_stored(var.parts[0][0].var)
        return self.in_workspace(var)

    def parts_of_scratch(self) -> list[View]:
        """Names for parts of arrays that every step uses anew."""
        found: dict[str, View] = {}
        for ref in self.every:
            if not self.is_stored(ref.var):
                continue
            place = self.place(ref.var)
            if place.array.steps is None and ref.var.name != place.array.name:
                code = f"self.{place.array.name}{self._slices(place, [])}"
                found.setdefault(ref.var.name, View(ref.var.name, code, self._meaning(ref.var)))
        return list(found.values())

    def _all_steps(self, ref: Ref) -> str:
        place = self.place(ref.var)
        offset = ref.when.offset if ref.when is not None else 0
        first = place.first + offset
        steps = f"{first} : steps + {first}" if first else ":steps"
        return f"self._{place.array.name}{self._slices(place, [steps])}"

    def _slices(self, place: Place, steps: list[str]) -> str:
        """The indices that cut the parts at `place` out of all steps of their array."""
        array = place.array
        whole = place.start == 0 and place.stop == len(array.parts)
        if self._is_stacked(array):
            if place.stop == place.start + 1 and not whole:
                return f"[{', '.join([str(place.start), *steps])}]"
            index = ":" if whole else f"{place.start}:{place.stop}"
            cut = f"[{', '.join([index, *steps])}]" if steps or not whole else ""
            return f"{cut}.swapaxes(0, 1)" if steps else cut
        if whole:
            return f"[{steps[0]}]" if steps else ""
        sizes = [shape[-1] for shape in array.parts]
        low = added(sizes[: place.start]) if place.start else ""
        high = added(sizes[: place.stop]) if place.stop < len(sizes) else ""
        colon = " : " if " " in low + high and low and high else ":"
        return f"[{', '.join([*steps, f'{low}{colon}{high}'])}]"

    def is_there(self, statement: Statement) -> bool:
        """Whether `statement` copies a matrix onto itself: two variables are kept in its place."""
        value, target = statement.value, statement.target
        if statement.given or not isinstance(value, Ref):
            return False
        own = self.is_stored(value.var) and self.is_stored(target.var)
        if not own or value.var.parts or target.var.parts:
            return False
        scratch = not {value.var.name, target.var.name} & self.kept
        return scratch and self.root(value.var.name) == self.root(target.var.name)

    def ends(self, timed: list[Var], *, by_row: bool) -> list[View]:
        """What each is called before all steps and after them: a sample per row, or as stored."""
        found = []
        turned = ".T" if by_row and self.program.layout == "columns" else ""
        for var in timed:
            place = self.place(var)
            before = place.first - 1
            after = f"steps + {before}" if before else "steps"
            for end, index, when in (("first", str(before), "before"), ("last", after, "after")):
                code = f"self._{place.array.name}{self._slices(place, [index])}{turned}"
                found.append(View(self.form(var.name, end), code, f"{var.name} {when} all steps"))
        return found

    def ends_of_carries(self) -> Iterator[View]:
        """What the carries kept for all steps are at the first one, and beyond the last."""
        for var in filter(self.is_carried_over_time, self.program.carries):
            place = self.place(var)
            after = f"steps + {place.first}" if place.first else "steps"
            for end, index in (("first", str(place.first)), ("last", after)):
                code = f"self._{place.array.name}{self._slices(place, [index])}"
                where = "of the first step" if end == "first" else "after all steps"
                yield View(self.form(var.name, end), code, f"{var.name} {where}")

    def sizes(self, var: Var, over_time: bool = False) -> str:
        """The shape of `var` in code outside the Workspace, where a sample is always a row."""
        own = [added([size], "w.") for size in var.shape]
        return f"({', '.join([*(['w.steps'] if over_time else []), *own])})"

    # --- names ------------------------------------------------------------------------------

    def is_indexed(self, var: Var) -> bool:
        """Whether one step of `var` is an element of an array."""
        given = var.role in ("input", "target") or is_optional(var)
        return given or any(part.var.name in self.kept for part in reads(Ref(var)))

    def attribute(self, ref: Ref) -> str:
        """What the Workspace calls all steps of `ref`."""
        offset = ref.when.offset if ref.when is not None else 0
        if not offset or ref.var.name not in self.shifted:
            return ref.var.name
        return self.form(ref.var.name, "prev" if offset < 0 else "next")

    def form(self, name: str, form: str) -> str:
        """What another form, step or place of what is called `name` is called: ``Z_t``."""
        return self.names.of((name, form), f"{name}_{form}")

    @property
    def mask(self) -> str:
        """What the Workspace calls which samples have ended, as matrices are stored."""
        return self.names.of("mask", "mask")


def _beside(array: Array) -> list[str]:
    """The sizes of all that stands side by side in `array`."""
    return [size for shape in array.parts for size in shape[-1].split("+")]


def is_of_weights(var: Var) -> bool:
    """Whether `var` is computed from weights alone: there is none for each sample."""
    return var.role == "work" and var.shape[0] != "B"


def is_optional(var: Var) -> bool:
    """Whether `var` is an argument that a caller may leave out, and so may be None."""
    return var.role in ("loss weights", "lengths")


def _is_narrow(expression: Expr) -> bool:
    """Whether NumPy gives one column that stands for all: the sum of each row, times a number."""
    if not isinstance(expression, Call):
        return isinstance(expression, Const)
    if expression.operation in ("row_sum", "row_max"):
        return True
    return OPERATIONS[expression.operation].elementwise and all(map(_is_narrow, expression.args))
