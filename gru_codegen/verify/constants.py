"""Constants that a kernel makes from sizes: their entries one by one, and the check of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np

from .claim import Claim, over
from .configuration import Array, Problem
from .difference import Difference, difference, verdict, worst

#: Each entry by its row i and its column j, from 0, and the number that a pattern takes.
_ENTRIES: dict[str, Callable[[int, int, int], float]] = {
    "identity": lambda i, j, _: float(i == j),
    "ones": lambda *_: 1.0,
    "zeros": lambda *_: 0.0,
    "lower_triangle": lambda i, j, _: float(i >= j),
    "upper_triangle": lambda i, j, _: float(i <= j),
    "band": lambda i, j, k: float(abs(i - j) <= k),
    "hippo_legs": lambda i, j, _: (
        -math.sqrt((2 * i + 1) * (2 * j + 1)) if i > j else -float(i + 1) * (i == j)
    ),
    "hippo_legs_input": lambda _, j, __: math.sqrt(2 * j + 1),
    "legendre_delay": lambda i, j, _: (2 * i + 1) * (-1.0 if i < j else (-1.0) ** (i - j + 1)),
    "legendre_delay_input": lambda _, j, __: (2 * j + 1) * (-1.0) ** j,
}


class Made(NamedTuple):
    """A constant that a kernel makes: its pattern, its shape in letters, the pattern's number."""

    pattern: str
    shape: tuple[str, ...]
    number: int = 0

    def array(self, numbers: Mapping[str, int]) -> Array:
        """Return it for the number of each size, in float64."""
        shape = tuple(numbers.get(letter, 1) for letter in self.shape)
        entry, (rows, columns) = _ENTRIES[self.pattern], (1, 1, *shape)[-2:]
        whole = [[entry(i, j, self.number) for j in range(columns)] for i in range(rows)]
        return np.array(whole, float).reshape(shape)


def made(kernel: ModuleType) -> dict[str, Made]:
    """Return the constants that ``kernel`` says it makes, by name."""
    return {name: Made(*each) for name, each in getattr(kernel, "MADE", {}).items()}


def claims(problems: Sequence[Problem]) -> list[Claim]:
    """Return the claim that a Workspace makes the right numbers, if the kernel makes any."""
    if not made(problems[0].kernel):
        return []
    return [Claim("constants", "entry by entry", None, 1e-15, over(problems, _right))]


def _right(problem: Problem) -> Difference:
    workspace, differences = problem.workspace(), []
    for name, each in made(problem.kernel).items():
        found, where = getattr(workspace, name), f"at {problem}, {name}"
        differences += [
            difference(where, found, each.array(problem.numbers)),
            verdict(not found.flags.writeable, f"{where} can be written to"),
        ]
    return worst(differences)
