"""Steps of networks without gates, or with few."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.functions import normalised, relu, sigmoid, tanh, turned

__all__ = [
    "antisymmetric",
    "antisymmetric_gated",
    "delta_rnn",
    "dilated_rnn",
    "fastrnn",
    "gamma_memory",
    "gated_feedback",
    "householder",
    "indrnn",
    "irnn",
    "jordan",
    "layernorm_rnn",
    "lipschitz",
    "mi_rnn",
    "momentum",
    "mufuru",
    "multiplicative_rnn",
    "narx",
    "noisy_rnn",
    "plrnn",
    "plrnn_dendritic",
    "plrnn_shallow",
    "scrn",
    "shuffling",
    "statistical",
    "weight_norm",
]


def irnn(w: Any, x: Any, h: Any) -> Any:
    """A network of rectified linear units."""
    h = relu(x @ w.W + h @ w.U + w.b)
    return h, (h,)


def jordan(w: Any, x: Any, y: Any) -> Any:
    """The plan units see the last output."""
    y = sigmoid(sigmoid(x @ w.W + y @ w.U + w.b) @ w.P + w.c)
    return y, (y,)


def indrnn(w: Any, x: Any, h: Any) -> Any:
    """One weight from each neuron to itself."""
    h = relu(x @ w.W + w.u * h + w.b)
    return h, (h,)


def _rotated(W: Any, h: Any, gamma: float) -> Any:
    return h @ (W - turned(W) - gamma * np.eye(h.shape[-1]))


def antisymmetric(w: Any, x: Any, h: Any) -> Any:
    """Euler's method with a step of 1/10 and a diffusion of 1/100."""
    h = h + 0.1 * tanh(_rotated(w.W, h, 0.01) + x @ w.P + w.b)
    return h, (h,)


def antisymmetric_gated(w: Any, x: Any, h: Any) -> Any:
    """The same with an input gate that shares the matrix."""
    turn = _rotated(w.W, h, 0.01)
    gate = sigmoid(turn + x @ w.Pz + w.bz)
    h = h + 0.1 * gate * tanh(turn + x @ w.P + w.b)
    return h, (h,)


def scrn(w: Any, x: Any, h: Any, s: Any) -> Any:
    """Slow context units beside hidden ones."""
    s = 0.05 * (x @ w.Q) + 0.95 * s
    h = sigmoid(s @ w.P + x @ w.A + h @ w.R)
    return h @ w.U + s @ w.G, (h, s)


def multiplicative_rnn(w: Any, x: Any, h: Any) -> Any:
    """The recurrent matrix is Whf diag(Wfx x) Wfh."""
    h = tanh(((h @ w.Wfh) * (x @ w.Wfx)) @ w.Whf + x @ w.Whx + w.bh)
    return h, (h,)


def mi_rnn(w: Any, x: Any, h: Any) -> Any:
    """The general form of the integration."""
    given, kept = x @ w.W, h @ w.U
    h = tanh(w.alpha * given * kept + w.beta1 * kept + w.beta2 * given + w.b)
    return h, (h,)


def lipschitz(w: Any, x: Any, h: Any) -> Any:
    """By Euler's method; both matrices are parts symmetric and antisymmetric."""

    def product(M: Any, gamma: float) -> Any:
        return h @ (0.25 * (M + turned(M)) + 0.75 * (M - turned(M))) - gamma * h

    h = h + 0.03 * (product(w.MA, 0.001) + tanh(product(w.MW, 0.002) + x @ w.U + w.b))
    return h, (h,)


def plrnn(w: Any, x: Any, z: Any) -> Any:
    """Without noise: a diagonal part, and rectified units among each other."""
    z = w.a * z + relu(z) @ w.W + w.h + x @ w.C
    return z, (z,)


def plrnn_dendritic(w: Any, x: Any, z: Any) -> Any:
    """Rectified units at two thresholds each."""
    bases = w.a1 * relu(z - w.h1) + w.a2 * relu(z - w.h2)
    z = w.a * z + bases @ w.W + w.h0 + x @ w.C
    return z, (z,)


def plrnn_shallow(w: Any, x: Any, z: Any) -> Any:
    """One hidden layer of rectified units."""
    z = w.A * z + relu(z @ w.W2 + w.h2) @ w.W1 + w.h1 + x @ w.C
    return z, (z,)


def statistical(w: Any, x: Any, m1: Any, m2: Any, m3: Any) -> Any:
    """Moving means of the statistics at scales 0, 0.5 and 0.9."""
    r = relu(m1 @ w.Wr1 + m2 @ w.Wr2 + m3 @ w.Wr3 + w.br)
    phi = relu(r @ w.Wp + x @ w.Wx + w.bp)
    means = tuple(a * m + (1 - a) * phi for a, m in zip((0, 0.5, 0.9), (m1, m2, m3), strict=True))
    out = relu(means[0] @ w.Wo1 + means[1] @ w.Wo2 + means[2] @ w.Wo3 + w.bo)
    return out, means


