"""torch.nn.GRU, RNN and LSTM with the L2 loss, and torch's autograd through them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.contenders import Prepared
from benchmarks.problem import Problem

# A cell's layer, and its gates in the order in which the layer stacks them.
LAYERS = {
    "gru-reset-after": (torch.nn.GRU, ("r", "z", "ca")),
    "rnn": (torch.nn.RNN, ("",)),
    "lstm": (torch.nn.LSTM, ("i", "f", "ca", "o")),
}


def prepare(problem: Problem, cell: str) -> Prepared:
    """The layer that computes `cell`, with biases if the problem has gradients of any.

    A layer has two biases a gate where the cell has one: the cell's goes into bias_ih, and
    bias_hh is zero but for the candidate's own recurrent bias, brecca.
    """
    params, D, H = problem.params, problem.x.shape[2], problem.y.shape[2]
    kind, gates = LAYERS[cell]
    biases = any(name.startswith("b") for name in problem.truth)
    zero = np.zeros(H, problem.x.dtype)

    def stacked(prefix: str) -> Any:
        return np.concatenate([params.get(prefix + gate, zero) for gate in gates], axis=-1).T

    layer = kind(D, H, bias=biases, dtype=torch.from_numpy(problem.x).dtype)
    arrays = {"weight_ih_l0": stacked("W"), "weight_hh_l0": stacked("Wrec")}
    if biases:
        arrays |= {"bias_ih_l0": stacked("b"), "bias_hh_l0": stacked("brec")}
    layer.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    weights = list(layer.parameters())
    x, y = torch.from_numpy(problem.x), torch.from_numpy(problem.y)
    before: Any = tuple(torch.from_numpy(state)[None] for state in problem.states.values())
    if len(before) == 1:
        (before,) = before

    def call() -> Any:
        outputs, after = layer(x, before)
        loss = ((outputs - y) ** 2).sum() / 2
        return loss.item(), after, torch.autograd.grad(loss, weights)

    def read(result: Any) -> dict[str, Any]:
        loss, after, gradients = result
        after = after if isinstance(after, tuple) else (after,)
        found = {"loss": loss}
        for name, state in zip(problem.states, after, strict=True):
            found[name] = state[0].detach().numpy()
        for prefix, gradient in zip(("W", "Wrec", "b", "brec"), gradients, strict=False):
            blocks = np.split(gradient.numpy(), len(gates))
            for gate, block in zip(gates, blocks, strict=True):
                if prefix + gate in problem.truth:
                    found[prefix + gate] = block.T
        return found

    return call, read
