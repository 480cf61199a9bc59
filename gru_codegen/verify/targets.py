"""Losses as checks know them: targets to draw, and the value by definition."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import VerificationError
from ..modules import is_forward_alone

Array = NDArray[Any]


class Loss(NamedTuple):
    """``targets(rng, shape)`` draws y for outputs of ``shape``, (T, B, O).

    ``each(outputs, y)`` is the cost of every sample at every step, (T, B). The loss is its sum, or
    its weighted mean if ``mean``. Of a cell with several outputs `each` is given the first or,
    where it ``reads_all``, a tuple of them. Targets that are ``bounded`` are not drawn far off, as
    labels and fractions cannot be.
    """

    targets: Callable[[np.random.Generator, tuple[int, int, int]], Array]
    each: Callable[[Any, Array], Array]
    mean: bool = False
    bounded: bool = False
    reads_all: bool = False

    def value(self, outputs: Any, y: Array, weights: Array | None = None) -> Any:
        """L by its definition, with ``weights`` (T, B) for the samples of each step, 1 if None.

        Several outputs are a tuple. Costs of weight 0 may be NaN.
        """
        first_alone = isinstance(outputs, tuple) and not self.reads_all
        each = self.each(outputs[0] if first_alone else outputs, y)
        weighted = each if weights is None else np.where(weights == 0, 0, weights * each)
        return weighted.sum() / self.divisor(np.ones(each.shape) if weights is None else weights)

    def drawn(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int, int],
        ends: tuple[float, float] | None,
    ) -> Array:
        """Draw y for outputs of ``shape``, from the range between ``ends`` if that is given."""
        y = self.targets(rng, shape)
        return y if ends is None else rng.uniform(*ends, y.shape)

    def divisor(self, weights: Array) -> Any:
        """Return the sum of the ``weights`` (T, B) in a mean, 1 if that is 0; else 1."""
        total = weights.sum()
        return total if self.mean and total != 0 else 1


def _normal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.standard_normal(shape)


def _l2(outputs: Array, y: Array) -> Array:
    return np.asarray(((outputs - y) ** 2).sum(axis=-1) / 2)


def _mean_square(outputs: Array, y: Array) -> Array:
    return np.asarray(((outputs - y) ** 2).mean(axis=-1))


def _huber(outputs: Array, y: Array) -> Array:
    error = abs(outputs - y)
    return np.asarray(np.where(error <= 1, error**2 / 2, error - 0.5).sum(axis=-1))


def _positive(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return np.asarray(0.5 + abs(rng.standard_normal(shape)))


def _fractions(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.uniform(size=shape)


def _bce(outputs: Array, y: Array) -> Array:
    return np.asarray((np.logaddexp(0, outputs) - y * outputs).sum(axis=-1))


def _labels(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return np.asarray(rng.integers(shape[-1], size=shape[:-1]))


def _cross_entropy(outputs: Array, y: Array) -> Array:
    largest = outputs.max(axis=-1, keepdims=True)
    logs = outputs - largest - np.log(np.exp(outputs - largest).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(logs, y[..., None], axis=-1)[..., 0]


#: By the name that a kernel gives in its LOSS.
LOSSES = {
    "l2": Loss(_normal, _l2),
    "l2-mean": Loss(_normal, _mean_square, mean=True),
    "huber": Loss(_normal, _huber),
    "bce": Loss(_fractions, _bce, bounded=True),
    "cross-entropy": Loss(_labels, _cross_entropy, bounded=True),
    "cross-entropy-mean": Loss(_labels, _cross_entropy, mean=True, bounded=True),
}

#: How targets of each kind are drawn, where no range of them is given.
DRAWS: dict[str, Callable[[np.random.Generator, tuple[int, int, int]], Array]] = {
    "numbers": _normal,
    "positive": _positive,
    "fractions": _fractions,
    "labels": _labels,
}


def known_loss(kernel: ModuleType) -> Loss:
    """Return the loss of ``kernel``, known by its name; of another, the way to draw its targets.

    Of a kernel without a loss nothing takes targets, so any will do.
    """
    if is_forward_alone(kernel):
        return LOSSES["l2"]
    if kernel.LOSS in LOSSES:
        return LOSSES[kernel.LOSS]
    return Loss(DRAWS[kernel.TARGETS], _undefined)


def _undefined(outputs: Array, y: Array) -> Array:
    raise VerificationError("the definition of this loss is not known")


def require_known(kernel: ModuleType) -> None:
    """Raise VerificationError unless the definition of its loss is known."""
    if not is_forward_alone(kernel) and kernel.LOSS not in LOSSES:
        raise VerificationError(
            f"{kernel.__name__} has the loss {kernel.LOSS!r}, which is none of "
            f"{', '.join(LOSSES)}; to check it takes its declaration: gru-codegen verify FILE "
            "--loss LOSS, or gru_codegen.check(kernel, cell, loss=...)"
        )
