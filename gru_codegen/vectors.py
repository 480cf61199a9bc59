"""Weights as one vector, for optimisers that want one, and back."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["ravel", "unravel"]

_Params = TypeVar("_Params", bound=tuple[Any, ...])


def ravel(params: tuple[Any, ...]) -> NDArray[Any]:
    """The entries of all weights, or gradients, of any kernel as one new vector (n,).

    They come weight by weight in the order of the fields, and row by row.

    Raises
    ------
    TypeError: `params` is no NamedTuple of arrays, or its arrays have several dtypes.
    """
    arrays = _arrays("params", params)
    dtypes = {name: array.dtype for name, array in arrays.items()}
    first, *_ = dtypes
    for name, dtype in dtypes.items():
        if dtype != dtypes[first]:
            raise TypeError(
                f"params.{name}: a vector has one dtype; got {dtype}, but {dtypes[first]} for "
                f"{first}"
            )
    return np.concatenate([array.ravel() for array in arrays.values()])


def unravel(vector: Any, like: _Params) -> _Params:
    """The entries of a vector (n,) as new arrays of the class, shapes and dtypes of `like`.

    Raises
    ------
    TypeError: `like` is no NamedTuple of arrays, or its dtypes do not hold what the vector has.
    ValueError: the vector has another shape than (n,), for the n numbers that `like` has.
    """
    arrays, vector = _arrays("like", like), np.asarray(vector)
    size = sum(array.size for array in arrays.values())
    if vector.shape != (size,):
        raise ValueError(f"vector: expected shape (n,) = ({size},), got {vector.shape}")
    parts, start = [], 0
    for name, array in arrays.items():
        if not np.can_cast(vector.dtype, array.dtype, "same_kind"):
            raise TypeError(
                f"vector: {vector.dtype} does not cast to {array.dtype}, of like.{name}"
            )
        part = vector[start : start + array.size].reshape(array.shape)
        parts.append(part.astype(array.dtype))
        start += array.size
    return type(like)(*parts)


def _arrays(argument: str, value: Any) -> dict[str, NDArray[Any]]:
    """The fields of a NamedTuple of arrays, by name."""
    fields = getattr(value, "_fields", ())
    given = {name: getattr(value, name) for name in fields}
    arrays = {  # what is computed with an array of shape () is none
        name: np.asarray(each) if isinstance(each, np.generic) else each
        for name, each in given.items()
    }
    if not arrays or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        odd = [
            f".{name} is {type(each).__name__}"
            for name, each in arrays.items()
            if not isinstance(each, np.ndarray)
        ]
        raise TypeError(
            f"{argument}: expected a NamedTuple of arrays, as init_params makes; "
            f"{odd[0] if odd else f'got {type(value).__name__}'}"
        )
    return arrays
