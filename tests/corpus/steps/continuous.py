"""Steps of networks in continuous time."""

from __future__ import annotations

from typing import Any

from tests.corpus.functions import sigmoid, tanh

__all__ = ["cfc", "ctrnn", "gru_ode", "hopfield", "leaky_integrator", "ltc", "wilson_cowan"]


def ctrnn(w: Any, x: Any, u: Any) -> Any:
    """tau du/dt = -u + W sigmoid(u) + I."""
    u = u + 0.1 * (-u + sigmoid(u) @ w.W + x @ w.P + w.b) / w.tau
    return u, (u,)


def leaky_integrator(w: Any, x: Any, h: Any) -> Any:
    """Equation 2 with a leak of 0.3."""
    h = 0.7 * h + 0.3 * tanh(x @ w.Win + h @ w.W + w.b)
    return h, (h,)


def hopfield(w: Any, x: Any, u: Any) -> Any:
    """C du/dt = T V - u/R + I, where V = tanh(u)."""
    u = u + 0.1 * (tanh(u) @ w.W + x @ w.P - u / w.R) / w.C
    return tanh(u), (u,)


def ltc(w: Any, x: Any, s: Any) -> Any:
    """The solver of section 3: implicit in the state, explicit in f."""
    f = sigmoid(x @ w.W + s @ w.Wrec + w.mu)
    s = (s + 0.1 * f * w.A) / (1 + 0.1 * (1 / w.tau + f))
    return s, (s,)


def cfc(w: Any, x: Any, s: Any) -> Any:
    """Equation 10, one unit of time later."""
    z = tanh(x @ w.Wb + s @ w.Ub + w.bb)
    gate = sigmoid(-(z @ w.Wf + w.bf))
    s = gate * tanh(z @ w.Wg + w.bg) + (1 - gate) * tanh(z @ w.Wh + w.bh)
    return s, (s,)


def gru_ode(w: Any, x: Any, h: Any) -> Any:
    """dh/dt = (1 - z) (g - h)."""
    r, z = sigmoid(x @ w.Wr + h @ w.Ur + w.br), sigmoid(x @ w.Wz + h @ w.Uz + w.bz)
    h = h + 0.1 * (1 - z) * (tanh(x @ w.Wh + (r * h) @ w.Uh + w.bh) - h)
    return h, (h,)


def wilson_cowan(w: Any, x: Any, e: Any, i: Any) -> Any:
    """Equations 1.3.1 and 1.3.2 with k = r = 1."""
    to_e, to_i = e @ w.Wee - i @ w.Wie + x @ w.P, e @ w.Wei - i @ w.Wii + x @ w.Q
    after = e + 0.1 * (-e + (1 - e) * sigmoid(to_e)), i + 0.1 * (-i + (1 - i) * sigmoid(to_i))
    return after[0], after
