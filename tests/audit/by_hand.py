"""Loss and gradients written by hand, in the manners that people write them in; all are right."""

from __future__ import annotations

from typing import Any

import numpy as np


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def gru(p: Any, x: Any, y: Any, s0: Any) -> Any:
    """Batched, a sample per row, weights in a dict."""
    S = [s0]
    Z, R, CA = [], [], []  # type: ignore[var-annotated]
    loss = 0.0
    for t in range(len(x)):
        s = S[-1]
        z = sigmoid(x[t] @ p["Wz"] + s @ p["Wrecz"] + p["bz"])
        r = sigmoid(x[t] @ p["Wr"] + s @ p["Wrecr"] + p["br"])
        ca = np.tanh(x[t] @ p["Wca"] + (r * s) @ p["Wrecca"] + p["bca"])
        S.append((1 - z) * s + z * ca)
        Z, R, CA = [*Z, z], [*R, r], [*CA, ca]
        loss += ((S[-1] - y[t]) ** 2).sum() / 2
    g = {name: np.zeros_like(value) for name, value in p.items()}
    carry = np.zeros_like(s0)
    for t in reversed(range(len(x))):
        s_prev = S[t]
        ds = S[t + 1] - y[t] + carry
        dca = ds * Z[t]
        daca = dca * (1 - CA[t] ** 2)
        drs = daca @ p["Wrecca"].T
        dr = drs * s_prev
        dar = dr * R[t] * (1 - R[t])
        dz = ds * (CA[t] - s_prev)
        daz = dz * Z[t] * (1 - Z[t])
        g["Wca"] += x[t].T @ daca
        g["Wrecca"] += (R[t] * s_prev).T @ daca
        g["bca"] += daca.sum(axis=0)
        g["Wr"] += x[t].T @ dar
        g["Wrecr"] += s_prev.T @ dar
        g["br"] += dar.sum(axis=0)
        g["Wz"] += x[t].T @ daz
        g["Wrecz"] += s_prev.T @ daz
        g["bz"] += daz.sum(axis=0)
        carry = ds * (1 - Z[t])
        carry = carry + drs * R[t]
        carry = carry + dar @ p["Wrecr"].T
        carry = carry + daz @ p["Wrecz"].T
    return loss, g


def lstm(x: Any, y: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    """Samples first, gates side by side, one argument a weight, gradients in a tuple."""
    N, T, _ = x.shape
    H = h0.shape[1]
    h, c = h0, c0
    kept = []
    loss = 0.0
    for t in range(T):
        a = x[:, t] @ Wx + h @ Wh + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
        g = np.tanh(a[:, 3 * H :])
        c_next = f * c + i * g
        tc = np.tanh(c_next)
        kept.append((h, c, i, f, o, g, tc))
        h, c = o * tc, c_next
        loss += 0.5 * np.sum((h - y[:, t]) ** 2)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh_next, dc_next = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        h_prev, c_prev, i, f, o, g, tc = kept[t]
        dh = o * tc - y[:, t] + dh_next
        dc = dh * o * (1 - tc**2) + dc_next
        da = np.hstack(
            (
                dc * g * i * (1 - i),
                dc * c_prev * f * (1 - f),
                dh * tc * o * (1 - o),
                dc * i * (1 - g**2),
            )
        )
        dWx += x[:, t].T @ da
        dWh += h_prev.T @ da
        db += da.sum(0)
        dh_next = da @ Wh.T
        dc_next = dc * f
    return loss, dWx, dWh, db


LSTM = {
    "call": ["x", "y", "S0", "C0", "Wx", "Wh", "b"],
    "returns": ["loss", "dWx", "dWh", "db"],
    "x": "BTD",
    "y": "BTH",
    "weights": {
        "Wx": ["Wi", "Wf", "Wo", "Wca"],
        "Wh": ["Wreci", "Wrecf", "Wreco", "Wrecca"],
        "b": ["bi", "bf", "bo", "bca"],
    },
}


Wxh: Any = None
Whh: Any = None
Why: Any = None
bh: Any = None
by: Any = None


def rnn(inputs: Any, targets: Any, hprev: Any) -> Any:
    """One sample in columns, indices of letters, weights in globals, cross-entropy."""
    xs, hs, ps = {}, {-1: hprev}, {}
    loss = 0.0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        e = np.exp(Why @ hs[t] + by)
        ps[t] = e / e.sum()
        loss -= np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hprev)
    for t in reversed(range(len(inputs))):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        draw = (1 - hs[t] ** 2) * (Why.T @ dy + dhnext)
        dWxh += draw @ xs[t].T
        dWhh += draw @ hs[t - 1].T
        dbh += draw
        dhnext = Whh.T @ draw
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]


RNN = {
    "call": ["x", "y", "s0"],
    "returns": ["loss", "dWxh", "dWhh", "dWhy", "dbh", "dby", "_"],
    "params": "globals",
    "transposed": True,
    "x": "T",
    "y": "T",
    "s0": "H1",
    "weights": {"Wxh": "W", "Whh": "Wrec", "Why": "Wout", "bh": "b", "by": "bout"},
}


class Layer:
    """A cell of Elman that keeps its gradients; a weight has states beside inputs."""

    W: Any
    b: Any

    def step(self, xs: Any, ys: Any, h0: Any) -> float:
        """Columns; loss over a list of steps."""
        h, loss = [h0], 0.0
        z = [np.zeros(0)] * len(xs)
        for t, x in enumerate(xs):
            z[t] = np.vstack([h[-1], x])
            h.append(np.tanh(self.W @ z[t] + self.b))
            loss += 0.5 * float(((h[-1] - ys[t]) ** 2).sum())
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)
        dh = np.zeros_like(h0)
        for t in reversed(range(len(xs))):
            da = (h[t + 1] - ys[t] + dh) * (1 - h[t + 1] ** 2)
            self.dW += da @ z[t].T
            self.db += da.sum(axis=1, keepdims=True)
            dh = self.W[:, : len(h0)].T @ da
        return loss


LAYER = {
    "call": ["params", "x", "y", "s0"],
    "returns": ["loss"],
    "params": "object",
    "transposed": True,
    "x": "[DB]",
    "y": "[HB]",
    "s0": "HB",
    "weights": {"W": [["Wrec"], ["W"]], "b": "b"},
}
