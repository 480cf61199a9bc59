"""Padded batches of sequences, time-major."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.interop.errors import InteropError

__all__ = ["reverse"]


def reverse(x: Any, lengths: Any = None) -> NDArray[Any]:
    """Reverse every sample of x (T, B, ...) within its length; padding stays where it is.

    `lengths` (B,) are integers from 0 to T, all T if None. Reversed twice a batch is as before,
    and the adjoint of reversing is reversing: a layer's backward direction needs no more.

    Raises InteropError if x has no axes T and B, or lengths do not fit them.
    """
    array = np.asarray(x)
    if array.ndim < 2:
        raise InteropError(f"x: expected shape (T, B, ...), got {array.shape}")
    steps, batch = array.shape[:2]
    ends = np.full(batch, steps) if lengths is None else _checked(lengths, steps, batch)
    step = np.arange(steps)[:, None]
    source = np.where(step < ends, ends - 1 - step, step)
    return np.take_along_axis(array, source.reshape(steps, batch, *(1,) * (array.ndim - 2)), axis=0)


def _checked(lengths: Any, steps: int, batch: int) -> NDArray[Any]:
    array = np.asarray(lengths)
    if array.shape != (batch,):
        raise InteropError(f"lengths: expected shape (B,) = ({batch},), got {array.shape}")
    if array.dtype.kind not in "iu":
        raise InteropError(f"lengths: expected integers, got {array.dtype}")
    if batch and not 0 <= array.min() <= array.max() <= steps:
        raise InteropError(
            f"lengths: expected 0 to T = {steps}, got {array.min()} to {array.max()}"
        )
    return array.astype(np.intp)
