"""Weights from whole ONNX models: those that torch exports, our own, and models that are none."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.interop import InteropError, export_onnx, from_onnx_model, to_onnx_model
from gru_codegen.interop.layouts import CELLS
from tests.interop.cases import random_params, relative_error

pytestmark = pytest.mark.peers


def exported(path: Path, kind: str, last: bool, bias: bool) -> tuple[Any, Any]:
    """Export a layer and a linear one behind it; x and what they compute."""
    import torch

    torch.manual_seed(0)

    class Model(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = getattr(torch.nn, kind)(3, 5, bias=bias)
            self.head = torch.nn.Linear(5, 2, bias=bias)

        def forward(self, x: Any) -> Any:
            outputs, _ = self.layer(x)
            return self.head(outputs[-1] if last else outputs)

    model, x = Model(), torch.randn(7, 2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the exporter announces another one, which needs onnxscript
        torch.onnx.export(model, (x,), str(path), dynamo=False)
    return x.numpy(), model(x).detach().numpy()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(
    ("kind", "cell"), [("RNN", "rnn"), ("GRU", "gru-reset-after"), ("LSTM", "lstm")]
)
def test_what_torch_exports(tmp_path: Path, kind: str, cell: str, last: bool, bias: bool) -> None:
    x, expected = exported(tmp_path / "model.onnx", kind, last, bias)
    found = from_onnx_model(tmp_path / "model.onnx")
    assert found.cell == cell
    assert found.params["bout"].any() == bias
    kernel = gc.load(found.cell, readout="linear")
    outputs, _ = kernel.forward(kernel.Params(**found.params), x)
    assert relative_error(outputs[-1] if last else outputs, expected) <= 1e-6
    alone = from_onnx_model(tmp_path / "model.onnx", readout=False)
    assert list(alone.params) == list(gc.load(cell).Params._fields)


@pytest.mark.parametrize("cell", CELLS)
def test_our_own_models_come_back(cell: str, tmp_path: Path) -> None:
    params = random_params(cell)
    export_onnx(tmp_path / "model.onnx", cell, params, dtype=float)
    found = from_onnx_model(tmp_path / "model.onnx", cell)
    assert found.cell == cell
    for name, weight in params._asdict().items():
        assert np.array_equal(found.params[name], weight), name
    # Without the name of the cell it is the first that computes the same.
    first = from_onnx_model(to_onnx_model(cell, params, dtype=float))
    same = {"gru1": "gru-bias", "gru2": "gru-bias", "gru3": "gru-bias", "mgu": "gru-bias"}
    assert first.cell == same.get(cell, cell)


def model_of(nodes: list[Any], arrays: dict[str, Any]) -> Any:
    """A model with the input x and the output y; what has a number in its name is stored."""
    from onnx import helper, numpy_helper

    ends = [helper.make_tensor_value_info(name, 1, None) for name in "xy"]
    stored = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "model", ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7)


def lstm(name: str, of: str = "x", **how: Any) -> Any:
    from onnx import helper

    inputs = [of, "W", "R"]
    return helper.make_node("LSTM", inputs, [f"{name}_Y"], name=name, hidden_size=5, **how)


ARRAYS = {
    "W": np.random.default_rng(0).normal(size=(1, 20, 3)).astype("float32"),
    "R": np.random.default_rng(1).normal(size=(1, 20, 5)).astype("float32"),
    "head": np.ones((5, 2), "float32"),
    "wide": np.ones((4, 2), "float32"),
}


def test_one_of_several_nodes() -> None:
    from onnx import helper

    squeeze = helper.make_node("Squeeze", ["one_Y"], ["flat"])
    several = model_of([lstm("one"), squeeze, lstm("two", "flat")], ARRAYS)
    listed = r"'one' \(LSTM\), 'two' \(LSTM\)"
    expected = rf"^model: there are several recurrent nodes; give node as one of {listed}$"
    with pytest.raises(InteropError, match=expected):
        from_onnx_model(several)
    with pytest.raises(
        InteropError, match=rf"^node: there is none called 'x'; there are {listed}$"
    ):
        from_onnx_model(several, node="x")
    for node in ("one", "two", "two_Y"):
        assert from_onnx_model(several, node=node).cell == "lstm"


def test_weights_that_are_computed_from_what_is_stored() -> None:
    from onnx import helper

    halved = {**ARRAYS, "half": ARRAYS["W"] / 2, "two": np.array(2, "float32")}
    del halved["W"]
    made = helper.make_node("Mul", ["half", "two"], ["W"])
    found = from_onnx_model(model_of([made, lstm("one")], halved))
    plain = from_onnx_model(model_of([lstm("one")], ARRAYS))
    for name, weight in plain.params.items():
        assert np.array_equal(found.params[name], weight)
    made = helper.make_node("Mul", ["half", "x"], ["W"])
    with pytest.raises(InteropError, match=r"^W: 'W' depends on an input of the model$"):
        from_onnx_model(model_of([made, lstm("one")], halved))


def test_only_one_linear_layer_of_that_size_is_the_readout() -> None:
    from onnx import helper

    def heads(*names: str) -> Any:
        nodes = [helper.make_node("MatMul", ["one_Y", n], [f"{n}_y"], name=n) for n in names]
        return model_of([lstm("one"), *nodes], {**ARRAYS, "more": ARRAYS["head"]})

    assert "Wout" not in from_onnx_model(heads("wide")).params
    found = from_onnx_model(heads("head", "wide"))
    assert np.array_equal(found.params["Wout"], ARRAYS["head"])
    with pytest.raises(
        InteropError, match=r"^model: there are several linear layers behind the node"
    ):
        from_onnx_model(heads("head", "more"))
    assert "Wout" not in from_onnx_model(heads("head", "more"), readout=False).params


def with_bias(operator: str, *added: Any) -> Any:
    """A model with a linear layer to which these are added: arrays, or names in the model."""
    from onnx import helper

    names = [each if isinstance(each, str) else f"bias_{i}" for i, each in enumerate(added)]
    stored = {n: each for n, each in zip(names, added, strict=True) if not isinstance(each, str)}
    if operator == "Gemm":
        nodes = [helper.make_node("Gemm", ["one_Y", "head", *names], ["y"])]
    else:
        nodes = [helper.make_node("MatMul", ["one_Y", "head"], ["product"])]
        nodes += [helper.make_node("Add", ["product", name], [f"y_{name}"]) for name in names]
    return model_of([lstm("one"), *nodes], {**ARRAYS, **stored})


@pytest.mark.parametrize("operator", ["Gemm", "MatMul"])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2,), [3, 4]), ((1, 2), [3, 4]), ((1,), [3, 3]), ((1, 1), [3, 3]), ((), [3, 3])],
)
def test_a_bias_may_have_more_axes_or_be_one_number(
    operator: str, shape: tuple[int, ...], expected: list[int]
) -> None:
    bias = np.array([3, 4], "float32")[: np.prod(shape, dtype=int)].reshape(shape)
    found = from_onnx_model(with_bias(operator, bias)).params["bout"]
    assert found.tolist() == expected
    assert found.dtype == "float32"


def test_what_is_added_and_is_no_bias() -> None:
    for operator in ("Gemm", "MatMul"):
        for shape in ((2, 1), (4, 2), (3,)):
            with pytest.raises(
                InteropError, match=r"^bout: 'bias_0' has the shape .*, not \(O,\) ="
            ):
                from_onnx_model(with_bias(operator, np.ones(shape, "float32")))
    with pytest.raises(InteropError, match=r"^bout: 'x' depends on an input of the model$"):
        from_onnx_model(with_bias("Gemm", "x"))
    ones = np.ones(2, "float32")
    with pytest.raises(InteropError, match=r"^bout: there are several in the model, 'bias_0', 'b"):
        from_onnx_model(with_bias("MatMul", ones, 2 * ones))
    # What depends on the input is behind the layer, as a residual connection is.
    assert not from_onnx_model(with_bias("MatMul", "x")).params["bout"].any()
    assert (from_onnx_model(with_bias("MatMul", "x", ones)).params["bout"] == 1).all()


def test_a_scaled_product_is_no_readout() -> None:
    from onnx import helper

    for scale, expected in ((1.0, True), (0.5, False)):
        gemm = helper.make_node("Gemm", ["one_Y", "head"], ["y"], alpha=scale)
        found = from_onnx_model(model_of([lstm("one"), gemm], ARRAYS))
        assert ("Wout" in found.params) == expected


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"direction": "reverse"}, "direction=reverse"),
        ({"clip": 1.0}, "clip=1.0"),
        ({"activations": ["Relu", "Tanh", "Tanh"]}, r"activations=\['Relu', 'Tanh', 'Tanh'\]"),
    ],
)
def test_what_no_cell_computes_is_refused(how: dict[str, Any], said: str) -> None:
    model = model_of([lstm("one", **how)], ARRAYS)
    title = f"the node 'one', LSTM with {said}"
    with pytest.raises(InteropError, match=f"^{title}: no cell is known that it computes$"):
        from_onnx_model(model)
    with pytest.raises(InteropError, match=f"^lstm: {title} does not compute this cell$"):
        from_onnx_model(model, "lstm")


def test_defaults_may_be_written_out() -> None:
    written: dict[str, Any] = {"direction": "forward", "activations": ["Sigmoid", "Tanh", "Tanh"]}
    model = model_of([lstm("one", input_forget=0, **written)], ARRAYS)
    assert from_onnx_model(model).cell == "lstm"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match=r"^model: there is no node RNN, GRU or LSTM in it$"):
        from_onnx_model(model_of([], {}))
    with pytest.raises(
        InteropError, match=r"^model: expected a file or an onnx.ModelProto, got int$"
    ):
        from_onnx_model(3)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InteropError, match=r"text.onnx: not an ONNX model: "):
        from_onnx_model(tmp_path / "text.onnx")
    with pytest.raises(FileNotFoundError):
        from_onnx_model(tmp_path / "none.onnx")
