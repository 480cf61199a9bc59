"""Steps of filters and of models of time series."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.functions import absolute, exp, relu

__all__ = [
    "acd",
    "alpha_beta",
    "arma",
    "arma22",
    "biquad",
    "croston",
    "egarch",
    "ewma_variance",
    "exponential_smoothing",
    "garch",
    "garch_22",
    "gjr_garch",
    "hmm_filter",
    "holt",
    "holt_damped",
    "holt_winters",
    "kalman_control",
    "kalman_level",
    "kalman_steady",
    "lms",
    "tarma",
]


def arma(w: Any, x: Any, f: Any) -> Any:
    """x_{t+1} = c + Phi x_t + e_{t+1} + Theta e_t."""
    f = w.c + x @ w.Phi + (x - f) @ w.Theta
    return f, (f,)


def exponential_smoothing(w: Any, x: Any, s: Any) -> Any:
    """A part alpha of each error is taken over."""
    s = s + w.alpha * (x - s)
    return s, (s,)


def holt(w: Any, x: Any, level: Any, trend: Any) -> Any:
    """In the form of error corrections."""
    e = x - level - trend
    level, trend = level + trend + w.alpha * e, trend + w.alpha * w.beta * e
    return level + trend, (level, trend)


def holt_damped(w: Any, x: Any, level: Any, trend: Any) -> Any:
    """In the form of error corrections; each forecast damps the trend."""
    ahead = w.phi * trend
    e = x - level - ahead
    level, trend = level + ahead + w.alpha * e, ahead + w.alpha * w.beta * e
    return level + w.phi * trend, (level, trend)


def garch(w: Any, x: Any, s2: Any) -> Any:
    """At p = q = 1."""
    s2 = w.omega + w.alpha * x * x + w.beta * s2
    return s2, (s2,)


def gjr_garch(w: Any, x: Any, s2: Any) -> Any:
    """Squares of losses count gamma more."""
    s2 = w.omega + w.alpha * x * x + w.gamma * relu(-x) ** 2 + w.beta * s2
    return s2, (s2,)


def egarch(w: Any, x: Any, s: Any) -> Any:
    """E abs(z) of a normal z is the root of 2/pi."""
    z = x / exp(s / 2)
    s = w.omega + w.beta * s + w.theta * z + w.alpha * (absolute(z) - np.sqrt(2 / np.pi))
    return s, (s,)


def ewma_variance(w: Any, x: Any, s2: Any) -> Any:
    """A mean of squares."""
    s2 = (1 - w.decay) * x * x + w.decay * s2
    return s2, (s2,)


def acd(w: Any, x: Any, psi: Any) -> Any:
    """ACD(1, 1)."""
    psi = w.omega + w.alpha * x + w.beta * psi
    return psi, (psi,)


def kalman_steady(w: Any, x: Any, m: Any) -> Any:
    """Predict, then correct by a constant gain."""
    p = m @ w.F
    m = p + x @ w.K - p @ w.C @ w.K
    return m, (m,)


def kalman_level(w: Any, x: Any, m: Any, P: Any) -> Any:
    """A random walk of variance q, seen with noise of variance r, by inverse variances."""
    P = 1 / (1 / (P + w.q) + 1 / w.r)
    m = m + P / w.r * (x - m)
    return m, (m, P)


def alpha_beta(w: Any, x: Any, p: Any, v: Any) -> Any:
    """A step is half a unit of time."""
    e = x - (p + v / 2)
    p, v = p + v / 2 + w.alpha * e, v + 2 * w.beta * e
    return p, (p, v)


def biquad(w: Any, x: Any, s1: Any, s2: Any) -> Any:
    """y_t = b0 x_t + b1 x_{t-1} + b2 x_{t-2} - a1 y_{t-1} - a2 y_{t-2}, by two sums."""
    y = w.b0 * x + s1
    return y, (w.b1 * x - w.a1 * y + s2, w.b2 * x - w.a2 * y)


def holt_winters(w: Any, x: Any, level: Any, trend: Any, *seasons: Any) -> Any:
    """In the form of error corrections; seasons are those of the last three steps, latest first."""
    e = x - level - trend - seasons[2]
    level, trend, season = (
        level + trend + w.alpha * e,
        trend + w.alpha * w.beta * e,
        seasons[2] + w.gamma * (1 - w.alpha) * e,
    )
    return level + trend + seasons[1], (level, trend, season, *seasons[:2])


def arma22(w: Any, x: Any, f: Any, x1: Any, e1: Any) -> Any:
    """x_{t+1} = c + phi1 x_t + phi2 x_{t-1} + theta1 e_t + theta2 e_{t-1}."""
    e = x - f
    f = w.c + w.phi1 * x + w.phi2 * x1 + w.theta1 * e + w.theta2 * e1
    return f, (f, x, e)


def garch_22(w: Any, x: Any, s2: Any, x1: Any, before: Any) -> Any:
    """At p = q = 2."""
    now = w.omega + w.alpha1 * x**2 + w.alpha2 * x1**2 + w.beta1 * s2 + w.beta2 * before
    return now, (now, x, s2)


def kalman_control(w: Any, x: Any, m: Any) -> Any:
    """Predict with the control, then correct by a constant gain."""
    p = m @ w.F + x.u @ w.G
    m = p + (x.x - p @ w.C) @ w.Gain
    return m, (m,)


def tarma(w: Any, x: Any, f: Any) -> Any:
    """Two regimes; which one holds, the sign of the value says."""
    e = x - f
    high, low = w.c1 + w.phi1 * x + w.theta1 * e, w.c2 + w.phi2 * x + w.theta2 * e
    f = np.where(np.real(x) > 0, high, low)
    return f, (f,)


def croston(w: Any, x: Any, z: Any, p: Any, q: Any) -> Any:
    """Sizes and gaps are smoothed apart, and where there is a demand alone."""
    there = np.real(x) > 0
    size, gap = z + w.alpha * (x - z), p + w.alpha * (q - p)
    z, p, q = np.where(there, size, z), np.where(there, gap, p), np.where(there, 1, q + 1)
    return z / p, (z, p, q)


def hmm_filter(w: Any, x: Any, alpha: Any) -> Any:
    """The forward recursion, scaled at every step."""
    alpha = (alpha @ w.A) * exp(x)
    alpha = alpha / alpha.sum(axis=-1, keepdims=True)
    return alpha, (alpha,)


def lms(w: Any, x: Any, g: Any) -> Any:
    """The filter moves along the input, by the error."""
    p = (g * x.x).sum(axis=-1, keepdims=True)
    return p, (g + 2 * w.mu * (x.target - p) * x.x,)
