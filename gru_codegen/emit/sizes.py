"""Sizes and shapes as text: the letters of the equations, and the names that code gives them."""

from __future__ import annotations

from gru_codegen.ir import Shape

__all__ = ["SIZES", "in_code", "letters"]

#: What a Workspace calls the sizes.
SIZES = {"B": "batch_size", "D": "input_size", "H": "hidden_size", "O": "output_size"}


def in_code(letter: str) -> str:
    """A size in code: O is too easily taken for a number."""
    return SIZES[letter] if letter == "O" else letter


def letters(shape: Shape) -> str:
    """A shape as a tuple is written."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(shape)})"
