"""Draws of first weights that NumPy has no single call for."""

from __future__ import annotations

import numpy as np

from gru_codegen.runtime.kernel import Array


def _glorot(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """A matrix whose products keep the variance of what they multiply, there and back."""
    bound = (6 / max(sum(shape), 1)) ** 0.5
    return rng.uniform(-bound, bound, shape)


def _orthogonal(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """A matrix with orthonormal columns, or rows if it has more columns, each as likely as any."""
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q *= np.where(np.diag(r) < 0, -1, 1)
    matrix: Array = q if shape[0] >= shape[1] else q.T
    return matrix
