"""Distributions of first weights: how they are written, drawn by kernels and recognised."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_codegen.errors import CellError

__all__ = ["KINDS", "Distribution", "distribution", "first_weights"]

Array = NDArray[Any]

#: Numbers are no larger, and as texts no longer.
_LARGEST, _LONGEST = Fraction(10**6), 40
#: How many standard deviations the mean of many draws may be off.
_DEVIATIONS = 6


class _Kind(NamedTuple):
    """A kind of distribution.

    arguments: the names of its numbers. words: its name in a sentence. code: the expression that
    draws it, of its numbers and its shape in code. matrix: whether it is one of matrices alone,
    square: of square ones. fault: why the numbers do not make one, "" if they do.
    """

    arguments: tuple[str, ...]
    words: str
    code: Callable[[Sequence[str], str], str]
    matrix: bool = False
    square: bool = False
    fault: Callable[..., str] = lambda *_: ""


def _of_shape(call: str) -> Callable[[Sequence[str], str], str]:
    return lambda numbers, shape: call.format(*numbers, shape=shape)


#: The kinds by name. A number alone is the kind "number".
KINDS: dict[str, _Kind] = {
    "number": _Kind(("value",), "{}", _of_shape("np.full({shape}, {})")),
    "zeros": _Kind((), "zero", _of_shape("np.zeros({shape})")),
    "ones": _Kind((), "one", _of_shape("np.ones({shape})")),
    "uniform": _Kind(
        ("low", "high"),
        "uniform on [{}, {})",
        _of_shape("rng.uniform({}, {}, {shape})"),
        fault=lambda low, high: "" if low < high else "low has to be less than high",
    ),
    "normal": _Kind(
        ("std",),
        "normal with standard deviation {}",
        _of_shape("rng.normal(0, {}, {shape})"),
        fault=lambda std: "" if std > 0 else "std has to be more than 0",
    ),
    "glorot": _Kind(
        (),
        "uniform on [-sqrt(6/n), sqrt(6/n)) for its n rows and columns",
        _of_shape("_glorot(rng, {shape})"),
        matrix=True,
    ),
    "orthogonal": _Kind(
        (),
        "orthogonal, or as many orthonormal rows or columns as it can have",
        _of_shape("_orthogonal(rng, {shape})"),
        matrix=True,
    ),
    "identity": _Kind((), "the identity", _of_shape("np.eye{shape}"), matrix=True, square=True),
}
_FORM = re.compile(r"\s*([a-z]+)\s*(?:\(([^()]*)\))?\s*")
_KNOWN = "a number, zeros, ones, uniform(low, high), normal(std), glorot, orthogonal, identity"


@dataclass(frozen=True)
class Distribution:
    """A kind and its numbers."""

    kind: str
    numbers: tuple[Fraction, ...] = ()

    def __str__(self) -> str:
        numbers = ", ".join(map(str, self.numbers))
        if self.kind == "number":
            return numbers
        return f"{self.kind}({numbers})" if numbers else self.kind

    @property
    def words(self) -> str:
        """It behind "is" in a sentence."""
        return KINDS[self.kind].words.format(*self.numbers)

    def code(self, shape: str) -> str:
        """The expression that draws an array of float64; `shape` is a tuple in code."""
        return KINDS[self.kind].code([_in_code(n) for n in self.numbers], shape)

    def misfit(self, shape: Sequence[Any]) -> str:
        """The reason why no weight of `shape` has it, or ""; a vector has the shape of a row."""
        kind, (rows, columns) = KINDS[self.kind], shape
        if kind.matrix and rows == 1:
            return f"{self.kind} is for matrices, and this is a vector"
        if kind.square and rows != columns:
            return f"{self.kind} is for square matrices, and this is ({rows}, {columns})"
        return ""

    def fault(self, array: Array) -> str:
        """The reason why a large array in float64 was not drawn so, "" if it may have been."""
        if self.kind in ("number", "zeros", "ones", "identity"):
            filled = {"zeros": 0.0, "ones": 1.0}.get(self.kind)
            value = float(self.numbers[0]) if self.kind == "number" else filled
            right = np.eye(*array.shape) if value is None else np.full(array.shape, value)
            return "" if (array == right).all() else f"it is not {self}"
        if self.kind == "orthogonal":
            rows, columns = array.shape
            product = array.T @ array if rows >= columns else array @ array.T
            off = np.abs(product - np.eye(len(product))).max()
            return "" if off < 1e-12 and array.min() < 0 < array.max() else f"it is not {self}"
        return self._fault_of_moments(array)

    def _fault_of_moments(self, array: Array) -> str:
        """Compare the least, the largest, the mean and the deviation with what they may be."""
        if self.kind == "normal":
            mean, std, ends = 0.0, float(self.numbers[0]), (-np.inf, np.inf)
        else:
            bound = (6 / sum(array.shape)) ** 0.5
            low, high = map(float, self.numbers) if self.numbers else (-bound, bound)
            mean, std, ends = (low + high) / 2, (high - low) / 12**0.5, (low, high)
        if array.min() < ends[0] or array.max() > ends[1]:
            return f"it leaves {self}"
        allowed = _DEVIATIONS * std / array.size**0.5  # of a deviation no more than of 1/sqrt(2)
        if abs(array.mean() - mean) > allowed or abs(array.std() - std) > allowed / 2**0.5:
            return f"its mean and deviation are not those of {self}"
        return ""


def distribution(given: Any) -> Distribution:
    """The distribution that a text such as "uniform(-1/10, 1/10)", or a number, declares.

    Raises
    ------
    CellError: it declares none; the message goes on behind the name of a weight.
    """
    if isinstance(given, Distribution):
        return given
    if isinstance(given, Real) and not isinstance(given, bool):
        return Distribution("number", (_number(given),))
    if not isinstance(given, str):
        raise CellError(f"must be {_KNOWN}, not {given!r}")
    form = _FORM.fullmatch(given[: 4 * _LONGEST])
    if form is None or form[1] not in KINDS or form[1] == "number":
        if form is None and re.match(r"\s*[-+0-9.]", given):
            return Distribution("number", (_number(given),))
        raise CellError(f"must be {_KNOWN}, not {given[:_LONGEST]!r}")
    name, inside = form[1], form[2]
    arguments = [] if inside is None or not inside.strip() else inside.split(",")
    kind = KINDS[name]
    if len(arguments) != len(kind.arguments):
        wanted = f"{name}({', '.join(kind.arguments)})" if kind.arguments else name
        raise CellError(f"must be written as {wanted}, not {given!r}")
    numbers = tuple(map(_number, arguments))
    if fault := kind.fault(*numbers):
        raise CellError(f"is no distribution: in {given!r} {fault}")
    return Distribution(name, numbers)


def first_weights(cell: Any) -> dict[Any, Distribution]:
    """The distributions that `init` of a cell gives weights, read.

    Raises
    ------
    CellError: it is no mapping, or has something that is no weight, or no distribution for it.
    """
    where, found = f"cell {cell.name!r}, init", {}
    if not isinstance(cell.init, Mapping):
        raise CellError(f'{where}: it must be a mapping such as {{Wrec: "orthogonal"}}')
    for weight, given in cell.init.items():
        if weight not in cell.weights:
            raise CellError(f"{where}: {weight} is no weight of the cell")
        try:
            found[weight] = distribution(given)
        except CellError as error:
            raise CellError(f"{where}: {weight} {error}") from None
        if misfit := found[weight].misfit(weight.shape):
            raise CellError(f"{where}: {weight}: {misfit}")
    return found


def _number(given: Any) -> Fraction:
    """A number, or a text such as "-1/10" or "0.1"."""
    text = str(given).strip()
    try:
        if len(text) > _LONGEST or re.search(r"[eE]|_", text):
            raise ValueError(text)
        found = given if isinstance(given, Rational) else Fraction(text.replace(" ", ""))
        found = Fraction(found)
    except (ValueError, ZeroDivisionError):
        raise CellError(
            f"has {text[:_LONGEST]!r}, which is no number such as 0.1 or -1/10"
        ) from None
    if abs(found) > _LARGEST:
        raise CellError(f"has {text}, which is more than {_LARGEST}")
    return found


def _in_code(number: Fraction) -> str:
    """A number as a quotient of integers, which float64 divides."""
    return str(number) if number.denominator == 1 else f"{number.numerator} / {number.denominator}"
