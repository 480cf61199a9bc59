"""The arrays of a layer: checked, and taken apart into blocks, one per kind of weight and gate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.layouts import Array, Layer
from gru_codegen.interop.packing import groups, in_letters, pack, shape, unpack

__all__ = ["Arrays", "Blocks", "OtherLayerError", "floating", "join", "split"]

Arrays = dict[str, NDArray[Any]]
#: A block has the shape of a weight, (in, out) or (out,); its key is its kind and its gate.
Blocks = dict[tuple[str, str], NDArray[Any]]

#: The length of the `in` axis, by kind.
_INNER = {"W": "D", "Wrec": "H"}

#: Arrays of torch's that no cell has a place for, and what to do with them.
_FOREIGN = {
    r"\w+_reverse": "the backward direction, and a kernel runs in one: convert it by itself, under "
    "its names without _reverse, and run it on reversed input",
    r"(weight|bias)_\w+_l[1-9]\d*": "a further layer: convert layer by layer, under the names of "
    "layer 0, and stack the kernels",
    r"(weight|bias)_[ih]h": "an array of a torch.nn.RNNCell, GRUCell or LSTMCell; those of a layer "
    'end in _l0, so give {f"{name}_l0": array for name, array in cell.state_dict().items()}',
    r"weight_hr_l0": "a projection (proj_size), which no cell here has",
}


class OtherLayerError(InteropError):
    """The arrays have not the names or the shapes of the layer's; they may be another layer's."""


def floating(arrays: Mapping[str, Any], owner: str = "") -> Arrays:
    """The values as arrays of real floating numbers of one dtype, in native byte order."""
    checked: Arrays = {}
    for name, value in arrays.items():
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InteropError(f"{owner}{name}: not an array for NumPy: {error}") from error
        if array.dtype.kind != "f":
            raise InteropError(f"{owner}{name}: expected real floating numbers, got {array.dtype}")
        checked[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
        first = next(iter(checked))
        if checked[name].dtype != checked[first].dtype:
            raise InteropError(
                f"{owner}{name}: expected {checked[first].dtype} like {owner}{first}, "
                f"got {array.dtype}; cast all arrays to one dtype"
            )
    return checked


def split(layer: Layer, arrays: Arrays) -> Blocks:
    """The blocks of all arrays of `layer`, zeros where an array is left out."""
    _check_names(layer, arrays)
    lengths = _lengths(layer, arrays)
    dtype = next(iter(arrays.values())).dtype
    blocks: Blocks = {}
    # The recurrent weights first: they show by themselves whether H and the gates go together.
    for array in sorted(layer.arrays, key=lambda array: array.kinds != ("Wrec",)):
        sizes = _sizes(array, lengths)
        expected = shape(array.pattern, sizes)
        values = arrays.get(array.name, np.zeros(expected, dtype))
        if values.shape != expected:
            raise _shape_error(layer, array, sizes, f" = {expected}", values)
        for kind, gates in zip(array.kinds, unpack(values, array.pattern, sizes), strict=True):
            for gate, block in zip(array.gates, gates, strict=True):
                blocks[kind, gate] = block
    return blocks


def join(layer: Layer, blocks: Blocks, lengths: Mapping[str, int]) -> Arrays:
    """The arrays of `layer`, with `blocks` and elsewhere zeros.

    Optional arrays are left out, unless one of `blocks` is in it or in an array of its group.
    """
    dtype = next(iter(blocks.values())).dtype
    needed = {
        array.group
        for array in layer.arrays
        if any((kind, gate) in blocks for kind in array.kinds for gate in array.gates)
    }
    arrays: Arrays = {}
    for array in layer.arrays:
        if not array.group or array.group in needed:
            sizes = _sizes(array, lengths)
            zero = np.zeros([sizes[axis] for axis in ("in", "out") if axis in sizes], dtype)
            apart = [[blocks.get((kind, g), zero) for g in array.gates] for kind in array.kinds]
            arrays[array.name] = pack(np.array(apart), array.pattern, sizes)
    return arrays


def _check_names(layer: Layer, arrays: Arrays) -> None:
    names = [array.name for array in layer.arrays]
    expected = f"{layer.title} has {', '.join(names)}"
    for name in arrays:
        if name not in names:
            reasons = (reason for form, reason in _FOREIGN.items() if re.fullmatch(form, name))
            advice = _of_module(name, names) or f"not an array of this layer; {expected}"
            raise OtherLayerError(f"{name}: {next(reasons, advice)}")
    given = {array.group for array in layer.arrays if array.name in arrays} | {""}
    for array in layer.arrays:
        if array.name not in arrays and array.group in given:
            raise OtherLayerError(f"{array.name}: missing; {expected}")


def _of_module(name: str, names: list[str]) -> str:
    """The remedy for a name that has that of a module before it; "" if it has none."""
    module, _, own = name.rpartition(".")
    if own not in names or not module:
        return ""
    return f"an array of a module with others in it; give model.{module}.state_dict()"


def _lengths(layer: Layer, arrays: Arrays) -> dict[str, int]:
    """D and H: the `in` axes of the input and the recurrent weights."""
    lengths: dict[str, int] = {}
    for array in layer.arrays:
        inner = _INNER.get(array.kinds[0])
        if inner is not None:
            axes, values = groups(array.pattern), arrays[array.name]
            if values.ndim != len(axes):
                raise _shape_error(layer, array, _sizes(array, {"D": 0, "H": 0}), "", values)
            lengths[inner] = values.shape[axes.index(("in",))]
    return lengths


def _sizes(array: Array, lengths: Mapping[str, int]) -> dict[str, int]:
    sizes = {"direction": 1, "kind": len(array.kinds), "gate": len(array.gates)}
    inner = _INNER.get(array.kinds[0])
    return {**sizes, **({} if inner is None else {"in": lengths[inner]}), "out": lengths["H"]}


def _shape_error(
    layer: Layer, array: Array, sizes: Mapping[str, int], numbers: str, values: NDArray[Any]
) -> OtherLayerError:
    names = {"in": _INNER.get(array.kinds[0], ""), "out": "H"}
    text = (
        f"{array.name}: expected shape {in_letters(array.pattern, sizes, names)}{numbers} "
        f"for {layer.title}, got {values.shape}"
    )
    if values.shape == (6 * sizes["out"],) and len(array.gates) == 3:
        text += (
            ", which is CuDNNGRU's of Keras 2: its arrays have another order; load its weights "
            "into a GRU(reset_after=True), which reorders them, and give the get_weights() of that"
        )
    if "direction" in array.pattern and values.shape[:1] == (2,):
        text += ", which is two directions: a kernel runs in one, so convert each by itself"
    return OtherLayerError(text)
