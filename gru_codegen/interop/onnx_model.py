"""A cell with its weights as an ONNX model: of one node, or of a Scan over its equations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from gru_codegen.files import write_whole
from gru_codegen.interop.convert import READOUT, CellOrName, correspondence, to_arrays
from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.layouts import CELLS, ONNX
from gru_codegen.interop.onnx_scan import scan_graph
from gru_codegen.modules import require_kernel
from gru_codegen.names import identifier, public

__all__ = ["export_onnx", "onnx_package", "to_onnx_model"]

#: The inputs of the operators, which a node tells by their place.
_PLACES = ("X", "W", "R", "B", "sequence_lens", "initial_h")
_PLACES_OF_LSTM = (*_PLACES, "initial_c", "P")

#: RNN, GRU and LSTM as they are since ONNX 1.9, in the file format of that release.
_OPSET, _IR_VERSION = 14, 7


def to_onnx_model(
    cell: CellOrName | ModuleType,
    params: Any,
    *,
    constants: Any = None,
    dtype: DTypeLike = np.float32,
    initial_state: bool = True,
    sequence_lens: bool = False,
    scan: bool | None = None,
) -> Any:
    """An onnx.ModelProto that computes `cell` with `params`, and with its readout if they have one.

    Where ONNX has a node for the cell, and there is no readout, that is the model. Its inputs: X
    (T, B, D); sequence_lens (B,), int32, if asked for; initial_h (1, B, H) and, for an LSTM,
    initial_c, unless `initial_state` is False, which means zeros. Its outputs, which are the
    outputs and the last states: Y (T, 1, B, H), Y_h (1, B, H) and, for an LSTM, Y_c.

    Any other cell, and all if `scan` is true, is a Scan whose body has the equations of a step. Its
    inputs: x (T, B, D), or each of several by its name; sequence_lens likewise; s0 (B, H), or s0_c
    for each state c of several. Its outputs: outputs (T, B, O), or outputs_a of several, and state
    or state_c.

    T and B stay free. The weights, inside the model, are cast to `dtype`: ONNX has float16 to
    float64, and onnxruntime runs all of it in float32 alone.

    cell: a cell as for `gru_codegen.load`, or the kernel of one of the package.
    params: Params of its kernel, or a mapping by their names.
    constants: those of the kernel, likewise; None where it has none.

    Raises ImportError without the package onnx, which the extra `onnx` installs; InteropError as
    to_onnx does, if there is an operation that has no form in ONNX, or if a node has no place for
    what is given, as for a readout where `scan` is False; CellError and TypeError for what is no
    cell.
    """
    onnx = onnx_package()
    if isinstance(cell, ModuleType) or hasattr(cell, "CONTRACT"):
        cell = _cell_of(cell)
    weights = params._asdict() if hasattr(params, "_asdict") else params
    if not isinstance(weights, Mapping):
        raise InteropError(
            f"params: expected the Params of a kernel, or a mapping by its names, "
            f"got {type(params).__name__}"
        )
    if scan or (scan is None and not _is_node(cell, weights)):
        graph = _scan(onnx, cell, weights, constants, dtype, initial_state, sequence_lens)
    else:
        _require_node(weights, constants)
        graph = _node(onnx, cell, weights, dtype, initial_state, sequence_lens)
    return onnx.helper.make_model(
        graph,
        producer_name="gru_codegen",
        opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )


def onnx_package() -> Any:
    """The package onnx; ImportError says how it is installed."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "an ONNX model needs the package onnx: pip install 'gru-codegen[onnx]'"
        ) from error
    return onnx


def _cell_of(kernel: Any) -> str:
    """The name of the cell of the package that a kernel computes."""
    from gru_codegen.parse import cells  # SymPy, which nodes do not need
    from gru_codegen.pipeline import equations
    from gru_codegen.request import Request

    require_kernel(kernel)
    name: str = kernel.CELL
    if name in cells:
        request = Request(cells[name], readout=kernel.READOUT, only="forward")
        if " ".join(kernel.EQUATIONS.split()).startswith(" ".join(equations(request).split())):
            return name
    raise InteropError(
        f"{name}: the cell of this kernel does not come with the package; give its declaration"
    )


def _require_node(weights: Mapping[str, Any], constants: Any) -> None:
    """Refuse what a node would leave out."""
    if readout := ", ".join(name for name in weights if name in READOUT):
        raise InteropError(f"params: a node has no readout, and here is {readout}; make a Scan")
    if constants:
        raise InteropError("constants: a cell that a node of ONNX computes has none")


def _is_node(cell: CellOrName, names: Iterable[str]) -> bool:
    """Return whether a node of ONNX computes the cell with weights of these names."""
    if isinstance(cell, str | os.PathLike):
        name = os.fspath(cell)
    else:
        from gru_codegen.parse import cells  # SymPy, which names alone do not need

        name = getattr(cell, "name", "")
        if cells.get(name) is not cell:
            return False
    return name in CELLS and READOUT.isdisjoint(names)


def _scan(
    onnx: Any,
    cell: CellOrName,
    weights: Mapping[str, Any],
    constants: Any,
    dtype: DTypeLike,
    initial_state: bool,
    sequence_lens: bool,
) -> Any:
    from gru_codegen.parse import declared_cell  # SymPy, which nodes do not need
    from gru_codegen.stages import program

    _check_dtype("a Scan", dtype)
    declared = declared_cell(cell)
    own = {public(identifier(weight.name)) for weight in declared.weights}
    readout = "linear" if set(weights) - own == READOUT else "none"
    steps = program(declared, only="forward", style="textbook", readout=readout)
    return scan_graph(
        onnx,
        steps,
        weights,
        constants,
        dtype=dtype,
        initial_state=initial_state,
        sequence_lens=sequence_lens,
    )


def _check_dtype(taker: str, dtype: DTypeLike) -> None:
    if np.dtype(dtype) not in (np.float16, np.float32, np.float64):
        raise InteropError(
            f"dtype: {taker} takes float16, float32 or float64, not {np.dtype(dtype)}"
        )


def _node(
    onnx: Any,
    cell: CellOrName,
    params: Any,
    dtype: DTypeLike,
    initial_state: bool,
    sequence_lens: bool,
) -> Any:
    """The graph of one node, RNN, GRU or LSTM."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    layer = correspondence(ONNX, cell).layer
    _check_dtype(layer.title, dtype)
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
    return helper.make_graph(
        [node],
        cell if isinstance(cell, str) else cell.name,
        [described(name, shape) for name, shape in inputs.items()],
        [described(name, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )


def export_onnx(
    path: str | os.PathLike[str],
    cell: CellOrName | ModuleType,
    params: Any,
    *,
    constants: Any = None,
    dtype: DTypeLike = np.float32,
    initial_state: bool = True,
    sequence_lens: bool = False,
    scan: bool | None = None,
) -> None:
    """Write the model that to_onnx_model makes of these arguments to the file `path`."""
    model = to_onnx_model(
        cell,
        params,
        constants=constants,
        dtype=dtype,
        initial_state=initial_state,
        sequence_lens=sequence_lens,
        scan=scan,
    )
    write_whole(os.fspath(path), model.SerializeToString())
