"""The weights of a recurrent layer, and of the linear layer behind it, from a whole ONNX model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_codegen.interop.convert import correspondence, from_arrays
from gru_codegen.interop.errors import InteropError
from gru_codegen.interop.layouts import CELLS, ONNX
from gru_codegen.interop.onnx_model import onnx_package

__all__ = ["FromOnnx", "from_onnx_model"]

#: The operators, with the activations that they have where none are named.
_DEFAULTS = {
    "RNN": ["Tanh"],
    "GRU": ["Sigmoid", "Tanh"],
    "LSTM": ["Sigmoid", "Tanh", "Tanh"],
}
#: The places of arrays among the inputs of a node.
_PLACES = {"W": 1, "R": 2, "B": 3, "P": 7}
#: What hands on the numbers of its first input, in another order or only some.
_HANDS_ON = (
    *("Squeeze", "Unsqueeze", "Transpose", "Reshape", "Flatten"),
    *("Identity", "Dropout", "Slice", "Gather"),
)


class FromOnnx(NamedTuple):
    """The name of a cell, and weights by the names of its kernel's Params."""

    cell: str
    params: dict[str, NDArray[Any]]


class _Graph:
    """The graph of a model, in which a tensor is found by its name."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self.onnx, self.model = onnx, model
        self.nodes = list(model.graph.node)
        self.stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self.makers = {name: node for node in self.nodes for name in node.output if name}

    def consumers(self, name: str) -> Iterator[Any]:
        return (node for node in self.nodes if name in node.input)

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of a tensor; None if it depends on an input of the model."""
        if name in self.stored:
            return np.asarray(self.onnx.numpy_helper.to_array(self.stored[name]))
        needed: dict[str, None] = {}  # the outputs of nodes, none before what it is made of
        if not self._collect(name, needed):
            return None
        helper = self.onnx.helper
        made = [node for node in self.nodes if any(each in needed for each in node.output)]
        used = {each for node in made for each in node.input}
        graph = helper.make_graph(
            made,
            "constant",
            [],
            [helper.make_empty_tensor_value_info(name)],
            [tensor for key, tensor in self.stored.items() if key in used],
        )
        versions = self.model.opset_import
        model = helper.make_model(graph, opset_imports=versions)
        evaluator = import_module("onnx.reference").ReferenceEvaluator(model)
        return np.asarray(evaluator.run(None, {})[0])

    def _collect(self, name: str, needed: dict[str, None]) -> bool:
        waiting = [name]
        while waiting:
            each = waiting.pop()
            if each in needed or each in self.stored or not each:
                continue
            node = self.makers.get(each)
            if node is None or any(a.HasField("g") or a.graphs for a in node.attribute):
                return False
            needed[each] = None
            waiting += node.input
        return True


def from_onnx_model(
    model: Any, cell: str | None = None, *, node: str | None = None, readout: bool = True
) -> FromOnnx:
    """The cell and the weights of the recurrent node in an ONNX model, and of its readout.

    model: the file, or an onnx.ModelProto. Weights are stored in it, or made of what is.
    cell: the name of the cell, as for `from_onnx`. If it is None, it is the one with the fewest
        weights that the node computes: gru rather than gru-bias where all biases are zero.
    node: the name of the node, or of its first output, where there are several.
    readout: whether the linear layer behind the outputs, or the last state, of the node, a Gemm or
        a MatMul and an Add, becomes Wout and bout. Without an Add bout is zero.

    The layout of batches and the initial states in the model are not looked at.

    Raises ImportError without the package onnx, OSError if the file cannot be read, InteropError if
    it is no model, has no such node or several, no cell computes what the node does, or the linear
    layer adds what is no bias.
    """
    onnx = onnx_package()
    graph = _Graph(onnx, _loaded(onnx, model))
    found = _found(graph, node)
    arrays = {}
    for name, place in _PLACES.items():
        given = found.input[place] if len(found.input) > place else ""
        if given:
            array = graph.constant(given)
            if array is None:
                raise InteropError(f"{name}: {given!r} depends on an input of the model")
            arrays[name] = array
    name = _cell(onnx, found, arrays) if cell is None else cell
    if cell is not None:
        _require(found, name, _options(onnx, found))
    params = from_arrays(ONNX, name, arrays)
    if readout:
        params |= _readout(graph, found, arrays["R"].shape[-1])
    return FromOnnx(name, params)


def _loaded(onnx: Any, model: Any) -> Any:
    if isinstance(model, onnx.ModelProto):
        return model
    if not isinstance(model, str | os.PathLike):
        raise InteropError(
            f"model: expected a file or an onnx.ModelProto, got {type(model).__name__}"
        )
    try:
        loaded = onnx.load(os.fspath(model))
    except OSError:
        raise
    except Exception as error:  # whatever the parser says of other files
        raise InteropError(f"{os.fspath(model)}: not an ONNX model: {error}") from error
    return loaded


