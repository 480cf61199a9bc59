"""Make torch_packed.npz: bidirectional layers of torch.nn on packed sequences, in float64.

    python tests/data/make_torch_packed.py

The committed file was made with torch 2.13.0 on a CPU; it has no timestamps, so on the same machine
a rerun gives the same bytes. `tests/interop/test_sequences.py` reads it, and needs no torch.

For every layer there are arrays `<layer>/<name>`: the state_dict under its own names; x (T,B,D),
whose padding is noise, and lengths (B,); outputs (T,B,2H), 0 past each length, and the last states
hn and, for the LSTM, cn (2,B,H); weights (T,B,2H) of the outputs, whose weighted sum is the loss;
and its gradients, dx (T,B,D) and d<name> for every array of the state_dict.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LAYERS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
T, B, D, H = 5, 4, 2, 3
LENGTHS = [3, 5, 1, 4]


def case(kind: str) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng([*kind.encode()])

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape))

    layer = LAYERS[kind](D, H, bidirectional=True, dtype=torch.float64)
    layer.load_state_dict({name: normal(*p.shape) for name, p in layer.named_parameters()})
    x, weights, lengths = (
        normal(T, B, D).requires_grad_(),
        normal(T, B, 2 * H),
        torch.tensor(LENGTHS),
    )
    packed, after = layer(pack_padded_sequence(x, lengths, enforce_sorted=False))
    outputs, _ = pad_packed_sequence(packed, total_length=T)
    (outputs * weights).sum().backward()
    last = after if kind == "lstm" else [after]
    return {
        **dict(layer.named_parameters()),
        "x": x,
        "lengths": lengths,
        "outputs": outputs,
        "weights": weights,
        "dx": x.grad,
        **dict(zip(("hn", "cn"), last, strict=False)),
        **{f"d{name}": p.grad for name, p in layer.named_parameters()},
    }


def main() -> None:
    torch.set_num_threads(1)
    arrays: dict[str, Any] = {
        f"{kind}/{name}": tensor.detach().numpy()
        for kind in LAYERS
        for name, tensor in case(kind).items()
    }
    np.savez(Path(__file__).with_name("torch_packed.npz"), **arrays)


if __name__ == "__main__":
    main()
