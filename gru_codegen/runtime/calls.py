"""One call: the workspace that it gets, which steps are padding, what it hands out."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_codegen.runtime.arrays import _array, _check_shape, _zeroed
from gru_codegen.runtime.kernel import Array, Outputs, Workspace


def _check_workspace(
    workspace: Any, letters: tuple[str, ...], sizes: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    if not isinstance(workspace, Workspace):
        kind = type(workspace)
        raise TypeError(
            f"workspace: expected a Workspace of this module, {__name__}, "
            f"got {kind.__name__} of {kind.__module__}"
        )
    if workspace.sizes != sizes or workspace.dtype != dtype:
        raise ValueError(
            f"workspace: it was made for ({', '.join(letters)}) = {workspace.sizes} and "
            f"{workspace.dtype}; these arguments have {sizes} and {dtype}"
        )


def _ended(lengths: Any, steps: int, batch_size: int) -> Array:
    """The mask of the samples that have ended at each step, (T, B, 1)."""
    lengths = np.asarray(lengths)
    _check_shape("lengths", lengths, ("B",), (batch_size,))
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths: expected integers, got {lengths.dtype}")
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= steps:
        raise ValueError(
            f"lengths: expected 0 to T = {steps}, got {lengths.min()} to {lengths.max()}"
        )
    ended: Array = (np.arange(steps)[:, None] >= lengths)[:, :, None]
    return ended


def _masked(mask: Any, ended: Array | None, steps: int, batch_size: int) -> Array:
    """The steps of each sample that are masked or after it has `ended`, (T, B, 1)."""
    mask = _array("mask", mask)
    _check_shape("mask", mask, ("T", "B"), (steps, batch_size))
    if mask.dtype != bool:
        raise TypeError(f"mask: expected booleans, True where a step is real, got {mask.dtype}")
    masked: Array = ~mask[:, :, None]
    return masked if ended is None else np.logical_or(masked, ended)


def _outputs(outputs: Array, w: Workspace) -> Array:
    """A copy of the outputs, 0 where a step is padding."""
    return outputs.copy() if w.ended is None else _zeroed(outputs, w.ended)


def _copied(outputs: Outputs, w: Workspace) -> Outputs:
    """Copies of several outputs likewise."""
    return Outputs(*[_outputs(each, w) for each in outputs])


def _scalar(total: Any, w: Workspace) -> Any:
    if w.dtype.char in "fd":  # float32, float64
        return float(total)
    return total if w.dtype == object else w.dtype.type(total)  # NumPy 1 halves in float64


def _check_unspent(w: Workspace, call: object) -> None:
    if w.latest is not call:
        raise RuntimeError(
            "pullback: its buffers are spent, by an earlier call of it or by another call with "
            "the same workspace; call vjp again"
        )