def _found(graph: _Graph, wanted: str | None) -> Any:
    """The recurrent node that is asked for, or the only one."""
    there = {node.name or node.output[0]: node for node in graph.nodes if node.op_type in _DEFAULTS}
    listed = ", ".join(f"{name!r} ({node.op_type})" for name, node in there.items())
    if not there:
        raise InteropError("model: there is no node RNN, GRU or LSTM in it")
    if wanted is not None:
        for name, node in there.items():
            if wanted in (name, *node.output):
                return node
        raise InteropError(f"node: there is none called {wanted!r}; there are {listed}")
    if len(there) > 1:
        raise InteropError(
            f"model: there are several recurrent nodes; give node as one of {listed}"
        )
    return next(iter(there.values()))


def _options(onnx: Any, node: Any) -> dict[str, Any]:
    """The attributes that decide what is computed, but for those with their defaults."""
    given = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    plain: dict[str, Any] = {
        "direction": "forward",
        "activations": _DEFAULTS[node.op_type],
        "linear_before_reset": 0,
        "input_forget": 0,
        "clip": None,
        "activation_alpha": [],
        "activation_beta": [],
    }
    found = {name: _text(given[name]) for name in plain if name in given}
    return {name: value for name, value in found.items() if value != plain[name]}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_text(each) for each in value] if isinstance(value, list | tuple) else value


def _fits(node: Any, name: str, options: dict[str, Any]) -> bool:
    """Return whether the layer that computes a cell is a node with these options."""
    layer = correspondence(ONNX, name).layer
    attributes = {key: value for key, value in layer.attributes.items() if value != 0}
    return layer.operator == node.op_type and attributes == options


def _require(node: Any, name: str, options: dict[str, Any]) -> None:
    if not _fits(node, name, options):
        raise InteropError(f"{name}: {_title(node, options)} does not compute this cell")


def _title(node: Any, options: dict[str, Any]) -> str:
    said = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"the node {node.name or node.output[0]!r}, {node.op_type}" + f" with {said}" * bool(
        said
    )


def _cell(onnx: Any, node: Any, arrays: dict[str, NDArray[Any]]) -> str:
    """The first cell that the node computes with these weights."""
    options = _options(onnx, node)
    reason = ""
    for name in CELLS:
        if _fits(node, name, options):
            try:
                from_arrays(ONNX, name, arrays)
            except InteropError as error:
                reason = str(error)
                continue
            return name
    what = reason or f"{_title(node, options)}: no cell is known that it computes"
    raise InteropError(what)


def _readout(graph: _Graph, node: Any, size: int) -> dict[str, NDArray[Any]]:
    """Wout and bout, if there is one linear layer behind the node."""
    waiting = [name for name in node.output[:2] if name]
    found: dict[str, dict[str, NDArray[Any]]] = {}
    while waiting:
        name = waiting.pop()
        for user in graph.consumers(name):
            if user.op_type in _HANDS_ON and user.input[0] == name:
                waiting.append(user.output[0])
            elif layer := _linear(graph, user, name, size):
                found[user.name or user.output[0]] = layer
    if len(found) > 1:
        raise InteropError(
            f"model: there are several linear layers behind the node, {', '.join(found)}; "
            "give readout=False and take one"
        )
    return next(iter(found.values()), {})


def _linear(graph: _Graph, node: Any, given: str, size: int) -> dict[str, NDArray[Any]] | None:
    """Weights and bias of a Gemm, or of a MatMul and an Add; None for anything else.

    size: the number of rows of the weights.
    """
    if node.op_type not in ("Gemm", "MatMul") or node.input[0] != given:
        return None
    weights = graph.constant(node.input[1])
    if node.op_type == "Gemm":
        how = {a.name: graph.onnx.helper.get_attribute_value(a) for a in node.attribute}
        if any(how.get(name, 1) != 1 for name in ("alpha", "beta")) or how.get("transA", 0):
            return None
        weights = weights.T if weights is not None and how.get("transB", 0) else weights
    if weights is None or weights.ndim != 2 or weights.shape[0] != size:
        return None
    return {"Wout": np.array(weights, order="C"), "bout": _bias(graph, node, weights)}


def _bias(graph: _Graph, node: Any, weights: NDArray[Any]) -> NDArray[Any]:
    """The numbers that a Gemm, or an Add behind a MatMul, adds to each row; zeros for none.

    Raises InteropError if they are no bias.
    """
    if node.op_type == "Gemm":
        names = [name for name in node.input[2:] if name]
    else:
        adds = [each for each in graph.consumers(node.output[0]) if each.op_type == "Add"]
        names = [name for each in adds for name in each.input if name != node.output[0]]
    added = {name: array for name in names if (array := graph.constant(name)) is not None}
    if node.op_type == "Gemm" and len(added) < len(names):
        raise InteropError(f"bout: {names[0]!r} depends on an input of the model")
    if len(added) > 1:
        raise InteropError(f"bout: there are several in the model, {', '.join(map(repr, added))}")
    width = weights.shape[1:]
    for name, array in added.items():  # one, of all columns or of each, with or without axes of 1
        if array.size != 1 and (array.size, *array.shape[-1:]) != (*width, *width):
            raise InteropError(f"bout: {name!r} has the shape {array.shape}, not (O,) = {width}")
        return np.array(np.broadcast_to(array.reshape(-1), width))
    return np.zeros_like(weights[0])
