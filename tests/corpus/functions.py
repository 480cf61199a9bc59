"""The functions of the second writings, on NumPy arrays of real or of complex numbers.

A complex number here is a real one with a small imaginary part, by which a derivative is taken. So
a comparison looks at real parts, and nothing conjugates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

exp, log, sqrt, sin, cos, tanh = np.exp, np.log, np.sqrt, np.sin, np.cos, np.tanh


def sigmoid(a: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-a))


def softplus(a: Any) -> Any:
    """log(1 + exp(a))."""
    return np.log(1 + np.exp(a))


def relu(a: Any) -> Any:
    """The positive part."""
    return np.where(np.real(a) > 0, a, 0)


def hard_sigmoid(a: Any) -> Any:
    """The straight line from 0 at -3 to 1 at 3."""
    return np.where(abs(np.real(a)) < 3, a / 6 + 0.5, np.real(a) > 0)


def silu(a: Any) -> Any:
    """a sigmoid(a)."""
    return a * sigmoid(a)


def absolute(a: Any) -> Any:
    """The absolute value."""
    return np.where(np.real(a) < 0, -a, a)


def larger(a: Any, b: Any) -> Any:
    """The larger one of each two numbers."""
    return np.where(np.real(a) > np.real(b), a, b)


def spiking(a: Any, derivative: Callable[[Any], Any]) -> Any:
    """1 where a is positive, else 0, with the derivative that is given."""
    return (np.real(a) > 0) + 1j * np.imag(a) * derivative(np.real(a))


def normalised(a: Any) -> Any:
    """Each row less its mean, divided by its deviation; 1e-5 is added to the variance."""
    a = a - a.mean(axis=-1, keepdims=True)
    return a / np.sqrt((a * a).mean(axis=-1, keepdims=True) + 1e-5)


def turned(a: Any) -> Any:
    """The transpose of each matrix."""
    return np.swapaxes(a, -1, -2)
