"""Kernels against torch.nn as it is installed: outputs, states, every entry of every gradient."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gru_codegen.interop import from_torch, to_torch
from tests.interop.cases import initial, kernel, last, random_params, relative_error

pytestmark = pytest.mark.peers

LAYERS = {"rnn": "RNN", "gru-reset-after": "GRU", "lstm": "LSTM", "lstm-coupled": "LSTM"}
T, B, D, H = 7, 2, 3, 5
by_cell = pytest.mark.parametrize("cell", LAYERS)


@pytest.fixture
def torch() -> ModuleType:
    module = import_module("torch")
    module.manual_seed(0)
    module.set_num_threads(1)
    return module


def layer_of(torch: ModuleType, cell: str, **options: Any) -> Any:
    return getattr(torch.nn, LAYERS[cell])(D, H, dtype=torch.float64, **options)


def run(torch: ModuleType, layer: Any, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
    """The outputs and the last states of a torch layer, as tensors."""
    given = [torch.from_numpy(state)[None] for state in states]
    outputs, after = layer(torch.from_numpy(x), given[0] if len(given) == 1 else tuple(given))
    return outputs, [state[0] for state in (after if len(given) == 2 else [after])]


def arrays(module: ModuleType) -> tuple[Any, Any, list[Any]]:
    """x, y and the initial states."""
    rng = np.random.default_rng(3)
    states = [rng.normal(size=(B, H)) for _ in module.STATES]
    return rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H)), states


@by_cell
def test_outputs_states_and_gradients(torch: ModuleType, cell: str) -> None:
    module, params = kernel(cell), random_params(cell, D, H)
    x, y, states = arrays(module)
    layer = layer_of(torch, cell)
    state_dict = to_torch(cell, params)
    layer.load_state_dict({name: torch.from_numpy(array) for name, array in state_dict.items()})
    expected, ends = run(torch, layer, x, states)
    loss = ((expected - torch.from_numpy(y)) ** 2).sum() / 2
    loss.backward()

    outputs, state = module.forward(params, x, initial(module, *states))
    result = module.loss_and_gradients(params, x, y, initial(module, *states))
    assert relative_error(outputs, expected.detach().numpy()) <= 1e-12
    for value, end in zip(last(state), ends, strict=False):
        assert relative_error(value, end.detach().numpy()) <= 1e-12
    assert relative_error(result.loss, loss.detach().numpy()) <= 1e-12
    gradients = {name: p.grad.numpy() for name, p in layer.named_parameters()}
    for name, gradient in result.gradients._asdict().items():
        assert relative_error(gradient, pulled_back(cell, name, params, gradients)) <= 1e-12, name


def pulled_back(cell: str, name: str, params: Any, gradients: Mapping[str, Any]) -> Any:
    """The gradient of one weight of the cell, entry by entry, from those of torch's arrays.

    to_torch is linear, so what it makes of a unit matrix is the row of its matrix that is needed.
    """
    zeros = {other: np.zeros_like(weight) for other, weight in params._asdict().items()}
    pulled = np.empty_like(zeros[name])
    for place in np.ndindex(pulled.shape):
        unit = zeros[name].copy()
        unit[place] = 1
        moved = to_torch(cell, {**zeros, name: unit})
        pulled[place] = sum(np.vdot(moved[key], gradients[key]) for key in moved)
    return pulled


@by_cell
def test_sequences_of_their_own_lengths(torch: ModuleType, cell: str) -> None:
    """A packed sequence of torch's against the keyword of a kernel, with NaN for padding."""
    module, params = kernel(cell), random_params(cell, D, H)
    x, y, states = arrays(module)
    lengths = np.array([T - 3, T])
    layer = layer_of(torch, cell)
    state_dict = to_torch(cell, params)
    layer.load_state_dict({name: torch.from_numpy(array) for name, array in state_dict.items()})
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.from_numpy(x), torch.from_numpy(lengths), enforce_sorted=False
    )
    given = [torch.from_numpy(state)[None] for state in states]
    found, after = layer(packed, given[0] if len(given) == 1 else tuple(given))
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(found)
    read = np.arange(T)[:, None, None] < lengths[:, None]
    loss = (torch.from_numpy(read) * (expected - torch.from_numpy(y)) ** 2).sum() / 2
    loss.backward()

    x[T - 3 :, 0] = y[T - 3 :, 0] = np.nan
    s0 = initial(module, *states)
    outputs, state = module.forward(params, x, s0, lengths=lengths)
    result = module.loss_and_gradients(params, x, y, s0, lengths=lengths)
    assert relative_error(outputs, expected.detach().numpy()) <= 1e-12
    for value, end in zip(last(state), after if len(given) == 2 else [after], strict=False):
        assert relative_error(value, end[0].detach().numpy()) <= 1e-12
    assert relative_error(result.loss, loss.detach().numpy()) <= 1e-12
    gradients = {name: p.grad.numpy() for name, p in layer.named_parameters()}
    for name, gradient in result.gradients._asdict().items():
        assert relative_error(gradient, pulled_back(cell, name, params, gradients)) <= 1e-12, name


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", ["rnn", "gru-reset-after", "lstm"])
def test_a_state_dict_goes_in_as_it_is(torch: ModuleType, cell: str, bias: bool) -> None:
    module, layer = kernel(cell), layer_of(torch, cell, bias=bias)
    params = module.Params(**from_torch(cell, layer.state_dict()))
    x, _, states = arrays(module)
    expected, _ = run(torch, layer, x, states)
    outputs, _ = module.forward(params, x, initial(module, *states))
    assert relative_error(outputs, expected.detach().numpy()) <= 1e-12


def test_layers_go_in_one_by_one(torch: ModuleType) -> None:
    # As docs/interop.md shows it.
    layer = layer_of(torch, "lstm", num_layers=2)
    module = kernel("lstm")
    x, _, _ = arrays(module)
    expected, _ = layer(torch.from_numpy(x))
    for place in range(2):
        own = {
            name.replace(f"_l{place}", "_l0"): array
            for name, array in layer.state_dict().items()
            if name.endswith(f"_l{place}")
        }
        x, _ = module.forward(module.Params(**from_torch("lstm", own)), x)
    assert relative_error(x, expected.detach().numpy()) <= 1e-12


def test_the_backward_direction_goes_in_by_itself(torch: ModuleType) -> None:
    layer = layer_of(torch, "gru-reset-after", bidirectional=True)
    module = kernel("gru-reset-after")
    x, _, _ = arrays(module)
    expected, _ = layer(torch.from_numpy(x))
    reverse = {
        name.removesuffix("_reverse"): array
        for name, array in layer.state_dict().items()
        if name.endswith("_reverse")
    }
    params = module.Params(**from_torch("gru-reset-after", reverse))
    outputs, _ = module.forward(params, x[::-1])
    assert relative_error(outputs[::-1], expected[..., H:].detach().numpy()) <= 1e-12


def test_a_tensor_that_needs_a_gradient_says_what_to_do(torch: ModuleType) -> None:
    parameters = dict(layer_of(torch, "rnn").named_parameters())
    with pytest.raises(ValueError, match=r"^weight_ih_l0: not an array for NumPy: .*detach\(\)"):
        from_torch("rnn", parameters)
