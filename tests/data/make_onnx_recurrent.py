"""Make onnx_recurrent.npz: the operators RNN, GRU and LSTM as onnxruntime runs them, in float32.

    python tests/data/make_onnx_recurrent.py

The committed file was made with onnx 1.23.2 and onnxruntime 1.32.0 on a CPU; it has no timestamps,
so on the same machine a rerun gives the same bytes. `tests/interop/test_onnx.py` reads it, and
needs neither.

For every case, `<cell>_<sizes>`, there are arrays `<case>/<name>`: W, R and, where the node has
them, B and P; X (T,B,D), initial_h and, for the LSTM, initial_c (1,B,H); sequence_lens (B,) in the
second size; and the outputs Y (T,1,B,H), Y_h and, for the LSTM, Y_c (1,B,H).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

#: By the cell that the node should be: the operator, its number of gates, which optional arrays it
#: has, and its attributes.
NODES: dict[str, tuple[str, int, str, dict[str, Any]]] = {
    "rnn": ("RNN", 1, "B", {}),
    "gru": ("GRU", 3, "", {"linear_before_reset": 0}),
    "gru-bias": ("GRU", 3, "B", {"linear_before_reset": 0}),
    "gru-reset-after": ("GRU", 3, "B", {"linear_before_reset": 1}),
    "lstm": ("LSTM", 4, "B", {}),
    "lstm-peephole": ("LSTM", 4, "BP", {}),
    "lstm-coupled": ("LSTM", 4, "B", {"input_forget": 1}),
}
#: (T, B, D, H), all different, and the number of steps in each sequence.
SIZES: list[tuple[tuple[int, ...], list[int] | None]] = [
    ((6, 2, 3, 4), None),
    ((4, 3, 5, 2), [4, 1, 3]),
]


def case(cell: str, sizes: tuple[int, ...], lengths: list[int] | None) -> dict[str, Any]:
    operator, gates, optional, attributes = NODES[cell]
    T, B, D, H = sizes
    rng = np.random.default_rng([T, *cell.encode()])

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    weights = {"W": normal(1, gates * H, D), "R": normal(1, gates * H, H)}
    if "B" in optional:
        weights["B"] = normal(1, 2 * gates * H)
    if "P" in optional:
        weights["P"] = normal(1, 3 * H)
    states = ("h", "c") if operator == "LSTM" else ("h",)
    feeds = {"X": normal(T, B, D), **{f"initial_{state}": normal(1, B, H) for state in states}}
    if lengths is not None:
        feeds["sequence_lens"] = np.array(lengths, np.int32)

    places = ["X", "W", "R", "B", "sequence_lens", "initial_h"]
    if operator == "LSTM":
        places += ["initial_c", "P"]
    names = [name if name in {**weights, **feeds} else "" for name in places]
    outputs = ["Y", *(f"Y_{state}" for state in states)]
    node = helper.make_node(operator, names, outputs, hidden_size=H, **attributes)
    elements = {"f": TensorProto.FLOAT, "i": TensorProto.INT32}
    graph = helper.make_graph(
        [node],
        cell,
        [
            helper.make_tensor_value_info(name, elements[array.dtype.kind], array.shape)
            for name, array in feeds.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return {**weights, **feeds, **dict(zip(outputs, session.run(None, feeds), strict=True))}


def main() -> None:
    arrays: dict[str, Any] = {}
    for cell in NODES:
        for sizes, lengths in SIZES:
            label = "{}_T{}_B{}_D{}_H{}".format(cell, *sizes)
            for name, array in case(cell, sizes, lengths).items():
                arrays[f"{label}/{name}"] = array
    np.savez(Path(__file__).with_name("onnx_recurrent.npz"), **arrays)


if __name__ == "__main__":
    main()
