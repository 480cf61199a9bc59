"""What a check has to know of each loss: targets to draw, and its value by its definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Loss(NamedTuple):
    """``targets(rng, shape)`` draws y for outputs of ``shape``; ``value(outputs, y)`` is L."""

    targets: Callable[[np.random.Generator, tuple[int, int, int]], Array]
    value: Callable[[Array, Array], Any]


def _normal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.standard_normal(shape)


def _l2(outputs: Array, y: Array) -> Any:
    return ((outputs - y) ** 2).sum() / 2


def _l2_mean(outputs: Array, y: Array) -> Any:
    return ((outputs - y) ** 2).mean()


def _huber(outputs: Array, y: Array) -> Any:
    error = abs(outputs - y)
    return np.where(error <= 1, error**2 / 2, error - 0.5).sum()


def _fractions(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.uniform(size=shape)


def _bce(outputs: Array, y: Array) -> Any:
    return (np.logaddexp(0, outputs) - y * outputs).sum()


def _labels(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.integers(shape[-1], size=shape[:-1])


def _cross_entropy(outputs: Array, y: Array) -> Any:
    largest = outputs.max(axis=-1, keepdims=True)
    logs = outputs - largest - np.log(np.exp(outputs - largest).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(logs, y[..., None], axis=-1).sum()


#: By the name that a kernel gives in its LOSS.
LOSSES = {
    "l2": Loss(targets=_normal, value=_l2),
    "l2-mean": Loss(targets=_normal, value=_l2_mean),
    "huber": Loss(targets=_normal, value=_huber),
    "bce": Loss(targets=_fractions, value=_bce),
    "cross-entropy": Loss(targets=_labels, value=_cross_entropy),
}
