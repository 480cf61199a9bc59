"""Steps of units with a memory beside their state."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.functions import exp, larger, log, normalised, relu, sigmoid, softplus, tanh

__all__ = [
    "ct_lstm",
    "elstm",
    "indy_lstm",
    "layernorm_lstm",
    "lmu",
    "lstm_1997",
    "lstm_fgr",
    "lstm_projection",
    "lstm_slim1",
    "lstm_slim2",
    "lstm_slim3",
    "mi_lstm",
    "mogrifier_lstm",
    "multiplicative_lstm",
    "nas",
    "nested_lstm",
    "on_lstm",
    "ran",
    "recurrent_dropout_lstm",
    "residual_lstm",
    "slstm",
    "time_aware_lstm",
    "wmc_lstm",
    "zoneout_lstm",
]


def lstm_1997(w: Any, x: Any, y: Any, s: Any) -> Any:
    """Nothing is forgotten; g lies in (-2, 2), h in (-1, 1)."""
    g = 4 * sigmoid(x @ w.Wc + y @ w.Uc + w.bc) - 2
    s = s + sigmoid(x @ w.Win + y @ w.Uin + w.bi) * g
    y = sigmoid(x @ w.Wout + y @ w.Uout + w.bout) * (2 * sigmoid(s) - 1)
    return y, (y, s)


def _remembered(c: Any, f: Any, i: Any, o: Any, candidate: Any) -> Any:
    c = f * c + i * candidate
    return o * tanh(c), (o * tanh(c), c)


def _slim(w: Any, x: Any, h: Any, c: Any, f: Any, i: Any, o: Any) -> Any:
    candidate = tanh(x @ w.Wc + h @ w.Uc + w.bc)
    return _remembered(c, sigmoid(f), sigmoid(i), sigmoid(o), candidate)


def lstm_slim1(w: Any, x: Any, h: Any, c: Any) -> Any:
    """LSTM1: gates without the input."""
    return _slim(w, x, h, c, h @ w.Uf + w.bf, h @ w.Ui + w.bi, h @ w.Uo + w.bo)


def lstm_slim2(w: Any, x: Any, h: Any, c: Any) -> Any:
    """LSTM2: nor with biases."""
    return _slim(w, x, h, c, h @ w.Uf, h @ w.Ui, h @ w.Uo)


def lstm_slim3(w: Any, x: Any, h: Any, c: Any) -> Any:
    """LSTM3: biases alone."""
    return _slim(w, x, h, c, w.bf, w.bi, w.bo)


def multiplicative_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """The recurrent matrix depends on the input."""
    m = (h @ w.Wmh) * (x @ w.Wmx)
    i = sigmoid(x @ w.Wix + m @ w.Wim + w.bi)
    o = sigmoid(x @ w.Wox + m @ w.Wom + w.bo)
    f = sigmoid(x @ w.Wfx + m @ w.Wfm + w.bf)
    return _remembered(c, f, i, o, tanh(x @ w.Whx + m @ w.Whm + w.bh))


def lstm_projection(w: Any, x: Any, r: Any, c: Any) -> Any:
    """Without the projection that does not recur."""
    i = sigmoid(x @ w.Wix + r @ w.Wir + w.wic * c + w.bi)
    f = sigmoid(x @ w.Wfx + r @ w.Wfr + w.wfc * c + w.bf)
    c = f * c + i * tanh(x @ w.Wcx + r @ w.Wcr + w.bc)
    o = sigmoid(x @ w.Wox + r @ w.Wor + w.woc * c + w.bo)
    r = (o * tanh(c)) @ w.Wrm
    return r, (r, c)


def mi_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """Each sum of two products made multiplicative."""

    def of(gate: str) -> Any:
        W, U, a, p, q, b = (getattr(w, f"{letter}{gate}") for letter in "WUapqb")
        given, kept = x @ W, h @ U
        return (a * given + p) * kept + q * given + b

    return _remembered(c, sigmoid(of("f")), sigmoid(of("i")), sigmoid(of("o")), tanh(of("g")))


def nas(w: Any, x: Any, h: Any, c: Any) -> Any:
    """The tree of eight leaves, in its three layers."""
    a = [None, *(x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}") for n in range(1, 9))]
    first = tanh(sigmoid(a[1]) * relu(a[2])), tanh(sigmoid(a[3]) + relu(a[4]))
    second = tanh(tanh(a[5]) * sigmoid(a[6])), sigmoid(tanh(a[7]) + sigmoid(a[8]))
    c = tanh(first[0] + c) * first[1]
    h = tanh(c * tanh(second[0] + second[1]))
    return h, (h, c)


def residual_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """The shortcut goes around the cell, into the output gate."""
    i = sigmoid(x @ w.Wxi + h @ w.Whi + w.wci * c + w.bi)
    f = sigmoid(x @ w.Wxf + h @ w.Whf + w.wcf * c + w.bf)
    c = f * c + i * tanh(x @ w.Wxc + h @ w.Whc + w.bc)
    o = sigmoid(x @ w.Wxo + h @ w.Who + c @ w.Wco + w.bo)
    h = o * (tanh(c) @ w.Wp + x @ w.Wh)
    return h, (h, c)


def wmc_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """The gates see the cell through a layer of its own."""
    i = sigmoid(x @ w.Wix + h @ w.Wih + tanh(c @ w.Wic) + w.bi)
    f = sigmoid(x @ w.Wfx + h @ w.Wfh + tanh(c @ w.Wfc) + w.bf)
    c = f * c + i * tanh(x @ w.Wgx + h @ w.Wgh + w.bg)
    o = sigmoid(x @ w.Wox + h @ w.Woh + tanh(c @ w.Woc) + w.bo)
    return o * tanh(c), (o * tanh(c), c)


def _lstm(x: Any, h: Any, c: Any, weights: dict[str, tuple[Any, Any, Any]]) -> Any:
    i, f, o, g = (x @ W + h @ U + b for W, U, b in (weights[gate] for gate in "ifog"))
    return _remembered(c, sigmoid(f), sigmoid(i), sigmoid(o), tanh(g))


def nested_lstm(w: Any, x: Any, h: Any, c: Any, ci: Any) -> Any:
    """The cell of the outer unit is the output of an inner one."""
    outer = {g: (getattr(w, f"W{g}"), getattr(w, f"U{g}"), getattr(w, f"b{g}")) for g in "ifog"}
    inner = {
        g: (getattr(w, f"Q{g}"), getattr(w, f"R{g}"), w.efg if g == "f" else getattr(w, f"e{g}"))
        for g in "ifog"
    }
    i, f, o, g = (x @ W + h @ U + b for W, U, b in (outer[gate] for gate in "ifog"))
    _, (c, ci) = _lstm(sigmoid(i) * tanh(g), sigmoid(f) * c, ci, inner)
    return sigmoid(o) * tanh(c), (sigmoid(o) * tanh(c), c, ci)


def mogrifier_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """Input and state gate each other before the unit sees them."""
    x = 2 * sigmoid(h @ w.Q1) * x
    h = 2 * sigmoid(x @ w.R2) * h
    weights = {g: (getattr(w, f"W{g}"), getattr(w, f"U{g}"), getattr(w, f"b{g}")) for g in "ifoj"}
    return _lstm(x, h, c, {**weights, "g": weights["j"]})


def lstm_fgr(w: Any, x: Any, h: Any, c: Any, i: Any, f: Any, o: Any) -> Any:
    """The variant FGR: all gates see all gates of the step before."""

    def gate(n: str, cell: Any) -> Any:
        W, R, p, b, Ri, Rf, Ro = (
            getattr(w, name)
            for name in (f"W{n}", f"R{n}", f"p{n}", f"b{n}", *(f"R{k}{n}" for k in "ifo"))
        )
        return sigmoid(x @ W + h @ R + p * cell + b + i @ Ri + f @ Rf + o @ Ro)

    z = tanh(x @ w.Wz + h @ w.Rz + w.bz)
    now_i, now_f = gate("i", c), gate("f", c)
    c = now_i * z + now_f * c
    now_o = gate("o", c)
    h = now_o * tanh(c)
    return h, (h, c, now_i, now_f, now_o)


def slstm(w: Any, x: Any, h: Any, c: Any, n: Any, m: Any) -> Any:
    """Both gates are exponential."""
    given, forgets = x @ w.Wi + h @ w.Ri + w.bi, x @ w.Wf + h @ w.Rf + w.bf
    top = larger(forgets + m, given)
    i, f = exp(given - top), exp(forgets + m - top)
    c = f * c + i * tanh(x @ w.Wz + h @ w.Rz + w.bz)
    n = f * n + i
    h = sigmoid(x @ w.Wo + h @ w.Ro + w.bo) * c / n
    return h, (h, c, n, top)


def ran(w: Any, x: Any, h: Any, c: Any) -> Any:
    """A sum of inputs, each weighed."""
    i = sigmoid(h @ w.Wih + x @ w.Wix + w.bi)
    f = sigmoid(h @ w.Wfh + x @ w.Wfx + w.bf)
    c = i * (x @ w.Wcx) + f * c
    return tanh(c), (tanh(c), c)


def _gates(w: Any, x: Any, h: Any) -> Any:
    i, f, o, g = (
        x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}") + getattr(w, f"b{n}") for n in "ifog"
    )
    return sigmoid(i), sigmoid(f), sigmoid(o), tanh(g)


def zoneout_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """Units keep their values by chance; the output gate sees the new cell."""
    i, f, o, g = _gates(w, x.x, h)
    new = f * c + i * g
    h, c = x.mh * h + (1 - x.mh) * o * tanh(new), x.mc * c + (1 - x.mc) * new
    return h, (h, c)


def recurrent_dropout_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """What is dropped is the update alone."""
    i, f, o, g = _gates(w, x.x, h)
    return _remembered(c, f, i * x.m, o, g)


def indy_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """Each recurrent matrix is diagonal."""
    i, f, o, g = (
        x @ getattr(w, f"W{n}") + getattr(w, f"u{n}") * h + getattr(w, f"b{n}") for n in "ifog"
    )
    return _remembered(c, sigmoid(f), sigmoid(i), sigmoid(o), tanh(g))


def elstm(w: Any, x: Any, c: Any) -> Any:
    """No matrix recurs, and the output gate sees the new memory."""
    f = sigmoid(x @ w.F + w.wf * c + w.bf)
    c = f * c + (1 - f) * tanh(x @ w.Z + w.wz * c + w.bz)
    return sigmoid(x @ w.P + c @ w.Wo + w.bo) * c, (c,)


def time_aware_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """The short-term part of the memory counts 1 / log(e + delta) of itself."""
    short = tanh(c @ w.Wd + w.bd)
    c = c + short * (1 / log(np.e + x.delta) - 1)
    i, f, o, g = _gates(w, x.x, h)
    return _remembered(c, f, i, o, g)


def ct_lstm(w: Any, x: Any, c: Any, cbar: Any, rate: Any, o: Any) -> Any:
    """Between two events the memory decays to a target of its own."""
    fade = exp(-rate * x.delta)
    c = fade * c + (1 - fade) * cbar
    h = o * tanh(c)
    i, f, z, o, j, k, r = (
        x.x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}") + getattr(w, f"b{n}") for n in "ifzojkr"
    )
    c = sigmoid(f) * c + sigmoid(i) * tanh(z)
    cbar = sigmoid(k) * cbar + sigmoid(j) * tanh(z)
    return h, (c, cbar, softplus(r), sigmoid(o))


def layernorm_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """Each gate is normalised by itself."""
    i, f, o, g = (
        normalised(x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}")) * getattr(w, f"g{n}")
        + getattr(w, f"b{n}")
        for n in "ifog"
    )
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(normalised(c) * w.gc + w.bc)
    return h, (h, c)


def lmu(w: Any, x: Any, h: Any, m: Any) -> Any:
    """theta dm/dt = A m + B u by Euler's method."""
    K = m.shape[-1]
    i, j = np.ogrid[:K, :K]
    A = (2 * i + 1) * np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    B = (2 * np.arange(K) + 1) * (-1.0) ** np.arange(K)
    u = x @ w.ex + h @ w.eh + m @ w.em
    m = m + (m @ A.T + u * B) / 20
    h = tanh(x @ w.Wx + h @ w.Wh + m @ w.Wm)
    return h, (h, m)


def on_lstm(w: Any, x: Any, h: Any, c: Any) -> Any:
    """Master gates are cumulative sums of probabilities."""
    i, f, o, g, j, k = (
        x @ getattr(w, f"W{n}") + h @ getattr(w, f"U{n}") + getattr(w, f"b{n}") for n in "ifogjk"
    )
    master = [exp(a) / exp(a).sum(axis=-1, keepdims=True) for a in (j, k)]
    keeps, writes = master[0].cumsum(axis=-1), 1 - master[1].cumsum(axis=-1)
    both = keeps * writes
    return _remembered(
        c, keeps - both * (1 - sigmoid(f)), writes - both * (1 - sigmoid(i)), sigmoid(o), tanh(g)
    )
