"""Adam and the clipping of gradients, in a few lines, for the training in the examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Adam", "clipped"]

Array = NDArray[Any]


class Adam:
    """Adam (Kingma and Ba, 2015), updating the weights in place."""

    def __init__(self, params: Iterable[Array], beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.beta1, self.beta2, self.updates = beta1, beta2, 0
        self.moments = [(W, np.zeros_like(W), np.zeros_like(W)) for W in params]

    def update(self, gradients: Iterable[Array], rate: float) -> None:
        self.updates += 1
        bias1, bias2 = 1 - self.beta1**self.updates, 1 - self.beta2**self.updates
        for (W, mean, square), dW in zip(self.moments, gradients, strict=True):
            mean += (1 - self.beta1) * (dW - mean)
            square += (1 - self.beta2) * (dW * dW - square)
            W -= rate * (mean / bias1) / (np.sqrt(square / bias2) + 1e-8)


def clipped(gradients: Iterable[Array], limit: float) -> list[Array]:
    """Scale all gradients by one factor so that their joint norm is at most `limit`.

    Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    gradients = list(gradients)
    norm = float(np.sqrt(sum(np.vdot(dW, dW) for dW in gradients)))
    return [dW * (limit / norm) for dW in gradients] if norm > limit else gradients
