"""Targets and their loss weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_codegen.runtime.arrays import _array, _cast, _check_shape, _zeroed
from gru_codegen.runtime.kernel import SHAPES, Array, Workspace


def _check_fractions(targets: Array) -> None:
    if targets.size and not 0 <= targets.min() <= targets.max() <= 1:
        raise ValueError("y: expected fractions, from 0 to 1")


def _check_positive(targets: Array, V: Array | None) -> None:
    """Refuse targets that are not positive, those of weight 0 excepted, which are not read."""
    read = targets if V is None else targets[V[:, :, 0] != 0]
    if read.size and not read.min() > 0:
        raise ValueError("y: expected positive numbers")


def _labels(y: Any, outputs: Array) -> Array:
    """The labels, one for each sample of each step."""
    labels = _array("y", y)
    if labels.shape == outputs.shape:
        raise ValueError(
            f"y: expected integer labels (T, B) = {outputs.shape[:2]}, got rows of {labels.shape}: "
            "of rows with one 1 they are y.argmax(axis=-1)"
        )
    _check_shape("y", labels, SHAPES["y"], outputs.shape[:2])
    if labels.dtype.kind not in "iu":
        raise TypeError(f"y: expected labels, which are integers, got {labels.dtype}")
    return labels


def _one_hot(labels: Array, V: Array | None, targets: Array) -> Array:
    """Fill `targets`: 1 where a label says, 0 elsewhere; where a weight is 0 no label is read."""
    if V is not None:
        labels = np.where(V[:, :, 0] == 0, 0, labels)
    classes = targets.shape[-1]
    if classes == 0:
        raise ValueError(f"y: there are no labels for outputs of shape {targets.shape}")
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        remedy = ": say by lengths or loss_weights what is padding" if labels.min() < 0 else ""
        raise ValueError(
            f"y: expected labels from 0 to {classes - 1}, got {labels.min()} to "
            f"{labels.max()}{remedy}"
        )
    targets[...] = 0
    np.put_along_axis(targets, labels[:, :, None], 1, axis=-1)
    return targets


def _divisor(V: Array | None, samples: int, columns: int) -> Any:
    """The weights of all targets, added up; 1 where that is 0."""
    total = (samples if V is None else V.sum()) * columns
    return total if total != 0 else 1


def _weights(loss_weights: Any, w: Workspace) -> Array | None:
    """One weight for each sample of each step, (T, B, 1), 0 for padding; None if all are 1."""
    if loss_weights is None and w.ended is None:
        return None
    weights = np.ones(w.steps, w.dtype)
    if loss_weights is not None:
        weights = _cast("loss_weights", loss_weights, w.dtype)
    if weights.ndim not in (1, 2):
        raise ValueError(
            f"loss_weights: expected shape (T,) = ({w.steps},) or "
            f"(T, B) = {(w.steps, w.batch_size)}, got {weights.shape}"
        )
    if weights.ndim == 1:
        _check_shape("loss_weights", weights, ("T",), (w.steps,))
        weights = np.repeat(weights[:, None], w.batch_size, axis=1)
    else:
        _check_shape("loss_weights", weights, ("T", "B"), (w.steps, w.batch_size))
    V: Array = weights[:, :, None]
    return V if w.ended is None else _zeroed(V, w.ended)
