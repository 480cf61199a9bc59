"""Kernels put together: two layers, one layer in both directions, and a loss that no kernel knows.

A kernel's `vjp` returns outputs and a pullback, which takes the adjoint of the outputs to the
gradients of the weights and of the inputs. A network made of kernels offers the same: its outputs
come from one kernel after the other, its gradients from their pullbacks in reverse.

    python examples/two_layers.py

compares every gradient of both networks with finite differences.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

try:
    from examples.interruption import end_in_one_line

    if __name__ == "__main__":
        end_in_one_line()
    import numpy as np
    from numpy.typing import NDArray

    import gru_codegen as gc
    from gru_codegen.interop import reverse
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed; in the project folder, run: pip install -e .")

Array = NDArray[Any]
Gradients = tuple[Any, Any, Array]  # of the weights of the two kernels, and of the inputs
Network = Callable[[Any, Any, Array], tuple[Array, Callable[[Array], Gradients]]]

STEPS, BATCH, FEATURES, HIDDEN, OUTPUTS = 6, 3, 4, 5, 2
LENGTHS = np.array([6, 4, 1])  # of the samples of the batch; what follows is padding
TOLERANCE = 1e-7  # relative to a gradient's largest entry; rounding makes some 1e-9 of it

GRU = gc.load(gc.cells["gru-bias"])
LSTM = gc.load(gc.cells["lstm"], readout="linear")


def two_layers(lower: Any, upper: Any, x: Array) -> tuple[Array, Callable[[Array], Gradients]]:
    """An LSTM on top of a GRU, whose outputs are its inputs."""
    hidden, _, pull_lower = GRU.vjp(lower, x)
    outputs, _, pull_upper = LSTM.vjp(upper, hidden)

    def pullback(d_outputs: Array) -> Gradients:
        d_upper, d_hidden, _ = pull_upper(d_outputs)
        d_lower, d_x, _ = pull_lower(d_hidden)
        return d_lower, d_upper, d_x

    return outputs, pullback


def bidirectional(
    ahead: Any, back: Any, x: Array, lengths: Array | None = None
) -> tuple[Array, Callable[[Array], Gradients]]:
    """Two GRUs side by side, one of which reads each sample from its last time step to its first.

    `lengths` says how long the samples are, T if None.
    """
    S_ahead, _, pull_ahead = GRU.vjp(ahead, x, lengths=lengths)
    S_back, _, pull_back = GRU.vjp(back, reverse(x, lengths), lengths=lengths)
    outputs = np.concatenate([S_ahead, reverse(S_back, lengths)], axis=2)

    def pullback(d_outputs: Array) -> Gradients:
        dS_ahead, dS_back = np.split(d_outputs, [S_ahead.shape[2]], axis=2)
        d_ahead, dx_ahead, _ = pull_ahead(dS_ahead)
        d_back, dx_back, _ = pull_back(reverse(dS_back, lengths))
        return d_ahead, d_back, dx_ahead + reverse(dx_back, lengths)

    return outputs, pullback


def log_cosh(outputs: Array, y: Array) -> tuple[float, Array]:
    """Return the sum of log cosh(outputs - y), and its adjoint of the outputs."""
    errors = outputs - y
    return float(np.log(np.cosh(errors)).sum()), np.tanh(errors)


def difference(loss: Callable[[], float], weight: Array, h: float = 2e-3) -> Array:
    """Return the derivative of `loss` with respect to every entry of `weight`, moved in place.

    The central difference of fourth order, exact for polynomials up to degree four.
    """
    derivative = np.empty_like(weight)
    for index in np.ndindex(weight.shape):
        entry, losses = weight[index], []
        for steps in (-2, -1, 1, 2):
            weight[index] = entry + steps * h
            losses.append(loss())
        weight[index] = entry
        derivative[index] = np.dot([1, -8, 8, -1], losses) / (12 * h)
    return derivative


def check(network: Network, first: Any, second: Any, *, seed: int = 0) -> dict[str, list[float]]:
    """Compare every gradient of the network with differences of the loss.

    Returns the errors, relative to a gradient's largest entry, of each weight of the two kernels
    and of x.
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((STEPS, BATCH, FEATURES))
    outputs, pullback = network(first, second, x)
    y = rng.standard_normal(outputs.shape)
    _, d_outputs = log_cosh(outputs, y)

    def loss() -> float:
        return log_cosh(network(first, second, x)[0], y)[0]

    def error(argument: Array, gradient: Array) -> float:
        return float(np.abs(gradient - difference(loss, argument)).max() / np.abs(gradient).max())

    d_first, d_second, d_x = pullback(d_outputs)
    return {
        "first kernel": list(map(error, first, d_first)),
        "second kernel": list(map(error, second, d_second)),
        "inputs": [error(x, d_x)],
    }


def main() -> None:
    """Print, for each network, the largest error of the gradients of each part."""
    lower = GRU.init_params(FEATURES, HIDDEN, rng=1)
    upper = LSTM.init_params(HIDDEN, HIDDEN + 1, output_size=OUTPUTS, rng=2)
    back = GRU.init_params(FEATURES, HIDDEN + 1, rng=3)
    networks: tuple[tuple[str, Network, Any], ...] = (
        ("LSTM on top of a GRU", two_layers, upper),
        ("GRU in both directions", partial(bidirectional, lengths=LENGTHS), back),
    )
    print(f"{'':24}{'gradients of':16}{'checked':>7}{'worst error':>14}")
    for title, network, second in networks:
        errors = check(network, lower, second)
        for part, of_part in errors.items():
            print(f"{title:24}{part:16}{len(of_part):7}{max(of_part):14.1e}")
        if not max(map(max, errors.values())) < TOLERANCE:
            sys.exit(f"{title}: a gradient is wrong, by more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
