"""Elements of the finite field GF(p), p = 2^61 - 1, that generated lines compute with.

Sums, products and quotients are exact, modulo p. The functions that are no quotients of polynomials
are random: the value at an argument is a number that a secret key and the argument alone decide. So
is the order. `docs/trust.md` says what follows of an equality of two values.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np

from gru_codegen.ir import ELEMENTWISE

__all__ = ["PRIME", "RANDOM", "UNREAD", "Element", "Field", "Order"]

PRIME = 2**61 - 1
#: The functions of declarations that have no definition by others, each by NumPy's name.
RANDOM = {record.ufunc.__name__ for record in ELEMENTWISE.values() if record.ufunc is not None}
#: In the place of a number that may not be read: whatever is computed of it is the same.
UNREAD = float("nan")


class Order:
    """A random order of all elements in which -1 < 0 < 1, a fifth of them or more between each."""

    def __init__(self, draw: Callable[[int, int], int]) -> None:
        fifth = PRIME // 5
        self.scale = draw(fifth, fifth * 5 // 4)
        self.offset = draw(self.scale + fifth, self.scale + fifth * 5 // 4)

    def rank(self, n: int) -> int:
        """The place of an element."""
        return (n * self.scale + self.offset) % PRIME

    def at(self, rank: int) -> int:
        """The element in a place."""
        return (rank - self.offset) * pow(self.scale, -1, PRIME) % PRIME


class Element:
    """A number n modulo p; a class of its own for every `Field`, whose functions it has.

    NumPy calls the methods by the names of its functions on arrays of objects.
    """

    __slots__ = ("n",)
    field: Field

    def __init__(self, n: Any) -> None:
        self.n = n

    def __repr__(self) -> str:
        return "(not to be read)" if self.n != self.n else str(self.n)

    def __add__(self, other: Any) -> Any:
        try:
            return type(self)((self.n + other.n) % PRIME)
        except AttributeError:
            if isinstance(other, np.ndarray):  # then NumPy does it, entry by entry
                return NotImplemented
            return type(self)((self.n + number(other)) % PRIME)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        try:
            return type(self)(self.n * other.n % PRIME)
        except AttributeError:
            if isinstance(other, np.ndarray):  # then NumPy does it, entry by entry
                return NotImplemented
            return type(self)(self.n * number(other) % PRIME)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Any:
        try:
            return type(self)((self.n - other.n) % PRIME)
        except AttributeError:
            if isinstance(other, np.ndarray):  # then NumPy does it, entry by entry
                return NotImplemented
            return type(self)((self.n - number(other)) % PRIME)

    def __rsub__(self, other: Any) -> Any:
        return type(self)((number(other) - self.n) % PRIME)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return self * type(self)(inverse(number(other)))

    def __rtruediv__(self, other: Any) -> Any:
        return type(self)(inverse(self.n)) * other

    def __neg__(self) -> Any:
        return type(self)(-self.n % PRIME)

    def __pos__(self) -> Any:
        return self

    def __pow__(self, exponent: Any) -> Any:
        if type(exponent) is not int or exponent < 0:
            return NotImplemented
        power = type(self)(1)
        for _ in range(exponent):
            power = power * self
        return power

    def __eq__(self, other: object) -> bool:
        return bool(self.n == number(other))

    def __hash__(self) -> int:
        return hash(self.n)

    def __gt__(self, other: Any) -> bool:
        return self._rank() > self._rank(other)

    def __ge__(self, other: Any) -> bool:
        return self._rank() >= self._rank(other)

    def __lt__(self, other: Any) -> bool:
        return self._rank() < self._rank(other)

    def __le__(self, other: Any) -> bool:
        return self._rank() <= self._rank(other)

    def _rank(self, other: Any = None) -> int:
        n = self.n if other is None else number(other)
        if n != n:
            raise ArithmeticError("a number that may not be read is compared")
        return self.field.order.rank(n)

    def __getattr__(self, name: str) -> Any:
        """The method of a random function."""
        if name not in RANDOM:
            raise AttributeError(f"elements have no {name}")
        return lambda: type(self)(self.field.random(name, self.n))

    def expm1(self) -> Any:
        """exp(a) - 1."""
        return self.exp() - 1

    def log1p(self) -> Any:
        """log(1 + a)."""
        return (self + 1).log()


def number(value: Any) -> Any:
    """The number n of an element, of an integer, or of a float that is an integer.

    Another float would be a constant of the module's that pollutes exact numbers.
    """
    if isinstance(value, Element):
        return value.n
    if isinstance(value, (int, np.integer)):
        return int(value) % PRIME
    if isinstance(value, float) and value.is_integer():
        return int(value) % PRIME
    raise TypeError(f"{value!r} is no number of the field: a float among exact numbers")


def inverse(n: Any) -> Any:
    """1/n modulo p."""
    if n == 0:
        raise ZeroDivisionError("it divides by 0")
    return pow(n, -1, PRIME) if n == n else n


class Field:
    """The field with random functions, a random order and random elements: those of one point.

    seed, point: decide them all.
    """

    def __init__(self, seed: int, point: int = 0) -> None:
        self.key = blake2b(f"{seed} {point}".encode(), digest_size=16).digest()
        self.values: dict[tuple[Any, ...], int] = {}
        #: Functions and their derivatives at arguments that have been met.
        self.locals: dict[tuple[str, int], tuple[Any, Any]] = {}
        self.order = Order(self._between)
        self.element: type[Element] = type("Element", (Element,), {"field": self, "__slots__": ()})
        self._elements = np.frompyfunc(self.element, 1, 1)

    def random(self, name: str, *numbers: int) -> Any:
        """The number that the key, a name and other numbers decide."""
        if any(n != n for n in numbers):
            return UNREAD
        value = self.values.get((name, numbers))
        if value is None:
            text = f"{name} {numbers}".encode()
            digest = blake2b(text, digest_size=16, key=self.key).digest()
            value = self.values[name, numbers] = int.from_bytes(digest, "little") % PRIME
        return value

    def elements(self, numbers: Any) -> Any:
        """An object array of elements, of integers of any shape."""
        return self._elements(np.asarray(numbers, object) % PRIME)

    def drawn(self, name: str, shape: tuple[int, ...]) -> Any:
        """Random elements, always the same for one name."""
        numbers = [self.random(name, place) for place in range(int(np.prod(shape)))]
        return self.elements(np.array(numbers, object).reshape(shape))

    def fractions(self, name: str, shape: tuple[int, ...]) -> Any:
        """Random elements from 0 to 1 in the order of the field."""
        numbers = range(int(np.prod(shape)))
        ranks = [self.order.offset + self.random(name, n) % self.order.scale for n in numbers]
        chosen = np.array([self.order.at(rank) for rank in ranks], object)
        return self.elements(chosen.reshape(shape))

    def unread(self) -> Element:
        """An element in the place of a number that may not be read."""
        return self.element(UNREAD)

    def _between(self, low: int, high: int) -> int:
        return low + int(self.random("order", low, high)) % (high - low)
