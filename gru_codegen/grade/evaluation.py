"""Values of terms at random points of one unrolled network: the truth, and a reader's formulas.

A point is a network of three steps with random weights, inputs, targets and initial states: all
sizes differ, and the forward values and adjoints are those of one forward and one backward pass.
Formulas are compared at the middle step, where what the neighbours pass on is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.grade.numbers import apply, exact
from gru_codegen.grade.symbols import Shape, Symbols, letters
from gru_codegen.grade.terms import Term

__all__ = [
    "MIDDLE",
    "EvaluationError",
    "Evaluator",
    "Point",
    "ShapeError",
    "Value",
    "close",
    "points",
]

STEPS = 3
MIDDLE = 2
#: Points in float64, which find what is wrong, and how near two values have to be there.
FLOATS = 3
NEAR = Fraction(1, 10**9)
#: How near they have to be at 50 digits, to be equal.
EQUAL = Fraction(1, 10**38)
Array = NDArray[Any]


class EvaluationError(Exception):
    """Shapes that do not fit, or a value that is not there; `term` is where."""

    def __init__(self, term: Term, message: str) -> None:
        super().__init__(message)
        self.term, self.message = term, message


@dataclass(frozen=True)
class Value:
    """The value of a term: its shape in letters, and an array with one axis more, the points."""

    shape: Shape
    array: Any


@dataclass(frozen=True)
class Point:
    """The values of all symbols, by key and step; the step of weights and gradients is 0."""

    symbols: Symbols
    values: Mapping[tuple[str, int], Value]

    def at(self, key: str, step: int) -> Value | None:
        """The value of a symbol; None at a step that is not there."""
        return self.values.get((key, step if self.symbols.by_key[key].timed else 0))


def close(left: Value, right: Value) -> bool:
    """Return whether two values are the same: to 1e-38 at 50 digits, to 1e-9 in float64."""
    if left.shape and right.shape and left.shape != right.shape:
        return False
    near = EQUAL if right.array.dtype == object else NEAR
    off, size = np.abs(left.array - right.array).max(), np.abs(right.array).max()
    return bool(off * near.denominator <= size * near.numerator)


# --- terms ---------------------------------------------------------------------------------------


@dataclass
class Evaluator:
    """Evaluates terms at a point, each once.

    own: the formulas of the reader's own names, which are read at any step.
    """

    point: Point
    own: dict[str, Term] = field(default_factory=dict)
    _kept: dict[tuple[Term, int], Value | EvaluationError] = field(default_factory=dict)

    def __call__(self, term: Term, step: int = MIDDLE) -> Value:
        """The value of `term`; raises EvaluationError where its shapes do not fit."""
        found = self._kept.get((term, step))
        if found is None:
            try:
                found = getattr(self, f"_{term.kind}")(term, step)
            except EvaluationError as error:
                found = error
            self._kept[term, step] = found
        if isinstance(found, EvaluationError):
            raise found
        return found

    def fits(self, term: Term) -> Value | None:
        """The value of `term`, None where its shapes do not fit."""
        try:
            return self(term)
        except EvaluationError:
            return None

    def forget(self) -> None:
        """Forget the values, since a name of the reader's own has got another."""
        self._kept.clear()

    def _number(self, term: Term, step: int) -> Value:
        sample = next(iter(self.point.values.values())).array
        one = exact(np.ones(())) if sample.dtype == object else 1.0
        return Value((), np.asarray(one * term.value.numerator / term.value.denominator))

    def _name(self, term: Term, step: int) -> Value:
        key, offset = term.value
        if key in self.own:
            return self(self.own[key], step + offset)
        value = self.point.at(key, step + offset)
        if value is None:
            raise EvaluationError(term, "more than one step away")
        return value

    def _ones(self, term: Term, step: int) -> Value:
        raise EvaluationError(term, "ones stand in a matrix product: ones b, ones^T A or A ones")

    def _transpose(self, term: Term, step: int) -> Value:
        value = self(term.parts[0], step)
        if not value.shape:
            return value
        return Value(value.shape[::-1], np.swapaxes(value.array, -1, -2))

    def _apply(self, term: Term, step: int) -> Value:
        value = self(term.parts[0], step)
        if term.value == "softmax" and not value.shape:
            raise EvaluationError(term, "softmax is taken of rows, and this is a number")
        return Value(value.shape, apply(term.value, value.array, self.point.symbols.records))

    def _negative(self, term: Term, step: int) -> Value:
        value = self(term.parts[0], step)
        return Value(value.shape, -value.array)

    def _over_time(self, term: Term, step: int) -> Value:
        raise EvaluationError(
            term, "sum_t stands before a whole term of a gradient, and nowhere else"
        )

    def _sum(self, term: Term, step: int) -> Value:
        values = [self(part, step) for part in term.parts]
        shape = self._common(term, values, "the terms of a sum")
        return Value(shape, reduce(np.add, (value.array for value in values)))

    def _elementwise(self, term: Term, step: int) -> Value:
        values = [self(part, step) for part in term.parts]
        shape = self._common(term, values, "the factors of an elementwise product")
        return Value(shape, reduce(np.multiply, (value.array for value in values)))

    def _common(self, term: Term, values: list[Value], who: str) -> Shape:
        """The one shape of values; a number fits any, a row (1, n) every row of (B, n)."""
        widest: Shape = ()
        at = 0
        for place, value in enumerate(values):
            if value.shape in ((), widest) or (widest and value.shape == ("1", widest[1])):
                continue
            if widest and widest != ("1", value.shape[1]):
                raise ShapeError(term, (at, place), (widest, value.shape), who)
            widest, at = value.shape, place
        return widest

    def _product(self, term: Term, step: int) -> Value:
        factors = list(term.parts)
        first, last = factors[0], factors[-1]
        if first.kind == "transpose" and first.parts[0].kind == "ones":
            value = self(term.without_part(0), step)
            return self._added(term, value, -2)
        if first.kind == "ones":
            value = self(term.without_part(0), step)
            if value.shape[:1] != ("1",):
                fault = f"ones before a matrix {letters(value.shape)}; ones b repeats a row"
                raise EvaluationError(term, f"{fault}, ones^T A adds rows up")
            rows = self._size("B")
            shape = (value.array.shape[0], rows, value.array.shape[-1])
            return Value(("B", value.shape[1]), np.broadcast_to(value.array, shape))
        if last.kind == "ones":
            value = self(term.without_part(len(factors) - 1), step)
            added = self._added(term, value, -1)
            return Value(value.shape, np.broadcast_to(added.array, value.array.shape))
        value = self(first, step)
        for place, factor in enumerate(factors[1:]):
            right = self(factor, step)
            if not (value.shape and right.shape) or value.shape[1] != right.shape[0]:
                raise ShapeError(term, (place, place + 1), (value.shape, right.shape), "")
            product = value.array @ right.array
            value = Value((value.shape[0], right.shape[1]), product)
        return value

    def _added(self, term: Term, value: Value, axis: int) -> Value:
        if not value.shape:
            raise EvaluationError(term, "ones multiply a matrix, and this is a number")
        shape = list(value.shape)
        shape[axis] = "1"
        return Value(tuple(shape), value.array.sum(axis=axis, keepdims=True))

    def _size(self, letter: str) -> int:
        return self.sizes[letter]

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The numbers of the letters of shapes."""
        return {
            letter: size
            for value in self.point.values.values()
            for letter, size in zip(value.shape, value.array.shape[1:], strict=True)
        }


class ShapeError(EvaluationError):
    """Two operands whose shapes do not fit."""

    def __init__(
        self, term: Term, places: tuple[int, int], shapes: tuple[Shape, Shape], who: str
    ) -> None:
        super().__init__(term, who)
        self.places, self.shapes, self.who = places, shapes, who


# --- points --------------------------------------------------------------------------------------


def points(symbols: Symbols, seed: int = 0) -> tuple[Point, Point]:
    """Three points in float64, as one with arrays of three; and one point at 50 digits."""
    rng = np.random.default_rng(seed)
    given = _given(symbols, rng)
    first = {at: Value(value.shape, exact(value.array[:1])) for at, value in given.items()}
    return _run(symbols, _targets(symbols, given)), _run(symbols, _targets(symbols, first))


def _given(symbols: Symbols, rng: np.random.Generator) -> dict[tuple[str, int], Value]:
    """Random weights, inputs and targets of every step, and states before the first."""
    order = dict.fromkeys(
        size for symbol in symbols.by_key.values() for size in symbol.shape if size != "1"
    )
    # small and all different; B is not the largest, so that products of samples have full rank
    sizes = {"1": 1} | {letter: number for number, letter in enumerate(order, start=2)}
    shifts = {shift.name for shift in symbols.derivation.loss.shifts}
    values = {}
    for symbol in symbols.of_role("given", "weight"):
        if symbol.key not in shifts:
            for step in range(1, STEPS + 1) if symbol.timed else (0,):
                shape = (FLOATS, *(sizes[letter] for letter in symbol.shape))
                values[symbol.key, step] = Value(symbol.shape, rng.standard_normal(shape))
    for state in symbols.derivation.cell.states:
        of_state = symbols.by_key[state.name].shape
        array = rng.standard_normal((FLOATS, *(sizes[letter] for letter in of_state)))
        values[state.name, 0] = Value(of_state, array)
    return values


def _targets(
    symbols: Symbols, given: Mapping[tuple[str, int], Value]
) -> dict[tuple[str, int], Value]:
    """The same with targets from 0 to 1 where the loss takes no others.

    Rows that stand for labels add up to 1, to all digits.
    """
    loss, values = symbols.derivation.loss, dict(given)
    for step in range(1, STEPS + 1) if loss.targets != "numbers" else ():
        value = values[loss.target.name, step]
        array = np.abs(value.array) / (1 + np.abs(value.array))
        if loss.targets == "labels":
            array = array / array.sum(axis=-1, keepdims=True)
        values[loss.target.name, step] = Value(value.shape, array)
    return values


def _run(symbols: Symbols, given: Mapping[tuple[str, int], Value]) -> Point:
    """One forward and one backward pass; each symbol gets its value at every step."""
    values = dict(given)
    point = Point(symbols, values)
    evaluate = Evaluator(point)

    def compute(key: str, step: int) -> None:
        symbol = symbols.by_key[key]
        assert symbol.definition is not None  # it is computed
        value = evaluate(symbol.definition, step)
        shape = values[key, step + 1].array.shape if (key, step + 1) in values else None
        array = value.array
        if not value.shape:  # a number stands for a matrix of it
            shape = (len(next(iter(given.values())).array), *(sizes[n] for n in symbol.shape))
            array = np.broadcast_to(array, shape)
        values[key, step if symbol.timed else 0] = Value(symbol.shape, array)

    sizes = Evaluator(Point(symbols, given)).sizes
    loss = symbols.derivation.loss
    for step in range(1, STEPS + 1):
        for symbol in symbols.of_role("forward"):
            for shift, above in loss.shifts.items():
                if (above.name, step) in values and (shift.name, step) not in values:
                    value = values[above.name, step]
                    largest = value.array.max(axis=-1, keepdims=True)
                    array = np.broadcast_to(largest, value.array.shape)
                    values[shift.name, step] = Value(value.shape, array)
            compute(symbol.key, step)
    for state, before in symbols.derivation.cell.states.items():
        last = values[state.name, STEPS]
        values[f"d{before.name}", STEPS + 1] = Value(last.shape, last.array * 0)
    for step in range(STEPS, 0, -1):
        for symbol in symbols.of_role("adjoint"):
            compute(symbol.key, step)
    for symbol in symbols.of_role("gradient"):
        compute(symbol.key, MIDDLE)
    return point
