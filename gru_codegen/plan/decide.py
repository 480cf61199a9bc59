"""Storage planning: the array of each variable of a program, and its place in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    OPERATIONS,
    Call,
    Const,
    Program,
    Ref,
    Shape,
    Var,
    is_within,
    kept_for_every_step,
    made_for_a_pullback,
    parts,
    reads,
    refs,
    shape_of,
    statements,
    writes,
)
from gru_codegen.plan.arrays import Array, Place, Plan, View
from gru_codegen.plan.extents import FULL, Extent, extent

__all__ = ["plan"]


def plan(program: Program, *, in_place: bool = True) -> Plan:
    """Give every value of `program` a place.

    An array holds all steps of what is read after its step has gone, or one step that each step
    uses anew. Variables that a pack lays side by side share an array; one that overwrites another
    has its place. What only the gradient of an input needs is made by the pullback. Unless values
    are written `in_place`, arrays are for what is kept for every step alone.
    """
    return _Deciding(program, in_place).plan()


class _Deciding:
    def __init__(self, program: Program, in_place: bool) -> None:
        self.program = program
        self.in_place = in_place
        self.variables = program.variables()
        self.kept = frozenset(kept_for_every_step(program))
        self.results = made_for_a_pullback(program)
        self.handed_on = set(_read_in_another_phase(program))
        self.refs = [ref for s in program.statements() for ref in (*refs(s.value), s.target)]
        self.every = [*self.refs, *(part for pack in self.refs for part in reads(pack))]
        self.offsets: dict[str, tuple[int, int]] = {}
        for ref in self.every:
            if ref.when is not None and ref.var.name in self.kept:
                low, high = self.offsets.get(ref.var.name, (0, 0))
                offset = ref.when.offset
                self.offsets[ref.var.name] = (min(low, offset), max(high, offset))
        self.own = dict(self._own_places())

    def plan(self) -> Plan:
        """The decisions, together."""
        places = {
            name: self.own[self._root(name)]
            for name, var in self.variables.items()
            if self._is_stored(var)
        }
        draft = Plan(
            program=self.program,
            in_place=self.in_place,
            arrays=tuple(dict.fromkeys(place.array for place in self.own.values())),
            places=places,
            kept=self.kept,
            results=self.results,
            views=(),
            bounded=tuple(self._bounded()),
            spread=frozenset(var.name for var in self._spread()),
        )
        return replace(draft, views=tuple(self._views(draft)))

    def _views(self, draft: Plan) -> Iterator[View]:
        """All that is read or written of arrays, each once."""
        viewed: set[tuple[str, int]] = set()
        for ref in self.every:
            if draft.is_stored(ref.var):
                place = draft.place(ref.var)
                timed = place.array.extra is not None
                offset = ref.when.offset if ref.when is not None and timed else 0
                if (ref.var.name, offset) not in viewed:
                    viewed.add((ref.var.name, offset))
                    yield View(ref.var, offset, replace(place, first=place.first + offset))

    def _is_stored(self, var: Var) -> bool:
        if var.name in self.results:
            return False
        if var.role in ("work", "fixed"):
            return True
        computed = var.role in ("value", "adjoint")
        return computed and (self.in_place or var.name in self.kept or var.name in self.handed_on)

    def _own_places(self) -> Iterator[tuple[str, Place]]:
        """Each variable that lies where no other was before it: packs first, then the rest."""
        packed: set[str] = set()
        for pack in self._longest_packs():
            parts = [ref.var for ref in pack.parts[0]]
            packed |= {var.name for var in parts}
            if all(self._root(var.name) == var.name for var in parts):
                yield from self._side_by_side(pack)
        for name, var in self.variables.items():
            if name not in packed and self._root(name) == name and self._is_stored(var):
                first = self._before(var)
                extra = self._extra(var, first) if name in self.kept else None
                yield name, Place(self._array(name, (var.shape,), extra, var.meaning), first, 0, 1)

    def _side_by_side(self, pack: Var) -> Iterator[tuple[str, Place]]:
        """The places of the parts of `pack`, each at the step that the pack has it at."""
        parts = [(ref.var, ref.when.offset if ref.when else 0) for ref in pack.parts[0]]
        base = max(self._before(var) + offset for var, offset in parts)
        extra = max(self._extra(var, base - offset) for var, offset in parts)
        is_kept = any(var.name in self.kept for var, _ in parts)
        *others, last = names = [var.name for var, _ in parts]
        says_so = pack.name == "_".join(names)
        meaning = "" if says_so else f"{', '.join(others)} and {last}"
        shapes = tuple(var.shape for var, _ in parts)
        array = self._array(pack.name, shapes, extra if is_kept else None, meaning)
        for number, (var, offset) in enumerate(parts):
            yield var.name, Place(array, base - offset, number, number + 1)

    def _longest_packs(self) -> list[Var]:
        """The packs of one row that are not within others."""
        packs = dict.fromkeys(ref.var for ref in self.refs if len(ref.var.parts) == 1)
        return [
            pack
            for pack in packs
            if not any(
                other is not pack and is_within(pack.parts[0], other.parts[0]) for other in packs
            )
        ]

    def _array(
        self, name: str, shapes: tuple[Shape, ...], extra: int | None, meaning: str
    ) -> Array:
        of_samples = shapes[0][:1] == ("B",)
        by_row = name in self.program.by_row or not of_samples
        orientation = "rows" if by_row else self.program.orientation
        array = Array(name, shapes, extra, orientation, False, meaning)
        alike = len(array.beside) > 1 and len(set(array.beside)) == 1
        stacked = self.program.orientation == "rows" and of_samples and alike
        return Array(name, shapes, extra, orientation, stacked, meaning)

    def _before(self, var: Var) -> int:
        """Number of elements before step 0, such as the initial state."""
        given = isinstance(var.boundary, Ref) and var.boundary.var.role == "initial"
        return max(-self.offsets.get(var.name, (0, 0))[0], int(given))

    def _extra(self, var: Var, first: int) -> int:
        carried = var in self.program.carries and var.name in self.kept
        return first + max(self.offsets.get(var.name, (0, 0))[1], int(carried))

    def _root(self, name: str) -> str:
        """The variable in whose storage `name` is; one that unrolling has removed has none."""
        while self.program.overwrites.get(name) in self.variables:
            name = self.program.overwrites[name]
        return name

    def _spread(self) -> Iterator[Var]:
        """Targets made as one row or column for all that have to be there in full.

        Arrays and elementwise operations spread one themselves; products and results do not.
        """
        if self.in_place:
            return
        extents = self._extents()

        def of(ref: Ref) -> Extent:
            return extents.get(ref.var.name, FULL)

        multiplied = {
            ref.var
            for statement in self.program.statements()
            for call in parts(statement.value)
            if isinstance(call, Call) and not OPERATIONS[call.operation].elementwise
            for argument in call.args
            if extent(argument, of) != FULL
            for ref in refs(argument)
        }
        for statement in self.program.statements():
            var = statement.target.var
            needed = var.boundary is not None or var in multiplied
            if needed and extents.get(var.name, FULL) != FULL:
                yield var

    def _extents(self) -> dict[str, Extent]:
        """The extent of each matrix without an array, the least that a statement gives it."""
        found: dict[str, Extent] = {}
        before: dict[str, Extent] | None = None
        while found != before:
            before = dict(found)
            for statement in self.program.statements():
                var = statement.target.var
                if self._is_stored(var) or len(var.shape) != 2 or var.role == "gradient":
                    continue
                made = extent(statement.value, lambda ref: found.get(ref.var.name, FULL))
                if shape_of(statement.value)[-1:] != var.shape[-1:]:
                    made = made._replace(columns=False)
                known = found.get(var.name, FULL)
                found[var.name] = Extent(known.rows and made.rows, known.columns and made.columns)
        return found

    def _bounded(self) -> Iterator[Var]:
        for var in self.variables.values():
            if isinstance(var.boundary, Const) and self._before(var):
                yield var


def _read_in_another_phase(program: Program) -> Iterator[str]:
    """The names of variables that a phase reads and an earlier one computes."""
    written: set[str] = set()
    for phase in program.phases:
        own = {ref.var.name for s in statements(phase.blocks) for ref in writes(s)}
        read = {ref.var.name for s in statements(phase.blocks) for ref in reads(s.value)}
        yield from read & written
        written |= own
