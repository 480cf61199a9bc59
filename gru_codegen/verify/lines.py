"""The lines of a generated module, run in a namespace in which they meet numbers of another kind.

Its functions and the methods of its Workspace are copied, code and all; nothing is read again or
translated. The names that they look up are the module's own, but for those that are replaced, as
its NumPy is: the zeros and ones that a kernel writes itself become such numbers, so that dividing
them gives no float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["NumpyOf", "copied"]


def copied(kernel: ModuleType, replaced: Mapping[str, Any]) -> Any:
    """Copy `kernel` into a namespace in which some names are `replaced`."""
    names = dict(vars(kernel))
    for name, held in names.items():
        if isinstance(held, FunctionType) and held.__globals__ is vars(kernel):
            names[name] = _function(held, names)
    names["Workspace"] = _class(kernel.Workspace, names)
    names.update(replaced)
    return SimpleNamespace(**names)


def _function(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    copy = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _class(found: type, names: dict[str, Any]) -> type:
    body = {
        name: _function(held, names) if isinstance(held, FunctionType) else held
        for name, held in vars(found).items()
        if name not in ("__dict__", "__weakref__")
    }
    return type(found.__name__, found.__bases__, body)


class NumpyOf:
    """NumPy, whose results are numbers of a kind where they would be integers of Python.

    number: makes one of an integer, and leaves one as it is. functions: NumPy's of one argument
    that numbers of the kind have as methods.
    """

    def __init__(self, number: Callable[[Any], Any], functions: Iterable[str]) -> None:
        self.number = number
        for name in functions:
            setattr(self, name, np.frompyfunc(self._method(name), 1, 1))
        for name, operation in {
            "divide": lambda left, right: number(left) / right,
            "maximum": lambda left, right: number(left if left >= right else right),
            "minimum": lambda left, right: number(left if left <= right else right),
        }.items():
            setattr(self, name, np.frompyfunc(operation, 2, 1))

    def ones_like(self, array: Any) -> Any:
        """Ones, of the kind beside numbers of it."""
        ones = np.ones_like(array)
        if ones.dtype == object:
            ones[...] = self.number(1)
        return ones

    def full(self, shape: Any, number: Any, dtype: Any) -> Any:
        """An array full of a number, of the kind where it holds objects."""
        full = np.full(shape, number, dtype)
        if full.dtype == object:
            full[...] = self.number(number)
        return full

    def copyto(self, target: Any, source: Any, **options: Any) -> None:
        """Copy, an integer as a number of the kind."""
        is_integer = target.dtype == object and isinstance(source, int)
        np.copyto(target, self.number(source) if is_integer else source, **options)

    def put_along_axis(self, target: Any, indices: Any, source: Any, axis: int) -> None:
        """Put integers at indices, after which `target` holds numbers of the kind alone."""
        np.put_along_axis(target, indices, source, axis)
        if target.dtype == object:
            target[...] = np.frompyfunc(self.number, 1, 1)(target)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def _method(self, name: str) -> Callable[[Any], Any]:
        return lambda entry: getattr(self.number(entry), name)()
