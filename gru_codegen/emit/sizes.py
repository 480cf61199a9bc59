"""Sizes and shapes as text: the letters of the equations, and the names that code gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gru_codegen.ir import Shape

__all__ = ["SIZES", "added", "in_code", "letters"]

#: What a Workspace calls the sizes.
SIZES = {"B": "batch_size", "D": "input_size", "H": "hidden_size", "O": "output_size"}


def in_code(letter: str) -> str:
    """A size in code: O is too easily taken for a number."""
    return SIZES[letter] if letter == "O" else letter


def added(sizes: Iterable[str], owner: str = "") -> str:
    """The sum of `sizes` in code, each perhaps a sum itself; of the sizes of `owner` if given."""

    def named(letter: str) -> str:
        return f"{owner}{SIZES[letter]}" if owner and letter in SIZES else in_code(letter)

    counts = Counter(letter for size in sizes for letter in size.split("+"))
    ones = counts.pop("1", 0)
    terms = [named(n) if count == 1 else f"{count} * {named(n)}" for n, count in counts.items()]
    return " + ".join([*terms, *([str(ones)] if ones else [])])


def letters(shape: Shape) -> str:
    """A shape as a tuple is written."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"
