"""Constants that a kernel makes from sizes alone: the identity, triangles, memories of the past.

    Cell(..., constants={A: None, I: identity, N: band(1)})

A is given in every call, I and N are made. HiPPO-LegS is that of Gu et al., "HiPPO: Recurrent
Memory with Optimal Polynomial Projections", 2020, arXiv:2008.07669, theorem 2; the delay is that of
Voelker, Kajic and Eliasmith, "Legendre Memory Units", 2019, equation 2, for a window of length 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gru_codegen.errors import CellError

__all__ = [
    "LARGEST_NUMBER",
    "PATTERNS",
    "Pattern",
    "band",
    "check_constants",
    "check_shapes",
    "fault_of_pattern",
    "hippo_legs",
    "hippo_legs_input",
    "identity",
    "legendre_delay",
    "legendre_delay_input",
    "lower_triangle",
    "ones",
    "stored_shape",
    "upper_triangle",
    "written",
    "zeros",
]

#: The greatest number that a pattern takes.
LARGEST_NUMBER = 2**20


@dataclass(frozen=True)
class Pattern:
    """The numbers of a constant that is made from its shape.

    name: among those of `PATTERNS`. number: how many diagonals on either side a band has.
    """

    name: str
    number: int = 0

    def __post_init__(self) -> None:
        kind = PATTERNS.get(self.name)
        if kind is None:
            raise CellError(f"there is no pattern {self.name!r}; known: {', '.join(PATTERNS)}")
        if type(self.number) is not int or not 0 <= self.number <= LARGEST_NUMBER * kind.numbered:
            taken = f"a whole number from 0 to {LARGEST_NUMBER}" if kind.numbered else "no number"
            raise CellError(f"{self.name} takes {taken}, not {self.number!r}")

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers that it takes, none or one."""
        return (self.number,) if PATTERNS[self.name].numbered else ()

    def of(self, shape: tuple[str, ...]) -> str:
        """It as files have it, for a shape in letters: ``band(H, 1)``."""
        sizes = shape[:1] if PATTERNS[self.name].shape == "square" else shape
        return f"{self.name}({', '.join((*sizes, *map(str, self.numbers)))})"


@dataclass(frozen=True)
class Kind:
    """A kind of pattern: the shapes that it is made in, whether it takes a number, its entries."""

    shape: Literal["square", "row", "any"]
    entries: str
    numbered: bool = False


#: The patterns by name. Rows i and columns j count from 0.
PATTERNS: Mapping[str, Kind] = {
    "identity": Kind("square", "1 where i = j, else 0"),
    "ones": Kind("any", "1"),
    "zeros": Kind("any", "0"),
    "lower_triangle": Kind("square", "1 where i >= j, else 0"),
    "upper_triangle": Kind("square", "1 where i <= j, else 0"),
    "band": Kind("square", "1 where |i - j| <= k, else 0", numbered=True),
    "hippo_legs": Kind("square", "-sqrt((2 i + 1) (2 j + 1)) where i > j, -(i + 1) where i = j"),
    "hippo_legs_input": Kind("row", "sqrt(2 j + 1)"),
    "legendre_delay": Kind("square", "-(2 i + 1) where i < j, else (2 i + 1) (-1)^(i - j + 1)"),
    "legendre_delay_input": Kind("row", "(2 j + 1) (-1)^j"),
}

identity, ones, zeros = Pattern("identity"), Pattern("ones"), Pattern("zeros")
lower_triangle, upper_triangle = Pattern("lower_triangle"), Pattern("upper_triangle")
hippo_legs, hippo_legs_input = Pattern("hippo_legs"), Pattern("hippo_legs_input")
legendre_delay = Pattern("legendre_delay")
legendre_delay_input = Pattern("legendre_delay_input")


def band(number: int) -> Pattern:
    """Ones on the diagonal and on so many diagonals on either side of it."""
    return Pattern("band", number)


def check_constants(where: str, constants: Any) -> None:
    """Check that `constants` say of each how it is made, None for one that a call is given."""
    if not isinstance(constants, Mapping):
        raise CellError(
            f"{where}: constants must be a mapping such as {{A: None}}, not {constants!r}"
        )
    for symbol, made in constants.items():
        if made is not None and not isinstance(made, Pattern):
            raise CellError(
                f"{where}: the constant {symbol} is made by {made!r}, which is no pattern of "
                "gru_codegen.constants; None is for one that a call is given"
            )


def check_shapes(where: str, constants: Mapping[Any, Pattern | None]) -> None:
    """Check that those that are made have shapes in which they can be."""
    for symbol, made in constants.items():
        if made is not None and (fault := fault_of_pattern(made, symbol.shape)):
            raise CellError(f"{where}: constant {symbol}: {made.name} {fault}")


def stored_shape(symbol: Any) -> tuple[str, ...]:
    """The letters of the shape in which kernels have it: one of a vector, none of a number."""
    rows, columns = (str(n) for n in symbol.shape)
    if rows == "1":
        return () if columns == "1" else (columns,)
    return rows, columns


def written(constants: Mapping[Any, Pattern | None]) -> list[tuple[str, str]]:
    """The constants that are made, each with its pattern as files have it."""
    made = ((symbol, pattern) for symbol, pattern in constants.items() if pattern is not None)
    return [(symbol.name, pattern.of(stored_shape(symbol))) for symbol, pattern in made]


def fault_of_pattern(pattern: Pattern, shape: tuple[Any, ...]) -> str | None:
    """Say why `pattern` has no such shape, (1, n) for a row, as the rest of a sentence, or None."""
    kind = PATTERNS[pattern.name]
    if tuple(shape) == (1, 1):
        return "is a matrix or a vector; a single number stands under numbers"
    if kind.shape == "square" and (shape[0] != shape[1] or shape[0] == 1):
        return f"is square, and ({shape[0]}, {shape[1]}) is not"
    if kind.shape == "row" and shape[0] != 1:
        return f"is a vector, and ({shape[0]}, {shape[1]}) is not"
    return None
