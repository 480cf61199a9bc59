"""The numbers that a Workspace holds, by layout, as the header of a kernel says."""

from __future__ import annotations

import re
from math import prod

import gru_codegen as gc
from benchmarks.sizes import LAYOUTS, Size

__all__ = ["megabytes", "stored"]

_LINE = re.compile(r"^Numbers in a Workspace: +(.+)$", re.MULTILINE)


def stored() -> dict[str, str]:
    """A formula in T, B, D and H for each layout: the reference GRU, any number of time steps."""
    sources = {layout: gc.generate(gc.GRU, layout=layout) for layout in LAYOUTS}
    return {layout: _LINE.findall(source)[0] for layout, source in sources.items()}


def megabytes(formula: str, size: Size) -> float:
    """The memory of so many float32 numbers, in units of 1e6 bytes: "6 T B H + 2 H^2"."""
    return 4e-6 * sum(_term(term, size._asdict()) for term in formula.split(" + "))


def _term(term: str, sizes: dict[str, int]) -> int:
    factors = [factor.partition("^") for factor in term.split()]
    return prod(
        sizes.get(base) or int(base) for base, _, power in factors for _ in range(int(power or 1))
    )
