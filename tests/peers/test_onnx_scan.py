"""Cells as a Scan in ONNX, as onnxruntime runs it, against their kernels: the whole corpus."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.interop import InteropError, export_onnx, to_onnx_model
from gru_codegen.interop.given import grouped
from gru_codegen.interop.onnx_operations import Graph, Value
from gru_codegen.ir import ELEMENTWISE
from tests.corpus.cells import FILES
from tests.interop.cases import random_params, relative_error

pytestmark = pytest.mark.peers

EXAMPLES = Path(__file__).parents[2] / "examples"
LENGTHS = {"T": 7, "B": 4, "D": 3, "H": 5, "1": 1}
ENDS = np.array([7, 3, 0, 5], np.int32)

#: Relative to the largest entry, in float32: a kernel is as far from itself in float64.
ALLOWED = 6e-7


@cache
def loaded(cell: str, readout: str = "none") -> ModuleType:
    """The kernel of the forward pass of a cell of the corpus, or of the package."""
    return gc.load(FILES.get(cell, cell), readout=readout, only="forward")


def drawn(kernel: ModuleType) -> dict[str, Any]:
    """Every argument that is an array, by name, in float32."""
    rng = np.random.default_rng(0)
    sizes = dict(LENGTHS)
    arrays = {}
    for name, letters in kernel.SHAPES.items():
        if name.partition(".")[0] in ("params", "constants", "x", "s0"):
            low, high = getattr(kernel, "CHECKS", {}).get(name, (-1, 1))
            shape = [sizes.setdefault(letter, 2 + len(sizes) - 4) for letter in letters]
            arrays[name] = rng.uniform(low, high, shape).astype("float32")
    return arrays


def run(model: Any, arrays: dict[str, Any]) -> dict[str, Any]:
    """The outputs of a model, which is checked first, by name."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    given = {name.replace(".", "_").removeprefix("x_"): array for name, array in arrays.items()}
    feeds = {entry.name: given[entry.name] for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def computed(
    kernel: ModuleType, arrays: dict[str, Any], dtype: Any, **options: Any
) -> dict[str, Any]:
    """What the kernel computes, by the names of a model."""
    exact = {name: array.astype(dtype) for name, array in arrays.items()}
    results = zip(
        ("outputs", "state"), kernel.forward(**grouped(kernel, exact), **options), strict=True
    )
    return {
        f"{name}_{field}" if field else name: array
        for name, value in results
        for field, array in (value._asdict() if hasattr(value, "_fields") else {"": value}).items()
    }


def model_of(cell: Any, kernel: ModuleType, arrays: dict[str, Any], **options: Any) -> Any:
    given = grouped(kernel, arrays)
    constants = given.get("constants")
    return to_onnx_model(cell, given["params"], constants=constants, scan=True, **options)


def agree(
    actual: dict[str, Any], kernel: ModuleType, arrays: dict[str, Any], **options: Any
) -> None:
    """Compare with the kernel in float64; it is allowed what the kernel is off in float32."""
    expected = computed(kernel, arrays, float, **options)
    own = computed(kernel, arrays, np.float32, **options)
    assert set(actual) == set(expected)
    for name, array in expected.items():
        assert actual[name].shape == array.shape
        if array.any():
            allowed = max(ALLOWED, 4 * relative_error(own[name], array))
            assert relative_error(actual[name], array) <= allowed, name
        else:
            assert not actual[name].any()


@pytest.mark.parametrize("cell", dict.fromkeys([*gc.cells, *FILES]))
def test_every_cell(cell: str) -> None:
    kernel = loaded(cell)
    arrays = drawn(kernel)
    model = model_of(FILES.get(cell, cell), kernel, arrays)
    assert [node.op_type for node in model.graph.node][-1] == "Scan"
    agree(run(model, arrays), kernel, arrays)
    model = model_of(FILES.get(cell, cell), kernel, arrays, sequence_lens=True)
    actual = run(model, {**arrays, "sequence_lens": ENDS})
    agree(actual, kernel, arrays, lengths=ENDS)


@pytest.mark.parametrize("cell", gc.cells)
def test_a_readout_comes_along(cell: str) -> None:
    kernel = loaded(cell, "linear")
    arrays = drawn(kernel)
    given = grouped(kernel, arrays)
    # Given are params with a readout, so that is no node, and the kernel for its cell.
    model = to_onnx_model(kernel, given["params"], constants=given.get("constants"))
    width = model.graph.output[0].type.tensor_type.shape.dim[2].dim_value
    assert width == arrays["params.bout"].shape[0]
    agree(run(model, arrays), kernel, arrays)


@pytest.mark.parametrize("cell", ["gru", "lstm", "gru-d", "lms"])
def test_without_initial_states_they_are_zero(cell: str) -> None:
    kernel = loaded(cell)
    arrays = drawn(kernel)
    model = model_of(FILES.get(cell, cell), kernel, arrays, initial_state=False)
    zeros = {name: 0 * a if name.startswith("s0") else a for name, a in arrays.items()}
    agree(run(model, arrays), kernel, zeros)


def test_steps_and_samples_are_free() -> None:
    kernel = loaded("lstm")
    arrays = drawn(kernel)
    model = model_of("lstm", kernel, arrays)
    for T, B in ((1, 1), (9, 3)):
        of_size = {**arrays, "x": np.ones((T, B, 3), "float32")}
        of_size |= {f"s0.{name}": np.ones((B, 5), "float32") for name in "SC"}
        agree(run(model, of_size), kernel, of_size)


def test_padding_is_not_read() -> None:
    kernel = loaded("lru")
    arrays = drawn(kernel)
    model = model_of("lru", kernel, arrays, sequence_lens=True)
    expected = run(model, {**arrays, "sequence_lens": ENDS})
    for b, end in enumerate(ENDS):
        arrays["x"][end:, b] = np.nan
    actual = run(model, {**arrays, "sequence_lens": ENDS})
    for name, array in expected.items():
        assert np.array_equal(actual[name], array), name


def test_several_outputs_have_their_names() -> None:
    kernel = gc.load(EXAMPLES / "mean_and_variance.toml", only="forward")
    arrays = drawn(kernel)
    model = model_of(EXAMPLES / "mean_and_variance.toml", kernel, arrays)
    actual = run(model, arrays)
    assert {f"outputs_{name}" for name in kernel.OUTPUTS} <= set(actual)
    agree(actual, kernel, arrays)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_function(name: str) -> None:
    import onnx

    function, helper = ELEMENTWISE[name], onnx.helper
    graph = Graph(helper.make_node, np.dtype("float32"), {}, {"a"})
    value = graph.applied(name, [Value("a", ("B", "H"))])
    typed = [helper.make_tensor_value_info(n, 1, ("B", "H")) for n in ("a", value.name)]
    numbers = [onnx.numpy_helper.from_array(array, n) for n, array in graph.numbers.items()]
    whole = helper.make_graph(graph.nodes, name, typed[:1], typed[1:], numbers)
    version = helper.make_opsetid("", 14)
    model = helper.make_model(whole, opset_imports=[version], ir_version=7)
    small = np.logspace(-6, 0, 300)
    a = np.concatenate([np.linspace(-6, 6, 1201), small, -small])
    if function.poles:
        a = a[abs(a) > 1e-3]  # all of them are at 0
    a = np.array([a if function.above is None else a[a > 0]], "float32")
    actual = run(model, {"a": a})[value.name]
    expected = (function.reference or function.ufunc)(a.astype(float))  # type: ignore[misc]
    assert relative_error(actual, expected) <= 3e-7
    if name in ("elu", "softplus", "relu", "tanh", "sin"):  # what is small is no rounded difference
        near = abs(a) < 1e-2
        errors = abs(actual - expected)[near]
        assert (errors <= 5e-7 * abs(expected[near])).all()


def test_other_weights_and_sizes_are_refused() -> None:
    params = loaded("ligru").init_params(3, 5, rng=0)
    weights = params._asdict()
    for changed, expected in (
        (
            {**weights, "W": params.Wz},
            rf"^params: expected {', '.join(weights)}; got {', '.join(weights)}, W$",
        ),
        ({**weights, "Wrecz": params.Wz}, r"^Wrecz: expected shape \(H, H\), got \(3, 5\)$"),
        (
            {**weights, "Wz": params.Wz.astype(int)},
            "^Wz: expected real floating numbers, got int64$",
        ),
        (3, "^params: expected the Params of a kernel, or a mapping by its names, got int$"),
    ):
        with pytest.raises(InteropError, match=expected):
            to_onnx_model("ligru", changed)
    with pytest.raises(InteropError, match=r"^constants: expected mean; got NoneType$"):
        to_onnx_model("gru-d", loaded("gru-d").init_params(3, 5))
    expected = "^dtype: a Scan takes float16, float32 or float64, not complex128$"
    with pytest.raises(InteropError, match=expected):
        to_onnx_model("ligru", params, dtype=complex)


def test_nothing_is_left_out_of_a_node() -> None:
    params = loaded("gru", "linear").init_params(3, 5, output_size=2, rng=0)
    for given in (params, {"Wout": params.Wout}, {"bout": params.bout, "Wz": params.Wz}):
        with pytest.raises(InteropError, match=r"^params: a node has no readout, and here is "):
            to_onnx_model("gru", given, scan=False)
    alone = {name: array for name, array in params._asdict().items() if name != "bout"}
    with pytest.raises(InteropError, match=r"^params: expected Wz, .*; got Wz, .*, Wout$"):
        to_onnx_model("gru", alone)
    cell = {name: array for name, array in alone.items() if name != "Wout"}
    with pytest.raises(
        InteropError, match=r"^constants: a cell that a node of ONNX computes has no"
    ):
        to_onnx_model("gru", cell, constants={"mean": params.bout})
    expected = r"^params: expected the Params of a kernel, or a mapping by its names, got tuple$"
    with pytest.raises(InteropError, match=expected):
        to_onnx_model("gru", tuple(params))


def test_a_kernel_of_another_cell_is_refused() -> None:
    text = (EXAMPLES / "my_cell.toml").read_text()
    expected = ": the cell of this kernel does not come with the package; give its declaration$"
    for name in ("mine", "ligru"):  # one may have the name of a cell of the package
        own = re.sub(r"^name = .*", f'name = "{name}"', text, flags=re.M)
        kernel = gc.load(gc.load_cell(own), only="forward")
        with pytest.raises(InteropError, match=f"^{name}{expected}"):
            to_onnx_model(kernel, kernel.init_params(3, 5))


def test_a_node_stays_where_there_is_one(tmp_path: Path) -> None:
    params = random_params("lstm")
    for given in ("lstm", gc.LSTM, loaded("lstm")):
        model = to_onnx_model(given, params)
        assert [node.op_type for node in model.graph.node] == ["LSTM"]
    scanned = to_onnx_model("lstm", params, scan=True)
    assert [node.op_type for node in scanned.graph.node] == ["Scan"]
    contents = []
    for name in ("one.onnx", "two.onnx"):
        export_onnx(tmp_path / name, "lstm", params, scan=True)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1] == scanned.SerializeToString()
