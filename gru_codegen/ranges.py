"""Ranges of the numbers that checks of kernels draw."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from reprlib import repr as shortened
from typing import Any

from gru_codegen.errors import CellError

__all__ = ["LARGEST_DRAWN", "check_ranges", "fault_of_range"]

#: Numbers that checks draw are no larger: what is made of them would leave float32.
LARGEST_DRAWN = 1e6


def check_ranges(where: str, given: Mapping[Any, Any], drawn: Collection[Any]) -> None:
    """Check that `given` are ranges of matrices that checks draw, those of a cell."""
    for symbol, numbers in given.items():
        if symbol not in drawn:
            raise CellError(f"{where}: {symbol} is no input, weight, given constant or state")
        if fault := fault_of_range(numbers):
            raise CellError(f"{where}: the range of {symbol} {fault}")


def fault_of_range(given: Any) -> str | None:
    """Say why `given` is no range of numbers, as the rest of a sentence; None if it is one."""
    numbers = list(given) if isinstance(given, (tuple, list)) else []
    if len(numbers) != 2 or not all(type(each) in (int, float) for each in numbers):
        return f"must be two numbers, as [0.1, 2], not {shortened(given)}"
    low, high = numbers
    if not -LARGEST_DRAWN <= low < high <= LARGEST_DRAWN:
        return f"must go up and stay within {LARGEST_DRAWN:.0e}, not [{low}, {high}]"
    return None
