"""Steps of networks that oscillate."""

from __future__ import annotations

from typing import Any

from tests.corpus.functions import sin, tanh

__all__ = ["cornn", "kuramoto", "lem", "unicornn"]


def cornn(w: Any, x: Any, y: Any, z: Any) -> Any:
    """Equation 3, friction taken at the step before; constants of sequential MNIST."""
    force = tanh(y @ w.W + z @ w.Wz + x @ w.P + w.b)
    z = z + 0.042 * (force - 2.7 * y - 4.7 * z)
    y = y + 0.042 * z
    return y, (y, z)


def unicornn(w: Any, x: Any, y: Any, z: Any) -> Any:
    """One layer of equation 4; each neuron has a time step of its own."""
    step = 0.19 * (0.5 + 0.5 * tanh(w.c / 2))
    z = z - step * (tanh(w.w_osc * y + x @ w.P + w.b) + 30 * y)
    y = y + step * z
    return y, (y, z)


def lem(w: Any, x: Any, y: Any, z: Any) -> Any:
    """Equation 3 with the largest time step 1: both time steps are learned."""
    first = 0.5 + 0.5 * tanh((y @ w.W1 + x @ w.P1 + w.b1) / 2)
    second = 0.5 + 0.5 * tanh((y @ w.W2 + x @ w.P2 + w.b2) / 2)
    z = (1 - first) * z + first * tanh(y @ w.Wz + x @ w.Pz + w.bz)
    y = (1 - second) * y + second * tanh(z @ w.Wy + x @ w.Py + w.by)
    return y, (y, z)


def kuramoto(w: Any, x: Any, theta: Any) -> Any:
    """Every oscillator is pulled by the sine of each difference."""
    differences = theta[..., :, None] - theta[..., None, :]  # of j and of i
    pull = (w.K[..., None, :, :] * sin(differences)).sum(axis=-2)
    theta = theta + 0.1 * (w.omega + pull + x @ w.W)
    return theta, (theta,)
