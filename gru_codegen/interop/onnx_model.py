"""A cell with its weights as an ONNX model of one node."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gru_codegen.files import write_whole
from gru_codegen.interop.convert import CellOrName, correspondence, to_arrays
from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.layouts import ONNX

__all__ = ["export_onnx", "to_onnx_model"]

#: The inputs of the operators, which a node tells by their place.
_PLACES = ("X", "W", "R", "B", "sequence_lens", "initial_h")
_PLACES_OF_LSTM = (*_PLACES, "initial_c", "P")

#: RNN, GRU and LSTM as they are since ONNX 1.9, in the file format of that release.
_OPSET, _IR_VERSION = 14, 7


def to_onnx_model(
    cell: CellOrName,
    params: Any,
    *,
    dtype: DTypeLike = np.float32,
    initial_state: bool = True,
    sequence_lens: bool = False,
) -> Any:
    """An onnx.ModelProto of one node, RNN, GRU or LSTM, that computes `cell` with `params`.

    Its inputs: X (T, B, D); sequence_lens (B,), int32, if asked for; initial_h (1, B, H) and, for
    an LSTM, initial_c, unless `initial_state` is False, which means zeros. Its outputs, which are
    the outputs and the last states: Y (T, 1, B, H), Y_h (1, B, H) and, for an LSTM, Y_c. T and B
    stay free. The weights, inside the model, are cast to `dtype`: ONNX has these operators for
    float16 to float64, onnxruntime runs them in float32 alone.

    Raises ImportError without the package onnx, which the extra `onnx` installs; InteropError as
    to_onnx does.
    """
    try:
        from onnx import helper, numpy_helper
    except ImportError as error:
        raise ImportError(
            "an ONNX model needs the package onnx: pip install 'gru-codegen[onnx]'"
        ) from error

    layer = correspondence(ONNX, cell).layer
    if np.dtype(dtype) not in (np.float16, np.float32, np.float64):
        raise InteropError(
            f"dtype: {layer.title} takes float16, float32 or float64, not {np.dtype(dtype)}"
        )
    weights = {name: a.astype(dtype) for name, a in to_arrays(ONNX, cell, params).items()}
    D, H = weights["W"].shape[2], weights["R"].shape[2]
    places = _PLACES_OF_LSTM if layer.operator == "LSTM" else _PLACES
    states = ("h", "c") if "initial_c" in places else ("h",)

    inputs: dict[str, tuple[int | str, ...]] = {"X": ("T", "B", D)}
    if sequence_lens:
        inputs["sequence_lens"] = ("B",)
    if initial_state:
        inputs.update({f"initial_{state}": (1, "B", H) for state in states})
    outputs = {"Y": ("T", 1, "B", H), **{f"Y_{state}": (1, "B", H) for state in states}}

    def described(name: str, shape: tuple[int | str, ...]) -> Any:
        element = np.dtype(np.int32 if name == "sequence_lens" else dtype)
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(element), shape)

    node = helper.make_node(
        layer.operator,
        [name if name in inputs or name in weights else "" for name in places],  # "": left out
        list(outputs),
        hidden_size=H,
        **layer.attributes,
    )
    graph = helper.make_graph(
        [node],
        cell if isinstance(cell, str) else cell.name,
        [described(name, shape) for name, shape in inputs.items()],
        [described(name, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(
        graph,
        producer_name="gru_codegen",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )


def export_onnx(
    path: str | os.PathLike[str],
    cell: CellOrName,
    params: Any,
    *,
    dtype: DTypeLike = np.float32,
    initial_state: bool = True,
    sequence_lens: bool = False,
) -> None:
    """Write the model that to_onnx_model makes of these arguments to the file `path`."""
    model = to_onnx_model(
        cell, params, dtype=dtype, initial_state=initial_state, sequence_lens=sequence_lens
    )
    write_whole(os.fspath(path), model.SerializeToString())
