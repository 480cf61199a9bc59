"""Make torch_recurrent.npz: torch.nn.RNN, GRU and LSTM with their gradients, in float64.

    python tests/data/make_torch_recurrent.py

The committed file was made with torch 2.13.0 on a CPU; it has no timestamps, so on the same machine
a rerun gives the same bytes. `tests/interop/test_torch.py` reads it, and needs no torch.

For every case, `<layer>_<sizes>`, there are arrays `<case>/<name>`: the state_dict under its own
names, without the biases in the second size; x (T,B,D), y (T,B,H), the initial states h0 and, for
the LSTM, c0 (B,H); outputs (T,B,H), the last states hn and cn (B,H), the loss
1/2 sum (outputs - y)^2, and its gradient d<name> for every array of the state_dict.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

LAYERS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
#: (T, B, D, H), all different, and whether the layer has biases.
SIZES = [((6, 2, 3, 4), True), ((4, 3, 5, 2), False)]


def case(kind: str, sizes: tuple[int, ...], bias: bool) -> dict[str, torch.Tensor]:
    steps, batch, inputs, hidden = sizes
    rng = np.random.default_rng([steps, *kind.encode()])

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape))

    layer = LAYERS[kind](inputs, hidden, bias=bias, dtype=torch.float64)
    layer.load_state_dict({name: normal(*p.shape) for name, p in layer.named_parameters()})
    x, y = normal(steps, batch, inputs), normal(steps, batch, hidden)
    before = [normal(batch, hidden) for _ in range(2 if kind == "lstm" else 1)]

    states = tuple(state[None] for state in before)
    outputs, after = layer(x, states if kind == "lstm" else states[0])
    loss = ((outputs - y) ** 2).sum() / 2
    loss.backward()
    last = after if kind == "lstm" else [after]
    return {
        **dict(layer.named_parameters()),
        "x": x,
        "y": y,
        **dict(zip(("h0", "c0"), before, strict=False)),
        "outputs": outputs,
        **{name: state[0] for name, state in zip(("hn", "cn"), last, strict=False)},
        "loss": loss,
        **{f"d{name}": p.grad for name, p in layer.named_parameters()},
    }


def main() -> None:
    torch.set_num_threads(1)
    arrays: dict[str, Any] = {}
    for kind in LAYERS:
        for sizes, bias in SIZES:
            label = "{}_T{}_B{}_D{}_H{}".format(kind, *sizes)
            for name, tensor in case(kind, sizes, bias).items():
                arrays[f"{label}/{name}"] = tensor.detach().numpy()
    np.savez(Path(__file__).with_name("torch_recurrent.npz"), **arrays)


if __name__ == "__main__":
    main()
