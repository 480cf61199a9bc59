"""The lines of a generated module, run in a namespace in which they meet elements of the field.

Besides the zeros and ones that a kernel writes itself (see `gru_codegen.verify.lines`), rows are
cut into blocks at sizes that a proof can afford, and what measures terms of gradients in floating
point hands them out as they are.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from gru_codegen.prove.field import RANDOM, Element, Field
from gru_codegen.prove.points import made
from gru_codegen.verify.lines import NumpyOf, copied

__all__ = ["lines_of"]


def lines_of(kernel: ModuleType, field: Field) -> Any:
    """Copy `kernel` into a namespace whose NumPy knows elements of `field`."""
    numpy = _Numpy(field)
    replaced = {"np": numpy, "_blocks": _few_rows, "_measured": _as_they_are}
    for pattern, *_ in getattr(kernel, "MADE", {}).values():
        replaced[f"_{pattern}"] = _elements_for(field, pattern)
    if hasattr(kernel, "_start"):
        replaced["_start"] = _in_elements(kernel._start, numpy.number)
    return copied(kernel, {name: new for name, new in replaced.items() if hasattr(kernel, name)})


def _elements_for(field: Field, pattern: str) -> Any:
    """The function that makes a constant of sizes, which gives elements."""

    def elements(shape: tuple[int, ...], _: Any, *numbers: int) -> Any:
        array = made(field, pattern, shape, *numbers)
        array.setflags(write=False)
        return array

    return elements


def _as_they_are(terms: Any, gradients: Any, *_: Any) -> tuple[list[Any], Any]:
    """The terms of gradients, each kept before the next one is asked for."""
    return [(t, weight, errors.copy()) for t, weight, errors in terms], gradients


def _few_rows(a: Any, entries: int) -> list[Any]:
    """The rows of a in two or three blocks: others for an array that is longer, as in a kernel."""
    rows = max(1, len(a) // (2 + entries % 2))
    return [a[i : i + rows] for i in range(0, len(a), rows)]


def _in_elements(start: Any, element: Any) -> Any:
    """The function that writes an initial state, after which that holds elements alone."""

    def started(place: Any, *arguments: Any) -> None:
        start(place, *arguments)
        place[...] = np.frompyfunc(element, 1, 1)(place)

    return started


class _Numpy(NumpyOf):
    """NumPy, whose results are elements where they would be integers of Python."""

    def __init__(self, field: Field) -> None:
        def element(entry: Any) -> Element:
            return entry if isinstance(entry, Element) else field.element(0) + entry

        super().__init__(element, (*RANDOM, "expm1", "log1p"))
        self.field = field

    def empty(self, shape: Any, dtype: Any = float) -> Any:
        """An array of what may not be read until something is written there."""
        array = np.empty(shape, dtype)
        if array.dtype == object:
            array[...] = self.field.unread()
        return array
