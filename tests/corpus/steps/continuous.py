"""Steps of oscillators and of networks in continuous time."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.functions import relu, sigmoid, sin, spiking, tanh, turned

__all__ = [
    "alif",
    "cfc",
    "cornn",
    "ctrnn",
    "esn",
    "excitatory_inhibitory",
    "gru_ode",
    "hopfield",
    "kuramoto",
    "leaky_integrator",
    "lem",
    "lif",
    "ltc",
    "ode_lstm",
    "ode_rnn",
    "unicornn",
    "wilson_cowan",
]


def ctrnn(w: Any, x: Any, u: Any) -> Any:
    """tau du/dt = -u + W sigmoid(u) + I."""
    u = u + 0.1 * (-u + sigmoid(u) @ w.W + x @ w.P + w.b) / w.tau
    return u, (u,)


def leaky_integrator(w: Any, x: Any, h: Any) -> Any:
    """With a leak of 0.3."""
    h = 0.7 * h + 0.3 * tanh(x @ w.Win + h @ w.W + w.b)
    return h, (h,)


def hopfield(w: Any, x: Any, u: Any) -> Any:
    """C du/dt = T V - u/R + I, where V = tanh(u)."""
    u = u + 0.1 * (tanh(u) @ w.W + x @ w.P - u / w.R) / w.C
    return tanh(u), (u,)


def ltc(w: Any, x: Any, s: Any) -> Any:
    """A fused step: implicit in the state, explicit in f."""
    f = sigmoid(x @ w.W + s @ w.Wrec + w.mu)
    s = (s + 0.1 * f * w.A) / (1 + 0.1 * (1 / w.tau + f))
    return s, (s,)


def cfc(w: Any, x: Any, s: Any) -> Any:
    """One unit of time later."""
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
    """With refractory periods r = 1."""
    to_e, to_i = e @ w.Wee - i @ w.Wie + x @ w.P, e @ w.Wei - i @ w.Wii + x @ w.Q
    after = e + 0.1 * (-e + (1 - e) * sigmoid(to_e)), i + 0.1 * (-i + (1 - i) * sigmoid(to_i))
    return after[0], after


def cornn(w: Any, x: Any, y: Any, z: Any) -> Any:
    """Friction is taken at the step before; constants of sequential MNIST."""
    force = tanh(y @ w.W + z @ w.Wz + x @ w.P + w.b)
    z = z + 0.042 * (force - 2.7 * y - 4.7 * z)
    y = y + 0.042 * z
    return y, (y, z)


def unicornn(w: Any, x: Any, y: Any, z: Any) -> Any:
    """One layer; each neuron has a time step of its own."""
    step = 0.19 * (0.5 + 0.5 * tanh(w.c / 2))
    z = z - step * (tanh(w.w_osc * y + x @ w.P + w.b) + 30 * y)
    y = y + step * z
    return y, (y, z)


def lem(w: Any, x: Any, y: Any, z: Any) -> Any:
    """The largest time step is 1, and both are learned."""
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


def lif(w: Any, x: Any, s: Any, u: Any, i: Any) -> Any:
    """A spike sets its neuron back to zero; its surrogate is that of SuperSpike."""
    u = (0.9 * u + i) * (1 - s)
    i = 0.8 * i + x @ w.W + s @ w.R
    s = spiking(u - 1, lambda a: 1 / (1 + 10 * abs(a)) ** 2)
    return s, (s, u, i)


def alif(w: Any, x: Any, z: Any, u: Any, b: Any) -> Any:
    """The threshold rises with each spike, 1.8 times as much as its own trace."""
    b = 0.95 * b + 0.05 * z
    threshold = 1 + 1.8 * b
    u = 0.9 * u + x @ w.W + z @ w.R - threshold * z
    z = spiking((u - threshold) / threshold, lambda a: 0.3 * np.maximum(0, 1 - abs(a)))
    return z, (z, u, b)


def ode_rnn(w: Any, x: Any, h: Any) -> Any:
    """The solver is one step of Euler's."""
    h = h + x.delta * (tanh(h @ w.F1 + w.b1) @ w.F2 + w.b2)
    h = tanh(x.x @ w.W + h @ w.U + w.b)
    return h, (h,)


def ode_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """The memory is discrete, the state moves."""
    i, f, o, g = (
        x.x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}") + getattr(w, f"b{n}") for n in "ifog"
    )
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    h = h + x.delta * tanh(h @ w.F + w.bF)
    return h, (h, c)


def esn(w: Any, x: Any, h: Any) -> Any:
    """Nothing but the readout learns."""
    h = 0.7 * h + 0.3 * tanh(x @ w.Win + h @ w.W + w.b)
    return h @ w.Wout + x @ w.P, (h,)


def excitatory_inhibitory(w: Any, x: Any, v: Any) -> Any:
    """What a unit sends has its sign; excitatory ones alone are read out."""
    v = 0.8 * v + 0.2 * ((relu(v) * turned(w.sign)) @ relu(w.Wrec) + x @ relu(w.Win) + w.b)
    return (relu(v) * relu(turned(w.sign))) @ relu(w.Wout), (v,)
