"""Make keras_recurrent.npz: keras.layers.SimpleRNN, GRU and LSTM, in float32.

    KERAS_BACKEND=torch python tests/data/make_keras_recurrent.py

The committed file was made with Keras 3.15.1 on torch 2.13.0, on a CPU; it has no timestamps, so on
the same machine a rerun gives the same bytes. `tests/interop/test_keras.py` reads it, and needs no
Keras. The numbers are float32, since Keras multiplies in float64 on its TensorFlow backend alone.

For every case, `<layer>_<sizes>`, there are arrays `<case>/<name>`: 0, 1 and, unless the layer has
use_bias=False, 2, as get_weights() lists them; x (T,B,D), which is (B,T,D) in Keras; the initial
states h0 and, for the LSTM, c0 (B,H); outputs (T,B,H) and the last states hn and cn (B,H).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "rnn": (keras.layers.SimpleRNN, {}),
    "gru_before": (keras.layers.GRU, {"reset_after": False}),
    "gru_after": (keras.layers.GRU, {"reset_after": True}),
    "lstm": (keras.layers.LSTM, {}),
}
#: (T, B, D, H), all different, and whether the layer has biases.
SIZES = [((6, 2, 3, 4), True), ((4, 3, 5, 2), False)]


def case(kind: str, sizes: tuple[int, ...], bias: bool) -> dict[str, Any]:
    steps, batch, inputs, hidden = sizes
    rng = np.random.default_rng([steps, *kind.encode()])

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    make, options = LAYERS[kind]
    layer = make(hidden, return_sequences=True, return_state=True, use_bias=bias, **options)
    layer.build((batch, steps, inputs))
    layer.set_weights([normal(*weight.shape) for weight in layer.get_weights()])
    x = normal(steps, batch, inputs)
    before = [normal(batch, hidden) for _ in range(2 if kind == "lstm" else 1)]

    states = [keras.ops.convert_to_tensor(state) for state in before]
    results = layer(keras.ops.convert_to_tensor(x.swapaxes(0, 1)), initial_state=states)
    outputs, *last = (keras.ops.convert_to_numpy(result) for result in results)
    return {
        **{str(place): weight for place, weight in enumerate(layer.get_weights())},
        "x": x,
        **dict(zip(("h0", "c0"), before, strict=False)),
        "outputs": outputs.swapaxes(0, 1),
        **dict(zip(("hn", "cn"), last, strict=False)),
    }


def main() -> None:
    arrays: dict[str, Any] = {}
    for kind in LAYERS:
        for sizes, bias in SIZES:
            label = "{}_T{}_B{}_D{}_H{}".format(kind, *sizes)
            for name, array in case(kind, sizes, bias).items():
                arrays[f"{label}/{name}"] = array
    np.savez(Path(__file__).with_name("keras_recurrent.npz"), **arrays)


if __name__ == "__main__":
    main()
