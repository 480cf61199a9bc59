"""Kernels against keras.layers as it is installed, in float32: all but one backend have no more."""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gru_codegen.interop import from_keras, to_keras
from tests.interop.cases import initial, kernel, last, random_params, relative_error

pytestmark = pytest.mark.peers

BEFORE: dict[str, Any] = {"reset_after": False}
LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("SimpleRNN", {}),
    "gru": ("GRU", {**BEFORE, "use_bias": False}),
    "gru-bias": ("GRU", BEFORE),
    "gru-reset-after": ("GRU", {}),
    "gru1": ("GRU", BEFORE),
    "gru2": ("GRU", BEFORE),
    "gru3": ("GRU", BEFORE),
    "mgu": ("GRU", BEFORE),
    "mingru": ("GRU", {**BEFORE, "use_bias": False, "activation": "linear"}),
    "lstm": ("LSTM", {}),
    "lstm-coupled": ("LSTM", {}),
}
T, B, D, H = 7, 2, 3, 5


@pytest.fixture
def keras() -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return import_module("keras")


@pytest.mark.parametrize("cell", LAYERS)
def test_outputs_and_states(keras: ModuleType, cell: str) -> None:
    module, params = kernel(cell), random_params(cell, D, H)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(T, B, D))
    states = [rng.normal(size=(B, H)) for _ in module.STATES]
    name, options = LAYERS[cell]
    layer = getattr(keras.layers, name)(H, return_sequences=True, return_state=True, **options)
    layer.build((B, T, D))
    layer.set_weights(to_keras(cell, params))
    tensors = [keras.ops.convert_to_tensor(state, "float32") for state in states]
    results = layer(keras.ops.convert_to_tensor(x.swapaxes(0, 1), "float32"), initial_state=tensors)
    expected, *ends = (keras.ops.convert_to_numpy(result) for result in results)

    outputs, state = module.forward(params, x, initial(module, *states))
    assert relative_error(outputs, expected.swapaxes(0, 1)) <= 2e-6
    for value, end in zip(last(state), ends, strict=False):
        assert relative_error(value, end) <= 2e-6
    for field, weight in from_keras(cell, layer.get_weights()).items():
        assert np.array_equal(weight, getattr(params, field).astype(np.float32)), field
