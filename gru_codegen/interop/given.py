"""The arguments of a kernel, as a framework's arrays: in one flat list, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.packing import written
from gru_codegen.modules import require_kernel

__all__ = [
    "differentiable",
    "fields",
    "grouped",
    "named",
    "require_options",
    "sizes_of",
    "without_gradient",
]


def differentiable(kernel: ModuleType) -> ModuleType:
    """`kernel`, if it has gradients.

    Raises VerificationError if it is no kernel, InteropError if it has the forward pass alone.
    """
    require_kernel(kernel)
    if not hasattr(kernel, "vjp"):
        raise InteropError(
            f"{kernel.__name__} has the forward pass alone; make one without --only forward"
        )
    return kernel


def fields(kernel: ModuleType) -> dict[str, type[Any] | None]:
    """The arguments of `kernel` that are arrays, each with its class if it has several of them."""
    kinds = {"params": "Params", "constants": "Constants", "x": "Inputs", "s0": "State"}
    return {
        argument: getattr(kernel, kind, None)
        for argument, kind in kinds.items()
        if argument != "constants" or hasattr(kernel, kind)
    }


def without_gradient(kernel: ModuleType) -> frozenset[str]:
    """The names of arguments with respect to which a pullback gives no derivatives."""
    constants = getattr(kernel, "Constants", None)
    own = () if constants is None else (f"constants.{each}" for each in constants._fields)
    return frozenset((*getattr(kernel, "WITHOUT_GRADIENT", ()), *own))


def named(kernel: ModuleType, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of arguments by the names that errors of kernels have for them.

    An argument of several is a tuple or a mapping of them. s0 may be None, which yields nothing.

    Raises TypeError where an argument has not the arrays that it should have.
    """
    for argument, kind in fields(kernel).items():
        value = given[argument]
        if argument == "s0" and value is None:
            continue
        if kind is None:
            yield argument, value
            continue
        for field, array in zip(kind._fields, _in_order(argument, kind, value), strict=True):
            yield f"{argument}.{field}", array


def _in_order(argument: str, kind: type[Any], value: Any) -> list[Any]:
    names = kind._fields
    if isinstance(value, Mapping):
        if set(value) == set(names):
            return [value[name] for name in names]
    elif hasattr(value, "_fields"):
        if set(value._fields) == set(names):
            return [getattr(value, name) for name in names]
    elif isinstance(value, tuple | list) and len(value) == len(names):
        return list(value)
    raise TypeError(
        f"{argument}: expected {', '.join(names)}, as a tuple or by name; got "
        f"{', '.join(map(str, value)) if isinstance(value, Mapping) else type(value).__name__}"
    )


def grouped(kernel: ModuleType, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `kernel` from arrays by name, as `named` yields them."""
    arguments: dict[str, Any] = {}
    for argument, kind in fields(kernel).items():
        if kind is None:
            arguments[argument] = arrays.get(argument)
        elif f"{argument}.{kind._fields[0]}" in arrays:
            arguments[argument] = kind(*(arrays[f"{argument}.{name}"] for name in kind._fields))
        else:
            arguments[argument] = None
    return arguments


def sizes_of(kernel: ModuleType, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The sizes that letters stand for in arrays of these shapes, which are those of arguments.

    Raises InteropError where a shape does not fit, or the number of steps of an unrolled kernel.
    """
    sizes = {"1": 1}
    for name, shape in shapes.items():
        letters = kernel.SHAPES[name]
        if len(letters) == len(shape):
            sizes = {**dict(zip(letters, shape, strict=True)), **sizes}
        _require_shape(name, shape, letters, sizes)
    steps = sizes.get("T", kernel.UNROLL)
    if kernel.UNROLL not in (None, steps):
        raise InteropError(f"x: this kernel is unrolled to T = {kernel.UNROLL}, got {steps} steps")
    return sizes


#: The options of a call that are arrays: their letters, their kind, and that in words.
_OPTIONS: dict[str, tuple[tuple[str, ...], type[np.generic], str]] = {
    "lengths": (("B",), np.integer, "integers"),
    "mask": (("T", "B"), np.bool_, "booleans, True where a step is real"),
}


def require_options(options: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Refuse lengths and a mask that no kernel takes, whatever the numbers in them are.

    Raises TypeError for a dtype, InteropError for a shape.
    """
    for name, (letters, kind, words) in _OPTIONS.items():
        array = options[name]
        if array is not None:
            if not np.issubdtype(array.dtype, kind):
                raise TypeError(f"{name}: expected {words}, got {array.dtype}")
            _require_shape(name, array.shape, letters, sizes)


def _require_shape(
    name: str, shape: tuple[int, ...], letters: tuple[str, ...], sizes: Mapping[str, int]
) -> None:
    expected = tuple(sizes.get(letter) for letter in letters)
    if shape != expected:
        numbers = "" if None in expected else f" = {written(map(str, expected))}"
        raise InteropError(
            f"{name}: expected shape {written(letters)}{numbers}, got {written(shape)}"
        )
