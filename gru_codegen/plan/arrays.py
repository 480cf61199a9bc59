"""A plan: the arrays that are kept between statements, and where in them each variable lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gru_codegen.ir import Orientation, Program, Ref, Shape, Statement, Var, reads
from gru_codegen.polynomials import Polynomial

__all__ = ["Array", "Place", "Plan", "View"]


@dataclass(frozen=True)
class Array:
    """An array that outlives the statement which writes it: one variable, or several side by side.

    Attributes
    ----------
    name: that of the variable or pack.
    shapes: one step of each matrix in it, in order.
    extra: how many steps it holds beyond T, for boundaries; None if every step uses it anew.
    orientation: rows, (B, n), or columns, (n, B); of what has no row per sample it is rows.
    stacked: whether matrices of one shape lie one behind the other, along an axis of their own,
        so that each of them is contiguous; otherwise they share the axis of their columns.
    meaning: the contents, in words.
    """

    name: str
    shapes: tuple[Shape, ...]
    extra: int | None
    orientation: Orientation
    stacked: bool
    meaning: str

    def __str__(self) -> str:
        shapes = " beside ".join(f"({', '.join(shape)})" for shape in self.shapes)
        steps = {None: "one step", 0: "T steps"}.get(self.extra, f"T + {self.extra} steps")
        order = "stacked" if self.stacked else self.orientation
        return f"{self.name}: {steps} of {shapes}, {order}"

    @property
    def beside(self) -> tuple[str, ...]:
        """The sizes of all that stands side by side."""
        return tuple(size for shape in self.shapes if shape for size in shape[-1].split("+"))

    def numbers(self) -> Polynomial:
        """Number of elements, as a polynomial in the sizes."""
        total = Polynomial()
        for shape in self.shapes:
            if self.extra is not None:
                total += Polynomial.product(1, ("T", *shape))
            total += Polynomial.product(1 if self.extra is None else self.extra, shape)
        return total


@dataclass(frozen=True)
class Place:
    """A run of matrices in an array.

    first: the element along time that is step 0. start, stop: the matrices, as a slice.
    """

    array: Array
    first: int
    start: int
    stop: int

    def __str__(self) -> str:
        matrices = "all" if self.whole else f"{self.start} to {self.stop}"
        return f"{matrices}, step 0 at {self.first}"

    @property
    def whole(self) -> bool:
        """Return whether the place is the whole array."""
        return self.start == 0 and self.stop == len(self.array.shapes)


@dataclass(frozen=True)
class View:
    """All steps of a variable or pack, or those one step before or after them."""

    var: Var
    offset: int
    place: Place


@dataclass(frozen=True, repr=False)
class Plan:
    """A program together with the place of everything that it stores.

    Attributes
    ----------
    in_place: whether statements write into arrays that are there already; if not, each statement
        makes its result, and arrays keep only what another step or function reads.
    arrays: in the order in which the program meets them.
    places: of every variable that lies in an array, by name; several names may have one place.
    kept: the names of variables with a matrix for every step.
    results: the names of what a pullback makes, as it hands it out.
    views: all that is read or written of arrays, variables and packs, each once.
    bounded: the variables whose boundary before the first step is a number.
    spread: the names of what is made as one column for all and has to be there in full.
    """

    program: Program
    in_place: bool
    arrays: tuple[Array, ...]
    places: Mapping[str, Place]
    kept: frozenset[str]
    results: Mapping[str, Var]
    views: tuple[View, ...]
    bounded: tuple[Var, ...]
    spread: frozenset[str]

    def __repr__(self) -> str:
        return f"<Plan of {self.program!r}: {len(self.arrays)} arrays>"

    def __str__(self) -> str:
        lines = []
        for array in self.arrays:
            lines.append(str(array))
            for name, place in self.places.items():
                if place.array == array and name != array.name:
                    lines.append(f"    {name}: {place}")
        return "\n".join(lines)

    def place(self, var: Var) -> Place:
        """The place of `var`, or of the pack `var`: from its first part to its last."""
        if not var.parts:
            return self.places[var.name]
        parts = var.parts[0]
        first, last = self.place(parts[0].var), self.place(parts[-1].var)
        offset = parts[0].when.offset if parts[0].when is not None else 0
        return Place(first.array, first.first + offset, first.start, last.stop)

    def is_stored(self, var: Var) -> bool:
        """Return whether `var` lies in an array: by itself, as a part, or as a pack."""
        if var.parts:
            return var.role == "work" and self.is_stored(var.parts[0][0].var)
        return var.name in self.places

    def is_carried_over_time(self, var: Var) -> bool:
        """Return whether all steps of the carry `var` are kept: its boundary is one more."""
        return var in self.program.carries and var.name in self.kept

    def writes_in_place(self, statement: Statement) -> bool:
        """Return whether `statement` writes into an array that is there already."""
        return self.in_place and statement.target.var.role not in ("loss", "gradient")

    def is_indexed(self, var: Var) -> bool:
        """Return whether one step of `var` is an element of an array."""
        given = var.role in ("input", "target", "loss weights", "lengths")
        if given or not var.parts:
            return given or var.name in self.kept
        return any(part.var.name in self.kept for part in reads(Ref(var)))

    def copies_onto_itself(self, statement: Statement) -> bool:
        """Return whether `statement` copies a matrix onto itself: two variables have one place."""
        value, target = statement.value, statement.target
        if statement.given or not isinstance(value, Ref) or value.var.parts or target.var.parts:
            return False
        if {value.var.name, target.var.name} & self.kept:
            return False
        places = [self.places.get(ref.var.name) for ref in (value, target)]
        return places[0] is not None and places[0] == places[1]

    def numbers(self) -> Polynomial:
        """Number of elements of all arrays."""
        return sum((array.numbers() for array in self.arrays), Polynomial())