def momentum(w: Any, x: Any, h: Any, v: Any) -> Any:
    """The inputs have a velocity."""
    v = 0.6 * v + 0.9 * (x @ w.W)
    h = tanh(h @ w.U + v + w.b)
    return h, (h, v)


def delta_rnn(w: Any, x: Any, h: Any) -> Any:
    """Second-order candidate, one gate that the input alone opens."""
    given, kept = x @ w.W, h @ w.U
    first, second = w.alpha * kept * given, w.beta1 * kept + w.beta2 * given
    gate = sigmoid(given + w.br)
    h = tanh((1 - gate) * tanh(first + second + w.bz) + gate * h)
    return h, (h,)


def gamma_memory(w: Any, x: Any, g1: Any, g2: Any, g3: Any) -> Any:
    """Each tap leaks into the next."""
    taps = [x]
    for tap, before in zip((g1, g2, g3), (x, g1, g2), strict=True):
        taps.append((1 - w.mu) * tap + w.mu * before)
    _, g1, g2, g3 = taps
    return tanh(g1 @ w.W1 + g2 @ w.W2 + g3 @ w.W3 + w.b), (g1, g2, g3)


def narx(w: Any, x: Any, h: Any, x1: Any, h1: Any, h2: Any) -> Any:
    """Two inputs and three outputs of before."""
    now = tanh(x @ w.W0 + x1 @ w.W1 + h @ w.U1 + h1 @ w.U2 + h2 @ w.U3 + w.b)
    return now, (now, x, h, h1)


def dilated_rnn(w: Any, x: Any, h: Any, before: Any) -> Any:
    """The state of two steps before takes the place of the last."""
    now = tanh(x @ w.W + before @ w.U + w.b)
    return now, (now, h)


def noisy_rnn(w: Any, x: Any, h: Any) -> Any:
    """Noise that is added and noise that the drift scales; a step of 1/10."""
    drift = h @ w.A + tanh(h @ w.W + x.x @ w.U + w.b)
    h = h + drift / 10 + (0.02 + 0.05 * drift) * x.noise * np.sqrt(0.1)
    return h, (h,)


def mufuru(w: Any, x: Any, h: Any) -> Any:
    """The operations keep, replace, mul and diff."""
    r = sigmoid(x @ w.Wr + h @ w.Ur + w.br)
    c = tanh(x @ w.Wc + (r * h) @ w.Uc + w.bc)
    logits = [
        x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}") + getattr(w, f"b{n}") for n in "1234"
    ]
    parts = [np.exp(a) for a in logits]
    h = sum(p * o for p, o in zip(parts, (h, c, h * c, h - c), strict=True)) / sum(parts)
    return h, (h,)


def fastrnn(w: Any, x: Any, h: Any) -> Any:
    """Two numbers weigh the new and the old."""
    h = w.beta * h + w.alpha * tanh(x @ w.W + h @ w.U + w.b)
    return h, (h,)


def gated_feedback(w: Any, x: Any, h1: Any, h2: Any) -> Any:
    """One number for each pair of layers, from the input and all states."""

    def gate(given: Any, name: str) -> Any:
        return sigmoid(given + h1 @ getattr(w, f"u{name}") + h2 @ getattr(w, f"v{name}"))

    first = tanh(
        x @ w.W1 + gate(x @ w.w1, "11") * (h1 @ w.U11) + gate(x @ w.w1, "21") * (h2 @ w.U21)
    )
    given = first @ w.w2
    second = tanh(
        first @ w.W2 + gate(given, "12") * (h1 @ w.U12) + gate(given, "22") * (h2 @ w.U22)
    )
    return second, (first, second)


def layernorm_rnn(w: Any, x: Any, h: Any) -> Any:
    """The sum of both products is normalised."""
    h = tanh(normalised(x @ w.W + h @ w.U) * w.g + w.b)
    return h, (h,)


def shuffling(w: Any, x: Any, h: Any) -> Any:
    """Any matrix may stand for the permutation."""
    comes = (relu(x @ w.W1 + w.b1) @ w.W2 + w.b2) * sigmoid(x @ w.Wg + w.bg)
    h = relu(h @ w.P + comes)
    return h, (h,)


def householder(w: Any, x: Any, h: Any) -> Any:
    """Each reflection by its own vector, without a matrix."""
    for vector in (w.p, w.q):
        along = (h @ vector) / (vector * vector).sum(axis=-2, keepdims=True)
        h = h - 2 * along * turned(vector)
    a = x @ w.Win + h + w.b
    h = a * np.where(a.real > 0, 1, 0.01)
    return h, (h,)


def weight_norm(w: Any, x: Any, h: Any) -> Any:
    """The weights of a unit have the length that is learned apart from their direction."""

    def of(values: Any, lengths: Any) -> Any:
        return turned(lengths / (values * values).sum(axis=-1, keepdims=True) ** 0.5 * values)

    h = tanh(x @ of(w.Win, w.g) + h @ of(w.Wrec, w.r) + w.b)
    return h, (h,)
