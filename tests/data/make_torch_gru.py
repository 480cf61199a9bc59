"""Make torch_gru.npz: the reference GRU by torch autograd, in float64.

    python tests/data/make_torch_gru.py

torch differentiates the equations as they are written out below (its own nn.GRU is another cell:
reset after the product, biases, the update gate in the opposite sense). The committed file was made
with torch 2.13.0 on a CPU; it has no timestamps, so on the same machine a rerun gives the same
bytes. `tests/truths/test_torch.py` reads it, and needs no torch.

For every case there are arrays `<case>/<name>`: x (T,B,D), y (T,B,H), s0 (B,H) and the six weights,
then outputs (T,B,H), loss (), state (B,H) and the gradients dWz ... dWrecr.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

#: (T, B, D, H), all four different in each case.
CASES = [(1, 2, 3, 4), (2, 4, 5, 3), (8, 3, 6, 5), (50, 3, 2, 4)]


def loss_and_outputs(
    w: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor, s0: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    states = []
    s = s0
    for x_t in x:
        z = torch.sigmoid(x_t @ w["Wz"] + s @ w["Wrecz"])
        r = torch.sigmoid(x_t @ w["Wr"] + s @ w["Wrecr"])
        ca = torch.tanh(x_t @ w["Wca"] + (r * s) @ w["Wrecca"])
        s = (1 - z) * s + z * ca
        states.append(s)
    outputs = torch.stack(states)
    return ((outputs - y) ** 2).sum() / 2, outputs


def case(steps: int, batch: int, inputs: int, hidden: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(steps)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x, y = normal(steps, batch, inputs), normal(steps, batch, hidden)
    s0 = normal(batch, hidden)
    weights = {
        name: (normal(rows, hidden) / rows**0.5).requires_grad_()
        for name, rows in [
            ("Wz", inputs),
            ("Wrecz", hidden),
            ("Wca", inputs),
            ("Wrecca", hidden),
            ("Wr", inputs),
            ("Wrecr", hidden),
        ]
    }
    loss, outputs = loss_and_outputs(weights, x, y, s0)
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return {
        "x": x,
        "y": y,
        "s0": s0,
        **weights,
        "outputs": outputs,
        "loss": loss,
        "state": outputs[-1],
        **{f"d{name}": gradient for name, gradient in zip(weights, gradients, strict=True)},
    }


def main() -> None:
    torch.set_num_threads(1)
    arrays: dict[str, Any] = {}
    for sizes in CASES:
        label = "T{}_B{}_D{}_H{}".format(*sizes)
        for name, tensor in case(*sizes).items():
            arrays[f"{label}/{name}"] = tensor.detach().numpy()
    np.savez(Path(__file__).with_name("torch_gru.npz"), **arrays)


if __name__ == "__main__":
    main()
