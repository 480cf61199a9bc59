"""ONNX models of kernels, as onnxruntime runs them, in float32: it has no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_codegen.interop import InteropError, export_onnx, from_onnx, to_onnx_model
from gru_codegen.interop.layouts import CELLS
from tests.interop.cases import initial, kernel, last, random_params, relative_error

pytestmark = pytest.mark.peers

D, H = 3, 5
by_cell = pytest.mark.parametrize("cell", CELLS)


def inputs(cell: str, T: int, B: int) -> dict[str, Any]:
    rng = np.random.default_rng([T, B])
    feeds = {"X": rng.normal(size=(T, B, D))}
    for name in ("initial_h", "initial_c")[: len(kernel(cell).STATES)]:
        feeds[name] = rng.normal(size=(1, B, H))
    return {name: array.astype(np.float32) for name, array in feeds.items()}


def run(model: Any, feeds: dict[str, Any]) -> dict[str, Any]:
    import onnxruntime

    content = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert {entry.name for entry in session.get_inputs()} == set(feeds)
    names = [entry.name for entry in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def check(
    cell: str, params: Any, results: dict[str, Any], feeds: dict[str, Any], lengths: Any = None
) -> None:
    """Compare with the kernel in float64."""
    module = kernel(cell)
    states = [feeds[name][0] for name in ("initial_h", "initial_c") if name in feeds]
    s0 = initial(module, *(state.astype(np.float64) for state in states)) if states else None
    outputs, state = module.forward(params, feeds["X"].astype(np.float64), s0, lengths=lengths)
    assert relative_error(results["Y"][:, 0], outputs) <= 2e-6
    assert relative_error(results["Y_h"][0], last(state)[0]) <= 2e-6
    if "Y_c" in results:
        assert relative_error(results["Y_c"][0], last(state)[1]) <= 2e-6


@by_cell
def test_models_of_every_cell_run_at_any_size(cell: str) -> None:
    import onnx

    params = random_params(cell, D, H)
    model = to_onnx_model(cell, params)
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.node) == 1
    assert ("Y_c" in [value.name for value in model.graph.output]) == ("C" in kernel(cell).STATES)
    for T, B in ((7, 2), (1, 4)):
        feeds = inputs(cell, T, B)
        check(cell, params, run(model, feeds), feeds)


@by_cell
def test_without_an_initial_state_it_is_zero(cell: str) -> None:
    params = random_params(cell, D, H)
    feeds = {"X": inputs(cell, 7, 2)["X"]}
    check(cell, params, run(to_onnx_model(cell, params, initial_state=False), feeds), feeds)


@by_cell
def test_sequences_of_their_own_lengths(cell: str) -> None:
    params = random_params(cell, D, H)
    feeds = inputs(cell, 6, 3)
    lengths = np.array([6, 2, 5], np.int32)
    model = to_onnx_model(cell, params, sequence_lens=True)
    results = run(model, {**feeds, "sequence_lens": lengths})
    for b, length in enumerate(lengths):
        one = {name: array[:, b : b + 1] for name, array in feeds.items()}
        one["X"] = one["X"][:length]
        own = {name: array[..., b : b + 1, :] for name, array in results.items()}
        assert not own["Y"][length:].any()
        check(cell, params, {**own, "Y": own["Y"][:length]}, one)
    check(cell, params, results, feeds, lengths=lengths)


@by_cell
def test_the_weights_in_a_file_come_back(cell: str, tmp_path: Path) -> None:
    import onnx

    params = random_params(cell, D, H)
    export_onnx(tmp_path / "model.onnx", cell, params)
    feeds = inputs(cell, 7, 2)
    check(cell, params, run(str(tmp_path / "model.onnx"), feeds), feeds)
    graph = onnx.load(tmp_path / "model.onnx").graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for field, weight in from_onnx(cell, stored).items():
        assert np.array_equal(weight, getattr(params, field).astype(np.float32)), field


def test_one_kernel_makes_the_same_bytes_twice(tmp_path: Path) -> None:
    params = random_params("lstm-peephole", D, H)
    contents = []
    for name in ("one.onnx", "two.onnx"):
        export_onnx(tmp_path / name, "lstm-peephole", params, sequence_lens=True)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtypes_of_onnx(dtype: type) -> None:
    import onnx

    model = to_onnx_model("gru-bias", random_params("gru-bias", D, H), dtype=dtype)
    onnx.checker.check_model(model, full_check=True)
    stored = [onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    assert [array.dtype for array in stored] == [dtype] * 3


def test_other_dtypes_are_refused() -> None:
    expected = "^dtype: the ONNX operator RNN takes float16, float32 or float64, not complex128$"
    with pytest.raises(InteropError, match=expected):
        to_onnx_model("rnn", random_params("rnn"), dtype=complex)
