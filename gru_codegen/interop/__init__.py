"""Kernels among frameworks: weights from and to torch, Keras and ONNX, and kernels inside them.

Every conversion takes a cell, or its name, and is exact or not made at all: an InteropError, which
is a ValueError, says which array does not fit and which cell would. Converted weights have the
names of a kernel's Params: `kernel.Params(**from_torch("lstm", arrays))`.

Arrays do not tell the options of the layer that they come from. The cell that is named does:
docs/interop.md lists the layer of each. Conversions import no library. What runs inside a
framework, and what writes a model for ONNX, imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from gru_codegen.interop.convert import CellOrName, correspondence, from_arrays, to_arrays
from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.layouts import KERAS, ONNX, TORCH
from gru_codegen.interop.onnx_model import export_onnx, to_onnx_model
from gru_codegen.interop.onnx_reading import FromOnnx, from_onnx_model
from gru_codegen.interop.sequences import reverse

__all__ = [
    "FromOnnx",
    "InteropError",
    "as_jax",
    "as_torch",
    "as_torch_module",
    "export_onnx",
    "from_keras",
    "from_onnx",
    "from_onnx_model",
    "from_torch",
    "reverse",
    "to_keras",
    "to_onnx",
    "to_onnx_model",
    "to_torch",
]

Arrays = dict[str, NDArray[Any]]


def as_torch(kernel: ModuleType) -> Callable[..., tuple[Any, Any]]:
    """`kernel` as a function of torch's tensors, through which torch back-propagates.

    It takes what the kernel's forward takes, and returns what that returns, as tensors::

        outputs, state = run(params, x, s0=None, *, constants=None, lengths=None, mask=None)

    params is a Params, or a tuple or a mapping by its names; constants, several inputs and several
    states likewise. All are on the CPU, of one dtype, float32 or float64, and are not copied. Until
    torch has gone back they have to stay as they are: torch refuses when they have changed.
    Gradients that nobody asks for are not computed where the kernel can leave them out. With
    retain_graph=True another backward pass runs the forward pass again. There is no derivative of
    gradients.

    Raises ImportError without torch, which the extra `torch` installs; VerificationError if
    `kernel` is none, InteropError if it has the forward pass alone. The function raises TypeError
    for tensors that do not fit, InteropError for a gradient that the kernel has not, and what the
    kernel raises.
    """
    function: Callable[..., tuple[Any, Any]] = _inside("torch").function(kernel)
    return function


def as_jax(kernel: ModuleType) -> Callable[..., tuple[Any, Any]]:
    """`kernel` as a function of JAX's arrays, for jit, grad and vmap.

    It takes what the kernel's forward takes, and returns what that returns, as arrays of JAX::

        outputs, state = run(params, x, s0=None, *, constants=None, lengths=None, mask=None)

    Arguments are as for `as_torch`, of one dtype, float32 or, where JAX has it, float64. The kernel
    runs on the CPU as a pure callback: whatever device JAX works on, arrays travel there and back.
    A gradient runs the forward pass again, and is computed only where it is asked for. vmap calls
    the kernel once for each place on its axis. Derivatives in forward mode and of gradients do not
    exist.

    Raises ImportError without JAX, which the extra `jax` installs; VerificationError if `kernel` is
    none, InteropError if it has the forward pass alone. The function raises TypeError for arrays
    that do not fit, and InteropError for shapes that do not, and for a gradient that the kernel
    has not.
    """
    function: Callable[..., tuple[Any, Any]] = _inside("jax").function(kernel)
    return function


def as_torch_module(kernel: ModuleType, params: Any, constants: Any = None) -> Any:
    """`kernel` as a torch.nn.Module that has the weights `params`, copied, as its parameters.

    They have the names of Params, constants are buffers. It is called as
    `outputs, state = module(x, s0=None, lengths=None, mask=None)`; all else is as for `as_torch`.
    """
    return _inside("torch").Layer(kernel, params, constants)


def _inside(framework: str) -> ModuleType:
    """The file that runs kernels inside a framework, which it imports."""
    try:
        return import_module(f"gru_codegen.interop.{framework}_function")
    except ModuleNotFoundError as error:
        if error.name != framework:
            raise
        raise ImportError(
            f"a kernel inside {framework} needs the package {framework}: "
            f"pip install 'gru-codegen[{framework}]'"
        ) from error


def from_torch(cell: CellOrName, arrays: Mapping[str, Any]) -> Arrays:
    """The weights of `cell` from those of a layer of torch.nn.

    `arrays` is the layer's state_dict(): weight_ih_l0 (G H, D) and weight_hh_l0 (G H, H), G the
    number of gates, and, unless the layer has bias=False, bias_ih_l0 and bias_hh_l0 (G H,). Where
    the cell has one bias it is their sum.

    Raises InteropError if no layer of torch.nn computes the cell, or if a name, shape, dtype or
    value is not one that this layer has.
    """
    if not isinstance(arrays, Mapping):
        named = "; give the layer's state_dict()" if isinstance(arrays, Iterator) else ""
        raise InteropError(
            f"expected a mapping of torch's names to arrays, got {type(arrays).__name__}{named}"
        )
    return from_arrays(TORCH, cell, arrays)


def to_torch(cell: CellOrName, params: Any) -> Arrays:
    """The state_dict of the layer of torch.nn that computes `cell`, as arrays; see from_torch.

    `params` is a kernel's Params, or a mapping by its names. Where the cell has one bias, that is
    the one in bias_ih_l0, and the one in bias_hh_l0 is zero.
    """
    return to_arrays(TORCH, cell, params)


def from_keras(cell: CellOrName, arrays: Sequence[Any]) -> Arrays:
    """The weights of `cell` from the get_weights() of a layer of keras.layers.

    `arrays` is kernel (D, G H) and recurrent_kernel (H, G H), G the number of gates,
    and, unless the layer has use_bias=False, bias: (G H,), or (2, G H) in a GRU with
    reset_after=True.

    Raises InteropError if no layer of keras.layers computes the cell, or if the number of arrays, a
    shape, dtype or value is not one that this layer has.
    """
    names = [array.name for array in correspondence(KERAS, cell).layer.arrays]
    if isinstance(arrays, Mapping) or not 2 <= len(arrays) <= 3:
        given = type(arrays).__name__ if isinstance(arrays, Mapping) else f"{len(arrays)} arrays"
        raise InteropError(
            f"expected the get_weights() of one layer, {', '.join(names)}, the last one optional; "
            f"got {given}"
        )
    return from_arrays(KERAS, cell, dict(zip(names, arrays, strict=False)))


def to_keras(cell: CellOrName, params: Any) -> list[NDArray[Any]]:
    """The arrays for set_weights() of the layer of keras.layers that computes `cell`.

    A cell without biases makes two arrays, for a layer with use_bias=False; see from_keras.
    """
    return list(to_arrays(KERAS, cell, params).values())


def from_onnx(cell: CellOrName, arrays: Mapping[str, Any]) -> Arrays:
    """The weights of `cell` from the inputs of a node RNN, GRU or LSTM in ONNX.

    `arrays` holds W (1, G H, D) and R (1, G H, H), G the number of gates, and, where the node has
    them, the biases B (1, 2 G H) and the peepholes P (1, 3 H).

    Raises InteropError if no node of ONNX computes the cell, or if a name, shape, dtype or value is
    not one that this node has.
    """
    if not isinstance(arrays, Mapping):
        raise InteropError(
            f"expected a mapping of ONNX's names to arrays, got {type(arrays).__name__}"
        )
    return from_arrays(ONNX, cell, arrays)


def to_onnx(cell: CellOrName, params: Any) -> Arrays:
    """The inputs W, R, B and P of the node in ONNX that computes `cell`; see from_onnx.

    Where the cell has one bias, that is Wb, and Rb is zero; a cell without biases or peepholes
    makes no B or P. The node itself, with the attributes that the arrays need, is to_onnx_model's.
    """
    return to_arrays(ONNX, cell, params)
