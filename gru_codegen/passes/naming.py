"""Names for what passes make: what it is, and a number where that is taken."""

from __future__ import annotations

__all__ = ["fresh"]


def fresh(stem: str, taken: set[str]) -> str:
    """A name that is not among `taken`, where it is from now on: ``xWz``, or else ``xWz_2``."""
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name
