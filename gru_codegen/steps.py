"""The number of time steps that can be written out one by one, and the faults of others."""

from __future__ import annotations

from numbers import Integral
from typing import Any

__all__ = ["MOST_SHOWN", "MOST_STEPS", "fault_of_steps", "whole"]

MOST_STEPS = 65536  # written out, that many steps of the GRU are 160 MB of source
MOST_SHOWN = 64  # as formulas; each step is a page, and each says the same


def whole(unroll: Any) -> int | None:
    """The number of time steps as an int, None if it is None or "any".

    Raises ValueError if it is no whole number; a truth value is none.
    """
    if unroll is None or (isinstance(unroll, str) and unroll == "any"):
        return None
    if isinstance(unroll, Integral) and not isinstance(unroll, bool):
        return int(unroll)
    raise ValueError(f"unroll: expected a number of time steps, 'any' or None, got {unroll!r}")


def fault_of_steps(steps: float, most: int = MOST_STEPS) -> str | None:
    """Say why so many time steps cannot be written out, or return None if they can.

    The reason continues a sentence that begins with the number.
    """
    if steps < 1:
        return "is less than one time step"
    if steps > most:
        return "is too many time steps to write out one by one"
    return None
