"""The gates of a layer packed into one array, as a pattern of axes.

Axes in parentheses are flattened into one, the last running fastest:

    (gate out) in               torch's weights: one gate below the other, each transposed
    in (gate out)               Keras's weights: the gates side by side
    direction (kind gate out)   ONNX's biases: the input biases of all gates, then the recurrent

`in` and `out` are the rows (D or H) and the columns (H) of a weight as kernels have it. `gate`
counts the gates, `kind` input and recurrent bias where one array holds both; `direction` is 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["groups", "in_letters", "pack", "shape", "unpack", "written"]

#: The order of the axes once they are apart.
AXES = ("direction", "kind", "gate", "in", "out")

Sizes = Mapping[str, int]


def groups(pattern: str) -> list[tuple[str, ...]]:
    """The axes of `pattern`, those that are flattened into one together."""
    return [tuple(group.strip("()").split()) for group in re.findall(r"\(.*?\)|\S+", pattern)]


def shape(pattern: str, sizes: Sizes) -> tuple[int, ...]:
    """The shape of an array packed as `pattern`."""
    return tuple(math.prod(sizes[axis] for axis in group) for group in groups(pattern))


def in_letters(pattern: str, sizes: Sizes, names: Mapping[str, str]) -> str:
    """That shape with the axes in `names` as letters and the others as numbers: (3 H, D)."""
    lengths = []
    for group in groups(pattern):
        count = math.prod(sizes[axis] for axis in group if axis not in names)
        named = [names[axis] for axis in group if axis in names]
        lengths.append(" ".join([str(count)] * (count != 1 or not named) + named))
    return written(lengths)


def written(lengths: Iterable[int | str]) -> str:
    """Lengths, in numbers or letters, as Python writes a shape."""
    texts = [str(length) for length in lengths]
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"


def unpack(array: NDArray[Any], pattern: str, sizes: Sizes) -> NDArray[Any]:
    """The blocks in `array`, with the axes kind, gate, in where there is one, and out."""
    packed, apart = _orders(pattern)
    spread = array.reshape([sizes[axis] for axis in packed])
    blocks: NDArray[Any] = spread.transpose([packed.index(axis) for axis in apart])
    inner = [sizes[axis] for axis in apart if axis in ("in", "out")]
    return blocks.reshape([sizes["kind"], sizes["gate"], *inner])


def pack(blocks: NDArray[Any], pattern: str, sizes: Sizes) -> NDArray[Any]:
    """The array, in C order, that unpack takes apart into `blocks`."""
    packed, apart = _orders(pattern)
    spread = blocks.reshape([sizes[axis] for axis in apart])
    array = spread.transpose([apart.index(axis) for axis in packed])
    return np.ascontiguousarray(array).reshape(shape(pattern, sizes))


def _orders(pattern: str) -> tuple[list[str], list[str]]:
    """The axes in the order of the array, and in that of AXES."""
    packed = [axis for group in groups(pattern) for axis in group]
    return packed, sorted(packed, key=AXES.index)
