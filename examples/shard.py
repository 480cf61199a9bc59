"""The gradients of a share of a batch: what the workers of `data_parallel.py` run.

A worker needs this file, the kernel and NumPy.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Batch(NamedTuple):
    """N sequences: x (T, N, D), labels (T, N), lengths (N,), loss_weights (T, N)."""

    x: Array
    labels: Array
    lengths: Array
    loss_weights: Array

    def of(self, samples: Array) -> Batch:
        """Return those that are named by their numbers."""
        of_steps = (each[:, samples] for each in (self.x, self.labels, self.loss_weights))
        x, labels, loss_weights = of_steps
        return Batch(x, labels, self.lengths[samples], loss_weights)


def gradients(kernel: str, file: str, samples: Array, params: Any) -> tuple[float, list[Array]]:
    """Return the loss, a sum over these samples, and its gradient with respect to every weight.

    kernel: the name of a generated module that can be imported. file: the whole training set, an
    npz file with the fields of a `Batch`.
    """
    return computed(import_module(kernel), _loaded(file).of(samples), params)


def computed(kernel: Any, batch: Batch, params: Any) -> tuple[float, list[Array]]:
    """Return the same of a batch."""
    x, labels, lengths, loss_weights = batch
    loss, found, _ = kernel.loss_and_gradients(
        kernel.Params(*params), x, labels, lengths=lengths, loss_weights=loss_weights
    )
    return loss, list(found)


@cache
def _loaded(file: str) -> Batch:
    """The training set, which a worker reads once."""
    with np.load(file) as arrays:
        return Batch(*(arrays[field] for field in Batch._fields))
