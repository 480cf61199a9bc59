"""Kernels of words that declarations have, against the same cells written in NumPy by hand.

Every layout and both styles, loops and steps written out, with lengths: loss, outputs and last
states; gradients and the pullback along a random direction, by a complex step of the cell by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from tests.shares import in_turn
from tests.verify import columns_and_numbers

Array = Any
#: A step: weights, input and states by name -> the output and the states by name.
Step = Callable[[Any, Array, Mapping[str, Array]], tuple[Array, dict[str, Array]]]

T, B, D, H = 3, 4, 2, 3
LENGTHS = np.array([2, 0, 3, 1])
TINY = 1e-30
MANNERS: list[dict[str, Any]] = [
    {**manner, "unroll": unroll}
    for manner in [{"style": "textbook"}, *({"layout": str(name)} for name in LAYOUTS)]
    for unroll in (None, T)
]


def narx(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    inputs = x @ p.Wx + s["x_lag0"] @ p.W1 + s["x_lag1"] @ p.W2
    A = np.tanh(inputs + s["Y1"] @ p.U1 + s["Y1_lag2"] @ p.U3 + p.b)
    out = A @ p.Wo + p.q * s["A_lag1"]
    states = {"x_lag0": x, "x_lag1": s["x_lag0"], "A": A, "A_lag1": s["A"]}
    return out, {"Y1": out, "Y1_lag1": s["Y1"], "Y1_lag2": s["Y1_lag1"], **states}


def conditions(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    X = np.where(x.real >= -1, x, s["X"] * p.m)
    G = X @ p.W + np.where((s["S"] - p.theta).real <= 0, s["S"], p.b + 0 * s["S"]) @ p.U + p.b
    with np.errstate(all="ignore"):
        Q = np.where(G.real > 0, np.log(G) / G, np.exp(3 * G))
    above = (G - p.theta).real > 0
    S = np.tanh(G) * ~above + 0.5 * ((G - p.theta).real < 0)
    return np.where((G.real > -1) & (S.real < 2), Q + S, 1 / 3), {"S": S, "X": X}


def spiking(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    fed, decay = x @ p.W, 0.8
    G = decay * s["S"] + fed / (1 + np.exp(-fed)) + s["A"] @ p.U + p.b
    above = G - p.beta * s["A"]
    Z = (above.real > 0) + 1j * above.imag / (1 + abs(decay * above.real)) ** 2
    scaled = np.where(G.real > 1, np.log(np.maximum(G.real, 1)), G.real - 1) / 3 + 0.5j * G.imag
    return Z, {"S": G * (1 - Z) + scaled, "A": decay * s["A"] + (1 - decay) * Z}


def names_of_losses(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    gate = 1 / (1 + np.exp(-(x @ p.M + s["Y"] @ p.N + p.cost)))
    Y = gate * s["Y"] + (1 - gate) * np.tanh(x @ p.Q + s["Y"] @ p.EXP)
    return Y * Y, {"Y": Y}


def erf(z: Array) -> Array:
    real = np.vectorize(math.erf)(z.real)
    return real + 1j * z.imag * 2 / np.sqrt(np.pi) * np.exp(-(z.real**2))


def gaussian(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    Z = (1 + erf((x @ p.Wz + s["S"] @ p.Uz) / np.sqrt(2))) / 2
    fed = x @ p.W + s["S"] @ p.U + p.b
    G = fed / 2 * (1 + erf(fed / np.sqrt(2)))
    bells = 2 / np.sqrt(np.pi) * np.exp(-(G**2)) * np.exp(-(s["S"] ** 2) / 2) / np.sqrt(2 * np.pi)
    S = erf(Z * s["S"] + (1 - Z) * G) - bells
    return S, {"S": S}


def shared_names(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    current = s["I"] / 2 + x @ p.W
    V = np.tanh(0.8 * s["V"] + current - s["w"])
    w = 1 / (1 + np.exp(-(V @ p.U + s["w"] / 3)))
    return V * w + p.b, {"V": V, "I": current, "w": w}


def names_of_kernels(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    gate = 1 / (1 + np.exp(-(x @ p.O + s["E"] @ p.V + p.I)))
    E = gate * s["E"] + (1 - gate) * np.tanh(x @ p.O + p.l)
    return E, {"E": E}


def garch(p: Any, x: Array, s: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    alpha, beta, phi = (1 / (1 + np.exp(-each)) for each in (p.alpha, p.beta, p.phi))
    V = np.exp(p.omega) + alpha * (x - s["A"]) ** 2 + beta * s["V"]
    return V, {"V": V, "A": phi * s["A"] + x}


STEPS: dict[str, Step] = {
    "names_of_kernels": names_of_kernels,
    "garch": garch,
    "shared_names": shared_names,
    "gaussian": gaussian,
    "delays": narx,
    "conditions": conditions,
    "spiking": spiking,
    "names_of_losses": names_of_losses,
    **columns_and_numbers.STEPS,
}
#: What the first numbers of the input are for some: no result may depend on them.
UNREAD = {"conditions": np.nan}


class Run:
    """Arguments of a kernel of `step`, and the direction in which they move."""

    def __init__(self, kernel: ModuleType, name: str, lengths: Array | None) -> None:
        self.kernel, self.step, self.lengths = kernel, STEPS[name], lengths
        self.rng = np.random.default_rng(3)
        shapes = {"T": T, "B": B, "D": D, "H": H, "1": 1}
        sizes = (shapes[letter] for letter in ("D", "H") if letter in kernel.SIZES)
        self.params = self.like(kernel.init_params(*sizes, rng=0))
        names = kernel.STATES
        keys = [f"s0.{name}" if len(names) > 1 else "s0" for name in names]
        self.states = {
            name: self.rng.standard_normal([shapes[n] for n in kernel.SHAPES[key]])
            for name, key in zip(names, keys, strict=True)
        }
        self.x, self.y = (
            self.rng.standard_normal([shapes[n] for n in kernel.SHAPES[name]]) for name in "xy"
        )
        self.x[:, ::2, 0] = UNREAD.get(name, self.x[:, ::2, 0])
        self.moves = (
            self.like(self.params),
            self.rng.standard_normal(self.x.shape),
            {n: self.rng.standard_normal(s.shape) for n, s in self.states.items()},
        )

    def like(self, params: Any) -> Any:
        return type(params)(*(np.asarray(self.rng.standard_normal(w.shape)) for w in params))

    @property
    def s0(self) -> Any:
        many = len(self.states) > 1
        return self.kernel.State(**self.states) if many else next(iter(self.states.values()))

    def by_hand(self, move: Any = (0, 0, 0), offsets: Any = 0) -> tuple[Any, Array, Any]:
        """Loss, outputs (T, B, H) and last states, of arguments that have moved by so much."""
        d_params, d_x, d_states = self.moves
        params = type(self.params)(
            *(w + move[0] * d for w, d in zip(self.params, d_params, strict=True))
        )
        x = self.x + move[1] * d_x
        states = {n: s + move[2] * d_states[n] for n, s in self.states.items()}
        outputs, loss = np.zeros(self.y.shape, complex), offsets
        for t in range(T):
            out, following = self.step(params, x[t], states)
            runs = t < (self.lengths if self.lengths is not None else np.full(B, T))
            outputs[t, runs] = out[runs]
            loss = loss + ((out - self.y[t])[runs] ** 2).sum() / 2
            states = {n: np.where(runs[:, None], following[n], s) for n, s in states.items()}
        return loss, outputs, states

    def slope(self, *move: complex) -> float:
        return float(self.by_hand(move)[0].imag / TINY)


@pytest.mark.parametrize(("name", "manner"), in_turn(STEPS, MANNERS), ids=str)
def test_kernels_are_the_cell_by_hand(name: str, manner: dict[str, Any]) -> None:
    cell = load_cell(str(Path(__file__).with_name("cells") / f"{name}.toml"))
    kernel = gc.load(cell, **manner)
    for lengths in (None, LENGTHS):
        run = Run(kernel, name, lengths)
        loss, outputs, states = run.by_hand()
        made = kernel.loss_and_gradients(run.params, run.x, run.y, run.s0, lengths=lengths)
        last = made.state._asdict() if len(run.states) > 1 else {kernel.STATES[0]: made.state}
        near: Any = {"rtol": 1e-12, "atol": 1e-12, "err_msg": f"{lengths}"}
        np.testing.assert_allclose(made.loss, loss.real, **near)
        for state, array in last.items():
            np.testing.assert_allclose(array, states[state].real, **near)
        moves = run.moves
        slope = sum((g * d).sum() for g, d in zip(made.gradients, moves[0], strict=True))
        np.testing.assert_allclose(slope, run.slope(1j * TINY, 0, 0), **near)
        found, _, pullback = kernel.vjp(run.params, run.x, run.s0, lengths=lengths)
        np.testing.assert_allclose(found, outputs.real, **near)
        _, d_x, d_s0 = pullback(found - run.y)
        np.testing.assert_allclose((d_x * moves[1]).sum(), run.slope(0, 1j * TINY, 0), **near)
        firsts = d_s0._asdict() if len(run.states) > 1 else {kernel.STATES[0]: d_s0}
        slope = sum((each * moves[2][state]).sum() for state, each in firsts.items())
        np.testing.assert_allclose(slope, run.slope(0, 0, 1j * TINY), **near)
