"""The lines of a generated module, run in a namespace in which they meet elements of the field.

Its functions and the methods of its Workspace are copied, code and all; nothing is read again or
translated. The names that they look up are the module's own, but for the following. The zeros and
ones that a kernel writes itself become elements, so that dividing them gives no float. Rows are cut
into blocks at sizes that a proof can afford. What measures terms of gradients in floating point
hands them out as they are.
"""

from __future__ import annotations

from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from gru_codegen.prove.field import RANDOM, Element, Field

__all__ = ["lines_of"]


def lines_of(kernel: ModuleType, field: Field) -> Any:
    """Copy `kernel` into a namespace whose NumPy knows elements of `field`."""
    names = dict(vars(kernel))
    for name, held in names.items():
        if isinstance(held, FunctionType) and held.__globals__ is vars(kernel):
            names[name] = _copied(held, names)
    names["Workspace"] = _class_copied(kernel.Workspace, names)
    names["np"] = numpy = _Numpy(field)
    if "_start" in names:
        names["_start"] = _in_elements(names["_start"], numpy.element)
    if "_blocks" in names:
        names["_blocks"] = _few_rows
    if "_measured" in names:
        names["_measured"] = _as_they_are
    return SimpleNamespace(**names)


def _copied(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _class_copied(found: type, names: dict[str, Any]) -> type:
    body = {
        name: _copied(held, names) if isinstance(held, FunctionType) else held
        for name, held in vars(found).items()
        if name not in ("__dict__", "__weakref__")
    }
    return type(found.__name__, found.__bases__, body)


def _as_they_are(terms: Any, gradients: Any, *_: Any) -> tuple[list[Any], Any]:
    """The terms of gradients, each kept before the next one is asked for."""
    return [(t, weight, errors.copy()) for t, weight, errors in terms], gradients


def _few_rows(a: Any, entries: int) -> list[Any]:
    """The rows of a, one or two at a time: for each number of entries always the same blocks."""
    rows = 1 + entries % 2
    return [a[i : i + rows] for i in range(0, len(a), rows)]


def _in_elements(start: Any, element: Any) -> Any:
    """The function that writes an initial state, after which that holds elements alone."""

    def started(place: Any, *arguments: Any) -> None:
        start(place, *arguments)
        place[...] = np.frompyfunc(element, 1, 1)(place)

    return started


class _Numpy:
    """NumPy, whose results are elements where they would be integers of Python or made of them."""

    def __init__(self, field: Field) -> None:
        def element(entry: Any) -> Element:
            return entry if isinstance(entry, Element) else field.element(0) + entry

        for name in (*RANDOM, "log1p"):
            setattr(self, name, np.frompyfunc(_method(name, element), 1, 1))
        for name, operation in {
            "divide": lambda left, right: element(left) / right,
            "maximum": lambda left, right: element(left if left >= right else right),
            "minimum": lambda left, right: element(left if left <= right else right),
        }.items():
            setattr(self, name, np.frompyfunc(operation, 2, 1))
        self.field, self.element = field, element

    def empty(self, shape: Any, dtype: Any = float) -> Any:
        """An array of what may not be read until something is written there."""
        array = np.empty(shape, dtype)
        if array.dtype == object:
            array[...] = self.field.unread()
        return array

    def ones_like(self, array: Any) -> Any:
        """Ones, elements beside elements."""
        ones = np.ones_like(array)
        if ones.dtype == object:
            ones[...] = self.element(1)
        return ones

    def copyto(self, target: Any, source: Any, **options: Any) -> None:
        """Copy, a number as an element."""
        is_number = target.dtype == object and isinstance(source, int)
        elements: Any = self.element(source) if is_number else source
        np.copyto(target, elements, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _method(name: str, element: Any) -> Any:
    return lambda entry: getattr(element(entry), name)()
