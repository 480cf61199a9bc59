"""Cells of `cells/` with columns (B, 1) and learned numbers, by hand, for test_independent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = Any


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def columns(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    a = x @ p.wi + s["S"] @ p.ui
    i, f = np.exp(np.where(a.real > 0, -a, a)), sigmoid(x @ p.wf)
    C = np.tanh(x @ p.W + s["S"] @ p.U + p.b + s["n"])
    n = f * s["n"] + i
    larger = np.where((i * C).real > n.real, i * C, n)
    Q = f * (i - 2) * s["S"] - larger + p.b / (1 + n)
    S = Q / (1 + n**2) + np.where(f.real < s["S"].real, f, s["S"])
    return S, {"S": S, "n": n}


def scalars(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    C = np.tanh(x @ p.W + p.alpha * (s["S"] @ p.U) + p.beta * p.b)
    m = sigmoid(p.beta) * s["m"] + s["S"] @ p.u - p.alpha
    S = (1 - 1 / (1 + np.exp(p.beta))) * s["S"] + p.alpha * m * C / (1 + p.beta**2)
    return S, {"S": S, "m": m}


def softmax(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    fed = np.exp(p.beta * (x @ p.W + s["S"] @ p.U + p.b))
    A = fed / fed.sum(axis=1, keepdims=True)
    c = (A * s["M"]).sum(axis=1, keepdims=True)
    M = s["M"] + A * (x @ p.W - c)
    shares = np.exp(2 * s["S"]) / np.exp(2 * s["S"]).sum(axis=1, keepdims=True)
    S = np.tanh(M + c) - np.log(shares).mean(axis=1, keepdims=True)
    return S, {"S": S, "M": M}


def layer_norm(a: Array, gain: Array, bias: Array) -> Array:
    centred = a - a.mean(axis=1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) + bias


def layer_norm_lstm(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    i = sigmoid(layer_norm(x @ p.Wi + s["S"] @ p.Ui, p.gi, p.bi))
    f = sigmoid(layer_norm(x @ p.Wf + s["S"] @ p.Uf, p.gf, p.bf))
    g = np.tanh(layer_norm(x @ p.Wg + s["S"] @ p.Ug, p.gg, p.bg))
    o = sigmoid(layer_norm(x @ p.Wo + s["S"] @ p.Uo, p.go, p.bo))
    C = f * s["C"] + i * g
    S = o * np.tanh(layer_norm(C, p.gc, p.bc))
    return S, {"S": S, "C": C}


def largest(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    def of(rows: Array) -> Array:
        return np.take_along_axis(rows, rows.real.argmax(1)[:, None], 1)

    def soft(rows: Array) -> Array:
        return np.exp(rows) / np.exp(rows).sum(1, keepdims=True)

    A = x @ p.W + s["S"] @ p.U + p.b
    Q = np.where(A.real > 0, soft(s["S"] @ p.U) * np.log(soft(A)), layer_norm(A, p.g, p.b))
    P = np.where((s["S"] - p.b).real > 0, soft(A), of(x @ p.W) * p.g)
    S = np.tanh(Q + P) + of(s["S"]) / 2
    return S, {"S": S}


def time(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    number = s["time"] + 1
    G = sigmoid(x @ p.W - p.rate * number)
    S = s["S"] + (np.tanh(s["S"] @ p.U + G) - s["S"]) / number
    return S, {"S": S, "time": number}


STEPS = {
    "columns": columns,
    "scalars": scalars,
    "softmax": softmax,
    "largest": largest,
    "layer_norm_lstm": layer_norm_lstm,
    "time": time,
}
