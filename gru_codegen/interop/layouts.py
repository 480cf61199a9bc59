"""The names of the libraries, as data: their layers, and the layer that computes each cell.

A layer is a list of arrays, an array a pack of blocks: one for each kind of weight and gate in it.
The kinds are `W` and `Wrec`, input and recurrent weights, `b` and `brec`, input and recurrent bias,
and `p`, peepholes. The gates have the names that cells use, so that a kind and a gate make the name
of a weight: `Wrec` and `ca`, the candidate, make `Wrecca`.

Sources: the documentation of torch.nn.RNN, GRU and LSTM (torch 2.13), of keras.layers.SimpleRNN,
GRU and LSTM (Keras 3), and of the operators RNN, GRU and LSTM (ONNX, opset 14 to 22). In all of
them an update gate of 1 keeps the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CELLS", "KERAS", "NO_LAYER", "ONNX", "TORCH", "Array", "AsLayer", "Framework", "Layer"]


@dataclass(frozen=True)
class Array:
    """One array of a layer: the kinds of weight in it and their layout (see packing).

    `group` names an optional part: the arrays of a group are all there or all missing, and
    missing means zero. Without a group the array is required.
    """

    name: str
    kinds: tuple[str, ...]
    pattern: str
    gates: tuple[str, ...]
    group: str = ""


@dataclass(frozen=True)
class Layer:
    """A layer of a library: its name with the options that matter, its gates and its arrays.

    `unread` are the gates whose blocks the layer has and ignores. In ONNX the layer is a node, of
    that `operator` and with those `attributes`.
    """

    title: str
    gates: tuple[str, ...]
    arrays: tuple[Array, ...]
    unread: tuple[str, ...] = ()
    operator: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AsLayer:
    """A cell as a layer: the form of the layer, and which gate of the cell each of its gates is.

    A minus stands for one minus the gate, which is the same gate with every parameter of its
    pre-activation negated: sigmoid(-a) = 1 - sigmoid(a). None is a gate that makes no difference.
    Where the cell lacks a weight, the layer has zeros.
    """

    form: str
    weights: tuple[str, ...]
    gates: Mapping[str, str | None]


@dataclass(frozen=True)
class Framework:
    """A library: its layers by form, and why it has none for other forms."""

    name: str
    layers: Mapping[str, Layer]
    lacks: Mapping[str, str] = field(default_factory=dict)


# --- the cells -----------------------------------------------------------------------------------

_WRITES = {"z": "-z", "r": "r", "ca": "ca"}  # where z = 1 writes the candidate
_LSTM = {"i": "i", "f": "f", "ca": "ca", "o": "o"}
_COUPLED = {**_LSTM, "f": "-i"}  # f = 1 - i


def _cell(form: str, weights: str, gates: Mapping[str, str | None]) -> AsLayer:
    return AsLayer(form, tuple(weights.split()), gates)


CELLS: Mapping[str, AsLayer] = {
    "rnn": _cell("rnn", "W Wrec b", {"": ""}),
    "gru": _cell("gru, reset before", "Wz Wrecz Wca Wrecca Wr Wrecr", _WRITES),
    "gru-bias": _cell("gru, reset before", "Wz Wrecz bz Wca Wrecca bca Wr Wrecr br", _WRITES),
    "gru-reset-after": _cell(
        "gru, reset after",
        "Wz Wrecz bz Wca Wrecca bca brecca Wr Wrecr br",
        {"z": "z", "r": "r", "ca": "ca"},
    ),
    "gru1": _cell("gru, reset before", "Wrecz bz Wca Wrecca bca Wrecr br", _WRITES),
    "gru2": _cell("gru, reset before", "Wrecz Wca Wrecca bca Wrecr", _WRITES),
    "gru3": _cell("gru, reset before", "bz Wca Wrecca bca br", _WRITES),
    # One gate forgets and resets.
    "mgu": _cell(
        "gru, reset before", "Wf Wrecf bf Wca Wrecca bca", {"z": "-f", "r": "f", "ca": "ca"}
    ),
    # Nothing that is reset reaches the candidate, so any reset gate would do.
    "mingru": _cell("gru, linear", "Wz Wca", {"z": "-z", "r": None, "ca": "ca"}),
    "lstm": _cell("lstm", "Wi Wreci bi Wf Wrecf bf Wca Wrecca bca Wo Wreco bo", _LSTM),
    "lstm-peephole": _cell(
        "lstm, peepholes",
        "Wi Wreci pi bi Wf Wrecf pf bf Wca Wrecca bca Wo Wreco po bo",
        _LSTM,
    ),
    "lstm-coupled": _cell("lstm, coupled", "Wi Wreci bi Wca Wrecca bca Wo Wreco bo", _COUPLED),
}

#: Cells that no layer of any of the libraries computes, and why.
NO_LAYER: Mapping[str, str] = {
    "ligru": "its candidate is rectified and nothing resets it",
    "sru": "its gates see the cell state, not the output, and its output mixes in the input",
}

# --- torch ---------------------------------------------------------------------------------------


def _torch(name: str, *gates: str) -> Layer:
    return Layer(
        f"torch.nn.{name}",
        gates,
        (
            Array("weight_ih_l0", ("W",), "(gate out) in", gates),
            Array("weight_hh_l0", ("Wrec",), "(gate out) in", gates),
            Array("bias_ih_l0", ("b",), "(gate out)", gates, group="bias"),
            Array("bias_hh_l0", ("brec",), "(gate out)", gates, group="bias"),
        ),
    )


_TORCH_LSTM = _torch("LSTM", "i", "f", "ca", "o")

TORCH = Framework(
    "torch",
    {
        "rnn": _torch("RNN", ""),
        "gru, reset after": _torch("GRU", "r", "z", "ca"),
        "lstm": _TORCH_LSTM,
        "lstm, coupled": _TORCH_LSTM,
    },
    lacks={
        "gru, reset before": "torch.nn.GRU resets after the recurrent product, {cell} before it, "
        "and in general no weights make the two equal; use gru-reset-after",
        "gru, linear": "the candidate of torch.nn.GRU is a tanh, that of {cell} is linear; "
        "torch.nn.GRU is gru-reset-after",
        "lstm, peepholes": "torch.nn.LSTM has no peepholes; use lstm",
    },
)

# --- Keras ---------------------------------------------------------------------------------------


def _keras(title: str, *gates: str, recurrent_bias: bool = False) -> Layer:
    bias = Array("bias", ("b",), "(gate out)", gates, group="bias")
    if recurrent_bias:
        bias = Array("bias", ("b", "brec"), "kind (gate out)", gates, group="bias")
    return Layer(
        f"keras.layers.{title}",
        gates,
        (
            Array("kernel", ("W",), "in (gate out)", gates),
            Array("recurrent_kernel", ("Wrec",), "in (gate out)", gates),
            bias,
        ),
    )


_KERAS_LSTM = _keras("LSTM", "i", "f", "ca", "o")

KERAS = Framework(
    "Keras",
    {
        "rnn": _keras("SimpleRNN", ""),
        "gru, reset before": _keras("GRU(reset_after=False)", "z", "r", "ca"),
        "gru, reset after": _keras("GRU(reset_after=True)", "z", "r", "ca", recurrent_bias=True),
        "gru, linear": _keras("GRU(reset_after=False, activation='linear')", "z", "r", "ca"),
        "lstm": _KERAS_LSTM,
        "lstm, coupled": _KERAS_LSTM,
    },
    lacks={"lstm, peepholes": "keras.layers.LSTM has no peepholes; use lstm"},
)

# --- ONNX ----------------------------------------------------------------------------------------


def _onnx(
    operator: str,
    *gates: str,
    peepholes: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
    **attributes: Any,
) -> Layer:
    arrays = [
        Array("W", ("W",), "direction (gate out) in", gates),
        Array("R", ("Wrec",), "direction (gate out) in", gates),
        Array("B", ("b", "brec"), "direction (kind gate out)", gates, group="bias"),
    ]
    if peepholes:
        arrays.append(Array("P", ("p",), "direction (gate out)", peepholes, group="peepholes"))
    options = ", ".join(f"{name}={value}" for name, value in attributes.items())
    title = f"the ONNX operator {operator}" + f" with {options}" * bool(options)
    return Layer(title, gates, tuple(arrays), unread, operator, attributes)


_GRU = ("z", "r", "ca")
_ONNX_LSTM = _onnx("LSTM", "i", "o", "f", "ca", peepholes=("i", "o", "f"))

ONNX = Framework(
    "ONNX",
    {
        "rnn": _onnx("RNN", ""),
        "gru, reset before": _onnx("GRU", *_GRU, linear_before_reset=0),
        "gru, reset after": _onnx("GRU", *_GRU, linear_before_reset=1),
        "gru, linear": _onnx(
            "GRU",
            *_GRU,
            linear_before_reset=0,
            activations=["Sigmoid", "Affine"],
            activation_alpha=[1.0],
            activation_beta=[0.0],
        ),
        "lstm": _ONNX_LSTM,
        "lstm, peepholes": _ONNX_LSTM,
        # The node computes f as 1 - i and reads no weights of f.
        "lstm, coupled": _onnx(
            "LSTM",
            "i",
            "o",
            "f",
            "ca",
            peepholes=("i", "o", "f"),
            unread=("f",),
            input_forget=1,
        ),
    },
)
