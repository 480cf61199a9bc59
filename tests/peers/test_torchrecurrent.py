"""Kernels of cells that torch.nn has not, against the package torchrecurrent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.interop.cases import initial, kernel, last, random_params, relative_error

pytestmark = pytest.mark.peers

#: By cell: the layer, and its gates in the order in which its arrays stack them.
LAYERS = {
    "mgu": ("MGU", ("f", "ca")),
    "ligru": ("LiGRU", ("z", "ca")),
    "lstm-peephole": ("PeepholeLSTM", ("i", "f", "ca", "o")),
}
T, B, D, H = 7, 2, 3, 5


@pytest.mark.parametrize("cell", LAYERS)
def test_outputs_states_and_gradients(cell: str) -> None:
    import torch
    import torchrecurrent

    module, params = kernel(cell), random_params(cell, D, H)
    name, gates = LAYERS[cell]
    layer = getattr(torchrecurrent, name)(D, H, dtype=torch.float64)
    weights = params._asdict()
    arrays = {
        "weight_ih": np.vstack([weights[f"W{gate}"].T for gate in gates]),
        "weight_hh": np.vstack([weights[f"Wrec{gate}"].T for gate in gates]),
        "bias_ih": np.hstack([weights[f"b{gate}"] for gate in gates]),
        "bias_hh": np.zeros(len(gates) * H),
    }
    if cell == "lstm-peephole":
        arrays["weight_ph"] = np.hstack([weights[f"p{gate}"] for gate in ("i", "f", "o")])
    layer.load_state_dict({f"cells.0.{key}": torch.from_numpy(a) for key, a in arrays.items()})

    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    states = [rng.normal(size=(B, H)) for _ in module.STATES]
    given: list[Any] = [torch.from_numpy(state)[None] for state in states]
    expected, after = layer(torch.from_numpy(x), given[0] if len(given) == 1 else tuple(given))
    loss = ((expected - torch.from_numpy(y)) ** 2).sum() / 2
    loss.backward()

    outputs, state = module.forward(params, x, initial(module, *states))
    result = module.loss_and_gradients(params, x, y, initial(module, *states))
    assert relative_error(outputs, expected.detach().numpy()) <= 1e-12
    for value, end in zip(last(state), after if len(given) == 2 else [after], strict=False):
        assert relative_error(value, end[0].detach().numpy()) <= 1e-12
    gradients = dict(layer.cells[0].named_parameters())
    for place, gate in enumerate(gates):
        rows = slice(place * H, (place + 1) * H)
        for weight, key in ((f"W{gate}", "weight_ih"), (f"Wrec{gate}", "weight_hh")):
            pulled = gradients[key].grad.numpy()[rows].T
            assert relative_error(getattr(result.gradients, weight), pulled) <= 1e-12, weight
        bias = gradients["bias_ih"].grad.numpy()[rows]
        assert relative_error(getattr(result.gradients, f"b{gate}"), bias) <= 1e-12
    for place, gate in enumerate(("i", "f", "o") * ("weight_ph" in gradients)):
        peephole = gradients["weight_ph"].grad.numpy()[place * H : (place + 1) * H]
        assert relative_error(getattr(result.gradients, f"p{gate}"), peephole) <= 1e-12
